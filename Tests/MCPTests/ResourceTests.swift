import JSON
import MCP
import Synchronization
import TestSupport
import Testing

/// Resources, prompts and completion, as clients of each version see them.
@Suite(.timeLimit(.minutes(5)))
struct ResourceTests {
  private func client(_ version: String = "2025-11-25", names: [String] = ["a"]) -> Client {
    let client = Client(tools: [.echo], resources: .test(names: names), prompts: [.test("wave"), .test()])
    if version != "2026-07-28" { client.initialize(version) }
    return client
  }

  private func ask(_ client: Client, _ version: String, _ method: String, _ params: String = "") async
    -> JSONValue
  {
    if version == "2026-07-28" {
      client.ask("1", method, params)
    } else {
      client.request("1", method, params)
    }
    return await client.answer(to: 1)
  }

  // MARK: - Resources

  static let listed: [(version: String, names: [String], result: [String])] = [
    ("2024-11-05", ["uri", "name", "description", "mimeType"], ["resources"]),
    ("2025-03-26", ["uri", "name", "description", "mimeType"], ["resources"]),
    ("2025-06-18", ["uri", "name", "title", "description", "mimeType"], ["resources"]),
    ("2025-11-25", ["uri", "name", "title", "description", "mimeType"], ["resources"]),
    (
      "2026-07-28", ["uri", "name", "title", "description", "mimeType"],
      ["resources", "resultType", "ttlMs", "cacheScope", "_meta"]
    ),
  ]

  @Test(arguments: listed)
  func `the list has what its version knows`(_ version: String, _ names: [String], _ members: [String]) async
  {
    let result = await ask(client(version), version, "resources/list")["result"]
    #expect(result?.object?.names == members)
    #expect(result?["resources"]?.array?.first?.object?.names == names)
    let templates = await ask(client(version), version, "resources/templates/list")["result"]
    let first = templates?["resourceTemplates"]?.array?.first
    #expect(first?.object?.names == ["uriTemplate"] + names.dropFirst())
    #expect((templates?["cacheScope"] == "public") == (version == "2026-07-28"))
  }

