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

  init(
    tools: [Tool] = [], resources: ResourceCatalog? = nil, prompts: [Prompt] = [],
    questionLifetime: Duration = .seconds(600), taskLifetime: Duration = .seconds(3600),
    updatePause: Duration = .seconds(3600)
  ) {
    server = Server(
      info: ServerInfo(name: "test", title: "Test", version: "1"), instructions: "Use it.", tools: tools,
      resources: resources, prompts: prompts, questionLifetime: questionLifetime, taskLifetime: taskLifetime,
      updatePause: updatePause)
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

  /// What a client says that knows tasks.
  static let knowsTasks = #"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#

  /// The `_meta` of a request without a handshake.
  static func meta(_ capabilities: String = "{}") -> String {
    #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":\#(capabilities)}"#
  }

  /// Sends a request without a handshake; the id is JSON, the parameters are the inside of an object.
  func ask(_ id: String, _ method: String, _ params: String = "", capabilities: String = "{}") {
    let all = [params, Self.meta(capabilities)].filter { !$0.isEmpty }.joined(separator: ",")
    send(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(all)}}"#)
  }

  /// Sends a request after a handshake.
  func request(_ id: String, _ method: String, _ params: String = "") {
    send(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":{\#(params)}}"#)
  }

  /// The answer to that request, once it is there.
  func answer(to id: JSONValue) async -> JSONValue {
    while true {
      let known = answers
      if let answer = known.last(where: { $0["id"] == id && $0["method"] == nil }) { return answer }
      _ = await answers(known.count + 1)
    }
  }

  func cancel(_ id: String) {
    send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#(id)}}"#)
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

extension ResourceCatalog {
  /// `test:text`, `test:broken`, which cannot be read, and things by name, of which `test:things/a` is there.
  static func test(_ changes: Observers<String> = Observers(), names: [String] = ["a"]) -> ResourceCatalog {
    ResourceCatalog(
      resources: [
        Resource(
          uri: "test:text", name: "text", title: "Text", description: "A text.", mimeType: "text/plain")
      ],
      templates: [
        ResourceTemplate(
          uriTemplate: "test:things/{name}", name: "thing", title: "Thing", description: "A thing.",
          mimeType: "text/plain", completions: ["name": { names }])
      ],
      changes: changes,
      changeName: { ["test:text", "test:things/a"].contains($0.lowercased()) ? $0.lowercased() : nil },
      read: { uri async throws(ResourceFailure) in
        switch uri {
        case "test:text", "test:things/a":
          ResourceContents(text: "of \(uri)", mimeType: "text/plain", meta: JSONObject([("x", 1)]))
        case "test:broken": throw ResourceFailure("It is broken. Mend it.")
        default: nil
        }
      })
  }
}

extension Prompt {
  /// Says what it was told.
  static func test(
    _ name: String = "greet",
    _ text: @escaping @Sendable ([String: String]) async -> String = { arguments in
      arguments.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }
  ) -> Prompt {
    Prompt(
      name: name, title: name.uppercased(), description: "A greeting.",
      arguments: [
        PromptArgument(
          name: "who", title: "Who", description: "Who is greeted", completions: { ["ann", "anna", "bob"] }),
        PromptArgument(name: "how", title: "How", description: "How", isRequired: false),
      ], text: text)
  }
}
