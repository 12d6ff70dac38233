import ClientSetup
import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A home directory and a project, with what `setup` is told of them.
struct Place {
  let home: TemporaryDirectory
  var environment = ["SSH_AUTH_SOCK": "/run/user/1000/ssh-agent.socket"]

  init() throws {
    home = try TemporaryDirectory()
    _ = try home.makeDirectory("project")
  }

  var surroundings: Surroundings {
    Surroundings(
      home: home.path, directory: "\(home.path)/project", environment: environment, isMacOS: false)
  }

  func setup(_ client: Client, _ scope: Scope = .user, name: String = "ssh", command: String = "/opt/ssh-mcp")
    throws -> Setup
  {
    let entry = ServerEntry(command: command, in: surroundings)
    return try Setup(client, scope, name: name, entry: entry, in: surroundings)
  }

  /// The text of a client's file, or `nil`.
  func text(_ client: Client, _ scope: Scope = .user) throws -> String? {
    FileManager.default.contents(atPath: try setup(client, scope).path).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  func write(_ client: Client, _ text: String, mode: Int = 0o600) throws {
    let path = try setup(client).path
    try home.write(String(path.dropFirst(home.path.count + 1)), text, mode: mode)
  }

  /// Every file below the home directory, by its path there.
  var files: [String: String] {
    let all = FileManager.default.enumerator(atPath: home.path)?.compactMap { $0 as? String } ?? []
    return Dictionary(uniqueKeysWithValues: all.compactMap { name in home.read(name).map { (name, $0) } })
  }

  func mode(_ path: String) -> UInt32 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt32(status.st_mode) & 0o777 : 0
  }
}

@Suite(.timeLimit(.minutes(5)))
struct SetupTests {
  /// One file of each client with other entries and things that this program does not know.
  static let others: [(client: Client, text: String)] = [
    (
      .claudeCode,
      "{\"numStartups\": 12345678901234567890, \"mcpServers\": {\"web\": {\"type\": \"http\", \"url\": \"https:\\/\\/x\"}},"
        + "\n\"projects\": {\"/p\": {\"mcpServers\": {\"ssh\": {\"command\": \"other\"}}}}}\n"
    ),
    (
      .claudeDesktop,
      "{\n    \"globalShortcut\": \"\",\n    \"mcpServers\": {\n        \"a\": {\"command\": \"a\", \"args\": [1.0, 1e2]}\n    }\n}"
    ),
    (.cursor, "{\"mcpServers\":{\"z\":{\"command\":\"z\"},\"b\":{\"command\":\"b\"}}}"),
    (
      .vscode,
      "{\n\t\"inputs\": [],\n\t\"servers\": {\n\t\t\"github\": {\n\t\t\t\"type\": \"http\",\n\t\t\t\"url\": \"u\"\n\t\t}\n\t}\n}\n"
    ),
    (
      .gemini,
      "{\r\n  \"theme\": \"Gr\\u00fcn\",\r\n  \"mcpServers\": {\r\n    \"a\": {}\r\n  },\r\n  \"last\": null\r\n}\r\n"
    ),
    (
      .codex,
      "# mine\nmodel = \"o4\"\nnotify = [\n  \"a # no comment\", # a comment\n  [\"mcp_servers.ssh\"],\n]\n\n"
        + "[mcp_servers.web] # web\ncommand = 'w'\nargs = [\"[mcp_servers.ssh]\"]\n\n"
        + "# of the next\n[[profiles]]\nname = \"p\"\n"
    ),
  ]

