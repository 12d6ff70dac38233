import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A stored password answers sudo, and nobody gets to see it.
  @Suite(
    .withServer,
    .enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"))
  struct SudoStories {
    private func withSudoer(
      _ environment: [String: String] = [:],
      _ body: @Sendable (ServerUnderTest, TemporaryAccount) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          let rule = "/etc/sudoers.d/\(account.name)"
          // sudo reads a rule only with this mode; a name with a dot or a tilde would be passed over.
          let isWritten = FileManager.default.createFile(
            atPath: rule, contents: Data("\(account.name) ALL=(ALL) ALL\n".utf8),
            attributes: [.posixPermissions: 0o440])
          try #require(isWritten)
          defer { try? FileManager.default.removeItem(atPath: rule) }
          try await ServerUnderTest.with(sshd, environment: environment) { server in
            try await server.add(
              sshd, as: "h",
              [
                ("username", .string(account.name)), ("keyPath", .null),
                ("password", .string(account.password)),
              ])
            try await server.open("h")
            try await body(server, account)
          }
        }
      }
    }

    @Test func `the stored password answers sudo and is seen nowhere`() async throws {
      try await withSudoer(["SSH_MCP_LOG": "trace"]) { server, account in
        try await Secrets.expectUnexposed(account.canary, by: server) {
          let asked = try await server.exec("sudo -k; sudo id -un")
          #expect(asked.isWaiting && asked.facts["program"]?.string == "sudo", "\(asked)")
          #expect(
            asked.lastLine.hasSuffix("For the host's stored password: send-input with secret \"password\".]"))
          let done = try await server.typePassword()
          #expect(done.state == "finished" && !done.isError && done.text.hasSuffix("root"), "\(done)")
        }
        let raw = try await server.call("read-output", ["session_id": "s", "offset": 0, "raw": true])
        #expect(raw.text.hasSuffix("root"), "\(raw)")
        #expect(
          try await server.exec("id -un; env; set; fc -l 2>/dev/null").text.contains(account.canary) == false)
        _ = try await server.call("list-sessions")
        _ = try await server.call("list-hosts")
        let record = server.process.record.current
        #expect(!record.text.contains(account.canary) && !record.errorText.contains(account.canary))
        #expect(!record.errorText.isEmpty)
        for file in runtimeFiles(of: server) {
          let holds = FileManager.default.contents(atPath: file)?.firstRange(of: Data(account.canary.utf8))
          #expect(holds == nil, "\(file)")
        }
      }
    }

    @Test func `a wrong answer is asked again and the question can be left`() async throws {
      try await withSudoer { server, _ in
        #expect(try await server.exec("sudo -k; sudo id -un; echo \"status $?\"").isWaiting)
        let again = try await server.type("not the password")
        #expect(again.isWaiting && again.text.contains("try again"), "\(again)")
        #expect(!again.text.contains("not the password"))
        let stopped = try await server.interrupt()
        #expect(stopped.state == "finished" && !stopped.text.contains("root"), "\(stopped)")
        #expect(stopped.facts["processGone"]?.bool == true, "\(stopped)")
        #expect(try await server.exec("id -u").text != "0")
        #expect(try await server.exec("sudo -k; sudo id -un").isWaiting)
        #expect(try await server.typePassword().text.hasSuffix("root"))
      }
    }

    @Test func `a host without a stored password has no secret to type`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          #expect(try await server.exec("read x; echo \"<$x>\"").isWaiting)
          let refused = try await server.typePassword()
          #expect(refused.isError && refused.text.contains("no stored password"), "\(refused)")
          #expect(try await server.type("v").text.hasSuffix("<v>"))
        }
      }
    }

    /// Plain files below XDG_RUNTIME_DIR; the sockets there cannot be read.
    private func runtimeFiles(of server: ServerUnderTest) -> [String] {
      let directory = server.runtimeDirectory
      let names = FileManager.default.enumerator(atPath: directory)?.allObjects as? [String] ?? []
      return names.map { "\(directory)/\($0)" }.filter {
        let attributes = try? FileManager.default.attributesOfItem(atPath: $0)
        return attributes?[.type] as? FileAttributeType == .typeRegular
      }
    }
  }
}
