import JSON
import MCP
import Synchronization
import TestSupport
import Testing

/// Being told of changes: `resources/subscribe` with a handshake, `subscriptions/listen` without one.
@Suite(.timeLimit(.minutes(5)))
struct SubscriptionTests {
  static let updated = "notifications/resources/updated"
  static let acknowledged = "notifications/subscriptions/acknowledged"
  static let subscription = "io.modelcontextprotocol/subscriptionId"

  private let changes = Observers<String>()

  private func client(pause: Duration = .seconds(3600), tools: [Tool] = [.echo]) -> Client {
    Client(tools: tools, resources: .test(changes), updatePause: pause)
  }

  private func methods(_ client: Client) -> [String] {
    client.answers.map { $0["method"]?.string ?? "answer" }
  }

  private func tag(_ message: JSONValue?) -> JSONValue? { message?["params"]?["_meta"]?[Self.subscription] }

  private func listen(_ client: Client, _ id: String, _ notifications: String, capabilities: String = "{}") {
    client.ask(id, "subscriptions/listen", #""notifications":\#(notifications)"#, capabilities: capabilities)
  }

  private let toText = #"{"resourceSubscriptions":["test:text"]}"#

  // MARK: - With a handshake

  @Test(arguments: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
  func `who subscribes is told, with the address alone`(_ version: String) {
    let client = client()
    client.initialize(version)
    changes.post("test:text")
    client.request("1", "resources/subscribe", #""uri":"test:text""#)
    #expect(client.answers.last?["result"] == [:])
    changes.post("test:other")
    changes.post("test:text")
    #expect(client.answers.count == 2)
    #expect(
      client.answers.last == [
        "jsonrpc": "2.0", "method": .string(Self.updated), "params": ["uri": "test:text"],
      ])
  }

  @Test func `an address is told as it was written`() {
    let client = client()
    client.initialize("2025-11-25")
    client.request("1", "resources/subscribe", #""uri":"TEST:text""#)
    listen(client, "2", #"{"resourceSubscriptions":["test:TEXT","test:text"]}"#)
    changes.post("test:text")
    let told = client.answers.suffix(3).map { $0["params"]?["uri"]?.string ?? "" }
    #expect(Set(told) == ["TEST:text", "test:TEXT", "test:text"])
  }

  @Test func `who unsubscribes is told nothing more, whether subscribed or not`() {
    let client = client(pause: .zero)
    client.initialize("2025-11-25")
    client.request("1", "resources/unsubscribe", #""uri":"test:text""#)
    client.request("2", "resources/subscribe", #""uri":"test:text""#)
    client.request("3", "resources/subscribe", #""uri":"test:text""#)
    client.request("4", "resources/unsubscribe", #""uri":"test:text""#)
    changes.post("test:text")
    #expect(methods(client) == ["answer", "answer", "answer", "answer"])
    #expect(client.answers.allSatisfy { $0["result"] == [:] })
  }

  @Test(arguments: ["{}", #""uri":7"#, #""uri":null"#])
  func `an address is a string`(_ params: String) {
    let client = client()
    client.initialize("2025-11-25")
    let params = params == "{}" ? "" : params
    client.request("1", "resources/subscribe", params)
    client.request("2", "resources/unsubscribe", params)
    #expect(client.answers.map { $0["error"]?["code"]?.int } == [-32602, -32602])
  }

  @Test func `nothing is told after the end`() async {
    let client = client()
    client.initialize("2025-11-25")
    client.request("1", "resources/subscribe", #""uri":"test:text""#)
    await client.end()
    changes.post("test:text")
    #expect(client.answers.count == 1)
  }

  // MARK: - Without one

  @Test(arguments: ["1", "\"1\"", "-7", "\"\"", "12345678901234567890"])
  func `the acknowledgement comes first, and every word bears the id as it was`(_ id: String) async throws {
    let client = client()
    changes.post("test:text")
    listen(client, id, toText)
    changes.post("test:text")
    #expect(methods(client) == [Self.acknowledged, Self.updated])
    let expected = try JSONParser.parse(id)
    #expect(client.answers.allSatisfy { tag($0) == expected })
    await client.end()
    let last = client.answers.last
    #expect(
      client.answers.count == 3 && last?["id"] == expected && last?["result"]?["resultType"] == "complete")
    #expect(last?["result"]?["_meta"]?[Self.subscription] == expected)
  }

  @Test(arguments: [
    ("{}", "{}"),
    (#"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"new":1}"#, "{}"),
    (#"{"resourceSubscriptions":[]}"#, #"{"resourceSubscriptions":[]}"#),
    (
      #"{"toolsListChanged":true,"resourceSubscriptions":["test:nope","test:text","file:///etc/passwd"]}"#,
      #"{"resourceSubscriptions":["test:text"]}"#
    ),
    (#"{"taskIds":["nope"]}"#, #"{"taskIds":[]}"#),
  ])
  func `only what is honoured is acknowledged`(_ wanted: String, _ honoured: String) throws {
    let client = client()
    listen(client, "1", wanted, capabilities: Client.knowsTasks)
    let expected = try JSONParser.parse(honoured)
    #expect(client.answers.last?["params"]?["notifications"] == expected)
    changes.post("test:nope")
    #expect(client.answers.count == 1)
  }

  @Test(arguments: [
    "7", "[]", "null", #"{"resourceSubscriptions":"test:text"}"#, #"{"resourceSubscriptions":[7]}"#,
    #"{"taskIds":{}}"#, #"{"resourceSubscriptions":null}"#,
  ])
  func `a malformed wish is an error and opens nothing`(_ wanted: String) {
    let client = client()
    listen(client, "1", wanted, capabilities: Client.knowsTasks)
    changes.post("test:text")
    #expect(client.answers.map { $0["error"]?["code"]?.int } == [-32602])
    listen(client, "1", "{}")
    #expect(methods(client).last == Self.acknowledged, "its id is free")
  }

  @Test func `without a wish there is an error`() {
    let client = client()
    client.ask("1", "subscriptions/listen")
    #expect(client.answers.last?["error"]?["code"] == -32602)
  }

  @Test func `tasks are for clients that know them`() {
    let client = client()
    listen(client, "1", #"{"taskIds":[]}"#)
    #expect(client.answers.last?["error"]?["code"] == -32021)
  }

  @Test func `an id is of one request at a time, and of one type`() {
    let client = client()
    listen(client, "1", toText)
    listen(client, "1", "{}")
    #expect(client.answers.last?["error"]?["code"] == -32600)
    client.ask("1", "tools/call", #""name":"echo""#)
    #expect(client.answers.last?["error"]?["code"] == -32600)
    listen(client, "\"1\"", toText)
    changes.post("test:text")
    #expect(Set(client.answers.suffix(2).compactMap(tag)) == [1, "1"])
  }

  @Test func `who is cancelled hears nothing more, not even an end, and the id is free`() async {
    let client = client(pause: .zero)
    listen(client, "1", toText)
    listen(client, "\"1\"", toText)
    client.cancel("1")
    changes.post("test:text")
    #expect(methods(client) == [Self.acknowledged, Self.acknowledged, Self.updated])
    #expect(tag(client.answers.last) == "1")
    listen(client, "1", "{}")
    #expect(methods(client).last == Self.acknowledged)
    await client.end()
    #expect(client.answers.count == 6)
  }

  @Test func `there are 64 at most, and a cancelled one makes room`() {
    let client = client()
    for id in 1...64 { listen(client, "\(id)", "{}") }
    #expect(methods(client) == Array(repeating: Self.acknowledged, count: 64))
    listen(client, "65", "{}")
    #expect(client.answers.last?["error"]?["code"] == -32602)
    client.cancel("3")
    listen(client, "65", "{}")
    #expect(methods(client).last == Self.acknowledged)
  }

  @Test func `more than 1000 addresses are too many`() {
    let client = client()
    let addresses = (0...1000).map { "\"a:\($0)\"" }.joined(separator: ",")
    listen(client, "1", #"{"resourceSubscriptions":[\#(addresses)]}"#)
    #expect(client.answers.last?["error"]?["code"] == -32602)
  }

  // MARK: - How often

  @Test func `what comes in the pause is told once, after it`() async {
    let client = client(pause: .milliseconds(200))
    listen(client, "1", toText)
    for _ in 0..<50 { changes.post("test:text") }
    #expect(client.answers.count == 2, "the first at once")
    _ = await client.answers(3)
    #expect(methods(client) == [Self.acknowledged, Self.updated, Self.updated])
  }

  @Test func `both eras on one connection are told each in its own way`() {
    let client = client()
    client.initialize("2025-06-18")
    client.request("1", "resources/subscribe", #""uri":"test:text""#)
    listen(client, "2", toText)
    changes.post("test:text")
    #expect(client.answers.suffix(2).map(tag) == [nil, 2])
  }

  /// The word after which nothing may come is said while another thread tells of changes.
  @Test func `nothing is told behind the answer that ends it`() async {
    for _ in 0..<40 {
      let client = client(pause: .zero)
      client.initialize("2025-11-25")
      client.request("1", "resources/subscribe", #""uri":"test:text""#)
      listen(client, "\"l\"", toText)
      let changing = Task { [changes] in
        for _ in 0..<100 { changes.post("test:text") }
      }
      _ = await client.answers(4)
      client.request("2", "resources/unsubscribe", #""uri":"test:text""#)
      client.cancel("\"l\"")
      client.request("3", "ping")
      await changing.value
      let answers = client.answers
      let end = answers.firstIndex { $0["id"] == 2 } ?? 0
      #expect(!answers[end...].contains { $0["method"] != nil && tag($0) == nil })
      let last = answers.firstIndex { $0["id"] == 3 } ?? 0
      #expect(!answers[last...].contains { $0["method"] != nil })
    }
  }

  // MARK: - Tasks

  @Test func `the end of a task is told once to each who listens to it`() async {
    let work = TaskTests.Work()
    let client = client(tools: [work.tool])
    client.ask("1", "tools/call", #""name":"work""#, capabilities: Client.knowsTasks)
    let task = await client.answer(to: 1)["result"]?["taskId"]?.string ?? ""
    let wish = #"{"taskIds":["\#(task)","nope"]}"#
    listen(client, "2", wish, capabilities: Client.knowsTasks)
    listen(client, "\"2\"", wish, capabilities: Client.knowsTasks)
    listen(client, "3", "{}", capabilities: Client.knowsTasks)
    #expect(client.answers.dropFirst().first?["params"]?["notifications"] == ["taskIds": [.string(task)]])
    work.end()
    let told = await client.answers(6).suffix(2)
    #expect(told.allSatisfy { $0["method"] == "notifications/tasks" })
    #expect(Set(told.compactMap(tag)) == [2, "2"])
    #expect(told.allSatisfy { $0["params"]?["status"] == "completed" && $0["params"]?["resultType"] == nil })
    #expect(told.first?["params"]?["result"]?["content"] != nil)
    client.ask("9", "tools/list")
    #expect(await client.answers(7).last?["id"] == 9, "and nothing besides")
  }

  @Test func `who listens to a task that has ended is told so, behind the acknowledgement`() async {
    let work = TaskTests.Work()
    let client = client(tools: [work.tool])
    client.ask("1", "tools/call", #""name":"work""#, capabilities: Client.knowsTasks)
    let task = await client.answer(to: 1)["result"]?["taskId"]?.string ?? ""
    work.end()
    listen(client, "2", #"{"taskIds":["\#(task)"]}"#, capabilities: Client.knowsTasks)
    let told = await client.answers(3).suffix(2).map { $0["method"] }
    #expect(told == [.string(Self.acknowledged), "notifications/tasks"])
  }

  /// The task ends at the moment at which somebody begins to listen.
  @Test func `an end is told once, also to who comes at that moment`() async {
    for _ in 0..<200 {
      let work = TaskTests.Work()
      let client = client(tools: [work.tool])
      client.ask("1", "tools/call", #""name":"work""#, capabilities: Client.knowsTasks)
      let task = await client.answer(to: 1)["result"]?["taskId"]?.string ?? ""
      let ending = Task { work.end() }
      listen(client, "2", #"{"taskIds":["\#(task)"]}"#, capabilities: Client.knowsTasks)
      await ending.value
      _ = await client.answers(3)
      client.ask("3", "tools/list")
      _ = await client.answer(to: 3)
      #expect(methods(client) == ["answer", Self.acknowledged, "notifications/tasks", "answer"])
    }
  }
}
