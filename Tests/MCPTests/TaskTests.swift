import JSON
import MCP
import Synchronization
import TestSupport
import Testing

/// Calls that go on after their request was answered, as a client sees them (extension io.modelcontextprotocol/tasks).
@Suite(.timeLimit(.minutes(5)))
struct TaskTests {
  /// A tool that becomes a task where it may, and ends when it is told to, or cancelled.
  final class Work: Sendable {
    private let gates = Mutex<[String: AsyncStream<Void>.Continuation]>([:])
    let taken = Mutex<[Bool]>([])

    var tool: Tool {
      .test("work") { [self] arguments, context in
        let name = arguments["name"]?.string ?? "one"
        let (stream, gate) = AsyncStream.makeStream(of: Void.self)
        gates.withLock { $0[name] = gate }
        return { [self] in
          if let offer = context.taskOffer {
            let isTaken = offer.take { "\(name) works" }
            taken.withLock { $0.append(isTaken) }
          }
          context.progress?.report(progress: 1)
          for await _ in stream {}
          return CallToolResult(text: "\(name) is done", isError: arguments["fails"]?.bool ?? false)
        }
      }
    }

    func end(_ name: String = "one") { gates.withLock { $0[name] }?.finish() }
  }

  static let keys = [
    "resultType", "taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttlMs",
    "pollIntervalMs",
    "_meta",
  ]

  private let work = Work()

  private func client(taskLifetime: Duration = .seconds(3600)) -> Client {
    Client(tools: [work.tool, .echo], taskLifetime: taskLifetime)
  }

  private func begin(_ client: Client, _ id: Int, _ arguments: String = "{}", meta: String = "") async
    -> JSONValue
  {
    client.send(
      #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"work","arguments":\#(arguments),"#
        + Client.meta(Client.knowsTasks).dropLast() + meta + "}}}")
    return await client.answer(to: .int(id))["result"] ?? .null
  }

  private func get(_ client: Client, _ id: Int, _ task: JSONValue?, _ method: String = "get") async
    -> JSONValue
  {
    client.ask(
      "\(id)", "tasks/\(method)", #""taskId":"\#(task?["taskId"]?.string ?? "")""#,
      capabilities: Client.knowsTasks)
    return await client.answer(to: .int(id))
  }

  /// Asks until it has ended: how quickly is for the work to say.
  private func end(_ client: Client, _ id: Int, _ task: JSONValue?) async -> JSONValue {
    for id in id... {
      let answer = await get(client, id, task)["result"] ?? .null
      if answer["status"] != "working" { return answer }
      await Task.yield()
    }
    return .null
  }

  @Test func `a call becomes a task, is asked for at once, and has its result in the end`() async {
    let client = client()
    let task = await begin(client, 1)
    #expect(task.object?.names == Self.keys)
    #expect(task["resultType"] == "task" && task["status"] == "working")
    #expect(task["statusMessage"] == "one works")
    #expect(task["createdAt"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    #expect((task["ttlMs"]?.int ?? 0) >= 3_600_000 && task["pollIntervalMs"]?.int == 2000)
    let first = await get(client, 2, task)["result"]
    #expect(first?["resultType"] == "complete" && first?["status"] == "working")
    work.end()
    let last = await end(client, 3, task)
    #expect(last["status"] == "completed" && last["statusMessage"] == nil)
    #expect(last["result"]?["resultType"] == "complete" && last["result"]?["isError"] == false)
    #expect(ElicitationTests.text(["result": last["result"] ?? .null]) == "one is done")
    #expect(await end(client, 1000, task) == last, "and it stays so")
  }

  @Test func `a failure of the tool is a completed task`() async {
    let client = client()
    let task = await begin(client, 1, #"{"fails":true}"#)
    work.end()
    let last = await end(client, 2, task)
    #expect(last["status"] == "completed" && last["result"]?["isError"] == true)
  }

  @Test func `two tasks at once have each its own end`() async {
    let client = client()
    let one = await begin(client, 1)
    let two = await begin(client, 2, #"{"name":"two"}"#)
    #expect(one["taskId"] != two["taskId"])
    work.end("two")
    #expect(ElicitationTests.text(["result": await end(client, 3, two)["result"] ?? .null]) == "two is done")
    #expect(await get(client, 900, one)["result"]?["status"] == "working")
    work.end("one")
    #expect(
      ElicitationTests.text(["result": await end(client, 901, one)["result"] ?? .null]) == "one is done")
  }

  @Test func `to cancel is acknowledged at once, any number of times, and the end stays the end`() async {
    let client = client()
    let task = await begin(client, 1)
    let acknowledged = await get(client, 2, task, "cancel")["result"]
    #expect(
      acknowledged?.object?.names == ["resultType", "_meta"] && acknowledged?["resultType"] == "complete")
    let last = await end(client, 3, task)
    #expect(last["status"] == "cancelled" && last["result"] == nil)
    #expect(await get(client, 1000, task, "cancel")["result"] != nil)
    #expect(await get(client, 1001, task)["result"]?["status"] == "cancelled")
  }

  @Test func `a completed task cannot be cancelled any more`() async {
    let client = client()
    let task = await begin(client, 1)
    work.end()
    let last = await end(client, 2, task)
    #expect(await get(client, 1000, task, "cancel")["error"] == nil)
    #expect(await get(client, 1001, task)["result"] == last)
  }

