import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What ends a connection before anybody is let in, each with its code and its sentence.
  @Suite(.withServer) struct LoginErrorStories {
    /// A destination of ssh_config, and what starting a session there comes to.
    struct Case: Sendable {
      /// Lines of ssh_config(5) for it.
      let lines: [String]
      let code: String
      /// How the text begins.
      let beginning: String
    }

    /// ssh itself fails for each of these, on loopback.
    private static func cases(port: Int, closed: Int) -> [(name: String, Case)] {
      let here = ["HostName 127.0.0.1", "Port \(port)"]
      return [
        (
          "nameless",
          Case(
            lines: ["HostName no-such-host.invalid"], code: "name_resolution",
            beginning: "Host 'nameless' not found. "
              + "The name 'no-such-host.invalid' of nameless cannot be resolved. "
              + "Check the spelling, or give the address")
        ),
        (
          "closed",
          Case(
            lines: ["HostName 127.0.0.1", "Port \(closed)"], code: "connection_refused",
            beginning: "closed refused the connection (127.0.0.1 port \(closed)). Check the port")
        ),
        (
          "unroutable",
          // To a broadcast address the kernel has no way for TCP; nothing is sent.
          Case(
            lines: ["HostName 127.255.255.255"], code: "unreachable",
            beginning: "unroutable cannot be reached (127.255.255.255 port 22). Check the network")
        ),
        (
          "strange",
          Case(
            lines: here + ["Ciphers aes128-ctr"], code: "no_shared_algorithm",
            beginning: "strange and this client share no algorithm: no matching cipher found. "
              + "Their offer: aes256-ctr. Allow one for this host")
        ),
        (
          "behind",
          Case(
            lines: here + ["ProxyJump 127.0.0.1:\(closed)"], code: "jump_host_failed",
            beginning: "The way to behind goes through [127.0.0.1]:\(closed), and that connection failed.")
        ),
        (
          "proxied",
          Case(
            lines: here + ["ProxyCommand false"], code: "jump_host_failed",
            beginning: "The way to proxied goes through its ProxyCommand, and that connection failed.")
        ),
        (
          "bound",
          // An address for documentation, which no machine has as its own.
          Case(
            lines: here + ["BindAddress 192.0.2.77"], code: "ssh_failed",
            beginning:
              "ssh could not connect to bound (exit status 255). Try by hand: ssh -v -F CONFIG bound\n"
              + "ssh said:\nbind 192.0.2.77: ")
        ),
      ]
    }

    @Test func `what ends a connection before the login is told by its cause`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["Ciphers aes256-ctr"])) { sshd in
        let closed = try #require(try Fixture.freePorts(1).first)
        let cases = Self.cases(port: sshd.port, closed: closed)
        let lines = cases.flatMap { ["Host \($0)"] + $1.lines } + ["Include \(sshd.sshConfigPath)", ""]
        let file = try sshd.directory.write("users_config", lines.joined(separator: "\n"))
        try await ServerUnderTest.with(environment: ["SSH_MCP_SSH_CONFIG": file]) { server in
          for (name, expected) in cases {
            let result = try await server.call("start-session", ["host_id": .string(name)])
            let beginning = expected.beginning.replacingOccurrences(of: "CONFIG", with: file)
            #expect(result.isError(expected.code, beginning), "\(name): \(result)")
          }
          let unknown = try await server.call("start-session", ["host_id": "no-such-host.invalid"])
          #expect(
            unknown.isError("host_unknown", "Host 'no-such-host.invalid' not found: it is not stored"),
            "\(unknown)")
        }
        #expect(sshd.loginCount == 0)
      }
    }

    @Test(arguments: [
      ("NoSuchOption yes", "Bad configuration option: nosuchoption"), ("Port many", "Bad port"),
    ])
    func `a wrong line of ssh_config is named`(line: String, words: String) async throws {
      let home = try TemporaryDirectory()
      let file = try home.write("wrong_config", "Host *\n\(line)\n")
      try await ServerUnderTest.with(home: home, environment: ["SSH_MCP_SSH_CONFIG": file]) { server in
        let result = try await server.call("start-session", ["host_id": "h"])
        #expect(
          result.isError("bad_configuration", "ssh's configuration is wrong: \(file)")
            && result.text.contains("line 2: \(words)") && result.text.contains(". Mend that line.\n"),
          "\(result)")
        #expect(!result.text.contains(".."), "\(result)")
      }
    }

    @Test func `an ssh that cannot be started is told`() async throws {
      let home = try TemporaryDirectory()
      try home.write("bin/ssh", "#!/no/such/interpreter\n", mode: 0o700)
      try await ServerUnderTest.with(home: home, environment: ["PATH": "\(home.path)/bin:/usr/bin:/bin"]) {
        server in
        let result = try await server.call("start-session", ["host_id": "h"])
        #expect(result.isError("ssh_missing", "The ssh program cannot be started: "), "\(result)")
        #expect(result.text.contains(". Install openssh-client"), "\(result)")
      }
    }

    @Test func `a connection that the host drops is told with what may be the cause`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["PerSourceMaxStartups 1"])) { sshd in
        // Somebody has connected and does not log in; more are not taken then.
        let bash = try #require(LoginShell.find("bash"))
        let other = try TestProcess(
          bash, ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(sshd.port); read -r line <&3; echo \"$line\"; cat"])
        try await other.record.wait(for: "the greeting") { $0.text.contains("SSH-2.0") }
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"])
          #expect(
            result.isError("connection_lost", "The connection to bash was lost. Try again."), "\(result)")
          #expect(result.text.contains("MaxStartups") && result.text.contains("ssh said:\n"), "\(result)")
        }
        other.closeInput()
        try await other.end()
      }
    }

    @Test func `a host that allows no session is told after two connections`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["MaxSessions 0"])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"])
          #expect(
            result.isError(
              "too_many_sessions",
              "bash allows no further session, on a new connection either. Close a session"),
            "\(result)")
        }
        #expect(sshd.loginCount == 2)
        try await eventually("the connections to close") { sshd.connections.isEmpty }
      }
    }
  }
}
