import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// `--structured`: the same facts as typed values, for clients that call tools from code.
  @Suite(.withServer) struct StructuredStories {
    @Test func `every tool has an output schema, and results hold its required members and no unknown one`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, arguments: ["--structured"]) { server async throws in
          let tools = try await server.request("tools/list")["result"]?["tools"]?.array ?? []
          #expect(tools.count == 11)
          func members(_ tool: String) throws -> [String] {
            let schema = try #require(tools.first { $0["name"]?.string == tool }?["outputSchema"])
            #expect(schema["type"] == "object" && schema["required"] == ["text"])
            return schema["properties"]?.object?.names ?? []
          }
          for (tool, arguments) in [
            ("start-session", ["host_id": "bash", "sessionId": "s"]),
            ("exec", ["session_id": "s", "command": "echo hi; (exit 3)"]),
            ("exec", ["session_id": "s", "command": "sleep 600", "timeout_seconds": 0.2]),
            ("read-output", ["session_id": "s", "wait_seconds": 0]), ("list-sessions", [:]),
            ("list-hosts", [:]), ("exec", ["session_id": "none", "command": "true"]),
            ("close-session", ["sessionId": "s"]),
          ] as [(String, JSONValue)] {
            let result = try await server.call(tool, arguments)
            let structured = try #require(result.value["structuredContent"]?.object, "\(tool)")
            #expect(structured["text"]?.string == result.text)
            let known = try members(tool)
            #expect(structured.names.allSatisfy(known.contains), "\(tool): \(structured.names)")
          }
        }
      }
    }

    @Test func `values are typed`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, environment: ["SSH_MCP_STRUCTURED": "1"]) {
          server async throws in
          try await server.open("bash")
          let failed = try await server.exec("echo hi; (exit 3)").value["structuredContent"]
          #expect(failed?["exitCode"] == 3 && failed?["state"] == "finished" && failed?["outputBytes"] == 3)
          let hosts = try await server.call("list-hosts").value["structuredContent"]?["hosts"]?.array
          #expect(hosts?.contains(["id": "bash", "auth": "ssh_config"]) == true)
          let sessions = try await server.call("list-sessions").value["structuredContent"]?["sessions"]?.array
          #expect(sessions?.first?["session"] == "s" && sessions?.first?["state"] == "idle")
        }
      }
    }

    @Test func `without it no result and no tool has any`() async throws {
      try await ServerUnderTest.with { server async throws in
        let tools = try await server.request("tools/list")["result"]?["tools"]?.array ?? []
        #expect(tools.allSatisfy { $0["outputSchema"] == nil })
        #expect(try await server.call("list-hosts").value["structuredContent"] == nil)
      }
    }
  }
}
