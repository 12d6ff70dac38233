import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension EndToEnd {
  /// Connections that are lost, and ways through ssh_config.
  @Suite(.withServer) struct ConnectionStories {
    /// A server with an ssh_config of these lines before the sshd's.
    private func with(
      _ lines: [String], _ sshd: LoopbackSSHD, environment: [String: String] = [:],
      _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
      let file = try sshd.directory.write(
        "users_config", (lines + ["Include \(sshd.sshConfigPath)", ""]).joined(separator: "\n"))
      let environment = environment.merging(["SSH_MCP_SSH_CONFIG": file]) { $1 }
      try await ServerUnderTest.with(environment: environment) { try await body($0) }
    }

    @Test(arguments: [SIGSTOP, SIGKILL])
    func `a lost connection is noticed and told, and the next session has a new one`(signal: Int32)
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let quick = ["Host *", "  ServerAliveInterval 1", "  ServerAliveCountMax 2"]
        try await with(quick, sshd) { server in
          try await server.open("bash", "idle")
          try await server.open("bash", "busy")
          let running = "\(sshd.directory.path)/running"
          let command = server.begin(
            "tools/call",
            [
              ("name", "exec"),
              (
                "arguments",
                ["session_id": "busy", "command": .string("echo some; : >\(running); sleep 600")]
              ),
            ])
          try await eventually("the command to run") { FileManager.default.fileExists(atPath: running) }
          sshd.signalConnections(signal)
          let lost = try await ToolResult(server.answer(to: command, within: .seconds(15)))
          #expect(
            lost.isError && lost.text.hasPrefix("some\n[session ended: the connection was lost"), "\(lost)")
          #expect(lost.text.contains("not known. ssh said: "), "\(lost)")
          let facts = lost.value["_meta"]?["io.github.ssh-mcp-sessions/result"]
          #expect(facts?["reason"]?.string == "connection_lost")
          let idle = try await server.exec("echo hi", in: "idle")
          #expect(idle.isError && idle.text.contains("the connection was lost"), "\(idle)")

          try await server.open("bash", "next")
          #expect(try await server.exec("echo hi", in: "next").text == "hi")
          #expect(sshd.loginCount == 2)
        }
      }
    }

    @Test func `two hosts on the way are passed once for all sessions`() async throws {
      try await LoopbackSSHD.with(.init(shells: [.bash, .dash, .zsh])) { sshd in
        let port = try #require(sshd.ports[.zsh])
        let far = ["Host far", "  HostName 127.0.0.1", "  Port \(port)", "  ProxyJump bash,dash"]
        let closed = ["Host closed", "  ProxyJump 127.0.0.1:\(try #require(try Fixture.freePorts(1).first))"]
        let key = ["Host *", "  IdentityFile \(sshd.keyPath)", "  IdentitiesOnly yes"]
        try await with(far + closed + key, sshd) { server in
          try await server.open("far", "a")
          try await server.open("far", "b")
          #expect(try await server.exec("echo ${SHELL##*/}", in: "b").text == "zsh")
          #expect(sshd.loginCount == 3)
          let failed = try await server.call("start-session", ["host_id": "closed"])
          #expect(failed.isError && failed.text.contains("goes through [127.0.0.1]:"), "\(failed)")
        }
      }
    }

    @Test func `Match exec and Include decide as for ssh`() async throws {
      try await LoopbackSSHD.with { sshd in
        let included = try sshd.directory.write(
          "included",
          "Match originalhost office exec \"test -e \(sshd.directory.path)/at-work\"\n  Port \(sshd.port)\n")
        let lines = [
          "Include \(included)", "Host office", "  HostName 127.0.0.1", "  Port 1",
          "  IdentityFile \(sshd.keyPath)",
        ]
        try await with(lines, sshd) { server in
          let away = try await server.call("start-session", ["host_id": "office"])
          #expect(away.isError && away.text.contains("refused the connection"), "\(away)")
          try sshd.directory.write("at-work", "")
          #expect(try await server.open("office") == "s")
        }
      }
    }

    @Test func `a certificate logs in where its key alone is not known`() async throws {
      let authority = try TemporaryDirectory()
      try await Fixture.makeKey("\(authority.path)/ca")
      try await LoopbackSSHD.with(.init(configuration: ["TrustedUserCAKeys \(authority.path)/ca.pub"])) {
        sshd in
        let key = "\(authority.path)/id"
        try await Fixture.makeKey(key)
        try await with([], sshd) { server in
          try await server.add(sshd, as: "h", [("keyPath", .string(key))])
          let denied = try await server.call("start-session", ["host_id": "h"])
          #expect(denied.isError && denied.text.contains("denied permission"), "\(denied)")
          try await Fixture.run(
            "ssh-keygen", ["-q", "-s", "\(authority.path)/ca", "-I", "test", "-n", sshd.user, "\(key).pub"])
          #expect(try await server.open("h") == "s")
          #expect(sshd.log.contains("ED25519-CERT"))
        }
      }
    }

    @Test func `an encrypted key that the agent holds needs no passphrase`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await SSHAgent.with(keys: [sshd.keyPath], in: sshd.directory) { agent in
          try await Fixture.run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret", "-f", sshd.keyPath])
          try await with([], sshd) { server in
            try await server.add(sshd)
            let locked = try await server.call("start-session", ["host_id": "loop"])
            #expect(locked.isError && locked.text.contains("is encrypted"), "\(locked)")
          }
          try await with([], sshd, environment: ["SSH_AUTH_SOCK": agent.socketPath]) { server in
            try await server.add(sshd)
            #expect(try await server.open("loop") == "s")
          }
        }
      }
    }
  }
}
