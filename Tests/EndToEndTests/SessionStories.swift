import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A session on each login shell.
  ///
  /// fish and tcsh users get a POSIX shell with their environment.
  @Suite(.withServer) struct SessionStories {
    private func withSession(
      _ shell: LoginShell = .bash, _ options: LoopbackSSHD.Options? = nil,
      _ body: (ServerUnderTest, LoopbackSSHD) async throws -> Void
    ) async throws {
      var options = options ?? LoopbackSSHD.Options()
      options.shells = [shell]
      try await LoopbackSSHD.with(options) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open(shell.rawValue)
          try await body(server, sshd)
        }
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `directory, variables, functions and status carry over`(shell: LoginShell) async throws {
      try await withSession(shell) { server, _ in
        let set = try await server.exec("cd /usr; export A='a  b'; B=2; f() { echo \"f:$1:$B\"; }")
        #expect(!set.isError && set.text.isEmpty, "\(set)")
        #expect(
          try await server.exec("pwd; echo \"$A\"; f x; sh -c 'echo \"$A\"'").text
            == "/usr\na  b\nf:x:2\na  b")
        #expect(try await server.exec("(exit 5)").text.trimmingCharacters(in: .newlines) == "Error (code 5):")
        #expect(try await server.exec("echo $?").text == "5")
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `the output is what the command wrote and nothing else`(shell: LoginShell) async throws {
      try await withSession(shell) { server, _ in
        for (command, output) in [
          ("true", ""), ("echo hi", "hi"), ("printf 'no newline'", "no newline"),
          ("printf '  lead\\n\\n\\ttab  \\n\\n'", "  lead\n\n\ttab"), ("echo out; echo err >&2", "out\nerr"),
          ("cat <<'E'\na $b `c`\n\nE\necho after", "a $b `c`\n\nafter"), ("echo x # a comment", "x"),
          ("echo '$PATH' \"it's\" \\\\", "$PATH it's \\"), ("echo 'ä€😀'", "ä€😀"),
          ("for i in 1 2\ndo echo $i\ndone", "1\n2"), ("echo a |\n cat", "a"), ("echo !!", "!!"),
        ] {
          let result = try await server.exec(command)
          #expect(!result.isError && result.text == output, "\(shell): \(command)")
        }
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `a faulty command is an error and the session goes on`(shell: LoginShell) async throws {
      try await withSession(shell) { server, _ in
        for command in [
          "echo 'unclosed", "echo \"unclosed", "if true", "fi", "echo $(", "(", "no-such-command-x",
        ] {
          let result = try await server.exec(command)
          #expect(result.isError && result.text.hasPrefix("Error (code "), "\(shell): \(command): \(result)")
          #expect(try await server.exec("echo alive").text == "alive", "\(shell): after \(command)")
        }
        let failed = try await server.exec("echo before; false")
        #expect(failed.isError && failed.text == "Error (code 1):\nbefore")
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `a command may end with an ampersand`(shell: LoginShell) async throws {
      try await withSession(shell) { server, _ async throws in
        #expect(try await server.exec("sleep 0 &").isError == false)
        #expect(try await server.exec("wait; echo alive").text.hasSuffix("alive"))
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `every character but NUL reaches the command`(shell: LoginShell) async throws {
      let characters = String(String.UnicodeScalarView((1...255).compactMap(Unicode.Scalar.init)))
      let quoted = characters.replacingOccurrences(of: "'", with: "'\\''")
      let hexadecimal = characters.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      try await withSession(shell) { server, _ in
        let result = try await server.exec("printf %s '\(quoted)' | od -An -v -tx1 | tr -d ' \\n'")
        #expect(result.text == hexadecimal)
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `a command may have 256 KiB and not one byte more`(shell: LoginShell) async throws {
      try await withSession(shell) { server, _ in
        let limit = 262_144
        let start = "echo done # "
        let longest = start + String(repeating: "x", count: limit - start.utf8.count)
        #expect(try await server.exec(longest, within: .seconds(45)).text == "done")
        let tooLong = try await server.exec(longest + "x")
        #expect(tooLong.isError && tooLong.text.hasPrefix("Command is too long (max \(limit) characters)"))
        #expect(try await server.exec("echo alive").text == "alive")
      }
    }

    @Test(arguments: LoginShell.allCases)
    func `start-up files are read and their noise is not output`(shell: LoginShell) async throws {
      try await withSession(shell, .init(hasNoisyStartup: true)) { server, _ async throws in
        #expect(try await server.exec("echo $FROM_RC").text == "yes")
        #expect(try await server.exec("echo clean").text == "clean")
      }
    }

    @Test(arguments: ["exit 3", "exec true", "kill -9 $$"])
    func `a shell that ends is reported and its session is gone`(command: String) async throws {
      try await withSession { server, _ in
        let result = try await server.exec(command)
        #expect(result.text.lowercased().contains("session") && result.text.contains("ended"), "\(result)")
        if command == "exit 3" { #expect(result.text.contains("3")) }
        let next = try await server.exec("true")
        #expect(next.isError && next.text.hasPrefix("Session 's' does not exist"), "\(next)")
        #expect(try await server.call("list-sessions").text == "No active sessions")
      }
    }

    @Test func `a lost connection is reported while a command runs`() async throws {
      try await withSession { server, sshd in
        let marker = "\(sshd.directory.path)/running"
        async let result = server.exec(": >\(marker); sleep 600")
        try await eventually("the command to run") { FileManager.default.fileExists(atPath: marker) }
        sshd.signalConnections(9)
        let lost = try await result
        #expect(lost.isError && lost.text.contains("lost"), "\(lost)")
        #expect(try await server.exec("true").isError)
        try await server.open("bash", "again")
        #expect(try await server.exec("echo back", in: "again").text == "back")
      }
    }

    @Test func `sessions are listed with their host and last command`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd)
          try await server.open("loop")
          let line = "session=s host=127.0.0.1:\(sshd.port) user=\(sshd.user) uptime="
          let before = try await server.call("list-sessions").text
          #expect(before.hasPrefix(line) && before.hasSuffix(" lastCommand=n/a"), "\(before)")
          _ = try await server.exec("echo  'two  blanks'")
          #expect(try await server.call("list-sessions").text.hasSuffix(" lastCommand=echo  'two  blanks'"))
          let again = try await server.call("start-session", ["host_id": "loop", "sessionId": "s"])
          #expect(again.isError && again.text.hasPrefix("Session 's' already exists"))
          #expect(try await server.call("close-session", ["sessionId": "s"]).text == "Session 's' closed")
          #expect(try await server.call("list-sessions").text == "No active sessions")
        }
      }
    }

    @Test func `a name that close-session has freed is another session's at once`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let first = server.begin("tools/call", PersonStories.start("bash"))
          let closing = server.begin(
            "tools/call", [("name", "close-session"), ("arguments", ["sessionId": "s"])])
          let second = server.begin("tools/call", PersonStories.start("bash"))
          #expect(try await ToolResult(server.answer(to: closing)).text == "Session 's' closed")
          let cancelled = try await ToolResult(server.answer(to: first, within: .seconds(30)))
          #expect(cancelled.isError("cancelled", "Session 's' was closed while it"), "\(cancelled)")
          #expect(try await ToolResult(server.answer(to: second, within: .seconds(30))).text == "s")
          #expect(try await server.exec("echo hi").text == "hi")
          #expect(try await server.call("list-sessions").text.split(separator: "\n").count == 1)
        }
        try await eventually("the connections to close") { sshd.connections.isEmpty }
      }
    }

    @Test func `a session without a name gets a UUID, alone in the text`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"], within: .seconds(30))
          #expect(UUID(uuidString: result.text) != nil, "\(result)")
          #expect(try await server.exec("echo hi", in: result.text).text == "hi")
        }
      }
    }
  }
}
