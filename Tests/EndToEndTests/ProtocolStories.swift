import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The conversation itself, in each era of MCP.
  @Suite(.withServer) struct ProtocolStories {
    static let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
    static let eras = versions.map(ServerUnderTest.Era.initialize) + [.stateless]
    static let tools: Set = [
      "add-host", "edit-host", "remove-host", "list-hosts", "start-session", "exec", "close-session",
      "list-sessions",
    ]

    @Test(arguments: versions)
    func `a known version is agreed to`(version: String) async throws {
      let server = try ServerUnderTest(home: try TemporaryDirectory(), era: .initialize(version))
      let answer = try await server.shakeHands()
      #expect(answer?["result"]?["protocolVersion"]?.string == version)
      #expect(answer?["result"]?["serverInfo"]?["name"]?.string == "ssh-mcp-sessions")
      server.process.closeInput()
      try await server.process.end()
    }

    @Test(arguments: ["2023-01-01", "2026-07-28", "garbage"])
    func `an unknown version is answered with the newest that shakes hands`(version: String) async throws {
      let server = try ServerUnderTest(home: try TemporaryDirectory(), era: .initialize(version))
      let answer = try await server.shakeHands()
      #expect(answer?["result"]?["protocolVersion"]?.string == "2025-11-25")
      server.process.closeInput()
      try await server.process.end()
    }

    @Test(arguments: eras)
    func `the whole job is done in every era`(era: ServerUnderTest.Era) async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, era: era) { server in
          let list = try await server.request("tools/list")["result"]?["tools"]?.array ?? []
          #expect(Self.tools.isSubset(of: Set(list.compactMap { $0["name"]?.string })))
          try await server.add(sshd)
          try await server.open("loop")
          _ = try await server.exec("cd /usr")
          #expect(try await server.exec("pwd").text == "/usr")
          #expect(try await server.call("close-session", ["sessionId": "s"]).text == "Session 's' closed")
        }
      }
    }

    @Test func `the stateless era discovers the server`() async throws {
      try await ServerUnderTest.with(era: .stateless) { server in
        let result = try await server.request("server/discover")["result"]
        let supported = result?["supportedVersions"]?.array?.compactMap(\.string) ?? []
        #expect(supported.contains("2026-07-28"))
        #expect(result?["resultType"]?.string == "complete")
      }
    }

    @Test func `the eight tools are annotated and cost less than 1,500 tokens`() async throws {
      try await ServerUnderTest.with { server in
        let answer = try await server.request("tools/list")
        let tools = (answer["result"]?["tools"]?.array ?? []).filter {
          Self.tools.contains($0["name"]?.string ?? "")
        }
        #expect(tools.count == 8)
        #expect(JSONWriter.compact(.array(tools)).count / 4 < 1500)
        for tool in tools {
          let hints = tool["annotations"]?.object?.names ?? []
          let wanted: Set = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"]
          #expect(wanted.isSubset(of: Set(hints)), "\(tool["name"]?.string ?? "")")
        }
      }
    }

    @Test func `a cancelled command gets no answer and the session stays usable`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let running = "\(sshd.directory.path)/running"
          let request = server.begin(
            "tools/call",
            [
              ("name", "exec"),
              ("arguments", ["session_id": "s", "command": .string(": >\(running); sleep 600")]),
            ])
          try await eventually("the command to run") { FileManager.default.fileExists(atPath: running) }
          server.send([
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .int(request)],
          ])
          #expect(try await server.exec("echo usable").text == "usable")
          #expect(!server.messages.contains { $0["id"]?.int == request })
        }
      }
    }

    @Test func `standard output carries messages only`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("printf '\\033[31mred\\033[0m\\n\\200\\377\\n'; echo '{\"jsonrpc\":1}'")
          #expect(server.messages.allSatisfy { $0["jsonrpc"]?.string == "2.0" })
        }
      }
    }
  }
}
