import JSON
import MCP
import Testing

@testable import SSHTools

struct ToolCatalogTests {
  static let compatible: Set<String> = [
    "add-host", "edit-host", "remove-host", "list-hosts", "start-session", "exec", "close-session",
    "list-sessions",
  ]

  func arguments(_ tool: String, _ object: JSONObject) throws -> Arguments {
    let declaration = try #require(ToolCatalog.declarations.first { $0.name == tool })
    return try Arguments(object, of: declaration.parameters)
  }

  @Test func `every tool has what clients need, and its schema refuses what it does not know`() {
    for declaration in ToolCatalog.declarations {
      #expect(declaration.name.wholeMatch(of: /[a-z-]{1,40}/) != nil)
      #expect(!declaration.title.isEmpty && declaration.description.count > 20)
      let schema = Parameter.schema(declaration.parameters)
      #expect(schema["type"] == "object" && schema["additionalProperties"] == false)
    }
    #expect(Self.compatible.isSubset(of: Set(ToolCatalog.declarations.map(\.name))))
    #expect(ToolCatalog.instructions.utf8.count < 2048)
  }

  @Test func `the list of the compatible tools costs under 1,500 tokens, the whole under 3,000`() {
    func tokens(_ declarations: [ToolDeclaration]) -> Int {
      let tools = declarations.map { declaration in
        Tool(
          name: declaration.name, title: declaration.title, description: declaration.description,
          inputSchema: Parameter.schema(declaration.parameters), annotations: declaration.annotations,
          begin: { _, _ in { CallToolResult(text: "") } })
      }
      let info = ServerInfo(name: "ssh-mcp-sessions", title: "SSH sessions", version: "1.0.0")
      return Server(info: info, instructions: "", tools: tools).toolList(for: .v2026_07_28).count / 4
    }
    #expect(tokens(ToolCatalog.declarations.filter { Self.compatible.contains($0.name) }) < 1500)
    #expect(tokens(ToolCatalog.declarations) < 3000)
  }

  @Test(
    arguments: [
      ("exec", [("session_id", "s"), ("command", "c"), ("cmd", "x")], "Unknown argument 'cmd'"),
      ("exec", [("session_id", "s")], "Argument 'command' is missing"),
      (
        "exec", [("session_id", 7), ("command", "c")], "Argument 'session_id' must be a string, not integer 7"
      ),
      (
        "exec", [("session_id", "s"), ("command", "c"), ("wait_seconds", 46)],
        "Argument 'wait_seconds' must be a number of seconds from 0 to 45"
      ),
      ("add-host", [("host_id", "h"), ("host", "h"), ("username", "u"), ("port", 70000)], "from 1 to 65535"),
      ("list-hosts", [("x", 1)], "This tool takes no arguments"),
      ("interrupt", [("session_id", "s"), ("signal", "NOPE")], "must be one of INT"),
    ] as [(String, [(String, JSONValue)], String)])
  func `a wrong argument is named with what it must be`(
    _ tool: String, _ object: [(String, JSONValue)], _ text: String
  ) {
    let failure = #expect(throws: ToolFailure.self) { try arguments(tool, JSONObject(object)) }
    #expect(failure?.text.contains(text) == true, "\(failure?.text ?? "")")
  }

  @Test(arguments: [("x", 262_144), ("é", 131_072), ("€", 87_381), ("😀", 65_536), ("a\u{301}", 174_763)])
  func `the longest command is told in its own characters`(_ character: String, _ limit: Int) throws {
    let command = String(repeating: character, count: 262_145)
    let failure = #expect(throws: ToolFailure.self) { try ToolDeclaration.checked(command) }
    #expect(failure?.text.hasPrefix("Command is too long (max \(limit) characters): it has ") == true)
    let longest = String(String.UnicodeScalarView(command.unicodeScalars.prefix(limit)))
    #expect(try ToolDeclaration.checked(longest) == longest)
  }

  @Test func `start-session tells how long it may take, with a passwordCommand too`() throws {
    let declaration = try #require(ToolCatalog.declarations.first { $0.name == "start-session" })
    #expect(
      declaration.description.contains("within 35 s with the reason, with a passwordCommand within 65 s;"))
  }

  @Test func `a wrong value that may be a secret is not told back`() {
    let failure = #expect(throws: ToolFailure.self) {
      try arguments("add-host", JSONObject([("password", ["canary"])]))
    }
    #expect(failure?.text.contains("canary") == false)
  }

  @Test(arguments: [["session_id", "sessionId"], ["sessionId", "session_id"]])
  func `two spellings with different sessions are refused, with the same one taken`(_ names: [String]) throws
  {
    let failure = #expect(throws: ToolFailure.self) {
      try arguments("close-session", JSONObject([(names[0], "a"), (names[1], "b")]))
    }
    #expect(failure?.code == "invalid_argument")
    #expect(
      failure?.text
        == "Arguments 'sessionId' and 'session_id' are spellings of one, and their values differ. "
        + "Give one of them.")
    let same = try arguments("close-session", JSONObject([(names[0], "a"), (names[1], "a")]))
    #expect(same.string("sessionId") == "a")
  }

  @Test(arguments: ["exec", "close-session", "read-output"])
  func `a session may be named in either spelling`(_ tool: String) throws {
    for name in ["session_id", "sessionId"] {
      var object = JSONObject([(name, "s")])
      if tool == "exec" { object["command"] = "c" }
      let arguments = try arguments(tool, object)
      #expect(arguments.string(tool == "close-session" ? "sessionId" : "session_id") == "s")
    }
  }
}
