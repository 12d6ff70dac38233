import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A connection that the user has open by a ControlPath of their own is used, and left alone.
  @Suite(.withServer) struct UsersConnectionStories {
    /// An sshd whose ssh_config has a ControlPath, and a server that uses it.
    static func with(
      _ options: LoopbackSSHD.Options = .init(),
      _ body: (LoopbackSSHD, ServerUnderTest, _ configuration: String) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(options) { sshd in
        let configuration = try sshd.directory.write(
          "users_config",
          """
          Host *
            ControlPath \(sshd.directory.path)/cm-%C
          Include \(sshd.sshConfigPath)

          """)
        try await ServerUnderTest.with(environment: ["SSH_MCP_SSH_CONFIG": configuration]) { server in
          try await body(sshd, server, configuration)
        }
      }
    }

    /// Runs `body` while the user's connection is there.
    static func withMaster(
      _ sshd: LoopbackSSHD, _ configuration: String, _ body: (TestProcess) async throws -> Void
    ) async throws {
      let ssh = try #require(LoginShell.find("ssh"))
      let master = try TestProcess(ssh, ["-F", configuration, "-M", "-N", "bash"])
      let directory = sshd.directory.path
      try await eventually("the user's connection") { !sockets(directory).isEmpty }
      let result: Result<Void, any Error>
      do { result = .success(try await body(master)) } catch { result = .failure(error) }
      master.signal(SIGTERM)
      try await master.end()
      try result.get()
    }

    static func sockets(_ directory: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter {
        $0.hasPrefix("cm-") && !$0.contains(".")
      }
    }

    @Test func `sessions ride on it without a login, and it outlives them`() async throws {
      try await Self.with { sshd, server, configuration in
        try await Self.withMaster(sshd, configuration) { master in
          try await server.open("bash", "a")
          // Stored, without a key that would log in: the same user, host and port are the same ControlPath.
          try await server.add(sshd, as: "stored", [("keyPath", "/no/such/key")])
          try await server.open("stored", "b")
          #expect(try await server.exec("echo a", in: "a").text == "a")
          #expect(try await server.exec("echo b", in: "b").text == "b")
          _ = try await server.call("close-session", ["sessionId": "a"])
          _ = try await server.call("close-session", ["sessionId": "b"])
          // A login of its own, had there been one, would be gone with its last session; this is still the first.
          try await server.open("bash", "c")
          #expect(sshd.loginCount == 1)
          server.process.closeInput()
          try await server.process.end(within: .seconds(10))
          #expect(master.record.current.ending == nil)
          let again = try await Fixture.run(
            "ssh", ["-F", configuration, "-o", "BatchMode=yes", "bash", "echo 42"])
          #expect(again == "42\n")
          #expect(sshd.loginCount == 1)
        }
      }
    }

    @Test func `one that died is replaced by our own`() async throws {
      try await Self.with { sshd, server, configuration in
        try await Self.withMaster(sshd, configuration) { master in
          try await server.open("bash", "a")
          #expect(sshd.loginCount == 1)
          // SIGKILL leaves the socket behind.
          master.signal(SIGKILL)
          try await master.end()
          #expect(!Self.sockets(sshd.directory.path).isEmpty)
          let lost = try await server.exec("echo a", in: "a")
          #expect(lost.isError, "\(lost)")
          try await server.open("bash", "b")
          #expect(try await server.exec("echo b", in: "b").text == "b")
          #expect(sshd.loginCount == 2)
        }
      }
    }

    @Test func `one that allows no further session is joined by one of ours`() async throws {
      try await Self.with(.init(configuration: ["MaxSessions 2"])) { sshd, server, configuration in
        try await Self.withMaster(sshd, configuration) { master in
          for number in 1...6 {
            try await server.open("bash", "s\(number)")
            #expect(try await server.exec("echo \(number)", in: "s\(number)").text == "\(number)")
          }
          for number in 1...6 {
            #expect(try await server.exec("echo \(number)", in: "s\(number)").text == "\(number)")
          }
          #expect((2...6).contains(sshd.loginCount))
          #expect(master.record.current.ending == nil)
        }
      }
    }
  }
}
