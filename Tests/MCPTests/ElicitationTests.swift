import JSON
import MCP
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ElicitationTests {
  /// Asks what it is told to ask and says what came.
  static let asking = Tool.test("asking") { arguments, context in
    {
      guard let elicitor = context.elicitor else { return CallToolResult(text: "nobody") }
      var said: [String] = []
      for kind in arguments["kinds"]?.string?.split(separator: ",") ?? ["form"] {
        let answer =
          kind == "url"
          ? await elicitor.ask(url: "http://127.0.0.1:1/x", message: "Open", id: "page-1")
          : await elicitor.ask(
            form: "Really?", schema: JSONObject([("type", "object"), ("properties", [:])]))
        said.append("\(answer)")
        if kind == "url" { elicitor.complete("page-1") }
      }
      return CallToolResult(text: said.joined(separator: " "))
    }
  }

  static func text(_ answer: JSONValue?) -> String {
    answer?["result"]?["content"]?.array?.first?["text"]?.string ?? "none"
  }

  // MARK: - With a handshake

  static func client(_ version: String, _ capability: String) -> Client {
    let client = Client(tools: [asking, .echo])
    client.initialize(version, capabilities: #"{"elicitation":\#(capability)}"#)
    return client
  }

  static func call(_ client: Client, id: Int = 1, kinds: String = "form") {
    client.send(
      #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"asking","arguments":{"kinds":"\#(kinds)"}}}"#
    )
  }

  @Test(arguments: [
    ("2025-03-26", "{}", "nobody"), ("2024-11-05", #"{"form":{}}"#, "nobody"), ("2025-11-25", "7", "nobody"),
    ("2025-11-25", #"{"url":{}}"#, "unavailable"),
  ])
  func `nobody is asked by a client that cannot`(_ version: String, _ capability: String, _ text: String)
    async
  {
    let client = Self.client(version, capability)
    Self.call(client)
    #expect(Self.text(await client.answers(1).last) == text)
  }

  @Test(arguments: [
    ("2025-06-18", "{}", false), ("2025-11-25", "{}", true), ("2025-11-25", #"{"form":{}}"#, true),
  ])
  func `a form is a request as the version writes it`(
    _ version: String, _ capability: String, _ hasMode: Bool
  )
    async
  {
    let client = Self.client(version, capability)
    Self.call(client)
    let question = await client.answers(1).last
    #expect(question?["method"] == "elicitation/create")
    #expect(question?["params"]?["message"] == "Really?")
    #expect(question?["params"]?["requestedSchema"]?["type"] == "object")
    #expect((question?["params"]?["mode"] == "form") == hasMode)
    client.answer(question, #"{"action":"accept","content":{"a":1}}"#)
    #expect(Self.text(await client.answers(2).last).hasPrefix("accept("))
  }

  @Test func `an answer that cannot be taken ends the question and is not answered`() async {
    let client = Self.client("2025-11-25", #"{"form":{}}"#)
    Self.call(client)
    client.answer(await client.answers(1).last, #"{"action":"accept","content":{"a":"\ud83d"}}"#)
    #expect(Self.text(await client.answer(to: 1)) == "unavailable")
    #expect(client.answers.count == 2)
  }

  @Test func `a page is a request, and its end a notification`() async {
    let client = Self.client("2025-11-25", #"{"url":{}}"#)
    Self.call(client, kinds: "url")
    let question = await client.answers(1).last
    #expect(question?["params"]?["mode"] == "url" && question?["params"]?["elicitationId"] == "page-1")
    client.answer(question, #"{"action":"accept"}"#)
    let answers = await client.answers(3)
    #expect(answers[1]["method"] == "notifications/elicitation/complete")
    #expect(answers[1]["params"]?["elicitationId"] == "page-1")
  }

  @Test(arguments: [
    (#"{"action":"decline"}"#, "decline"), (#"{"action":"cancel"}"#, "cancel"), ("{}", "unavailable"),
    (#"{"action":"accept","content":7}"#, "unavailable"), ("7", "unavailable"),
  ])
  func `every answer is told as it is`(_ result: String, _ text: String) async {
    let client = Self.client("2025-11-25", "{}")
    Self.call(client)
    client.answer(await client.answers(1).last, result)
    #expect(Self.text(await client.answers(2).last) == text)
  }

  @Test func `answers find their questions and are taken once`() async {
    let client = Self.client("2025-11-25", "{}")
    Self.call(client, id: 1)
    let first = await client.answers(1).last
    Self.call(client, id: 2)
    let second = await client.answers(2).last
    client.send(#"{"jsonrpc":"2.0","id":"ask-77","result":{"action":"accept"}}"#)
    client.send(#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}"#)
    client.answer(second, #"{"action":"decline"}"#)
    #expect(await client.answers(3).last?["id"] == 2)
    client.answer(second, #"{"action":"accept"}"#)
    client.send(
      #"{"jsonrpc":"2.0","id":\#(first?["id"]?.string.map { "\"\($0)\"" } ?? "0"),"error":{"code":-1,"message":"no"}}"#
    )
    let last = await client.answers(4).last
    #expect(last?["id"] == 1 && Self.text(last) == "unavailable")
  }

  @Test func `a cancelled call takes its question back`() async {
    let client = Self.client("2025-11-25", "{}")
    Self.call(client)
    let question = await client.answers(1).last
    client.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
    let told = await client.answers(2).last
    #expect(told?["method"] == "notifications/cancelled")
    #expect(told?["params"]?["requestId"] == question?["id"])
    client.answer(question, #"{"action":"accept"}"#)
    client.send(#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#)
    #expect(await client.answers(3).last?["id"] == 9)
  }

  @Test func `a question that its tool gives up is taken back`() async {
    let tool = Tool.test("asking") { _, context in
      {
        let question = Task { await context.elicitor?.ask(form: "?", schema: JSONObject()) }
        try? await Task.sleep(for: .milliseconds(50))
        question.cancel()
        return CallToolResult(text: "\(await question.value ?? .unavailable)")
      }
    }
    let client = Client(tools: [tool])
    client.initialize("2025-06-18", capabilities: #"{"elicitation":{}}"#)
    Self.call(client)
    let answers = await client.answers(3)
    #expect(answers.map { $0["method"]?.string } == ["elicitation/create", "notifications/cancelled", nil])
    #expect(Self.text(answers.last) == "cancel")
  }

  @Test func `the end of the connection ends a question silently`() async {
    let client = Self.client("2025-11-25", "{}")
    Self.call(client)
    _ = await client.answers(1)
    await client.end()
    #expect(client.answers.count == 1)
  }

  // MARK: - Without one

  static func send(
    _ client: Client, id: Int, kinds: String = "form", state: String? = nil, responses: String = "{}",
    capability: String = #"{"form":{},"url":{}}"#, extra: String = ""
  ) {
    let back = state.map { #","requestState":"\#($0)","inputResponses":\#(responses)"# } ?? ""
    client.send(
      #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"asking","arguments":{\#(extra)"kinds":"\#(kinds)"}\#(back),"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":\#(capability)}}}}"#
    )
  }

  static func question(_ answer: JSONValue?) -> (state: String, key: String, params: JSONValue?) {
    let requests = answer?["result"]?["inputRequests"]?.object
    let key = requests?.names.first ?? "none"
    return (
      answer?["result"]?["requestState"]?.string ?? "none", key, requests?[key]?["params"]
    )
  }

  @Test func `a question is a result, and the repeated call goes on`() async {
    let client = Client(tools: [Self.asking])
    Self.send(client, id: 1, kinds: "form,url")
    let first = await client.answers(1).last
    #expect(first?["result"]?["resultType"] == "input_required")
    #expect(first?["result"]?.object?.names == ["resultType", "inputRequests", "requestState", "_meta"])
    let form = Self.question(first)
    #expect(form.params?["mode"] == "form")
    Self.send(
      client, id: 2, kinds: "form,url", state: form.state,
      responses: #"{"\#(form.key)":{"action":"accept","content":{}},"other":{"action":"decline"}}"#)
    let page = Self.question(await client.answers(2).last)
    #expect(page.params?.object?.names == ["mode", "message", "url"] && page.state != form.state)
    Self.send(
      client, id: 3, kinds: "form,url", state: page.state,
      responses: #"{"\#(page.key)":{"action":"decline"}}"#)
    let last = await client.answers(3).last
    #expect(Self.text(last).hasPrefix("accept(") && Self.text(last).hasSuffix("decline"))
    #expect(last?["result"]?["resultType"] == "complete" && last?["id"] == 3)
  }

  @Test func `a repeated call may have its arguments in another order, however many`() async {
    let client = Client(tools: [Self.asking])
    let extra = (0..<60_000).map { "\"k\($0)\":\($0)" }
    Self.send(client, id: 1, extra: extra.joined(separator: ",") + ",")
    let form = Self.question(await client.answers(1).last)
    Self.send(
      client, id: 2, state: form.state, responses: #"{"\#(form.key)":{"action":"decline"}}"#,
      extra: extra.reversed().joined(separator: ",") + ",")
    #expect(Self.text(await client.answer(to: 2)) == "decline")
  }

  @Test func `a missing or malformed answer is asked for again`() async {
    let client = Client(tools: [Self.asking])
    Self.send(client, id: 1)
    var question = Self.question(await client.answers(1).last)
    for (round, responses) in ["{}", #"{"ask1":7}"#, #"{"ask1":{"action":"x"}}"#].enumerated() {
      Self.send(client, id: round + 2, state: question.state, responses: responses)
      let next = Self.question(await client.answers(round + 2).last)
      #expect(next.key == question.key && next.state != question.state && next.state != "none")
      question = next
    }
  }

  @Test func `forged, foreign and used states are refused`() async {
    let client = Client(tools: [Self.asking])
    Self.send(client, id: 1)
    let question = Self.question(await client.answers(1).last)
    let yes = #"{"\#(question.key)":{"action":"accept","content":{}}}"#
    Self.send(client, id: 2, state: question.state.dropLast(3) + "AAA", responses: yes)
    Self.send(client, id: 3, state: "", responses: yes)
    Self.send(client, id: 4, kinds: "url", state: question.state, responses: yes)
    Self.send(client, id: 5, state: question.state, responses: yes, extra: #""more":1,"#)
    #expect(client.answers.dropFirst().map { $0["error"]?["code"]?.int } == [-32602, -32602, -32602, -32602])
    Self.send(client, id: 6, state: question.state, responses: yes)
    #expect(Self.text(await client.answers(6).last).hasPrefix("accept("))
    Self.send(client, id: 7, state: question.state, responses: yes)
    #expect(client.answers.last?["error"]?["code"]?.int == -32602)
  }

  @Test func `a state is forgotten when its time is over, and the work with it`() async {
    let (stream, ended) = AsyncStream.makeStream(of: ElicitationAnswer.self)
    let tool = Tool.test("asking") { _, context in
      {
        let answer = await context.elicitor?.ask(form: "?", schema: JSONObject())
        ended.yield(answer ?? .unavailable)
        ended.finish()
        return CallToolResult(text: "")
      }
    }
    let client = Client(tools: [tool], questionLifetime: .milliseconds(50))
    Self.send(client, id: 1)
    let question = Self.question(await client.answers(1).last)
    var answers: [ElicitationAnswer] = []
    for await answer in stream { answers.append(answer) }
    #expect(answers == [.cancel])
    Self.send(client, id: 2, state: question.state)
    #expect(client.answers.last?["error"]?["code"]?.int == -32602)
  }

  @Test func `a client that declares nothing is asked nothing, whatever it says back`() async {
    let client = Client(tools: [Self.asking])
    client.send(
      #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"asking","inputResponses":{"ask1":{"action":"accept"}},\#(ConnectionTests.modernMeta)}}"#
    )
    #expect(Self.text(await client.answers(1).last) == "nobody")
  }

  @Test func `the end of the connection ends the work that waits`() async {
    let client = Client(tools: [Self.asking])
    Self.send(client, id: 1)
    _ = await client.answers(1)
    await client.end()
    #expect(client.answers.count == 1)
  }
}
