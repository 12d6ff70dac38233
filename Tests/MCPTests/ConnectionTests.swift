import JSON
import MCP
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ConnectionTests {
  static let modernMeta =
    #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#

  func error(_ answers: [JSONValue]) -> Int? { answers.last?["error"]?["code"]?.int }

  @Test(arguments: [
    ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"),
    ("2025-11-25", "2025-11-25"), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"),
    ("garbage", "2025-11-25"),
  ])
  func `initialize never fails on a version`(_ requested: String, _ answered: String) {
    let client = Client()
    client.send(
      #"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"\#(requested)"}}"#)
    #expect(client.answers.last?["result"]?["protocolVersion"]?.string == answered)
    #expect(client.answers.last?["id"] == "a")
  }

  @Test(arguments: [
    (#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"nonsense"}"#, -32601),
    (#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{\#(modernMeta)}}"#, -32601),
    (#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{\#(modernMeta),"cursor":""}}"#, -32602),
    (#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{\#(modernMeta),"name":"nope"}}"#, -32602),
    (
      #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{\#(modernMeta),"name":"echo","arguments":[]}}"#,
      -32602
    ),
    (
      #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
      -32022
    ),
    (
      #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
      -32602
    ),
    (#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600),
    (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
    (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600), ("[]", -32600), ("{", -32700),
    ("\u{FEFF}{}", -32700),
  ])
  func `each fault has its code, and the connection goes on`(_ line: String, _ code: Int) {
    let client = Client(tools: [.echo])
    client.send(line)
    #expect(error(client.answers) == code)
    client.send(#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
    #expect(client.answers.last?["result"] == [:])
  }

  @Test func `a version that is not spoken is answered with those that are`() {
    let client = Client()
    client.send(
      #"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#
    )
    let data = client.answers.last?["error"]?["data"]
    #expect(data?["requested"] == "2099-01-01")
    #expect(data?["supported"]?.array?.count == 5)
  }

  @Test func `a handshake client may not use what is stateless`() {
    let client = Client()
    client.initialize("2025-11-25")
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#)
    #expect(error(client.answers) == -32601)
  }

  @Test func `the era is each message's own`() {
    let client = Client(tools: [.echo])
    client.initialize("2025-06-18")
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{\#(Self.modernMeta)}}"#)
    #expect(client.answers.last?["result"]?["resultType"] == "complete")
    client.send(#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#)
    #expect(client.answers.last?["result"]?["resultType"] == nil)
  }

  @Test func `nothing newer than its version reaches a client`() async {
    let client = Client(tools: [.echo])
    client.initialize("2024-11-05")
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
    #expect(
      client.answers.last?["result"]?["tools"]?.array?.first?.object?.names == [
        "name", "description", "inputSchema",
      ])
    client.send(#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo"}}"#)
    #expect(await client.answers(2).last?["result"]?.object?.names == ["content", "isError"])
  }

  @Test(arguments: ["1", "\"1\"", "12345678901234567890", "-7", "\"\""])
  func `an id comes back as it was`(_ id: String) throws {
    let client = Client()
    client.send(#"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"#)
    let expected = try JSONParser.parse(id)
    #expect(client.answers.last?["id"] == expected)
  }

  @Test func `notifications are never answered`() {
    let client = Client()
    client.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
    client.send(#"{"jsonrpc":"2.0","method":"tools/call","params":7}"#)
    client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}"#)
    client.send(#"{"jsonrpc":"2.0","id":9,"result":{}}"#)
    #expect(client.answers.isEmpty)
  }

  @Test func `a batch is answered together where the version has them`() async {
    let client = Client(tools: [.echo])
    client.initialize("2025-03-26")
    client.send(
      #"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7,{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"t"}}}]"#
    )
    let batch = await client.answers(1).last?.array
    #expect(batch?.count == 3)
    let other = Client()
    other.initialize("2025-06-18")
    other.send(#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#)
    #expect(error(other.answers) == -32600)
  }

  @Test func `a cancelled call is told so and never answered`() async {
    let wasCancelled = Mutex(false)
    let (stream, ended) = AsyncStream.makeStream(of: Void.self)
    let slow = Tool.test("slow") { _, _ in
      {
        try? await Task.sleep(for: .seconds(60))
        wasCancelled.withLock { $0 = Task.isCancelled }
        ended.finish()
        return CallToolResult(text: "late")
      }
    }
    let client = Client(tools: [slow, .echo])
    client.initialize("2025-11-25")
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}"#)
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#)
    #expect(error(client.answers) == -32600, "the id is in use")
    client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}"#)
    client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
    for await _ in stream {}
    #expect(wasCancelled.withLock { $0 })
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#)
    let answers = await client.answers(2)
    #expect(answers.count == 2 && answers.last?["result"] != nil, "the id is free again")
  }

  @Test func `calls begin in the order of their arrival and may end in another`() async {
    let order = Mutex<[String]>([])
    let (stream, release) = AsyncStream.makeStream(of: Void.self)
    let tool = Tool.test("t") { arguments, _ in
      let text = arguments["text"]?.string ?? ""
      order.withLock { $0.append(text) }
      return {
        if text == "first" { for await _ in stream {} }
        return CallToolResult(text: text)
      }
    }
    let client = Client(tools: [tool])
    client.initialize("2025-11-25")
    for (id, text) in ["first", "second", "third"].enumerated() {
      client.send(
        #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"t","arguments":{"text":"\#(text)"}}}"#
      )
    }
    #expect(order.withLock { $0 } == ["first", "second", "third"])
    _ = await client.answers(2)
    release.finish()
    #expect(await client.answers(3).last?["id"] == 0)
  }

  @Test func `progress is sent only with a token, only growing, and not after the answer`() async {
    let reporter = Mutex<ProgressReporter?>(nil)
    let tool = Tool.test("t") { _, context in
      context.progress?.report(progress: 0, message: "too early to be known")
      return {
        context.progress?.report(progress: 1, message: "one")
        context.progress?.report(progress: 1)
        context.progress?.report(progress: 2)
        reporter.withLock { $0 = context.progress }
        return CallToolResult(text: "")
      }
    }
    let client = Client(tools: [tool])
    client.initialize("2024-11-05")
    client.send(
      #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":"p"}}}"#)
    let answers = await client.answers(3)
    #expect(answers.map { $0["params"]?["progress"]?.int } == [1, 2, nil])
    #expect(answers.first?["params"]?["message"] == nil && answers.first?["params"]?["progressToken"] == "p")
    reporter.withLock { $0 }?.report(progress: 3)
    #expect(client.answers.count == 3)
    client.send(#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}"#)
    #expect(await client.answers(4).count == 4)
  }

  @Test func `after the end nothing is said`() async {
    let client = Client(tools: [
      .test("t") { _, _ in
        {
          try? await Task.sleep(for: .seconds(60))
          return CallToolResult(text: "")
        }
      }
    ])
    client.initialize("2025-11-25")
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#)
    await client.end()
    #expect(client.answers.isEmpty)
  }

  @Test func `any split of a conversation is the same conversation`() {
    let lines = Array(
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\n \n{\"jsonrpc\":\"2.0\",\"id\":\"é\",\"method\":\"ping\"}\n"
        .utf8)
    for split in Chunking.everyTwoWaySplit(of: lines) {
      let client = Client()
      for piece in split { client.send(Array(piece)) }
      #expect(client.answers.count == 3)
      #expect(client.answers.last?["id"] == "é")
    }
  }
}
