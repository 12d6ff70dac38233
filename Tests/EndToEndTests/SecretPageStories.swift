import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A secret that ssh asks for and nobody has stored is entered on a page, never in a form of the client's.
  @Suite(.withServer) struct SecretPageStories {
    static let url: JSONValue = ["elicitation": ["url": [:]]]

    @Test(
      .enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"),
      arguments: [ServerUnderTest.Era.current, .stateless])
    func `a password that is not stored is entered on a page`(era: ServerUnderTest.Era) async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          try await ServerUnderTest.with(sshd, era: era, capabilities: Self.url) { server in
            try await server.add(
              sshd, as: "h", [("username", .string(account.name)), ("keyPath", .null)])
            try await Secrets.expectUnexposed(account.canary, by: server) {
              try await Self.logIn(server, era, password: account.password)
            }
            #expect(try await server.exec("id -un").text == account.name)
            #expect(try await server.exec("env; set").text.contains(account.canary) == false)
            #expect(!server.process.record.current.text.contains(account.canary))
            #expect(!server.process.record.current.errorText.contains(account.canary))
          }
        }
      }
    }

    /// Starts session "s" as the person and the client of the test.
    private static func logIn(
      _ server: ServerUnderTest, _ era: ServerUnderTest.Era, password: String
    ) async throws {
      let call = server.begin("tools/call", PersonStories.start("h"))
      let first = era == .stateless ? try await server.answer(to: call) : try await server.question()
      let requests = first["result"]?["inputRequests"]?.object
      let key = requests?.names.first ?? ""
      let params = era == .stateless ? requests?[key]?["params"] : first["params"]
      #expect(params?["mode"] == "url", "\(first)")
      let page = params?["url"]?.string ?? ""
      let form = await HTTPRequest.get(page) ?? ""
      #expect(form.contains("Password") && form.contains("@127.0.0.1"), "\(form)")
      let accept: JSONValue = ["action": "accept"]
      if era != .stateless {
        server.send(["jsonrpc": "2.0", "id": first["id"] ?? .null, "result": accept])
      }
      #expect(await HTTPRequest.post(page, secret: password)?.contains("200 OK") == true)
      if era == .stateless {
        let answer = try await server.request(
          "tools/call",
          PersonStories.start(
            "h",
            [
              ("requestState", first["result"]?["requestState"] ?? .null),
              ("inputResponses", .object(JSONObject([(key, accept)]))),
            ]))
        #expect(try ToolResult(answer).text == "s", "\(answer)")
      } else {
        #expect(try ToolResult(try await server.answer(to: call)).text == "s")
        #expect(server.messages.contains { $0["method"] == "notifications/elicitation/complete" })
      }
      #expect(await HTTPRequest.get(page) == nil, "the page is gone")
    }

    @Test(arguments: ["decline", "cancel"])
    func `a passphrase that nobody wants to enter is missing as ever`(action: String) async throws {
      try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
        try await ServerUnderTest.with(sshd, capabilities: Self.url) { server in
          try await server.add(sshd)
          let call = server.begin("tools/call", PersonStories.start("loop"))
          let question = try await server.question()
          server.send([
            "jsonrpc": "2.0", "id": question["id"] ?? .null, "result": ["action": .string(action)],
          ])
          let result = try ToolResult(try await server.answer(to: call))
          #expect(result.isError && result.text.contains("SSH_MCP_KEY_PASSPHRASE"), "\(result)")
          #expect(await HTTPRequest.get(question["params"]?["url"]?.string ?? "") == nil)
        }
      }
    }

    @Test(arguments: [("right", false), ("wrong", true)])
    func `a passphrase is entered on a page`(passphrase: String, isWrong: Bool) async throws {
      try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
        try await ServerUnderTest.with(sshd, capabilities: Self.url) { server in
          try await server.add(sshd)
          let call = server.begin("tools/call", PersonStories.start("loop"))
          let page = try await server.question()["params"]?["url"]?.string ?? ""
          #expect(await HTTPRequest.get(page)?.contains("Passphrase of the key") == true)
          _ = await HTTPRequest.post(page, secret: passphrase)
          let result = try ToolResult(try await server.answer(to: call))
          let refusal = "The passphrase of \(sshd.keyPath) is wrong; it was tried once."
          #expect(isWrong ? result.isError("passphrase_wrong", refusal) : result.text == "s", "\(result)")
        }
      }
    }

    @Test func `a client that has only forms is never asked for a secret`() async throws {
      try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
        try await ServerUnderTest.with(sshd, capabilities: PersonStories.form) { server in
          try await server.add(sshd)
          let result = try await server.call("start-session", ["host_id": "loop"])
          #expect(result.isError && result.text.contains("SSH_MCP_KEY_PASSPHRASE"), "\(result)")
          #expect(!server.messages.contains { $0["method"] == "elicitation/create" })
        }
      }
    }
  }
}
