import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A call that its client gives up.
  @Suite(.withServer) struct CancellingStories {
    @Test func `the next result tells what was cancelled and that it is gone, once`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server async throws in
          try await server.open("bash")
          let call = server.begin(
            "tools/call",
            [("name", "exec"), ("arguments", ["session_id": "s", "command": "echo begun; sleep 601"])])
          try await eventually("the command to run") {
            ProcessTree.now().entries.contains { $0.commandLine == "sleep 601" }
          }
          server.send([
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .int(call)],
          ])
          let next = try await server.exec("echo next")
          #expect(next.text == "next")
          let told = next.value["_meta"]?["io.github.ssh-mcp-sessions/result"]?["cancelledBefore"]?.array
          #expect(
            told == [
              ["command": 1, "text": "echo begun; sleep 601", "outputBytes": 7, "processGone": true]
            ])
          #expect(!ProcessTree.now().entries.contains { $0.commandLine == "sleep 601" })
          let later = try await server.exec("true")
          #expect(later.value["_meta"]?["io.github.ssh-mcp-sessions/result"]?["cancelledBefore"] == nil)
        }
      }
    }

    @Test func `a call that is cancelled before its command has begun costs the session nothing`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server async throws in
          try await server.open("bash")
          for _ in 0..<20 {
            let call = server.begin(
              "tools/call", [("name", "exec"), ("arguments", ["session_id": "s", "command": "sleep 602"])])
            server.send([
              "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .int(call)],
            ])
            #expect(try await server.exec("echo next").text == "next")
          }
        }
      }
    }

    @Test func `sixty-four commands may wait, and a cancelled one makes room at once`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server async throws in
          try await server.open("bash")
          _ = server.beginExec("sleep 603")
          let waiting = (0..<64).map { server.beginExec("echo \($0)") }
          let refused = try await server.exec("echo refused")
          #expect(refused.isError && refused.text.contains("64 commands waiting, the most there can be"))
          for call in waiting {
            server.cancel(call)
            // Sent right behind: no answer in between gives the cancelled one time to go.
            _ = server.beginExec("echo \(call)")
          }
          let still = try await server.exec("echo refused")
          #expect(still.isError && still.text.contains("64 commands waiting, the most there can be"))
          let answered = server.messages.compactMap { $0["id"]?.int }
          #expect(!waiting.contains(where: answered.contains))
        }
      }
    }
  }
}
