import ArgumentParser
import ChildProcess
import ClientSetup
import Foundation

extension Client: ExpressibleByArgument {}

/// Makes this server known to a client.
struct SetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "setup",
    abstract: "Write this server into the configuration of an MCP client.",
    discussion: """
      The entry starts this very program and hands on SSH_AUTH_SOCK and the SSH_MCP_ variables that are set now, but \
      no secret. All else in the file is kept. Before the first change, FILE.ssh-mcp-backup is written beside it.
      """)

  @Argument(help: "The client.")
  var client: Client

  @Flag(help: "Write the file of the current directory instead of the user's.")
  var project = false

  @Option(help: ArgumentHelp("The name of the entry.", valueName: "name"))
  var name = "ssh"

  @Flag(help: "Show the file and the entry; write nothing.")
  var print = false

  @Flag(help: "Remove the entry.")
  var undo = false

  @Flag(help: "Replace another entry of that name, the whole of it.")
  var force = false

  func validate() throws {
    if undo && force { throw ValidationError("--undo and --force exclude each other.") }
  }

  func run() throws {
    let environment = ProcessEnvironment.current()
    let surroundings = Surroundings(
      home: try Settings.userHome(environment), directory: FileManager.default.currentDirectoryPath,
      environment: environment)
    let entry = ServerEntry(command: try Self.program(surroundings), in: surroundings)
    let setup = try Setup(client, project ? .project : .user, name: name, entry: entry, in: surroundings)
    let report = try setup.run(undo ? .undo : .add(replacing: force), isDryRun: self.print)
    try FileHandle.standardOutput.write(contentsOf: Data(report.text.utf8))
  }

  /// The path by which this program was called, since a link to it outlives an upgrade; else its own.
  private static func program(_ surroundings: Surroundings) throws -> String {
    guard let executable = Settings.programPath() else {
      throw ValidationError("The path of this program cannot be found.")
    }
    let called = CommandLine.arguments.first ?? ""
    let folders = (surroundings.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let candidates =
      called.hasPrefix("/")
      ? [called]
      : (called.contains("/") ? [surroundings.directory] : folders).map { "\($0)/\(called)" }
    let real = URL(fileURLWithPath: executable).resolvingSymlinksInPath().path
    return candidates.map { URL(fileURLWithPath: $0).standardizedFileURL.path }.first {
      URL(fileURLWithPath: $0).resolvingSymlinksInPath().path == real
    } ?? real
  }
}