  @Test(arguments: listed.map(\.version))
  func `what is read says where it is from and what it is`(_ version: String) async {
    let result = await ask(client(version), version, "resources/read", #""uri":"test:things/a""#)["result"]
    let item = result?["contents"]?.array?.first
    #expect(item?["uri"] == "test:things/a" && item?["mimeType"] == "text/plain")
    #expect(item?["text"] == "of test:things/a" && result?["contents"]?.array?.count == 1)
    #expect((item?["_meta"] != nil) == (version >= "2025-06-18"))
    #expect(result?["ttlMs"] == (version == "2026-07-28" ? 0 : nil))
    #expect(result?["cacheScope"] == (version == "2026-07-28" ? "private" : nil))
  }

  @Test(arguments: listed.map(\.version))
  func `what is not there is an error that names it`(_ version: String) async {
    for uri in ["test:nope", "", "file:///etc/passwd", "test:text?x", "TEST:text", "no address"] {
      let answer = await ask(client(version), version, "resources/read", #""uri":"\#(uri)""#)
      #expect(answer["error"]?["code"]?.int == (version == "2026-07-28" ? -32602 : -32002), "\(uri)")
      #expect(answer["error"]?["data"] == ["uri": .string(uri)] && answer["result"] == nil)
    }
  }

  @Test(arguments: listed.map(\.version))
  func `what cannot be read says why`(_ version: String) async {
    let answer = await ask(client(version), version, "resources/read", #""uri":"test:broken""#)
    #expect(answer["error"]?["code"] == -32603 && answer["error"]?["message"] == "It is broken. Mend it.")
  }

  @Test(arguments: ["resources/list", "resources/templates/list", "prompts/list", "tools/list"])
  func `a list has one page`(_ method: String) async {
    for cursor in ["\"\"", "\"2\"", "7", "null"] {
      #expect(await ask(client(), "2025-11-25", method, #""cursor":\#(cursor)"#)["error"]?["code"] == -32602)
    }
  }

  // MARK: - Prompts

  @Test(arguments: listed.map(\.version))
  func `prompts are listed by name, with their arguments`(_ version: String) async {
    let result = await ask(client(version), version, "prompts/list")["result"]
    let prompts = result?["prompts"]?.array ?? []
    #expect(prompts.map { $0["name"] } == ["greet", "wave"])
    let arguments = prompts.first?["arguments"]?.array
    #expect(
      arguments?.map { $0["name"] } == ["who", "how"] && arguments?.map { $0["required"] } == [true, false])
    let hasTitles = version >= "2025-06-18"
    #expect((prompts.first?["title"] != nil) == hasTitles && (arguments?.first?["title"] != nil) == hasTitles)
    #expect((result?["ttlMs"] != nil) == (version == "2026-07-28"))
  }

  @Test(arguments: [
    (#""arguments":{"who":"ann"}"#, "who=ann"),
    (#""arguments":{"who":"ann","how":"loudly"}"#, "how=loudly who=ann"),
    (#""arguments":{"who":"a","how":"","more":7}"#, "how= who=a"),
  ])
  func `a prompt is made of its arguments`(_ arguments: String, _ text: String) async {
    let result = await ask(client(), "2025-11-25", "prompts/get", #""name":"greet",\#(arguments)"#)["result"]
    #expect(result?.object?.names == ["description", "messages"] && result?["description"] == "A greeting.")
    #expect(result?["messages"] == [["role": "user", "content": ["type": "text", "text": .string(text)]]])
  }

  @Test(arguments: [
    (#""name":"greet""#, "who"), (#""name":"greet","arguments":{}"#, "who"),
    (#""name":"greet","arguments":{"who":""}"#, "who"), (#""name":"greet","arguments":{"who":7}"#, "who"),
    (#""name":"greet","arguments":{"who":null}"#, "who"),
    (#""name":"greet","arguments":{"who":"x","how":["y"]}"#, "how"),
    (#""name":"greet","arguments":[]"#, "arguments"), (#""name":"nope","arguments":{"who":"x"}"#, "nope"),
    (#""name":"Greet","arguments":{"who":"x"}"#, "Greet"), (#""name":7"#, "name"), ("", "name"),
  ])
  func `a prompt without what it needs is an error that names it`(_ params: String, _ name: String) async {
    let error = await ask(client(), "2025-11-25", "prompts/get", params)["error"]
    #expect(error?["code"] == -32602 && error?["message"]?.string?.contains(name) == true, "\(params)")
  }

  @Test(arguments: ["2025-11-25", "2026-07-28"])
  func `a prompt is cancelled while its text is made, and never answered`(_ version: String) async {
    let (stream, told) = AsyncStream.makeStream(of: Bool.self)
    let (begun, begins) = AsyncStream.makeStream(of: Void.self)
    let prompt = Prompt.test { _ in
      begins.finish()
      try? await Task.sleep(for: .seconds(60))
      told.yield(Task.isCancelled)
      told.finish()
      return "late"
    }
    let client = Client(prompts: [prompt, .test("quick")])
    if version != "2026-07-28" { client.initialize(version) }
    let params = #""name":"greet","arguments":{"who":"x"}"#
    if version == "2026-07-28" {
      client.ask("1", "prompts/get", params)
    } else {
      client.request("1", "prompts/get", params)
    }
    for await _ in begun {}
    // The id is in use, and others are served meanwhile.
    let quick = #""name":"quick","arguments":{"who":"x"}"#
    #expect(await ask(client, version, "prompts/get", quick)["error"]?["code"] == -32600)
    client.ask("2", "prompts/get", quick)
    #expect(await client.answer(to: 2)["result"] != nil)
    client.cancel("1")
    for await isCancelled in stream { #expect(isCancelled) }
    client.ask("1", "prompts/get", quick)
    let answers = await client.answers(3)
    #expect(answers.count == 3 && answers.last?["id"] == 1 && answers.last?["result"] != nil)
  }

  @Test func `a read is cancelled like a call, and ends with the connection`() async {
    let (stream, told) = AsyncStream.makeStream(of: Bool.self)
    var catalog = ResourceCatalog.test()
    catalog.read = { _ async throws(ResourceFailure) in
      try? await Task.sleep(for: .seconds(60))
      told.yield(Task.isCancelled)
      return nil
    }
    let client = Client(resources: catalog)
    client.ask("1", "resources/read", #""uri":"test:text""#)
    client.ask("\"1\"", "resources/read", #""uri":"test:text""#)
    client.cancel("1")
    var ends = stream.makeAsyncIterator()
    #expect(await ends.next() == true)
    await client.end()
    #expect(await ends.next() == true)
    #expect(client.answers.isEmpty)
  }

  // MARK: - Completion

  private func complete(_ client: Client, _ reference: String, _ name: String, _ value: String) async
    -> JSONValue
  {
    await ask(
      client, "2025-11-25", "completion/complete",
      #""ref":\#(reference),"argument":{"name":"\#(name)","value":"\#(value)"}"#)
  }

  private let greet = #"{"type":"ref/prompt","name":"greet"}"#
  private let thing = #"{"type":"ref/resource","uri":"test:things/{name}"}"#

  @Test(arguments: [
    ("", ["ann", "anna", "bob"]), ("a", ["ann", "anna"]), ("ann", ["ann", "anna"]), ("anna", ["anna"]),
    ("A", []), ("nn", []), ("bobb", []),
  ])
  func `what begins so is offered`(_ value: String, _ expected: [String]) async {
    let result = await complete(client(), greet, "who", value)["result"]
    #expect(result?.object?.names == ["completion"])
    #expect(
      result?["completion"] == [
        "values": .array(expected.map { .string($0) }), "total": .int(expected.count), "hasMore": false,
      ])
  }

  @Test(arguments: [(99, false), (100, false), (101, true), (5000, true)])
  func `a hundred are shown at most, and the number of all is told`(_ count: Int, _ hasMore: Bool) async {
    let client = client(names: (0..<count).map { "n\($0)" })
    let completion = await complete(client, thing, "name", "n")["result"]?["completion"]
    #expect(completion?["values"]?.array?.count == min(count, 100))
    #expect(completion?["total"] == .int(count) && completion?["hasMore"] == .bool(hasMore))
  }

  @Test func `an argument whose values are not known has none`() async {
    #expect(await complete(client(), greet, "how", "")["result"]?["completion"]?["values"] == [])
  }

  @Test(arguments: [
    #""ref":{"type":"ref/prompt","name":"nope"},"argument":{"name":"who","value":""}"#,
    #""ref":{"type":"ref/prompt"},"argument":{"name":"who","value":""}"#,
    #""ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"nope","value":""}"#,
    #""ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who"}"#,
    #""ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":7}"#,
    #""ref":{"type":"ref/prompt","name":"greet"}"#,
    #""ref":{"type":"ref/resource","uri":"test:nope/{name}"},"argument":{"name":"name","value":""}"#,
    #""ref":{"type":"ref/resource","uri":"test:things/a"},"argument":{"name":"name","value":""}"#,
    #""ref":{"type":"ref/tool","name":"echo"},"argument":{"name":"text","value":""}"#,
    #""ref":"greet","argument":{"name":"who","value":""}"#, #""argument":{"name":"who","value":""}"#, "",
  ])
  func `a reference to nothing is an error`(_ params: String) async {
    #expect(await ask(client(), "2025-11-25", "completion/complete", params)["error"]?["code"] == -32602)
  }
}
