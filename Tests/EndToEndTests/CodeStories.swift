import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// One-time codes by a real PAM: keyboard-interactive with a password first and a code after it.
  @Suite(
    .withServer,
    .enabled(
      if: TemporaryAccount.isAvailable && PAMService.unavailability == nil,
      "needs root, useradd and pam_oath (scripts/setup)"))
  struct CodeStories {
    /// The first code of the secret "12345678901234567890" (RFC 4226, appendix D).
    private static let code = "755224"

    /// An sshd that asks for the account's password and for a code, and the account.
    private func with(_ body: (LoopbackSSHD, TemporaryAccount) async throws -> Void) async throws {
      try await TemporaryAccount.with { account in
        let directory = try TemporaryDirectory()
        let secret = "12345678901234567890".utf8.map { String($0, radix: 16) }.joined()
        let users = try directory.write("users", "HOTP \(account.name) - \(secret)\n")
        let stack = [
          "auth required pam_unix.so nodelay", "auth required pam_oath.so usersfile=\(users) digits=6",
          "account required pam_permit.so", "session required pam_permit.so",
        ]
        try await PAMService.with(stack) { service in
          let lines = [
            "UsePAM yes", "KbdInteractiveAuthentication yes", "AuthenticationMethods keyboard-interactive",
          ]
          try await LoopbackSSHD.with(.init(configuration: lines, pam: service)) { sshd in
            try await body(sshd, account)
          }
        }
      }
    }

    /// Stores the account as host "h".
    private func add(
      _ account: TemporaryAccount, _ sshd: LoopbackSSHD, _ server: ServerUnderTest, password: String?
    ) async throws {
      let password = password.map(JSONValue.string) ?? .null
      try await server.add(
        sshd, as: "h", [("username", .string(account.name)), ("keyPath", .null), ("password", password)])
    }

    @Test func `a code is entered on a page, and the stored password answers before it`() async throws {
      try await with { sshd, account in
        try await ServerUnderTest.with(sshd, capabilities: SecretPageStories.url) { server in
          try await add(account, sshd, server, password: account.password)
          try await Secrets.expectUnexposed(Self.code, by: server) {
            let call = server.begin("tools/call", PersonStories.start("h"))
            let page = try await server.answerOnPage(1, with: Self.code)
            #expect(page.contains("One-time password (OATH) for `\(account.name)&#39;:"), "\(page)")
            #expect(page.contains("(\(account.name)@127.0.0.1)"), "\(page)")
            #expect(try await server.result(of: call).text == "s")
          }
          #expect(try await server.exec("id -un").text == account.name)
          let record = server.process.record.current
          #expect(!record.text.contains(Self.code) && !record.errorText.contains(Self.code))
        }
      }
    }

    @Test func `password and code are entered one after the other`() async throws {
      try await with { sshd, account in
        try await ServerUnderTest.with(sshd, capabilities: SecretPageStories.url) { server in
          try await add(account, sshd, server, password: nil)
          let call = server.begin("tools/call", PersonStories.start("h"))
          #expect(try await server.answerOnPage(1, with: account.password).contains("Password:"))
          #expect(try await server.answerOnPage(2, with: Self.code).contains("One-time password"))
          #expect(try await server.result(of: call).text == "s")
          #expect(try await server.exec("id -un").text == account.name)
        }
      }
    }

    @Test func `a wrong code is told, and that the password may be what was wrong`() async throws {
      try await with { sshd, account in
        try await ServerUnderTest.with(sshd, capabilities: SecretPageStories.url) { server in
          try await add(account, sshd, server, password: account.password)
          let call = server.begin("tools/call", PersonStories.start("h"))
          _ = try await server.answerOnPage(1, with: "000000")
          let result = try await server.result(of: call)
          let beginning =
            "127.0.0.1 did not accept the answer to 'One-time password (OATH) for `\(account.name)':', or the "
            + "password that went with it. It was given once"
          #expect(result.isError("answer_wrong", beginning), "\(result)")
          #expect(!result.text.contains("000000"), "\(result)")
        }
      }
    }

    @Test func `a code that nobody can be asked for ends the login with the way on`() async throws {
      try await with { sshd, account in
        // A client with forms only gets no secrets to ask for either.
        for capabilities in [[:], PersonStories.form] as [JSONValue] {
          try await ServerUnderTest.with(sshd, capabilities: capabilities) { server in
            try await add(account, sshd, server, password: account.password)
            let result = try await server.call("start-session", ["host_id": "h"])
            let beginning =
              "127.0.0.1 asks something that has no stored answer: 'One-time password (OATH) for "
              + "`\(account.name)':'. Only the user can answer: use an MCP client that opens pages"
            #expect(result.isError("question_unanswered", beginning), "\(result)")
            #expect(!server.messages.contains { $0["method"] == "elicitation/create" })
          }
        }
      }
    }
  }
}

extension ServerUnderTest {
  /// Answers a question for a secret as a person does, on its page.
  ///
  /// - Parameters:
  ///   - number: Which of the server's questions, from 1.
  ///   - secret: What is entered.
  /// - Returns: The page.
  /// - Throws: As `question`; `FixtureFailure` when the page does not take it.
  func answerOnPage(_ number: Int, with secret: String) async throws -> String {
    let question = try await question(number)
    let url = question["params"]?["url"]?.string ?? ""
    let page = await HTTPRequest.get(url) ?? ""
    send(["jsonrpc": "2.0", "id": question["id"] ?? .null, "result": ["action": "accept"]])
    guard await HTTPRequest.post(url, secret: secret)?.contains("200 OK") == true else {
      throw FixtureFailure("the page of \(question) does not take an answer: \(page)")
    }
    return page
  }
}
