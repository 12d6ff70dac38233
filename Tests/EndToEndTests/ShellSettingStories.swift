import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Settings that take away what the protocol stands on, or hand it to others.
  @Suite(.withServer) struct ShellSettingStories {
    private func withSession(
      _ shells: [LoginShell], _ body: @Sendable (ServerUnderTest, LoginShell) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(.init(shells: shells)) { sshd async throws in
        try await ServerUnderTest.with(sshd) { server async throws in
          for shell in shells where shell.program != nil {
            try await server.open(shell.rawValue)
            try await body(server, shell)
            _ = try await server.call("close-session", ["sessionId": "s"])
          }
        }
      }
    }

    @Test func `a redirection left by a line that was given up catches no later output`() async throws {
      let file = try TemporaryDirectory()
      // BusyBox writes its prompt, which tells of the end, into the file as well: such a session is lost, and said so.
      try await withSession(LoginShell.allCases.filter { $0 != .ash }) { server, shell async throws in
        for round in 0..<2 {
          let given = try await server.exec("set -u; exec >\(file.path)/out; echo $NOPE")
          #expect(given.isError && given.state == "finished", "\(shell): \(given)")
          #expect(try await server.exec("echo back").text == "back", "\(shell), \(round)")
        }
        #expect(file.read("out") == "", "\(shell)")
      }
    }

    @Test func `a directory that is unset changes no status`() async throws {
      try await withSession([.bash, .zsh, .dash]) { server, shell async throws in
        #expect(try await server.exec("set -u; unset PWD; echo hi").text == "hi", "\(shell)")
        #expect(try await server.exec("echo ho").text == "ho", "\(shell)")
      }
    }

    @Test func `a restricted shell runs commands`() async throws {
      try await withSession([.bash]) { server, _ async throws in
        #expect(try await server.exec("set -r; echo hi").text == "hi")
        #expect(try await server.exec("echo ho").text == "ho")
        #expect(try await server.exec("cd /tmp").text.hasPrefix("Error (code 1):"))
      }
    }

    @Test func `a shell inside one that exports everything is entered and left`() async throws {
      try await withSession([.bash]) { server, _ async throws in
        _ = try await server.exec("set -a")
        #expect(try await server.exec("bash").lastLine.hasPrefix("[entered bash"))
        _ = try await server.exec("set -a")
        #expect(try await server.exec("bash --norc").lastLine.hasPrefix("[entered bash"))
        #expect(try await server.exec("echo $SHLVL").text == "3")
        #expect(try await server.exec("exit").lastLine.hasPrefix("[left the inner shell"))
        #expect(try await server.exec("exit").lastLine.hasPrefix("[left the inner shell"))
        let left = try await server.exec("echo $SHLVL; env | grep -c \"^__mcp_[ak]=\"")
        #expect(left.text == "Error (code 1):\n1\n0", "\(left)")
      }
    }
  }
}
