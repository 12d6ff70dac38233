import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What a background job writes after its command is nobody else's output, and is not lost.
  @Suite(.withServer) struct BackgroundStories {
    private func withSession(
      _ shell: LoginShell = .bash, _ body: @Sendable (ServerUnderTest, String) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(.init(shells: [shell])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open(shell.rawValue)
          let fifo = "\(sshd.directory.path)/fifo"
          _ = try await server.exec("mkfifo \(fifo)")
          try await body(server, fifo)
        }
      }
    }

    /// Waits for background output of that session; it comes when it comes.
    private func background(in server: ServerUnderTest) async throws -> String {
      try await withDeadline(.seconds(10), "background output") {
        while true {
          let line = try await server.call("list-sessions").text
          if line.contains(" background=") { return line }
        }
      }
    }

    @Test(arguments: [LoginShell.bash, .zsh, .dash])
    func `late output is counted, flagged and shown once`(shell: LoginShell) async throws {
      try await withSession(shell) { server, fifo in
        // The job writes when the fifo is read, which is after the end of its command.
        let started = try await server.exec("(read x <\(fifo); echo \"late $x\") &")
        #expect(!started.isError && !started.text.contains("late"), "\(started)")
        #expect(try await server.call("list-sessions").text.contains("background=") == false)
        let file = FileHandle(forWritingAtPath: fifo)
        try file?.write(contentsOf: Data("news\n".utf8))
        try file?.close()
        #expect(try await background(in: server).contains(" background="))

        let next = try await server.exec("echo mine")
        #expect(next.text == "mine", "\(next)")
        #expect((next.facts["backgroundBytes"]?.int ?? 0) >= "late news\n".utf8.count, "\(next.facts)")
        let shown = try await server.call("read-output", ["session_id": "s"])
        #expect(
          shown.text.contains("[background output, written while no command ran:]\nlate news"), "\(shown)")
        let again = try await server.call("read-output", ["session_id": "s"])
        #expect(!again.text.contains("late news"), "\(again)")
        #expect(try await server.call("list-sessions").text.contains("background=") == false)
        #expect(try await server.exec("echo last").facts["backgroundBytes"] == nil)
      }
    }

    @Test func `output while another command runs is that command's on the terminal`() async throws {
      try await withSession { server, fifo in
        _ = try await server.exec("(read x <\(fifo); echo \"job $x\") &")
        let result = try await server.exec("echo before; echo go >\(fifo); wait; echo after")
        // On one terminal nobody can tell them apart; what matters is that nothing is lost.
        #expect(
          result.text.contains("before\n") && result.text.contains("job go") && result.text.hasSuffix("after")
        )
        #expect(result.facts["backgroundBytes"] == nil, "\(result.facts)")
      }
    }
  }
}
