import JSON
import MCP
import Testing

@testable import SSHTools

/// Texts that tell back what they were given stay short, whatever that is.
struct BoundsTests {
  static let endless = [
    "x" + String(repeating: "\u{301}\u{323}", count: 50_000), String(repeating: "\u{1F1E9}", count: 50_000),
    String(repeating: "x", count: 200_000), String(repeating: "\n", count: 100_000) + "x",
  ]

  @Test(arguments: endless)
  func `a failure is told in few bytes`(_ text: String) {
    let failure = ToolFailure(code: "x", "Session '\(text)' does not exist")
    #expect(failure.text.utf8.count <= 8100)
    #expect(failure.text.hasPrefix("Session '") && failure.text.hasSuffix("' does not exist"))
  }

  @Test(arguments: endless)
  func `an argument that is not known is told in few bytes`(_ name: String) {
    let failure = #expect(throws: ToolFailure.self) {
      try Arguments(JSONObject([(name, 1)]), of: [Parameter(name: "x", kind: .string, description: "")])
    }
    #expect(failure?.code == "unknown_argument" && (failure?.text.utf8.count ?? .max) <= 8100)
  }

  @Test(arguments: endless)
  func `a command is named in 80 characters and 320 bytes`(_ text: String) {
    #expect(text.shortened.count <= 80 && text.shortened.utf8.count <= 320)
    let name = "echo \(text)".shortened
    #expect(name.hasPrefix("echo ") && name.count <= 80 && name.utf8.count <= 320)
  }

  @Test(arguments: [
    ("", ""), ("\n\r\n", ""), ("ls", "ls"), ("\n\na\r\n\nb\u{2028}c\n", "a b c"), ("a \n b", "a   b"),
    (String(repeating: "x", count: 80), String(repeating: "x", count: 80)),
    (String(repeating: "é", count: 81), String(repeating: "é", count: 77) + "..."),
    (String(repeating: "👍", count: 80), String(repeating: "👍", count: 80)),
    (String(repeating: "👍", count: 81), String(repeating: "👍", count: 77) + "..."),
  ])
  func `a command is named on one line`(_ text: String, _ name: String) {
    #expect(text.shortened == name)
  }
}
