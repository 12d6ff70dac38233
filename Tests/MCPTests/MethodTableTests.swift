import JSON
import MCP
import Testing

/// What is answered to every message in every version of the protocol: one table, read by a person.
@Suite(.timeLimit(.minutes(5)))
struct MethodTableTests {
  static let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]

  /// A message and, for each version, what comes back: `ok` (a result), `ack` (the notification with which a
  /// subscription begins), a code of an error, or `-` (nothing at all).
  struct Row: Sendable, CustomTestStringConvertible {
    let method: String
    let params: String
    let answers: [String]

    init(_ method: String, _ params: String, _ answers: String) {
      self.method = method
      self.params = params
      self.answers = answers.split(separator: " ").map(String.init)
    }

    var testDescription: String { method }
  }

  static let requests: [Row] = [
    // The one message that is of its own era, whatever stands in `_meta`.
    Row("initialize", #""protocolVersion":"2025-06-18""#, "ok     ok     ok     ok     ok"),
    Row("initialize", "", "                               -32602 -32602 -32602 -32602 -32601"),
    Row("server/discover", "", "                          -32601 -32601 -32601 -32601 ok"),
    Row("ping", "", "                                     ok     ok     ok     ok     -32601"),
    Row("tools/list", "", "                               ok     ok     ok     ok     ok"),
    Row("tools/list", #""cursor":"""#, "                  -32602 -32602 -32602 -32602 -32602"),
    Row("tools/call", #""name":"echo""#, "                ok     ok     ok     ok     ok"),
    Row("tools/call", #""name":"nope""#, "                -32602 -32602 -32602 -32602 -32602"),
    Row("resources/list", "", "                           ok     ok     ok     ok     ok"),
    Row("resources/templates/list", "", "                 ok     ok     ok     ok     ok"),
    Row("resources/read", #""uri":"test:text""#, "        ok     ok     ok     ok     ok"),
    Row("resources/read", #""uri":"test:nope""#, "        -32002 -32002 -32002 -32002 -32602"),
    Row("resources/subscribe", #""uri":"test:text""#, "   ok     ok     ok     ok     -32601"),
    Row("resources/subscribe", #""uri":"test:nope""#, "   -32002 -32002 -32002 -32002 -32601"),
    Row("resources/unsubscribe", #""uri":"test:text""#, " ok     ok     ok     ok     -32601"),
    Row("subscriptions/listen", #""notifications":{}"#, " -32601 -32601 -32601 -32601 ack"),
    Row("prompts/list", "", "                             ok     ok     ok     ok     ok"),
    Row("prompts/get", #""name":"greet","arguments":{"who":"x"}"#, "ok ok ok ok ok"),
    Row("prompts/get", #""name":"nope""#, "               -32602 -32602 -32602 -32602 -32602"),
    Row(
      "completion/complete",
      #""ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":""}"#, "ok ok ok ok ok"),
    Row("logging/setLevel", #""level":"info""#, "         -32601 -32601 -32601 -32601 -32601"),
    Row("tasks/get", #""taskId":"x""#, "                  -32601 -32601 -32601 -32601 -32021"),
    Row("tasks/cancel", #""taskId":"x""#, "               -32601 -32601 -32601 -32601 -32021"),
    Row("tasks/update", #""taskId":"x","inputResponses":{}"#, "-32601 -32601 -32601 -32601 -32021"),
    Row("tasks/list", "", "                               -32601 -32601 -32601 -32601 -32601"),
    Row("tasks/result", #""taskId":"x""#, "               -32601 -32601 -32601 -32601 -32601"),
    // The server's own requests, sent the wrong way.
    Row("elicitation/create", "", "                       -32601 -32601 -32601 -32601 -32601"),
    Row("sampling/createMessage", "", "                   -32601 -32601 -32601 -32601 -32601"),
    Row("roots/list", "", "                               -32601 -32601 -32601 -32601 -32601"),
    Row("no/such/method", "", "                           -32601 -32601 -32601 -32601 -32601"),
    // Notifications sent as requests are no methods.
    Row("notifications/cancelled", #""requestId":1"#, "   -32601 -32601 -32601 -32601 -32601"),
  ]

  /// A client that knows tasks: the handshake does not make them known.
  static let withTasks: [Row] = [
    Row("tasks/get", #""taskId":"x""#, "                  -32601 -32601 -32601 -32601 -32602"),
    Row("tasks/cancel", #""taskId":"x""#, "               -32601 -32601 -32601 -32601 -32602"),
    Row("tasks/update", #""taskId":"x","inputResponses":{}"#, "-32601 -32601 -32601 -32601 -32602"),
    Row("tasks/list", "", "                               -32601 -32601 -32601 -32601 -32601"),
    Row("tasks/result", #""taskId":"x""#, "               -32601 -32601 -32601 -32601 -32601"),
  ]

  /// A server with tools alone.
  static let toolsAlone: [Row] = [
    Row("resources/list", "", "                           -32601 -32601 -32601 -32601 -32601"),
    Row("resources/templates/list", "", "                 -32601 -32601 -32601 -32601 -32601"),
    Row("resources/read", #""uri":"test:text""#, "        -32601 -32601 -32601 -32601 -32601"),
    Row("resources/subscribe", #""uri":"test:text""#, "   -32601 -32601 -32601 -32601 -32601"),
    Row("resources/unsubscribe", #""uri":"test:text""#, " -32601 -32601 -32601 -32601 -32601"),
    Row("prompts/list", "", "                             -32601 -32601 -32601 -32601 -32601"),
    Row("prompts/get", #""name":"greet""#, "              -32601 -32601 -32601 -32601 -32601"),
    Row("completion/complete", "", "                      -32601 -32601 -32601 -32601 -32601"),
  ]

  static let notifications = [
    "notifications/initialized", "notifications/cancelled", "notifications/progress",
    "notifications/roots/list_changed", "notifications/tasks", "no/such/notification", "tools/list", "ping",
  ]

  private func outcome(_ client: Client) async -> String {
    // What takes its time is answered before a call that begins behind it has been answered, or not at all.
    guard let answer = await client.answers(1).first else { return "-" }
    if let code = answer["error"]?["code"]?.int { return "\(code)" }
    if answer["method"] == "notifications/subscriptions/acknowledged" { return "ack" }
    return answer["result"] == nil ? "neither result nor error" : "ok"
  }

  private func check(_ row: Row, capabilities: String = "{}", _ client: () -> Client) async {
    #expect(row.answers.count == Self.versions.count)
    for (version, expected) in zip(Self.versions, row.answers) {
      let client = client()
      if version == "2026-07-28" {
        client.ask("7", row.method, row.params, capabilities: capabilities)
      } else {
        client.initialize(version, capabilities: capabilities)
        client.request("7", row.method, row.params)
      }
      #expect(await outcome(client) == expected, "\(row.method) \(version)")
    }
  }

  @Test(arguments: requests)
  func `each request is answered as its version wants it`(_ row: Row) async {
    await check(row) { Client(tools: [.echo], resources: .test(), prompts: [.test()]) }
  }

  @Test(arguments: withTasks)
  func `tasks are known where request and version know them`(_ row: Row) async {
    await check(row, capabilities: Client.knowsTasks) { Client(tools: [.echo], resources: .test()) }
  }

  @Test(arguments: toolsAlone)
  func `what is not offered is no method`(_ row: Row) async {
    await check(row) { Client(tools: [.echo]) }
  }

  @Test(arguments: notifications)
  func `no notification is ever answered`(_ method: String) {
    for version in Self.versions {
      for params in ["{}", "[]", "7", "{\(Client.meta())}"] {
        let client = Client(tools: [.echo], resources: .test(), prompts: [.test()])
        if version != "2026-07-28" { client.initialize(version) }
        client.send(#"{"jsonrpc":"2.0","method":"\#(method)","params":\#(params)}"#)
        #expect(client.answers.isEmpty, "\(method) \(version) \(params)")
      }
    }
  }

  @Test(arguments: zip(versions, [-32600, nil, -32600, -32600, -32600]))
  func `a batch is a message of one version`(_ version: String, _ code: Int?) {
    let client = Client()
    if version != "2026-07-28" { client.initialize(version) }
    let ping = #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#
    client.send("[\(ping)]")
    #expect(client.answers.last?["error"]?["code"]?.int == code)
    #expect((client.answers.last?.array?.count == 1) == (code == nil))
  }

  @Test func `a batch has at least one message and at most 64, and a larger one is not begun`() async {
    let ping = { (id: Int) in #"{"jsonrpc":"2.0","id":\#(id),"method":"ping"}"# }
    let client = Client()
    client.initialize("2025-03-26")
    client.send("[\((0..<64).map(ping).joined(separator: ","))]")
    #expect(client.answers.last?.array?.count == 64)
    for (line, reason) in [
      ("[]", "Invalid request: a batch must not be empty"),
      (
        "[\((0..<65).map(ping).joined(separator: ","))]",
        "Invalid request: a batch has at most 64 messages, this one has 65; none of them was taken"
      ),
    ] {
      client.send(line)
      #expect(client.answers.last?["error"]?["code"] == -32600 && client.answers.last?["id"] == nil)
      #expect(client.answers.last?["error"]?["message"]?.string == reason)
    }
    #expect(client.answers.count == 3)
  }

  @Test func `a batch holds nothing of a version without batches, and no handshake`() async {
    let client = Client(tools: [.echo], resources: .test())
    client.initialize("2025-03-26")
    client.send(
      #"[{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},\#(Client.meta())}},"#
        + #"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25"}},"#
        + #"{"jsonrpc":"2.0","id":3,"method":"ping"}]"#)
    let answers = await client.answers(1).last?.array
    #expect(answers?.map { $0["error"]?["code"]?.int } == [-32600, -32600, nil])
    #expect(answers?.last?["id"] == 3)
  }

  @Test(arguments: versions)
  func `answers to questions that nobody asked are passed over`(_ version: String) {
    let client = Client()
    if version != "2026-07-28" { client.initialize(version) }
    client.send(#"{"jsonrpc":"2.0","id":"ask-1","result":{"action":"accept"}}"#)
    client.send(#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#)
    #expect(client.answers.isEmpty)
  }

  /// Two sides that answer errors with errors would talk for ever.
  @Test(arguments: versions, ["", #""id":null,"#, #""id":1.5,"#, #""id":[],"#])
  func `an error is never answered with an error`(_ version: String, _ id: String) {
    let client = Client()
    if version != "2026-07-28" { client.initialize(version) }
    client.send(#"{"jsonrpc":"2.0",\#(id)"error":{"code":-32700,"message":"Parse error"}}"#)
    client.send(#"{\#(id)"error":{"code":-32700,"message":"cut: \ud83d"}}"#)
    client.send(#"{"jsonrpc":"2.0",\#(id)"result":{}}"#)
    #expect(client.answers.isEmpty)
  }

  @Test(arguments: versions)
  func `what is declared is what is served`(_ version: String) async {
    let client = Client(tools: [.echo], resources: .test(), prompts: [.test()])
    let isStateless = version == "2026-07-28"
    if isStateless {
      client.ask("1", "server/discover")
    } else {
      client.request("1", "initialize", #""protocolVersion":"\#(version)""#)
    }
    let declared = await client.answers(1).last?["result"]?["capabilities"]?.object?.names ?? []
    let wanted =
      ["tools", "resources", "prompts"] + (version >= "2025-03-26" ? ["completions"] : [])
      + (isStateless ? ["extensions"] : [])
    #expect(declared == wanted)
  }
}
