import ArgumentParser

/// The command line: without a subcommand the program is the MCP server, as clients start it.
struct SSHMCPSessions: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ssh-mcp-sessions",
    abstract: "An MCP server over stdio: persistent SSH sessions for AI agents, by the system's OpenSSH.",
    discussion: """
      Started by an MCP client without a subcommand; reads JSON-RPC on standard input and answers on standard \
      output. Environment: SSH_MCP_HOME, SSH_MCP_SSH_CONFIG, SSH_MCP_IDLE_TIMEOUT, SSH_MCP_LOG, \
      SSH_MCP_STRUCTURED as the options of serve, and SSH_MCP_KEY_PASSPHRASE for encrypted keys (no option: command lines are visible to other users).
      """,
    version: Version.text,
    subcommands: [Serve.self, Doctor.self, Hosts.self, SetupCommand.self],
    defaultSubcommand: Serve.self)
}

/// The MCP server.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve one MCP client over stdio (the default).")

  @OptionGroup var options: Options

  func run() throws {
    try ServerProcess(options.settings()).run()
  }
}

/// The version of the program, told to clients and by `--version`.
enum Version {
  static let text = "1.0.0"
}
