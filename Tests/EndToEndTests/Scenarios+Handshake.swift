import Foundation
import JSON
import TestSupport

/// What clients that begin with `initialize` rely on.
extension Scenario {
  static let handshake: [Scenario] = [
    Scenario(
      "server-initialize",
      "Each of the four versions is agreed to, any other is answered with 2025-11-25, never with an error"
    ) { scene in
      let known = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
      for version in known + ["2026-07-28", "1999-01-01", "x"] {
        let home = try TemporaryDirectory()
        let server = try ServerUnderTest(home: home, era: .initialize(version))
        let result = try await server.shakeHands()?["result"]
        server.process.closeInput()
        try await server.process.end()
        let agreed = known.contains(version) ? version : "2025-11-25"
        try demand(result?["protocolVersion"]?.string == agreed, "\(version) was answered otherwise")
        try demand(result?["serverInfo"]?["name"] == "ssh-mcp-sessions", "no name of the server")
        try demand(result?["serverInfo"]?["version"]?.string?.isEmpty == false, "no version of the server")
        try demand(result?["capabilities"]?["tools"]?.object != nil, "no capability tools")
        try demand(result?["capabilities"]?["extensions"] == nil, "an extension in a handshake")
        try demand((result?["instructions"]?.string?.utf8.count ?? 9999) < 2048, "too many instructions")
      }
    },
    Scenario("ping", "It is answered with exactly `{}`, also before `initialize`") { scene in
      try await scene.shaken { server in
        try demand(try await server.request("ping")["result"] == [:], "not {}")
      }
      try await scene.stateless { server in
        let answer = try await server.raw(#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#)
        try demand(answer["result"] == [:], "not {} before initialize")
      }
    },
    Scenario(
      "tools-list",
      "Every tool has a name, a description and a schema of an object; the list is always the same"
    ) {
      scene in
      try await scene.both { server in
        let first = try await server.request("tools/list")["result"]
        let tools = first?["tools"]?.array ?? []
        try demand(tools.count == 11, "\(tools.count) tools")
        for tool in tools {
          let name = tool["name"]?.string ?? "?"
          try demand(tool["description"]?.string?.isEmpty == false, "\(name) has no description")
          try demand(tool["inputSchema"]?["type"] == "object", "\(name) takes no object")
        }
        let names = tools.compactMap { $0["name"]?.string }
        try demand(names == names.sorted(), "the order is not by name")
        try demand(try await server.request("tools/list")["result"] == first, "the list has changed")
        try demand(try await server.code("tools/list", [("cursor", "x")]) == -32602, "a cursor was taken")
      }
    },
    Scenario("tools-name-format", "Names are unique, 1 to 64 characters of `A-Z a-z 0-9 _ - .`") { scene in
      try await scene.shaken { server in
        let tools = try await server.request("tools/list")["result"]?["tools"]?.array ?? []
        let names = tools.compactMap { $0["name"]?.string }
        try demand(!names.isEmpty && Set(names).count == names.count, "not unique")
        for name in names {
          try demand(name.wholeMatch(of: /[A-Za-z0-9_.\-]{1,64}/) != nil, "\(name)")
        }
      }
    },
    Scenario("tools-call-simple-text", "The output of a command is one block of text, and no error") {
      scene in
      try await scene.both { server in
        try await server.open("bash")
        let result = try await server.exec("echo simple").value
        try demand(result["content"] == [["type": "text", "text": "simple"]], "other content")
        try demand(result["isError"] == false, "an error")
        try await server.close()
      }
    },
    Scenario(
      "tools-call-error", "A failed command is a result with `isError`; an unknown tool is the error -32602"
    ) { scene in
      try await scene.both { server in
        try await server.open("bash")
        let failed = try await server.exec("echo why; exit_code() { return 3; }; exit_code")
        try demand(failed.isError && failed.text == "Error (code 3):\nwhy", failed.text)
        let missing = try await server.call("exec", ["session_id": "none", "command": "true"])
        try demand(missing.isError && missing.text.contains("does not exist"), missing.text)
        let code = try await server.code("tools/call", [("name", "no-such-tool")])
        try demand(code == -32602, "an unknown tool gives \(code ?? 0)")
      }
    },
    Scenario(
      "tools-call-with-progress",
      "Progress comes with the token as it was given, only growing, and none behind the answer"
    ) { scene in
      for token in ["p-1", 7] as [JSONValue] {
        try await scene.shaken { server in
          try await server.open("bash")
          let call = server.begin(
            "tools/call",
            [
              ("name", "exec"), ("_meta", ["progressToken": token]),
              (
                "arguments",
                ["session_id": "s", "command": "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.3; done"]
              ),
            ])
          _ = try await server.answer(to: call)
          _ = try await server.exec("true")
          let messages = server.messages
          let end = messages.firstIndex { $0["id"] == .int(call) } ?? 0
          let all = messages.indices.filter { messages[$0]["method"] == "notifications/progress" }
          try demand(all.count >= 2 && all.allSatisfy { $0 < end }, "\(all.count) reports")
          let params = all.compactMap { messages[$0]["params"] }
          try demand(params.allSatisfy { $0["progressToken"] == token }, "another token")
          let values = params.compactMap { $0["progress"]?.double }
          try demand(zip(values, values.dropFirst()).allSatisfy { $0 < $1 }, "\(values)")
        }
      }
    },
    Scenario(
      "tools-call-elicitation", "A question is asked in the midst of a call, by a form, and its answer counts"
    ) { scene in
      for (action, isError) in [("accept", false), ("decline", true), ("cancel", true)] {
        try await LoopbackSSHD.with { sshd in
          try sshd.forgetHostKeys()
          try await Scene(sshd: sshd).shaken("2025-11-25", EndToEnd.PersonStories.form) { server in
            let call = server.begin("tools/call", EndToEnd.PersonStories.start("bash"))
            let question = try await server.question()
            let schema = question["params"]?["requestedSchema"]
            try demand(question["params"]?["mode"] == "form" && schema?["type"] == "object", "no form")
            let answer: JSONValue =
              action == "accept" ? EndToEnd.PersonStories.accepts(true) : ["action": .string(action)]
            server.send(["jsonrpc": "2.0", "id": question["id"] ?? .null, "result": answer])
            let result = try ToolResult(try await server.answer(to: call))
            try demand(result.isError == isError, "\(action): \(result)")
          }
        }
      }
    },
    Scenario("resources-list", "Hosts and sessions are listed, each with address, name and media type") {
      scene in
      try await scene.both { server in
        let list = try await server.request("resources/list")["result"]?["resources"]?.array ?? []
        try demand(list.map { $0["uri"] } == ["ssh-mcp://hosts", "ssh-mcp://sessions"], "\(list)")
        try demand(list.allSatisfy { $0["name"]?.string != nil && $0["mimeType"] == "text/plain" }, "\(list)")
      }
    },
    Scenario("resources-read-text", "Each resource of the list is read as text, under its own address") {
      scene in
      try await scene.both { server in
        try await server.open("bash")
        for uri in ["ssh-mcp://hosts", "ssh-mcp://sessions"] {
          let result = try await server.request("resources/read", [("uri", .string(uri))])["result"]
          let item = result?["contents"]?.array?.first
          try demand(item?["uri"] == .string(uri) && item?["mimeType"] == "text/plain", "\(uri): other facts")
          let tool = uri.hasSuffix("hosts") ? "list-hosts" : "list-sessions"
          let told = item?["text"]?.string ?? ""
          let words = try await server.call(tool).text.split(separator: " ").prefix(2)
          try demand(!told.isEmpty && told.hasPrefix(words.joined(separator: " ")), "\(uri): \(told)")
        }
        try await server.close()
      }
    },
    Scenario(
      "resources-templates-read", "The template of transcripts is listed, and one of its addresses is read"
    ) {
      scene in
      try await scene.both { server in
        let templates = try await server.request("resources/templates/list")["result"]?["resourceTemplates"]
        let template = templates?.array?.first?["uriTemplate"]?.string ?? ""
        try demand(template.hasPrefix("ssh-mcp://sessions/{session}/transcript"), template)
        try await server.open("bash", "a b/ü")
        _ = try await server.exec("echo simple", in: "a b/ü")
        let uri = "ssh-mcp://sessions/a%20b%2F%C3%BC/transcript"
        let result = try await server.request("resources/read", [("uri", .string(uri))])["result"]
        let item = result?["contents"]?.array?.first
        try demand(item?["uri"] == .string(uri), "another address")
        try demand(item?["text"] == "$ echo simple\nsimple\n", "\(item ?? .null)")
      }
    },
    Scenario("resources-subscribe", "It is answered with `{}`, and changes are told from then on") { scene in
      try await scene.shaken { server in
        let uri: JSONValue = "ssh-mcp://hosts"
        try demand(try await server.request("resources/subscribe", [("uri", uri)])["result"] == [:], "not {}")
        try await server.add(scene.sshd, as: "new")
        let told = try await server.message("an update") { $0["method"] == "notifications/resources/updated" }
        try demand(told["params"] == ["uri": uri], "\(told)")
      }
    },
    Scenario("resources-unsubscribe", "It is answered with `{}`, and nothing is told any more") { scene in
      try await scene.shaken { server in
        let uri: JSONValue = "ssh-mcp://hosts"
        _ = try await server.request("resources/subscribe", [("uri", uri)])
        try demand(
          try await server.request("resources/unsubscribe", [("uri", uri)])["result"] == [:], "not {}")
        try await server.add(scene.sshd, as: "new")
        _ = try await server.request("ping")
        try demand(!server.messages.contains { $0["method"] != nil }, "told all the same")
      }
    },
    Scenario(
      "sep-2164-resource-not-found",
      "What is not there is an error that names the address, -32002 or without a handshake -32602, and no empty list"
    ) { scene in
      for uri in ["ssh-mcp://nope", "ssh-mcp://sessions/none/transcript", "file:///etc/passwd"] {
        try await scene.both { server in
          let answer = try await server.request("resources/read", [("uri", .string(uri))])
          try demand([-32002, -32602].contains(answer["error"]?["code"]?.int), "\(answer)")
          try demand(answer["error"]?["data"]?["uri"] == .string(uri), "the address is not named")
          try demand(answer["result"] == nil, "a result")
        }
      }
      let read = [("uri", JSONValue.string("ssh-mcp://nope"))]
      try await scene.shaken { try demand(try await $0.code("resources/read", read) == -32002, "not -32002") }
      try await scene.stateless {
        try demand(try await $0.code("resources/read", read) == -32602, "not -32602")
      }
    },
    Scenario("completion-complete", "The names of hosts and sessions are completed, 100 at most") { scene in
      try await scene.both { server in
        try await server.open("bash", "quay-1")
        for (reference, name, value, expected) in [
          (["type": "ref/prompt", "name": "check-host"], "host_id", "ba", "bash"),
          (
            [
              "type": "ref/resource", "uri": "ssh-mcp://sessions/{session}/transcript{?offset,limit}",
            ], "session", "qu", "quay-1"
          ),
        ] as [(JSONValue, JSONValue, JSONValue, JSONValue)] {
          let result = try await server.request(
            "completion/complete", [("ref", reference), ("argument", ["name": name, "value": value])])[
              "result"]
          try demand(
            result?["completion"] == ["values": [expected], "total": 1, "hasMore": false],
            "\(result ?? .null)")
        }
        try await server.close("quay-1")
      }
    },
    Scenario("prompts-list", "Every prompt has a name, a description and its arguments") { scene in
      try await scene.both { server in
        let prompts = try await server.request("prompts/list")["result"]?["prompts"]?.array ?? []
        try demand(prompts.map { $0["name"] } == ["check-host", "explain-login"], "\(prompts)")
        for prompt in prompts {
          try demand(prompt["description"]?.string?.isEmpty == false, "no description")
          let argument = prompt["arguments"]?.array?.first
          try demand(argument?["name"] == "host_id" && argument?["required"] == true, "\(prompt)")
        }
      }
    },
    Scenario("prompts-get-with-args", "The argument stands in the message; a missing one is the error -32602")
    { scene in
      try await scene.both { server in
        let get = [("name", JSONValue.string("check-host"))]
        let result = try await server.request("prompts/get", get + [("arguments", ["host_id": "web 1"])])[
          "result"]
        let message = result?["messages"]?.array?.first
        try demand(message?["role"] == "user" && message?["content"]?["type"] == "text", "no text")
        try demand(message?["content"]?["text"]?.string?.contains("'web 1'") == true, "no argument")
        try demand(try await server.code("prompts/get", get) == -32602, "no argument is needed")
        try demand(try await server.code("prompts/get", [("name", "none")]) == -32602, "an unknown one")
      }
    },
    Scenario(
      "json-schema-2020-12",
      "Schemas reach the client whole: additionalProperties, ranges, defaults and arrays, and no dialect but the default"
    ) { scene in
      try await scene.both { server in
        let tools = try await server.request("tools/list")["result"]?["tools"]?.array ?? []
        let schemas = Dictionary(
          uniqueKeysWithValues: tools.map { ($0["name"]?.string ?? "", $0["inputSchema"]) })
        for (name, schema) in schemas {
          try demand(schema?["additionalProperties"] == false, "\(name) takes anything")
          try demand(schema?["$schema"] == nil && schema?["$ref"] == nil, "\(name) has a dialect")
        }
        let wait = schemas["exec"]??["properties"]?["wait_seconds"]
        try demand(
          wait?["minimum"] == 0 && wait?["maximum"] == 45 && wait?["default"] == 45, "\(wait ?? .null)")
        let keys = schemas["send-input"]??["properties"]?["keys"]
        try demand(keys?["type"] == "array" && keys?["items"]?["type"] == "string", "\(keys ?? .null)")
      }
    },
  ]
}

extension ServerUnderTest {
  /// Closes a session.
  func close(_ session: String = "s") async throws {
    _ = try await call("close-session", ["sessionId": .string(session)])
  }
}