  @Test(arguments: Client.allCases, [Scope.user, .project])
  func `a client without a configuration gets one that only its user can read`(client: Client, scope: Scope)
    throws
  {
    let place = try Place()
    guard client != .claudeDesktop || scope == .user else {
      #expect(throws: SetupFailure.noProjectFile(.claudeDesktop)) { try place.setup(client, scope) }
      return
    }
    let setup = try place.setup(client, scope)
    #expect(try setup.run(.add(replacing: false)).outcome == .added)
    #expect(place.files.count == 1)
    #expect(place.mode(setup.path) == 0o600)
    let text = try #require(try place.text(client, scope))
    if client == .codex {
      #expect(
        text == """
          [mcp_servers.ssh]
          command = "/opt/ssh-mcp"
          args = []

          [mcp_servers.ssh.env]
          SSH_AUTH_SOCK = "/run/user/1000/ssh-agent.socket"

          """)
    } else {
      let hasType = client == .vscode || client == .claudeCode
      #expect(
        text == """
          {
            "\(client == .vscode ? "servers" : "mcpServers")": {
              "ssh": {\(hasType ? "\n      \"type\": \"stdio\"," : "")
                "command": "/opt/ssh-mcp",
                "args": [],
                "env": {
                  "SSH_AUTH_SOCK": "/run/user/1000/ssh-agent.socket"
                }
              }
            }
          }

          """)
    }
    #expect(try setup.run(.add(replacing: false)).outcome == .alreadyThere)
    #expect(try place.text(client, scope) == text && place.files.count == 1)
  }

  @Test(arguments: [
    (Client.claudeCode, Scope.user, ".claude.json"), (.claudeCode, .project, "project/.mcp.json"),
    (.claudeDesktop, .user, ".config/Claude/claude_desktop_config.json"),
    (.codex, .user, ".codex/config.toml"), (.codex, .project, "project/.codex/config.toml"),
    (.cursor, .user, ".cursor/mcp.json"), (.cursor, .project, "project/.cursor/mcp.json"),
    (.gemini, .user, ".gemini/settings.json"), (.gemini, .project, "project/.gemini/settings.json"),
    (.vscode, .user, ".config/Code/User/mcp.json"), (.vscode, .project, "project/.vscode/mcp.json"),
  ])
  func `each client's file is where it looks for it`(client: Client, scope: Scope, name: String) throws {
    let place = try Place()
    #expect(try place.setup(client, scope).path == "\(place.home.path)/\(name)")
  }

  @Test func `variables that move a client's files are heeded, and so is macOS`() throws {
    let moved = Surroundings(
      home: "/h", directory: "/d",
      environment: ["XDG_CONFIG_HOME": "/x", "CODEX_HOME": "/c", "CLAUDE_CONFIG_DIR": "/l"], isMacOS: false)
    let mac = Surroundings(home: "/h", directory: "/d", environment: ["XDG_CONFIG_HOME": "/x"], isMacOS: true)
    let paths = [
      (moved, Client.vscode, "/x/Code/User/mcp.json"), (moved, .codex, "/c/config.toml"),
      (moved, .claudeCode, "/l/.claude.json"), (moved, .cursor, "/h/.cursor/mcp.json"),
      (mac, .claudeDesktop, "/h/Library/Application Support/Claude/claude_desktop_config.json"),
      (mac, .vscode, "/h/Library/Application Support/Code/User/mcp.json"),
    ]
    for (surroundings, client, path) in paths {
      let entry = ServerEntry(command: "/p", in: surroundings)
      #expect(try Setup(client, .user, name: "ssh", entry: entry, in: surroundings).path == path)
    }
  }

  @Test(arguments: Self.others)
  func `other entries stay as they are, and undo brings every byte back`(client: Client, text: String) throws
  {
    let place = try Place()
    try place.write(client, text, mode: 0o640)
    let setup = try place.setup(client)
    #expect(try setup.run(.add(replacing: false)).outcome == .added)
    let added = try #require(try place.text(client))
    #expect(added.utf8.count > text.utf8.count)
    #expect(place.mode(setup.path) == 0o640)
    #expect(FileManager.default.contents(atPath: "\(setup.path).ssh-mcp-backup") == Data(text.utf8))
    #expect(place.mode("\(setup.path).ssh-mcp-backup") == 0o640)
    if client != .codex {
      var expected = try JSONParser.parse(text).object
      let container = client == .vscode ? "servers" : "mcpServers"
      var servers = try #require(expected?[container]?.object)
      servers["ssh"] = try JSONParser.parse(added)[container]?["ssh"]
      expected?[container] = .object(servers)
      #expect(try JSONParser.parse(added).object == expected)
      #expect(servers.names.last == "ssh" && servers["ssh"]?["command"] == "/opt/ssh-mcp")
    } else {
      #expect(added.hasPrefix(text + "\n[mcp_servers.ssh]\n"))
    }
    #expect(added.contains("\r") == text.contains("\r"))
    #expect(try setup.run(.undo).outcome == .removed)
    #expect(try place.text(client) == text)
    #expect(try setup.run(.undo).outcome == .notThere)
  }

  @Test(arguments: Self.others)
  func `a look shows file and entry and writes nothing`(client: Client, text: String) throws {
    let place = try Place()
    let setup = try place.setup(client)
    var report = try setup.run(.add(replacing: false), isDryRun: true)
    #expect(report.outcome == .added && report.isDryRun)
    #expect(report.text.contains(setup.path) && report.text.contains("/opt/ssh-mcp"))
    #expect(report.text.hasSuffix("Nothing was written.\n"))
    #expect(place.files.isEmpty)
    try place.write(client, text)
    report = try setup.run(.add(replacing: false), isDryRun: true)
    #expect(report.outcome == .added)
    #expect(try setup.run(.undo, isDryRun: true).outcome == .notThere)
    #expect(place.files.count == 1)
    #expect(try place.text(client) == text)
  }

  @Test(arguments: Self.others)
  func `another entry of the name is replaced by force only`(client: Client, text: String) throws {
    let place = try Place()
    try place.write(client, text)
    _ = try place.setup(client, command: "/old").run(.add(replacing: false))
    let before = try #require(try place.text(client))
    let setup = try place.setup(client)
    let failure = #expect(throws: SetupFailure.self) { try setup.run(.add(replacing: false)) }
    let message = failure.map { "\($0)" } ?? ""
    #expect(message.contains("/old") && message.contains("/opt/ssh-mcp") && message.contains("--force"))
    #expect(try place.text(client) == before)
    #expect(try setup.run(.add(replacing: true)).outcome == .replaced)
    #expect(try place.text(client) == before.replacing("/old", with: "/opt/ssh-mcp"))
    #expect(FileManager.default.contents(atPath: "\(setup.path).ssh-mcp-backup") == Data(text.utf8))
    _ = try setup.run(.undo)
    #expect(try place.text(client) == text)
  }

  @Test(arguments: Self.others)
  func `a second name stands beside the first`(client: Client, text: String) throws {
    let place = try Place()
    try place.write(client, text)
    _ = try place.setup(client).run(.add(replacing: false))
    let first = try place.text(client)
    _ = try place.setup(client, name: "ssh-2").run(.add(replacing: false))
    #expect(try place.setup(client).run(.add(replacing: false)).outcome == .alreadyThere)
    _ = try place.setup(client, name: "ssh-2").run(.undo)
    #expect(try place.text(client) == first)
  }

  @Test func `a symbolic link stays one and its target is changed`() throws {
    let place = try Place()
    try place.home.write("dotfiles/mcp.json", "{\"mcpServers\": {}}")
    _ = try place.home.makeDirectory(".cursor")
    let setup = try place.setup(.cursor)
    let target = "\(place.home.path)/dotfiles/mcp.json"
    try FileManager.default.createSymbolicLink(atPath: setup.path, withDestinationPath: target)
    _ = try setup.run(.add(replacing: false))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: setup.path) == target)
    #expect(place.home.read("dotfiles/mcp.json")?.contains("/opt/ssh-mcp") == true)
    try FileManager.default.removeItem(atPath: target)
    let failure = #expect(throws: SetupFailure.self) { try setup.run(.add(replacing: false)) }
    #expect("\(failure.map { "\($0)" } ?? "")".contains("leads nowhere"))
  }

  @Test func `nothing is left behind when the place cannot be written or is no file`() throws {
    let place = try Place()
    try place.home.write(".cursor", "a file where a directory should be")
    #expect(throws: SetupFailure.self) { try place.setup(.cursor).run(.add(replacing: false)) }
    _ = try place.home.makeDirectory(".gemini/settings.json")
    #expect(throws: SetupFailure.self) { try place.setup(.gemini).run(.add(replacing: false)) }
    #expect(place.files.keys.sorted() == [".cursor"])
  }

  @Test func `several setups at once leave a whole file`() async throws {
    let place = try Place()
    try place.write(.cursor, "{\"mcpServers\": {\"a\": {}}}\n")
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        // A setup that loses the race says so; the file is never torn.
        group.addTask { _ = try? place.setup(.cursor, name: "s\(number)").run(.add(replacing: false)) }
      }
    }
    let servers = try JSONParser.parse(try #require(try place.text(.cursor)))["mcpServers"]?.object
    #expect(servers?["a"] != nil && (servers?.names.count ?? 0) > 1)
    #expect(place.files.count == 2)
  }

  @Test(arguments: ["", "a b", "a.b", "a\"", "é", "a\n", String(repeating: "a", count: 65)])
  func `a name that some client would not take is refused`(_ name: String) throws {
    #expect(throws: SetupFailure.badName(name)) { try Place().setup(.cursor, name: name) }
  }
}
