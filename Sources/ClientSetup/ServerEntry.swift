import JSON

/// What a client must know to start this server.
package struct ServerEntry: Sendable, Hashable {
  /// The absolute path of the program.
  package let command: String
  /// The environment that the client adds, in the order in which it is written.
  let environment: [Variable]
  /// Variables that were set and are not written, since they hold secrets.
  let withheld: [String]

  /// One variable of the environment.
  struct Variable: Sendable, Hashable {
    let name: String
    let value: String
  }

  /// The entry for a program, with what of the current environment it needs.
  ///
  /// That is `SSH_AUTH_SOCK`, since most clients start servers with almost no environment, and the variables of
  /// this program, whose paths are made absolute. A variable whose name speaks of a secret is never written.
  ///
  /// - Parameters:
  ///   - command: The absolute path of the program.
  ///   - surroundings: Where `setup` runs.
  package init(command: String, in surroundings: Surroundings) {
    self.command = command
    let ours = surroundings.environment.filter { $0.key.hasPrefix("SSH_MCP_") && !$0.value.isEmpty }
    let names =
      (surroundings.environment["SSH_AUTH_SOCK"] ?? "" == "" ? [] : ["SSH_AUTH_SOCK"]) + ours.keys.sorted()
    withheld = names.filter(Self.isSecret)
    environment = names.filter { !Self.isSecret($0) }.map { name in
      let value = surroundings.environment[name] ?? ""
      let isRelativePath = ["SSH_MCP_HOME", "SSH_MCP_SSH_CONFIG"].contains(name) && !value.hasPrefix("/")
      return Variable(name: name, value: isRelativePath ? "\(surroundings.directory)/\(value)" : value)
    }
  }

  /// Whether a variable of that name may hold a secret (`SSH_MCP_KEY_PASSPHRASE`, `SSH_MCP_ASKPASS_...`).
  static func isSecret(_ name: String) -> Bool {
    ["PASS", "SECRET", "TOKEN"].contains { name.contains($0) }
  }

  /// The entry as a client that keeps JSON wants it.
  func json(for client: Client) -> JSONValue {
    var entry = JSONObject()
    if client.statesType { entry["type"] = "stdio" }
    entry["command"] = .string(command)
    entry["args"] = []
    if !environment.isEmpty {
      entry["env"] = .object(JSONObject(environment.map { ($0.name, .string($0.value)) }))
    }
    return .object(entry)
  }

  /// The entry as Codex wants it: a table and one for its environment, each line ended.
  func toml(named name: String) -> String {
    var lines = ["[mcp_servers.\(name)]", "command = \(Self.tomlString(command))", "args = []"]
    if !environment.isEmpty {
      lines += ["", "[mcp_servers.\(name).env]"]
      lines += environment.map { "\($0.name) = \(Self.tomlString($0.value))" }
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// A basic string of TOML 1.0; its escapes are those that JSON has.
  private static func tomlString(_ text: String) -> String {
    String(decoding: JSONWriter.compact(.string(text)), as: UTF8.self)
  }

  /// What the user should know of this entry.
  func notes(for client: Client, _ scope: Scope) -> [String] {
    var notes: [String] = []
    if scope == .project {
      notes.append("The entry holds paths of this machine; keep that in mind if you share the file.")
    }
    if let socket = environment.first(where: { $0.name == "SSH_AUTH_SOCK" })?.value {
      if Self.isPerLogin(socket) {
        notes.append(
          "SSH_AUTH_SOCK is \(socket), which may change after logout; then run setup with --force again.")
        if let advice = client.agentAdvice { notes.append(advice) }
      }
    } else {
      notes.append(
        "SSH_AUTH_SOCK is not set here. If your keys are in an agent, run setup again where it is.")
    }
    for name in withheld {
      notes.append(
        "\(name) is set here and was not written: secrets do not belong in this file. An agent holds keys "
          + "that have a passphrase.")
    }
    if command.contains("/.build/") {
      notes.append("The program is in a build directory; copy it elsewhere and run setup there to keep it.")
    }
    return notes
  }

  /// Whether an agent's socket has a path that another login will not have.
  private static func isPerLogin(_ path: String) -> Bool {
    let temporary = ["/tmp/", "/var/tmp/", "/private/tmp/", "/var/folders/", "/private/var/folders/"]
    return temporary.contains { path.hasPrefix($0) } || path.contains("/vscode-ssh-auth")
      || path.contains("/ssh-XXXX") || path.contains(/\/agent\.\d+$/)
  }
}
