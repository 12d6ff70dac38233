import ClientSetup
import Foundation
import JSON
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct DamageTests {
  static let damaged: [(client: Client, text: String, place: String)] = [
    (.cursor, "{\n  // mine\n  \"mcpServers\": {}\n}", "line 2, column 3: a comment"),
    (.vscode, "{\"servers\": {} /* x */}", "line 1, column 16: a comment"),
    (.vscode, "{\n\t\"servers\": {\n\t\t\"a\": {},\n\t}\n}", "line 4, column 2: expected a member name"),
    (.gemini, "{\"mcpServers\": {", "line 1, column 17"),
    (
      .gemini, "{\"mcpServers\": {}, \"mcpServers\": {}}",
      "line 1, column 20: the member \"mcpServers\" is repeated"
    ),
    (.claudeCode, "\u{FEFF}{}", "line 1, column 1"), (.claudeCode, "{} x", "line 1, column 4"),
    (.claudeDesktop, "\0\0\0\0", "line 1, column 1: expected a value"),
    (.claudeDesktop, "[]", "it holds array, not an object"),
    (.claudeDesktop, "{\"mcpServers\": []}", "\"mcpServers\" is array, not an object"),
    (.codex, "a = \"x\n", "line 1, column 7: the line ended inside a string"),
    (.codex, "model = 1\n[mcp_servers.ssh\ncommand = 1\n", "line 2, column 17: expected ']'"),
    (.codex, "a = [1\nb = 2\n", "the file ended inside a value"),
    (.codex, "a = 1]\n", "line 1, column 6: a bracket"),
    (.codex, "hello\n", "line 1, column 6: expected '='"), (.codex, "[a] b\n", "line 1, column 5"),
    (.codex, "a =\n", "line 1, column 4: expected a value"),
    (.codex, "= 1\n", "line 1, column 1: expected a key"),
    (.codex, "a = \"\"\"\n[mcp_servers.ssh]\n\"\"\"\n", "line 1 has a string in three quotes"),
    (.codex, "a = '''\n'''\n", "line 1 has a string in three quotes"),
    (.codex, "mcp_servers = {}\n", "line 1 sets mcp_servers without"),
    (.codex, "x = 1\nmcp_servers.ssh.command = \"x\"\n", "line 2 sets mcp_servers.ssh.command without"),
    (.codex, "[mcp_servers]\nssh = { command = \"x\" }\n", "line 2 sets mcp_servers.ssh without"),
    (.codex, "[[mcp_servers]]\na = 1\n", "line 1 makes mcp_servers a list"),
  ]

  @Test(arguments: Self.damaged)
  func `a file that cannot be changed safely stays, and the entry to paste is told`(
    client: Client, text: String, fault: String
  ) throws {
    let place = try Place()
    try place.write(client, text)
    let setup = try place.setup(client)
    for change in [Setup.Change.add(replacing: false), .add(replacing: true), .undo] {
      let failure = #expect(throws: SetupFailure.self) { try setup.run(change) }
      let message = failure.map { "\($0)" } ?? ""
      #expect(message.contains(fault) && message.contains(setup.path), "\(message)")
      let isUndo = change == .undo
      let entry =
        isUndo ? "take the entry out yourself" : client == .codex ? "[mcp_servers.ssh]" : "\"ssh\": {"
      #expect(message.contains(entry) && message.contains("/opt/ssh-mcp") == !isUndo, "\(message)")
    }
    #expect(place.files.count == 1)
    #expect(try place.text(client) == text)
  }

  @Test(arguments: Client.allCases)
  func `bytes that are no text stay as they are`(client: Client) throws {
    let place = try Place()
    try place.write(client, "")
    let path = try place.setup(client).path
    let bytes = Data([0x61, 0x20, 0x3D, 0x20, 0x22, 0xFF, 0x22, 0x0A])
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(throws: SetupFailure.self) { try place.setup(client).run(.add(replacing: false)) }
    #expect(FileManager.default.contents(atPath: path) == bytes)
  }

  @Test(arguments: [
    ("{}", "{}"), ("", "{\n  \"mcpServers\": {}\n}\n"), (" \n", "{\n  \"mcpServers\": {}\n}\n"),
    ("{}\n", "{}\n"),
    ("{\n}\n", "{}\n"), ("{\"mcpServers\":{}}", "{\"mcpServers\":{}}"), ("{\"a\": 1}", "{\"a\": 1}"),
    ("{\n  \"a\": 1\n}", "{\n  \"a\": 1\n}"),
    ("{\n\n \"a\": 1,\n \"mcpServers\": { } }", "{\n\n \"a\": 1,\n \"mcpServers\": {} }"),
    ("{ \"mcpServers\" : { \"x\" : { } } }", "{ \"mcpServers\" : { \"x\" : { } } }"),
  ])
  func `JSON in any layout is added to and comes back`(text: String, after: String) throws {
    let place = try Place()
    try place.write(.cursor, text)
    _ = try place.setup(.cursor).run(.add(replacing: false))
    let added = try JSONParser.parse(try #require(try place.text(.cursor)))
    #expect(added["mcpServers"]?["ssh"]?["command"] == "/opt/ssh-mcp")
    _ = try place.setup(.cursor).run(.undo)
    #expect(try place.text(.cursor) == after)
  }

  @Test func `an entry in front of others can be replaced and removed`() throws {
    let place = try Place()
    try place.write(
      .cursor,
      "{\n  \"mcpServers\": {\n    \"ssh\": {\"command\": \"npx\"},\n    \"b\": {}\n  }\n}\n")
    #expect(try place.setup(.cursor).run(.add(replacing: true)).outcome == .replaced)
    let servers = try JSONParser.parse(try #require(try place.text(.cursor)))["mcpServers"]?.object
    #expect(servers?.names == ["ssh", "b"])
    _ = try place.setup(.cursor).run(.undo)
    #expect(try place.text(.cursor) == "{\n  \"mcpServers\": {\n    \"b\": {}\n  }\n}\n")
  }

  @Test(arguments: [
    ("[ \"mcp_servers\" . 'ssh' ] # mine\ncommand = \"x\"\n", ""),
    (
      "[mcp_servers.ssh.env]\nA = \"1\"\n\n[x]\na = 1\n\n[mcp_servers.ssh]\ncommand = \"x\"\n",
      "\n[x]\na = 1\n"
    ),
    (
      "a = 1\n\n[mcp_servers.ssh]\ncommand = \"x\"\n\n# next\n[mcp_servers.ssh2]\n",
      "a = 1\n\n# next\n[mcp_servers.ssh2]\n"
    ),
    ("[mcp_servers.ssh]\nargs = [\n  \"a\",\n\n  # b\n]\n[b]\n", "[b]\n"),
    ("[mcp_servers.ssh]\r\ncommand = \"x\"\r\n[b]\r\n", "[b]\r\n"),
    (
      "[mcp_servers]\nother = { command = \"x\" }\n[mcp_servers.ssh]",
      "[mcp_servers]\nother = { command = \"x\" }\n"
    ),
  ])
  func `TOML tables in any spelling are replaced in place and removed`(text: String, after: String) throws {
    let place = try Place()
    try place.write(.codex, text)
    let setup = try place.setup(.codex)
    #expect(throws: SetupFailure.self) { try setup.run(.add(replacing: false)) }
    #expect(try setup.run(.add(replacing: true)).outcome == .replaced)
    #expect(try setup.run(.add(replacing: false)).outcome == .alreadyThere)
    let replaced = try #require(try place.text(.codex))
    #expect(
      replaced.replacing("\r\n", with: "\n").matches(of: /\[mcp_servers\.ssh\]\n/).count == 1, "\(replaced)")
    _ = try setup.run(.undo)
    #expect(try place.text(.codex) == after)
  }

  @Test func `an unfinished last line of TOML is ended before the table`() throws {
    let place = try Place()
    try place.write(.codex, "a = 1")
    _ = try place.setup(.codex).run(.add(replacing: false))
    #expect(try place.text(.codex)?.hasPrefix("a = 1\n\n[mcp_servers.ssh]\n") == true)
  }

  @Test func `any JSON of any layout keeps its meaning and gets every byte back`() throws {
    var generator = SeededGenerator(seed: 20_261_123)
    for _ in 0..<300 {
      var root = Self.object(depth: 3, &generator)
      root["mcpServers"] = .object(Self.object(depth: 2, &generator))
      let isPretty = Bool.random(using: &generator)
      let bytes =
        isPretty
        ? JSONWriter.pretty(.object(root), indentation: .random(in: 1...8, using: &generator))
        : JSONWriter.compact(.object(root))
      let text = String(decoding: bytes, as: UTF8.self)
      let place = try Place()
      try place.write(.cursor, text)
      _ = try place.setup(.cursor).run(.add(replacing: false))
      let added = try JSONParser.parse(try #require(try place.text(.cursor)))
      var servers = try #require(root["mcpServers"]?.object)
      servers["ssh"] = added["mcpServers"]?["ssh"]
      root["mcpServers"] = .object(servers)
      #expect(added == .object(root), "seed \(generator.seed): \(text)")
      _ = try place.setup(.cursor).run(.undo)
      #expect(try place.text(.cursor) == text, "seed \(generator.seed)")
    }
  }

  static func object(depth: Int, _ generator: inout SeededGenerator) -> JSONObject {
    let count = Int.random(in: 0...3, using: &generator)
    return JSONObject(
      (0..<count).map { number in
        let value: JSONValue =
          switch Int.random(in: 0...(depth > 0 ? 5 : 3), using: &generator) {
          case 0:
            .string(["", "\"}", "\\", "{\"mcpServers\":{", "é\n,"].randomElement(using: &generator) ?? "")
          case 1: .int(.random(in: -9...9, using: &generator))
          case 2: .null
          case 3: .bool(true)
          case 4: .array([.object(object(depth: depth - 1, &generator)), [], [1, "]"]])
          default: .object(object(depth: depth - 1, &generator))
          }
        return ("k\(number)\"", value)
      })
  }
}
