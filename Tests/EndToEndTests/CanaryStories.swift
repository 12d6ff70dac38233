import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A day's work with secrets that are searched for afterwards wherever one could look.
  @Suite(
    .withServer,
    .enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"))
  struct CanaryStories {
    @Test func `after a whole day no secret is anywhere but in hosts_json`() async throws {
      let passphrase = "canary\(UInt64.random(in: 0...UInt64.max))"
      try await LoopbackSSHD.with(.init(keyPassphrase: passphrase, acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          let environment = [
            "SSH_MCP_KEY_PASSPHRASE": passphrase, "SSH_MCP_LOG": "trace",
            "TMPDIR": try sshd.directory.makeDirectory("tmp"),
          ]
          let home = try TemporaryDirectory()
          try await ServerUnderTest.with(sshd, home: home, environment: environment) { server in
            try await Secrets.expectUnexposed(account.canary, by: server) {
              try await Secrets.expectUnexposed(passphrase, by: server) {
                try await day(server, sshd, account)
              }
            }
            let record = server.process.record.current
            #expect(!record.errorText.isEmpty, "nothing was logged, so nothing was looked at")
            for canary in [account.canary, passphrase] {
              #expect(!record.text.contains(canary) && !record.errorText.contains(canary))
              #expect(!sshd.log.contains(canary))
              for directory in [home.path, sshd.directory.path, "/home/\(account.name)"] {
                #expect(
                  files(in: directory, holding: canary)
                    == (canary == account.canary ? hosts(home, directory) : []))
              }
            }
            // A core file would hold what the process knows: nobody of the family may leave one.
            let family =
              [server.process.identifier]
              + ProcessTree.now()
              .descendants(of: server.process.identifier).map(\.identifier)
            #expect(family.count > 3)
            for identifier in family {
              let limits = FileManager.default.contents(atPath: "/proc/\(identifier)/limits") ?? Data()
              let line = String(decoding: limits, as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("Max core file size") }
              #expect(line?.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(line ?? "none")")
            }
          }
        }
      }
    }

    /// Logins by password and passphrase, a wrong password, sudo, everything that can be listed, read and asked.
    private func day(
      _ server: ServerUnderTest, _ sshd: LoopbackSSHD, _ account: TemporaryAccount
    ) async throws {
      let login: [(String, JSONValue)] = [("username", .string(account.name)), ("keyPath", .null)]
      try await server.add(sshd, as: "byPassword", login + [("password", .string(account.password))])
      try await server.add(sshd, as: "byKey")
      try await server.add(sshd, as: "wrong", login + [("password", .string("x" + account.password + "x"))])
      // Before the connection is there that all of them would share.
      let refused = try await server.call("start-session", ["host_id": "wrong"], within: .seconds(40))
      #expect(refused.isError && refused.text.contains("is wrong"), "\(refused)")
      try await server.open("byPassword", "p")
      try await server.open("byKey", "k")
      for session in ["p", "k"] {
        let shown = try await server.call(
          "exec", ["session_id": .string(session), "command": "env; set; cat /proc/self/environ"])
        #expect(!shown.text.contains(account.canary), "\(session)")
      }
      let asked = try await server.call("exec", ["session_id": "p", "command": "sudo -k; sudo id -un"])
      #expect(asked.isWaiting, "\(asked)")
      let typed = try await server.call(
        "send-input", ["session_id": "p", "secret": "password"], within: .seconds(40))
      #expect(!typed.text.contains(account.canary))
      for tool in ["list-hosts", "list-sessions"] { _ = try await server.call(tool) }
      for uri in ["ssh-mcp://hosts", "ssh-mcp://sessions", "ssh-mcp://sessions/p/transcript"] {
        _ = try await server.request("resources/read", [("uri", .string(uri))])
      }
      for host in ["byPassword", "wrong"] {
        _ = try await server.request(
          "prompts/get", [("name", "explain-login"), ("arguments", ["host_id": .string(host)])],
          within: .seconds(60))
      }
      _ = try await server.call("close-session", ["sessionId": "k"])
    }

    /// Paths of the files below a directory that hold the text.
    private func files(in directory: String, holding text: String) -> [String] {
      let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
      // Sockets and pipes are passed over: a read would fail or wait.
      return names.map { "\(directory)/\($0)" }.filter {
        let attributes = try? FileManager.default.attributesOfItem(atPath: $0)
        return attributes?[.type] as? FileAttributeType == .typeRegular
          && FileManager.default.contents(atPath: $0)?.firstRange(of: Data(text.utf8)) != nil
      }
    }

    private func hosts(_ home: TemporaryDirectory, _ directory: String) -> [String] {
      directory == home.path ? ["\(home.path)/.ssh-mcp/hosts.json"] : []
    }
  }
}
