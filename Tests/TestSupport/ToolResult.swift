package import JSON

/// What a tool said (MCP 2025-11-25, CallToolResult).
package struct ToolResult: Sendable, CustomStringConvertible {
  /// The texts of all text blocks, joined.
  package let text: String
  /// Whether the tool calls it an error.
  package let isError: Bool
  /// The whole result.
  package let value: JSONValue

  /// Reads a JSON-RPC answer.
  ///
  /// - Parameter answer: The whole message.
  /// - Throws: `FixtureFailure` when it is an error or has no content.
  package init(_ answer: JSONValue) throws {
    guard let result = answer["result"], let content = result["content"]?.array else {
      throw FixtureFailure(
        "not a tool's result: \(String(decoding: JSONWriter.compact(answer), as: UTF8.self))")
    }
    value = result
    text = content.compactMap { $0["text"]?.string }.joined()
    isError = result["isError"]?.bool ?? false
  }

  package var description: String { (isError ? "error: " : "") + text }
}

extension ServerUnderTest {
  /// Adds the sshd's host for that shell, with the sshd's key.
  package func add(_ sshd: LoopbackSSHD, as identifier: String = "loop", _ more: [(String, JSONValue)] = [])
    async throws
  {
    var arguments = JSONObject([
      ("host_id", .string(identifier)), ("host", "127.0.0.1"), ("port", .int(sshd.port)),
      ("username", .string(sshd.user)), ("keyPath", .string(sshd.keyPath)),
    ])
    for (name, value) in more { arguments[name] = value.isNull ? nil : value }
    let result = try await call("add-host", .object(arguments))
    guard !result.isError else { throw FixtureFailure("add-host: \(result.text)") }
  }

  /// Opens a session; the host may be an alias of ssh_config.
  ///
  /// - Returns: Its id.
  /// - Throws: `FixtureFailure` when it does not open.
  @discardableResult
  package func open(_ host: String, _ session: String = "s") async throws -> String {
    let result = try await call(
      "start-session", ["host_id": .string(host), "sessionId": .string(session)], within: .seconds(30))
    guard !result.isError else { throw FixtureFailure("start-session: \(result.text)") }
    return result.text
  }

  /// Runs a command in a session.
  package func exec(
    _ command: String, in session: String = "s", within limit: Duration = .seconds(20)
  ) async throws -> ToolResult {
    try await call(
      "exec", ["session_id": .string(session), "command": .string(command)], within: limit)
  }
}