  @Test func `the end of the request is not the end of the task`() async {
    let client = client()
    let task = await begin(client, 1)
    client.cancel("1")
    #expect(await get(client, 2, task)["result"]?["status"] == "working")
    // Its id is free for another request.
    client.ask("1", "tools/call", #""name":"echo","arguments":{"text":"t"}"#)
    work.end()
    #expect(await end(client, 3, task)["status"] == "completed")
  }

  @Test func `progress ends where the task begins`() async {
    let client = client()
    let task = await begin(client, 1, meta: #","progressToken":"p""#)
    work.end()
    _ = await end(client, 2, task)
    #expect(!client.answers.contains { $0["method"] == "notifications/progress" })
  }

  @Test(arguments: ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
  func `nobody gets a task who does not know tasks in that request`(_ version: String) async {
    let client = client()
    let call = #""name":"work","task":{"ttl":60000}"#
    if version == "2026-07-28" {
      // Another request's word does not count, nor does one that is no object.
      client.ask("0", "tools/list", capabilities: Client.knowsTasks)
      client.ask(
        "1", "tools/call", call, capabilities: #"{"extensions":{"io.modelcontextprotocol/tasks":true}}"#)
    } else {
      client.initialize(version, capabilities: Client.knowsTasks)
      client.request("1", "tools/call", call)
    }
    #expect(work.taken.withLock { $0.isEmpty })
    work.end()
    let answer = await client.answer(to: 1)
    #expect(answer["result"]?["taskId"] == nil && answer["result"]?["content"] != nil)
    #expect(work.taken.withLock { $0.isEmpty })
  }

  @Test func `beyond the limit a call stays a call, until a known end makes room`() async {
    let client = client()
    var tasks: [JSONValue] = []
    for number in 0..<64 { tasks.append(await begin(client, number, #"{"name":"\#(number)"}"#)) }
    #expect(tasks.allSatisfy { $0["status"] == "working" })
    client.ask(
      "100", "tools/call", #""name":"work","arguments":{"name":"plain"}"#, capabilities: Client.knowsTasks)
    work.end("3")
    _ = await end(client, 200, tasks[3])
    #expect(await begin(client, 101, #"{"name":"more"}"#)["status"] == "working")
    #expect(await get(client, 5000, tasks[3])["error"]?["code"] == -32602)
    work.end("plain")
    #expect(await client.answer(to: 100)["result"]?["content"] != nil)
    #expect(work.taken.withLock { $0.filter { !$0 }.count } == 1)
  }

  @Test func `what is too old is unknown`() async {
    let client = client(taskLifetime: .milliseconds(30))
    let task = await begin(client, 1)
    work.end()
    for id in 2... {
      let answer = await get(client, id, task)
      if answer["error"] != nil {
        #expect(answer["error"]?["code"] == -32602)
        break
      }
      await Task.yield()
    }
  }

  @Test(arguments: ["get", "cancel", "update"])
  func `an unknown task is an error for who knows tasks, and tasks are one for who does not`(_ method: String)
    async
  {
    let client = client()
    let task = await begin(client, 1)
    for (number, id) in ["\"nope\"", "7", "null", "{}"].enumerated() {
      client.ask(
        "\(number + 10)", "tasks/\(method)", #""inputResponses":{},"taskId":\#(id)"#,
        capabilities: Client.knowsTasks)
      #expect(await client.answer(to: .int(number + 10))["error"]?["code"] == -32602)
    }
    client.ask("20", "tasks/\(method)", #""taskId":"\#(task["taskId"]?.string ?? "")""#)
    let error = await client.answer(to: 20)["error"]
    #expect(error?["code"] == -32021)
    #expect(
      error?["data"] == ["requiredCapabilities": ["extensions": ["io.modelcontextprotocol/tasks": [:]]]])
    work.end()
  }

  @Test func `answers to questions that no task asks are taken and change nothing`() async {
    let client = client()
    let task = await begin(client, 1)
    let name = task["taskId"]?.string ?? ""
    client.ask(
      "2", "tasks/update", #""taskId":"\#(name)","inputResponses":{"x":{"action":"accept"}}"#,
      capabilities: Client.knowsTasks)
    #expect(await client.answer(to: 2)["result"]?.object?.names == ["resultType", "_meta"])
    client.ask(
      "3", "tasks/update", #""taskId":"\#(name)","inputResponses":7"#, capabilities: Client.knowsTasks)
    #expect(await client.answer(to: 3)["error"]?["code"] == -32602)
    #expect(await get(client, 4, task)["result"]?["status"] == "working")
    work.end()
  }

  @Test func `a call cancelled before it could be a task is none`() async throws {
    let (stream, gate) = AsyncStream.makeStream(of: Void.self)
    let taken = Mutex<Bool?>(nil)
    let tool = Tool.test("late") { _, context in
      {
        for await _ in stream {}
        let isTaken = context.taskOffer?.take { "" }
        taken.withLock { $0 = isTaken }
        return CallToolResult(text: "")
      }
    }
    let client = Client(tools: [tool])
    client.ask("1", "tools/call", #""name":"late""#, capabilities: Client.knowsTasks)
    client.cancel("1")
    gate.finish()
    try await eventually("the offer to be refused") { taken.withLock { $0 } == false }
    #expect(client.answers.isEmpty)
  }

  @Test func `a task of a tool that asks gets no answer rather than none for ever`() async {
    let tool = Tool.test("asking") { _, context in
      {
        _ = context.taskOffer?.take { "" }
        let answer = await context.elicitor?.ask(form: "?", schema: JSONObject())
        return CallToolResult(text: "\(answer ?? .decline)")
      }
    }
    let client = Client(tools: [tool])
    client.ask(
      "1", "tools/call", #""name":"asking""#,
      capabilities: #"{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#)
    let task = await client.answer(to: 1)["result"]
    let last = await end(client, 2, task)
    #expect(ElicitationTests.text(["result": last["result"] ?? .null]) == "unavailable")
  }
}
