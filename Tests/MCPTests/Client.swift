import JSON
import MCP
import Synchronization

/// Both ends of a connection in memory: sends lines, collects answers, waits for them.
final class Client: Sendable {
  let server: Server
  private let state = Mutex(State())
  private let connection = Mutex<Connection?>(nil)

  private struct State {
    var answers: [JSONValue] = []
    var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  init(tools: [Tool] = [], questionLifetime: Duration = .seconds(600)) {
    server = Server(
      info: ServerInfo(name: "test", title: "Test", version: "1"), instructions: "Use it.", tools: tools,
      questionLifetime: questionLifetime)
    let made = server.connect { [weak self] line in self?.receive(line) }
    connection.withLock { $0 = made }
  }

  var answers: [JSONValue] { state.withLock { $0.answers } }

  func send(_ line: String) {
    send(Array((line + "\n").utf8))
  }

  func send(_ bytes: [UInt8]) {
    connection.withLock { $0 }?.receive(bytes[...])
  }

  func end() async {
    await connection.withLock { $0 }?.end()
  }

  /// Waits until so many answers have come; the suite's time limit is the deadline.
  func answers(_ count: Int) async -> [JSONValue] {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.answers.count >= count { return true }
        state.waiters.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
    return answers
  }

  /// Answers a question of the server's.
  func answer(_ question: JSONValue?, _ result: String) {
    let id = String(decoding: JSONWriter.compact(question?["id"] ?? .null), as: UTF8.self)
    send(#"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"#)
  }

  func initialize(_ version: String, capabilities: String = "{}") {
    send(
      #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":\#(capabilities)}}"#
    )
    state.withLock { $0.answers = [] }
  }

  private func receive(_ line: [UInt8]) {
    let value = (try? JSONParser.parse(line)) ?? .null
    let ready = state.withLock { state in
      state.answers.append(value)
      let count = state.answers.count
      defer { state.waiters.removeAll { $0.count <= count } }
      return state.waiters.filter { $0.count <= count }
    }
    for waiter in ready { waiter.continuation.resume() }
  }
}

extension Tool {
  static func test(
    _ name: String, _ begin: @escaping @Sendable (JSONObject, CallContext) -> PendingCall
  ) -> Tool {
    Tool(
      name: name, title: name.uppercased(), description: "A test.", inputSchema: ["type": "object"],
      outputSchema: ["type": "object"],
      annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false),
      begin: begin)
  }

  static let echo = test("echo") { arguments, _ in
    { CallToolResult(text: arguments["text"]?.string ?? "", structured: JSONObject([("x", 1)])) }
  }
}
