import ClientSetup
import JSON

/// A client's configuration: an entry comes and goes, and all else stays.
enum SetupProperty {
  private static let name = "ssh"

  private static func setup(_ client: Client, in directory: ScratchDirectory) -> Setup {
    let surroundings = Surroundings(
      home: directory.path, directory: directory.path, environment: ["SSH_AUTH_SOCK": "/run/agent"],
      isMacOS: false)
    let entry = ServerEntry(command: "/opt/ssh-mcp", in: surroundings)
    guard let setup = try? Setup(client, .user, name: name, entry: entry, in: surroundings) else {
      preconditionFailure("the name is a good one")
    }
    return setup
  }

  static func jsonViolation(_ bytes: [UInt8]) -> String? {
    ScratchDirectory.with { directory in
      let file = ".cursor/mcp.json"
      directory.write(file, bytes)
      let setup = setup(.cursor, in: directory)
      let old = try? JSONParser.parse(bytes)
      let isNew = old?["mcpServers"]?[name] == nil
      guard (try? setup.run(.add(replacing: true))) != nil else {
        return directory.read(file) == bytes ? nil : "a file that cannot be changed was changed"
      }
      if old == nil, !bytes.allSatisfy({ " \t\r\n".utf8.contains($0) }) {
        return "a damaged file was changed"
      }
      guard let added = directory.read(file), let value = try? JSONParser.parse(added) else {
        return "the text is no JSON any more"
      }
      guard value["mcpServers"]?[name]?["command"] == "/opt/ssh-mcp" else { return "the entry is not there" }
      if without(value) != without(old ?? .object(JSONObject())) { return "something else was changed" }
      if let violation = repeated(setup, file, added, in: directory) { return violation }
      guard let undone = directory.read(file), let value = try? JSONParser.parse(undone) else {
        return "the text is no JSON after the undoing"
      }
      if value["mcpServers"]?[name] != nil { return "the entry is still there" }
      if without(value) != without(old ?? .object(JSONObject())) {
        return "the undoing changed something else"
      }
      let isFull = old?["mcpServers"]?.object.map { !$0.isEmpty } ?? false
      return isNew && isFull && undone != bytes ? "the text did not come back" : nil
    }
  }

  static func tomlViolation(_ bytes: [UInt8]) -> String? {
    ScratchDirectory.with { directory in
      let file = ".codex/config.toml"
      directory.write(file, bytes)
      let setup = setup(.codex, in: directory)
      guard let outcome = try? setup.run(.add(replacing: true)).outcome else {
        return directory.read(file) == bytes ? nil : "a file that cannot be changed was changed"
      }
      guard let added = directory.read(file) else { return "the file is gone" }
      if outcome == .added, !added.starts(with: bytes) { return "something else was changed" }
      if !isSubsequence(lines(added).filter { !isOurs($0) }, of: lines(bytes)) {
        return "a line was made up"
      }
      if let violation = repeated(setup, file, added, in: directory) { return violation }
      guard let undone = directory.read(file) else { return "the file is gone after the undoing" }
      if !isSubsequence(lines(undone), of: lines(bytes)) { return "a line was made up by the undoing" }
      let isBack = lines(undone) == lines(bytes)
      return outcome == .added && !isBack ? "the text did not come back" : nil
    }
  }

  /// Adding twice changes nothing, undoing twice is no fault.
  private static func repeated(
    _ setup: Setup, _ file: String, _ added: [UInt8], in directory: ScratchDirectory
  ) -> String? {
    guard (try? setup.run(.add(replacing: true)).outcome) == .alreadyThere else {
      return "what was added is not seen"
    }
    if directory.read(file) != added { return "the second adding changed the file" }
    guard (try? setup.run(.undo).outcome) == .removed else { return "what was added cannot be undone" }
    return (try? setup.run(.undo).outcome) == .notThere ? nil : "undoing twice fails"
  }

  /// The value without our entry, and without a container that is empty then.
  private static func without(_ value: JSONValue) -> [UInt8] {
    guard var root = value.object else { return JSONWriter.compact(value) }
    if var servers = root["mcpServers"]?.object {
      servers[name] = nil
      root["mcpServers"] = servers.isEmpty ? nil : .object(servers)
    }
    return JSONWriter.compact(.object(root))
  }

  /// Lines without their ends; empty ones do not count.
  private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
    bytes.split(separator: 0x0A).map { $0.reversed().drop { $0 == 0x0D }.reversed() }
      .filter { $0.contains { $0 > 0x20 } }
  }

  private static func isOurs(_ line: [UInt8]) -> Bool {
    [
      "[mcp_servers.ssh]", "command = \"/opt/ssh-mcp\"", "args = []", "[mcp_servers.ssh.env]",
      "SSH_AUTH_SOCK = \"/run/agent\"",
    ].contains { Array($0.utf8) == line }
  }

  private static func isSubsequence(_ lines: [[UInt8]], of all: [[UInt8]]) -> Bool {
    var rest = all[...]
    for line in lines {
      guard let place = rest.firstIndex(of: line) else { return false }
      rest = rest[(place + 1)...]
    }
    return true
  }
}
