/// An MCP client whose configuration `setup` can write.
package enum Client: String, CaseIterable, Sendable {
  case claudeCode = "claude-code"
  case claudeDesktop = "claude-desktop"
  case codex
  case cursor
  case gemini
  case vscode

  /// Its name as its maker writes it.
  package var title: String {
    switch self {
    case .claudeCode: "Claude Code"
    case .claudeDesktop: "Claude Desktop"
    case .codex: "Codex"
    case .cursor: "Cursor"
    case .gemini: "Gemini CLI"
    case .vscode: "VS Code"
    }
  }

  /// How its configuration is written.
  enum Format: Sendable, Hashable {
    /// An object whose member of that name holds the servers.
    case json(container: String)
    /// A table for each server below `mcp_servers`.
    case toml
  }

  /// How its configuration is written.
  var format: Format {
    switch self {
    case .claudeCode, .claudeDesktop, .cursor, .gemini: .json(container: "mcpServers")
    case .vscode: .json(container: "servers")
    case .codex: .toml
    }
  }

  /// Whether its entries say that the server speaks over stdio.
  var statesType: Bool { self == .claudeCode || self == .vscode }

  /// How to do without a written `SSH_AUTH_SOCK`, where the client can.
  var agentAdvice: String? {
    switch self {
    case .claudeCode, .vscode:
      "\(title) hands its own environment on, so you may delete SSH_AUTH_SOCK from the entry if you start it from "
        + "a login that has the agent."
    case .codex:
      "Codex can hand the current value on instead: put env_vars = [\"SSH_AUTH_SOCK\"] into the table."
    case .cursor: "Cursor can hand the current value on instead: write \"${env:SSH_AUTH_SOCK}\"."
    case .claudeDesktop, .gemini: nil
    }
  }

  /// What is left to do after a change of its configuration.
  package func nextStep(_ scope: Scope) -> String {
    switch (self, scope) {
    case (.claudeCode, .project):
      "Restart Claude Code in this directory; it asks you to approve the server."
    case (.codex, .project): "Restart Codex; it reads this file only in a project that you trust."
    default: "Restart \(title) so that it reads the file."
    }
  }
}

/// Where an entry holds.
package enum Scope: Sendable, Hashable {
  /// For the user, in every project.
  case user
  /// In one directory.
  case project
}

/// What decides where a client keeps its configuration; given at start, so that nothing else reads the environment.
package struct Surroundings: Sendable {
  /// The home directory.
  package var home: String
  /// The current directory, absolute.
  package var directory: String
  /// The environment.
  package var environment: [String: String]
  /// Whether applications keep their files in `~/Library/Application Support`.
  package var isMacOS: Bool

  /// Surroundings of the running system, or of another one.
  package init(home: String, directory: String, environment: [String: String], isMacOS: Bool? = nil) {
    self.home = home
    self.directory = directory
    self.environment = environment
    #if os(macOS)
      self.isMacOS = isMacOS ?? true
    #else
      self.isMacOS = isMacOS ?? false
    #endif
  }

  /// Where desktop applications keep their configuration (Electron's `appData`).
  private var applicationData: String {
    isMacOS ? "\(home)/Library/Application Support" : absolute("XDG_CONFIG_HOME") ?? "\(home)/.config"
  }

  /// A variable that holds an absolute path.
  private func absolute(_ name: String) -> String? {
    environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil }
  }

  /// The file in which a client keeps its servers, or `nil` if it has none of that scope.
  func file(of client: Client, _ scope: Scope) -> String? {
    switch (client, scope) {
    case (.claudeCode, .user): "\(absolute("CLAUDE_CONFIG_DIR") ?? home)/.claude.json"
    case (.claudeCode, .project): "\(directory)/.mcp.json"
    case (.claudeDesktop, .user): "\(applicationData)/Claude/claude_desktop_config.json"
    case (.claudeDesktop, .project): nil
    case (.codex, .user): "\(absolute("CODEX_HOME") ?? "\(home)/.codex")/config.toml"
    case (.codex, .project): "\(directory)/.codex/config.toml"
    case (.cursor, .user): "\(home)/.cursor/mcp.json"
    case (.cursor, .project): "\(directory)/.cursor/mcp.json"
    case (.gemini, .user): "\(home)/.gemini/settings.json"
    case (.gemini, .project): "\(directory)/.gemini/settings.json"
    case (.vscode, .user): "\(applicationData)/Code/User/mcp.json"
    case (.vscode, .project): "\(directory)/.vscode/mcp.json"
    }
  }
}
