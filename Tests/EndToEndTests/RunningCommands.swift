import JSON
import TestSupport

/// The calls that stories about running commands make.
extension ServerUnderTest {
  /// Sends an exec and does not wait for its answer.
  func beginExec(_ command: String, in session: String = "s", _ more: [(String, JSONValue)] = []) -> Int {
    let arguments = JSONObject([("session_id", .string(session)), ("command", .string(command))] + more)
    return begin("tools/call", [("name", "exec"), ("arguments", .object(arguments))])
  }

  /// Runs a command with further arguments, `wait_seconds` say.
  func exec(
    _ command: String, in session: String = "s", _ more: [(String, JSONValue)],
    within limit: Duration = .seconds(20)
  ) async throws -> ToolResult {
    try await result(of: beginExec(command, in: session, more), within: limit)
  }

  /// Waits for the result of a call that was begun.
  func result(of identifier: Int, within limit: Duration = .seconds(20)) async throws -> ToolResult {
    try ToolResult(await answer(to: identifier, within: limit))
  }

  /// Types a line.
  func type(_ text: String, in session: String = "s") async throws -> ToolResult {
    try await call("send-input", ["session_id": .string(session), "text": .string(text)])
  }

  /// Presses keys.
  func press(_ keys: String..., in session: String = "s") async throws -> ToolResult {
    try await call(
      "send-input", ["session_id": .string(session), "keys": .array(keys.map(JSONValue.string))])
  }

  /// Types the stored password.
  func typePassword(in session: String = "s") async throws -> ToolResult {
    try await call("send-input", ["session_id": .string(session), "secret": "password"])
  }

  /// Waits until the command that runs has written that, reading it.
  func waitForOutput(_ text: String, in session: String = "s") async throws {
    for _ in 0..<20 {
      let read = try await call(
        "read-output", ["session_id": .string(session), "offset": 0, "wait_seconds": 1])
      if read.text.contains(text) { return }
    }
    throw FixtureFailure("the command did not write '\(text)'")
  }

  /// Stops what runs.
  func interrupt(_ session: String = "s") async throws -> ToolResult {
    try await call("interrupt", ["session_id": .string(session)])
  }

  /// Takes back a call that was begun.
  func cancel(_ identifier: Int) {
    send([
      "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .int(identifier)],
    ])
  }
}

extension ToolResult {
  /// What programs get to know.
  var facts: JSONValue { value["_meta"]?["io.github.ssh-mcp-sessions/result"] ?? .null }
  /// Why the call failed, by the stable words of Errors.md.
  var code: String? { facts["error"]?.string }
  /// Why the session ended, likewise.
  var reason: String? { facts["reason"]?.string }
  /// Whether it is that error, and begins with those words.
  func isError(_ code: String, _ beginning: String) -> Bool {
    isError && self.code == code && text.hasPrefix(beginning)
  }
  /// `running`, `finished`, ...
  var state: String { facts["state"]?.string ?? "unknown" }
  /// The line in brackets, if there is one.
  var lastLine: String { text.split(separator: "\n").last.map(String.init) ?? "" }
  /// Whether a program waits for input.
  var isWaiting: Bool { state == "waiting_for_input" && lastLine.hasPrefix("[waiting for input: ") }
}
