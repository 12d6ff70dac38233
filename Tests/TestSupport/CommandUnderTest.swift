import Foundation

/// The built program as a command: a subcommand run to its end, in a home of its own.
package struct CommandUnderTest: Sendable {
  /// The home directory given to it.
  package let home: TemporaryDirectory
  private let environment: [String: String]

  /// A command that sees neither the developer's ssh_config nor hosts.
  ///
  /// - Parameter sshd: Its ssh_config becomes `SSH_MCP_SSH_CONFIG`; an empty one without it.
  /// - Throws: What FileManager throws.
  package init(_ sshd: LoopbackSSHD? = nil) throws {
    home = try TemporaryDirectory()
    environment = [
      "HOME": home.path, "LOGNAME": NSUserName(), "PATH": "/usr/local/bin:/usr/bin:/bin",
      "USER": NSUserName(),
      "XDG_RUNTIME_DIR": try home.makeDirectory("run"),
      "SSH_MCP_SSH_CONFIG": try sshd?.sshConfigPath ?? home.write("empty_ssh_config", ""),
    ]
  }

  /// Runs the program.
  ///
  /// - Parameters:
  ///   - arguments: Its command line.
  ///   - input: What it can read.
  ///   - more: Further variables.
  /// - Returns: All it wrote and how it ended.
  /// - Throws: `DeadlineExceeded`, `POSIXError`.
  package func run(
    _ arguments: String..., input: String = "", environment more: [String: String] = [:]
  ) async throws -> TestProcess.Record {
    try await TestProcess.run(
      ServerUnderTest.binaryPath, arguments, environment: environment.merging(more) { $1 },
      input: Array(input.utf8), within: .seconds(40))
  }
}
