import JSON
import MCP
import TestSupport
import Testing

/// Lines that no client should send: each has its answer, and none ends the conversation.
@Suite(.timeLimit(.minutes(5)))
struct FramingTests {
  private static let limit = LineFramer.defaultLimitBytes

  /// A ping with a long id, of exactly so many bytes.
  private func ping(bytes count: Int) -> [UInt8] {
    let head = Array(#"{"jsonrpc":"2.0","id":""#.utf8)
    let tail = Array(#"","method":"ping"}"#.utf8)
    return head + [UInt8](repeating: UInt8(ascii: "x"), count: count - head.count - tail.count) + tail
  }

  private func expectAlive(_ client: Client) async {
    client.send(#"{"jsonrpc":"2.0","id":"alive","method":"ping"}"#)
    #expect(await client.answer(to: "alive")["result"] == [:])
  }

  @Test func `a line of 16 MiB is served, and one byte more is refused`() async {
    #expect(Self.limit == 16 << 20)
    let client = Client()
    client.send(ping(bytes: Self.limit) + [0x0A])
    #expect(client.answers.last?["result"] == [:])
    client.send(ping(bytes: Self.limit + 1) + [0x0A])
    #expect(client.answers.last?["error"]?["code"] == -32600 && client.answers.last?["id"] == nil)
    await expectAlive(client)
    #expect(client.answers.count == 3)
  }

  @Test func `an endless line is answered once, at its end`() async {
    let client = Client()
    let piece = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
    for _ in 0..<40 { client.send(piece) }
    #expect(client.answers.isEmpty)
    client.send([0x0A])
    #expect(client.answers.count == 1 && client.answers.last?["error"]?["code"] == -32600)
    await expectAlive(client)
  }

  private func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }

  @Test(arguments: [(60, nil), (65, -32600), (200_000, -32600)] as [(Int, Int?)])
  func `nesting has a limit, and the stack is safe`(_ depth: Int, _ code: Int?) async {
    let client = Client(tools: [.echo])
    client.initialize("2025-11-25")
    for line in [
      #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":\#(nested(depth))}}"#,
      #"{"jsonrpc":"2.0","id":1,"method":"ping","params":\#(String(repeating: #"{"x":"#, count: depth))1\#(String(repeating: "}", count: depth))}"#,
    ] {
      client.send(line)
      #expect(client.answers.last?["error"]?["code"]?.int == code)
      #expect(client.answers.last?["id"] == 1)
    }
    client.send(String(repeating: "[", count: depth))
    #expect(client.answers.last?["error"]?["code"] == -32700)
    await expectAlive(client)
  }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
    ] as [[UInt8]])
  func `bytes that are not UTF-8 are no JSON`(_ bytes: [UInt8]) async {
    let client = Client()
    client.send(
      Array(#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":""#.utf8) + bytes + Array("\"}}\n".utf8))
    #expect(client.answers.last?["error"]?["code"] == -32700 && client.answers.last?["id"] == nil)
    await expectAlive(client)
  }

  @Test(arguments: [#""\ud800""#, #""\udc00\ud800""#, #""\ud83dx""#])
  func `half a surrogate pair is no text, and no id`(_ text: String) async {
    let client = Client()
    client.send(#"{"jsonrpc":"2.0","id":\#(text),"method":"ping"}"#)
    #expect(client.answers.last?["error"]?["code"] == -32600 && client.answers.last?["id"] == nil)
    client.send(#"{"jsonrpc":"2.0","id":\#(text),"id":7,"method":"ping"}"#)
    #expect(client.answers.last?["error"]?["code"] == -32600 && client.answers.last?["id"] == nil)
    await expectAlive(client)
  }

  @Test(arguments: [
    (#""text":"\ud83d""#, "an unpaired surrogate"),
    (#""text":"a","text":"b""#, "the member \"text\" is repeated"),
    (#""\udc00":1"#, "an unpaired surrogate in a name"),
    (
      #""a":\#(String(repeating: "[", count: 64) + String(repeating: "]", count: 64))"#,
      "nested deeper than 64"
    ),
  ])
  func `a request that cannot be taken is answered under its id, and not done`(
    _ arguments: String, _ reason: String
  ) async {
    let client = Client(tools: [.test("never") { _, _ in fatalError("it was called") }])
    client.initialize("2025-03-26")
    let call = #""method":"tools/call","params":{"name":"never","arguments":{\#(arguments)}}"#
    client.send(#"{"jsonrpc":"2.0",\#(call),"id":77}"#)
    let answer = client.answers.last
    #expect(answer?["id"] == 77 && answer?["error"]?["code"] == -32600)
    #expect(answer?["error"]?["message"]?.string?.hasSuffix(reason) == true)
    client.send(#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0",\#(call),"id":"x"}]"#)
    let answers = client.answers.last?.array
    #expect(answers?.map { $0["id"] } == [1, "x"])
    #expect(answers?.map { $0["error"]?["code"] } == [-32600, -32600])
    await expectAlive(client)
  }

  @Test func `names and ids that differ in their bytes are different`() async {
    let client = Client(tools: [.echo])
    client.initialize("2025-11-25")
    client.send(#"{"jsonrpc":"2.0","id":79,"method":"ping","params":{"\u00e9":1,"e\u0301":2}}"#)
    #expect(client.answers.last?["result"] == [:])
    await expectAlive(client)
  }

  @Test func `two ids that look the same are two requests`() async {
    let (stream, release) = AsyncStream.makeStream(of: Void.self)
    let waiting = Tool.test("waiting") { _, _ in
      {
        for await _ in stream {}
        return CallToolResult(text: "done")
      }
    }
    let client = Client(tools: [waiting, .echo])
    client.initialize("2025-11-25")
    client.request(#""é""#, "tools/call", #""name":"waiting""#)
    client.request("\"e\u{301}\"", "tools/call", #""name":"echo""#)
    let answer = await client.answers(1).last
    #expect(answer?["id"] == "e\u{301}" && answer?["result"] != nil)
    client.cancel("\"e\u{301}\"")
    release.finish()
    #expect(await client.answer(to: "é")["result"] != nil)
  }

  @Test(arguments: [
    "null", "true", "false", "1.5", "1e3", "[]", "{}", "[1]", #"{"a":1}"#, "-1.0",
  ])
  func `an id is a string or an integer`(_ id: String) async {
    let client = Client(tools: [.echo])
    client.initialize("2025-11-25")
    client.send(#"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"echo"}}"#)
    #expect(client.answers.count == 1 && client.answers.last?["error"]?["code"] == -32600)
    #expect(client.answers.last?["id"] == nil)
    await expectAlive(client)
  }

  @Test(arguments: [
    "7", "\"x\"", "null", "true", "{}", #"{"jsonrpc":"2.0"}"#, #"{"jsonrpc":"2.0","id":1}"#,
    #"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, #"{"id":1,"method":"ping"}"#,
    #"{"jsonrpc":"2.0","id":1,"method":7}"#, #"{"jsonrpc":"2.0","id":1,"method":null}"#,
  ])
  func `JSON that is no message is an invalid request`(_ line: String) async {
    let client = Client()
    client.send(line)
    #expect(client.answers.count == 1 && client.answers.last?["error"]?["code"] == -32600)
    await expectAlive(client)
  }

  @Test(arguments: [
    "{", "}", "[1,]", "{\"a\":1,}", "nul", "'x'", "{\"a\" 1}", "1 2", "{}{}", "\u{0}", "\u{FEFF}{}", "+1",
    "01",
    "\"\t\"", "NaN", "Content-Length: 40",
  ])
  func `what is no JSON is a parse error without an id`(_ line: String) async {
    let client = Client()
    client.send(line)
    #expect(client.answers.count == 1 && client.answers.last?["error"]?["code"] == -32700)
    #expect(client.answers.last?.object?.names == ["jsonrpc", "error"])
    await expectAlive(client)
  }

  @Test func `a key that comes twice is no way around a check`() async {
    let client = Client(tools: [.echo])
    client.send(#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#)
    #expect(client.answers.count == 1 && client.answers.last?["error"]?["code"] == -32600)
    #expect(client.answers.last?["id"] == 1)
    await expectAlive(client)
  }
}
