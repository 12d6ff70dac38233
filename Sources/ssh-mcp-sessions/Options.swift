import ArgumentParser
import ChildProcess
import Foundation
import Logging
import OpenSSH
import SSHTools

/// The options of the server; each has an environment variable of the same name, and the option wins.
struct Options: ParsableArguments {
  @OptionGroup var places: Places

  @Option(help: ArgumentHelp("Close sessions that were idle so long (default 7200).", valueName: "seconds"))
  var idleTimeout: Int?

  @Option(help: ArgumentHelp("Log to standard error from this level: trace to critical.", valueName: "level"))
  var log: String?

  @Flag(help: "Also return structured content, for clients that call tools from code.")
  var structured = false

  /// What the command line and the environment come to.
  ///
  /// - Throws: `ValidationError` that names the value that cannot be.
  func settings() throws -> Settings {
    try Settings(
      home: places.home, sshConfig: places.sshConfig, idleTimeout: idleTimeout, log: log,
      structured: structured)
  }
}

/// The options that every subcommand takes: where hosts come from.
struct Places: ParsableArguments {
  @Option(help: ArgumentHelp("Directory of hosts.json (default ~/.ssh-mcp).", valueName: "directory"))
  var home: String?

  @Option(help: ArgumentHelp("Read this instead of ~/.ssh/config (ssh -F).", valueName: "file"))
  var sshConfig: String?

  /// What these and the environment come to.
  ///
  /// - Throws: `ValidationError` that names the value that cannot be.
  func settings() throws -> Settings { try Settings(home: home, sshConfig: sshConfig) }
}

/// What the command line and the environment come to.
struct Settings {
  let home: String
  let userHome: String
  let sshConfig: String?
  let idleSeconds: Int
  let logLevel: Logger.Level
  let passphrase: String?
  let environment: [String: String]
  var isStructured = false

  /// What these options and the environment come to; the parameters are the options of those names.
  ///
  /// - Throws: `ValidationError` that names the value that cannot be.
  init(
    home: String? = nil, sshConfig: String? = nil, idleTimeout: Int? = nil, log: String? = nil,
    structured: Bool = false
  ) throws {
    environment = ProcessEnvironment.current()
    // A client's configuration hands on a variable that it has no value for as an empty one.
    let set = environment.filter { !$0.value.isEmpty }
    userHome = try Self.userHome(environment)
    self.home = home ?? set["SSH_MCP_HOME"] ?? "\(userHome)/.ssh-mcp"
    self.sshConfig = sshConfig ?? set["SSH_MCP_SSH_CONFIG"]
    idleSeconds = try Self.seconds(idleTimeout, set["SSH_MCP_IDLE_TIMEOUT"]) ?? 7200
    logLevel = try Self.level(log ?? set["SSH_MCP_LOG"])
    passphrase = set["SSH_MCP_KEY_PASSPHRASE"]
    isStructured = structured || set["SSH_MCP_STRUCTURED"] == "1"
  }

  private static func seconds(_ option: Int?, _ variable: String?) throws -> Int? {
    guard let variable, option == nil else {
      guard option.map({ $0 > 0 }) ?? true else {
        throw ValidationError("--idle-timeout must be a positive number of seconds.")
      }
      return option
    }
    guard let seconds = Int(variable), seconds > 0 else {
      throw ValidationError("SSH_MCP_IDLE_TIMEOUT must be a positive number of seconds, not '\(variable)'.")
    }
    return seconds
  }

  private static func level(_ name: String?) throws -> Logger.Level {
    guard let name, !name.isEmpty else { return .warning }
    guard let level = Logger.Level(rawValue: name.lowercased()) else {
      let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("The log level must be one of \(levels), not '\(name)'.")
    }
    return level
  }

  /// The home directory: `HOME` of that environment, else the account's.
  ///
  /// - Throws: `ValidationError` when there is neither.
  static func userHome(_ environment: [String: String]) throws -> String {
    if let home = environment["HOME"], !home.isEmpty { return home }
    guard let account = getpwuid(getuid()) else {
      throw ValidationError("HOME is not set, and the account has no home directory.")
    }
    return String(cString: account.pointee.pw_dir)
  }

  /// The first program of that name on PATH.
  func executable(named name: String) -> String? {
    // Not by characters: finding their bounds costs more than all looks at the file system.
    for directory in (environment["PATH"] ?? "/usr/bin:/bin").utf8.split(separator: UInt8(ascii: ":")) {
      let path = "\(Substring(directory))/\(name)"
      if access(path, X_OK) == 0 { return path }
    }
    return nil
  }

  /// The path of this program, which ssh starts to ask its questions.
  ///
  /// - Throws: `SpawnFailure` when it is not known.
  static func ownPath() throws -> String {
    guard let path = programPath(), access(path, X_OK) == 0 else {
      throw SpawnFailure(executable: CommandLine.arguments[0], reason: "its own path is not known")
    }
    return path
  }

  /// The same, as the system tells it; nil when it does not.
  static func programPath() -> String? {
    #if os(Linux)
      // Nothing else at the start needs a bundle or a file manager.
      let path = String(unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer in
        buffer.withMemoryRebound(to: CChar.self) { characters in
          characters.baseAddress.map { max(readlink("/proc/self/exe", $0, characters.count), 0) } ?? 0
        }
      }
      return path.isEmpty ? nil : path
    #else
      Bundle.main.executablePath
    #endif
  }

  /// What sessions use, with sockets in that directory.
  func service(_ runtimeDirectory: String) throws -> SSHService.Configuration {
    SSHService.Configuration(
      homeDirectory: home, userHome: userHome,
      ssh: SSHProgram(
        executable: executable(named: "ssh") ?? "/usr/bin/ssh", askpass: try Self.ownPath(),
        environment: environment, runtimeDirectory: runtimeDirectory),
      sshConfiguration: sshConfig, passphrase: passphrase.map { Secret($0) },
      idleTimeout: .seconds(idleSeconds))
  }
}
