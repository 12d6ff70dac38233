import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Each way in which a session ends has its code, in the result of what ran and in that of the next call.
  @Suite(.withServer) struct SessionEndStories {
    /// Expects that the session is gone, for that reason.
    private func expectGone(_ server: ServerUnderTest, _ session: String, _ reason: String) async throws {
      let next = try await server.exec("echo hi", in: session)
      #expect(
        next.isError("session_unknown", "Session '\(session)' does not exist. It has ended: "), "\(next)")
      #expect(next.reason == reason, "\(next)")
    }

    @Test func `a shell that leaves, is killed or is closed is told by its code`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          for (session, command, reason, words) in [
            ("left", "exit 3", "shell_exited", "[session ended: the shell exited with status 3."),
            (
              "killed", "kill -9 $$", "shell_killed",
              "[session ended: the shell was killed, or exited with 255"
            ),
          ] {
            try await server.open("bash", session)
            let result = try await server.exec(command, in: session)
            #expect(result.reason == reason && result.text.contains(words), "\(result)")
            try await expectGone(server, session, reason)
          }
          try await server.open("bash", "closed")
          let call = server.beginExec("echo some; exec sleep 600", in: "closed")
          try await eventually("sleep to run") {
            !ProcessTree.now().processes(mentioning: "sleep 600").isEmpty
          }
          _ = try await server.call("close-session", ["sessionId": "closed"])
          let result = try await server.result(of: call)
          #expect(result.text.hasPrefix("some\n[session ended: it was closed."), "\(result)")
          #expect(result.reason == "closed", "\(result)")
          try await expectGone(server, "closed", "closed")
        }
      }
    }

    @Test(.enabled("needs /proc") { FileManager.default.fileExists(atPath: "/proc/self/fd") })
    func `sessions that have ended leave no descriptor open, though an older one lives`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let directory = "/proc/\(server.process.identifier)/fd"
          @Sendable func openDescriptors() -> Int {
            (try? FileManager.default.contentsOfDirectory(atPath: directory).count) ?? .max
          }
          try await server.open("bash", "old")
          let before = openDescriptors()
          for round in 0..<10 {
            try await server.open("bash")
            // Enough for a spool file.
            #expect(try await server.exec("seq 1 100000").text.hasSuffix("100000"))
            if round.isMultiple(of: 2) {
              _ = try await server.call("close-session", ["sessionId": "s"])
            } else {
              #expect(try await server.exec("exit 3").reason == "shell_exited")
            }
          }
          try await eventually("the descriptors of ten sessions to be closed") { openDescriptors() <= before }
          #expect(try await server.exec("echo hi", in: "old").text == "hi")
        }
      }
    }

    @Test func `an idle session is closed, and the next call is told`() async throws {
      try await LoopbackSSHD.with { sshd in
        let environment = ["SSH_MCP_IDLE_TIMEOUT": "1", "SSH_MCP_LOG": "debug"]
        try await ServerUnderTest.with(sshd, environment: environment) { server in
          try await server.open("bash")
          try await server.process.record.wait(for: "the session to close") {
            $0.errorText.contains("session closed")
          }
          let next = try await server.exec("echo hi")
          #expect(
            next.isError("session_unknown", "Session 's' does not exist. It has ended: it was idle for 1 s."),
            "\(next)")
          #expect(next.reason == "idle")
        }
      }
    }

    @Test(.enabled("dash is missing: run scripts/setup") { LoginShell.dash.program != nil })
    func `a shell that executes nothing any more is told`() async throws {
      try await LoopbackSSHD.with(.init(shells: [.dash])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("dash")
          let result = try await server.exec("set -n; :")
          #expect(result.state == "finished", "\(result)")
          let ended = try await server.exec("echo hi")
          #expect(ended.text.hasPrefix("[not started: the shell no longer runs what it is given"), "\(ended)")
          #expect(ended.reason == "unresponsive")
          try await expectGone(server, "s", "unresponsive")
        }
      }
    }

    @Test func `a program that nothing in the terminal stops loses the session`() async throws {
      // Without a second channel there is no SIGKILL from outside.
      try await LoopbackSSHD.with(.init(configuration: ["MaxSessions 1"])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let call = server.beginExec(
            "sh -c 'trap \"\" INT QUIT TSTP; echo deaf; while :; do sleep 0.1; done'")
          try await server.waitForOutput("deaf")
          let result = try await server.interrupt("s")
          #expect(
            result.isError
              && result.text.contains("session ended: the shell did not come back from the command"),
            "\(result)")
          #expect(result.reason == "unstoppable")
          #expect(try await server.result(of: call).reason == "unstoppable")
          try await expectGone(server, "s", "unstoppable")
        }
      }
    }

    @Test func `a shell that does not answer after an interruption is given up`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("readonly PROMPT_COMMAND='sleep 50'")
          let stopped = try await server.exec("sleep 600", [("timeout_seconds", 0.3)])
          #expect(
            stopped.text.contains("session ended: after the interruption the shell did not answer any more."),
            "\(stopped)")
          #expect(stopped.reason == "not_resynchronized")
          try await expectGone(server, "s", "not_resynchronized")
        }
      }
    }

    @Test func `a function named stty cannot take the session with it`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("stty() { sleep 600; }")
          let stopped = try await server.exec("sleep 600", [("timeout_seconds", 0.3)])
          #expect(stopped.text.contains("the session is usable"), "\(stopped)")
          #expect(try await server.exec("echo hi").text == "hi")
        }
      }
    }

    @Test func `input that nobody reads is refused, and the session goes on after the interruption`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let call = server.beginExec("stty raw -echo; echo deaf; sleep 600")
          try await server.waitForOutput("deaf")
          let text = JSONValue.string(String(repeating: "x", count: 2_000_000))
          var result = try await server.call(
            "send-input", ["session_id": "s", "text": text, "wait_seconds": 0])
          for _ in 0..<50 where result.code == nil {
            result = try await server.call(
              "send-input", ["session_id": "s", "text": text, "wait_seconds": 0])
          }
          #expect(
            result.isError(
              "input_refused", "The program does not read its input: too much of it waits already."),
            "\(result)")
          // What waits stands before the shell's next line too.
          let stopped = try await server.interrupt("s")
          #expect(stopped.text.contains("the process is gone, the session is usable"), "\(stopped)")
          _ = try await server.result(of: call)
          #expect(try await server.exec("echo hi").text == "hi")
        }
      }
    }

    @Test func `commands in line behind the end of the shell are told as not started`() async throws {
      let directory = try TemporaryDirectory()
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          for (end, reason) in [
            ("exit 0", "shell_exited"), ("exit 3", "shell_exited"), ("kill -9 $$", "shell_killed"),
          ] {
            try await server.open("bash", "s")
            let first = server.beginExec("sleep 0.3; \(end)")
            let behind = (0..<2).map { server.beginExec("touch \(directory.path)/\($0)") }
            #expect(try await server.result(of: first).state == "session_ended")
            for call in behind {
              let result = try await server.result(of: call)
              #expect(result.isError && result.text.hasPrefix("[not started: "), "\(result)")
              #expect(result.text.contains("nothing of this command was run"), "\(result)")
              #expect(result.state == "not_started" && result.reason == reason, "\(result)")
              #expect(result.facts["exitCode"] == nil, "\(result)")
            }
          }
          #expect(directory.read("0") == nil && directory.read("1") == nil)
          try await server.open("bash", "closed")
          let running = server.beginExec("sleep 600", in: "closed")
          let waiting = server.beginExec("echo never", in: "closed")
          _ = try await server.call("close-session", ["sessionId": "closed"])
          #expect(try await server.result(of: running).state == "session_ended")
          let result = try await server.result(of: waiting)
          #expect(result.text.hasPrefix("[not started: the session was closed before it"), "\(result)")
        }
      }
    }
  }
}
