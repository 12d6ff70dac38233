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
  }
}
