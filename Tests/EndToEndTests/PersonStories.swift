import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What ssh asks and the record does not answer goes to the person at the client, where the client can ask.
  @Suite(.withServer) struct PersonStories {
    static let form: JSONValue = ["elicitation": ["form": [:]]]

    static func accepts(_ yes: Bool) -> JSONValue { ["action": "accept", "content": ["accept": .bool(yes)]] }

    static func start(_ host: String, _ more: [(String, JSONValue)] = []) -> [(String, JSONValue)] {
      [("name", "start-session"), ("arguments", ["host_id": .string(host), "sessionId": "s"])] + more
    }

    @Test(arguments: ["2025-06-18", "2025-11-25"])
    func `a person accepts an unknown host key by a form, once`(version: String) async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        let capabilities: JSONValue = version == "2025-06-18" ? ["elicitation": [:]] : Self.form
        try await ServerUnderTest.with(sshd, era: .initialize(version), capabilities: capabilities) {
          server in
          let call = server.begin("tools/call", Self.start("bash"))
          let question = try await server.question()
          let text = question["params"]?["message"]?.string ?? ""
          #expect(text.contains(fingerprint) && text.contains("ED25519"), "\(text)")
          #expect(question["params"]?["requestedSchema"]?["required"] == ["accept"])
          #expect((question["params"]?["mode"] == nil) == (version == "2025-06-18"))
          server.send(["jsonrpc": "2.0", "id": question["id"] ?? .null, "result": Self.accepts(true)])
          let result = try ToolResult(try await server.answer(to: call, within: .seconds(30)))
          #expect(result.text == "s", "\(result)")
          #expect(try await server.exec("echo hi").text == "hi")
        }
        #expect(sshd.directory.read("known_hosts")?.contains("ssh-ed25519") == true)
        try await ServerUnderTest.with(sshd, capabilities: Self.form) { server in
          try await server.open("bash")
          #expect(!server.messages.contains { $0["method"] == "elicitation/create" })
        }
      }
    }

    @Test(
      arguments: [
        ["action": "decline"], ["action": "cancel"], accepts(false), ["action": "accept", "content": [:]],
        ["action": "accept", "content": ["accept": "true"]], [:],
      ] as [JSONValue])
    func `without a clear yes the key is refused as ever`(answer: JSONValue) async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        try await ServerUnderTest.with(sshd, capabilities: Self.form) { server in
          let call = server.begin("tools/call", Self.start("bash"))
          let question = try await server.question()
          server.send(["jsonrpc": "2.0", "id": question["id"] ?? .null, "result": answer])
          let result = try ToolResult(try await server.answer(to: call))
          #expect(result.isError && result.text.contains("accept_host_key"), "\(result)")
        }
        #expect(sshd.directory.read("known_hosts") == "")
        #expect(sshd.loginCount == 0)
      }
    }

    @Test func `without a handshake the answer comes with the repeated call`() async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        try await ServerUnderTest.with(sshd, era: .stateless, capabilities: Self.form) { server in
          let asked = try await server.request("tools/call", Self.start("bash"))
          let result = asked["result"]
          #expect(result?["resultType"] == "input_required", "\(asked)")
          let requests = result?["inputRequests"]?.object
          let key = requests?.names.first ?? ""
          let text = requests?[key]?["params"]?["message"]?.string ?? ""
          #expect(text.contains(fingerprint))
          let back: [(String, JSONValue)] = [
            ("requestState", result?["requestState"] ?? .null),
            ("inputResponses", .object(JSONObject([(key, Self.accepts(true))]))),
          ]
          let answered = try await server.request(
            "tools/call", Self.start("bash", back), within: .seconds(30))
          #expect(try ToolResult(answered).text == "s", "\(answered)")
          let replayed = try await server.request("tools/call", Self.start("bash", back))
          #expect(replayed["error"]?["code"]?.int == -32602)
          #expect(try await server.exec("echo hi").text == "hi")
        }
        #expect(sshd.directory.read("known_hosts")?.contains("ssh-ed25519") == true)
        try await ServerUnderTest.with(sshd, era: .stateless, capabilities: Self.form) { server in
          _ = try await server.open("bash")
        }
      }
    }

    @Test func `a session that is being opened is told as that, and close-session cancels the opening`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        try await ServerUnderTest.with(sshd, capabilities: Self.form) { server in
          let call = server.begin("tools/call", Self.start("bash"))
          _ = try await server.question()
          let second = try await server.call("start-session", ["host_id": "bash", "sessionId": "s"])
          #expect(
            second.isError("session_exists", "Session 's' already exists: it is being opened."), "\(second)")
          let early = try await server.exec("true")
          #expect(
            early.isError("session_unknown", "Session 's' does not exist yet: it is being opened."),
            "\(early)")
          #expect(try await server.call("close-session", ["sessionId": "s"]).text == "Session 's' closed")
          let again = try await server.call("close-session", ["sessionId": "s"])
          #expect(again.isError("session_unknown", "Session 's' does not exist. No session"), "\(again)")
          let result = try ToolResult(try await server.answer(to: call))
          #expect(
            result.isError("cancelled", "Session 's' was closed while it was being opened; nothing was left"),
            "\(result)")
          let opened = try await server.call(
            "start-session",
            ["host_id": "bash", "sessionId": "s", "accept_host_key": .string(fingerprint)],
            within: .seconds(30))
          #expect(opened.text == "s", "\(opened)")
          #expect(try await server.exec("echo hi").text == "hi")
        }
      }
    }

    @Test func `a changed host key is never asked about`() async throws {
      try await LoopbackSSHD.with { sshd in
        let known = sshd.directory.read("known_hosts") ?? ""
        let other = try TemporaryDirectory()
        try await Fixture.makeKey("\(other.path)/k")
        let key = (other.read("k.pub") ?? "").split(separator: " ").dropFirst().first ?? ""
        let place = known.split(separator: " ").first ?? ""
        try sshd.directory.write("known_hosts", "\(place) ssh-ed25519 \(key)\n")
        try await ServerUnderTest.with(sshd, capabilities: Self.form) { server in
          let result = try await server.call("start-session", ["host_id": "bash"])
          #expect(result.isError && result.text.contains("changed"), "\(result)")
          #expect(!server.messages.contains { $0["method"] == "elicitation/create" })
        }
      }
    }
  }
}
