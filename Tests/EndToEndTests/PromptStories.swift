import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What people choose from a menu, made by the built server.
  @Suite(.withServer) struct PromptStories {
    private func text(_ server: ServerUnderTest, _ name: String, _ host: String) async throws -> String {
      let answer = try await server.request(
        "prompts/get", [("name", .string(name)), ("arguments", ["host_id": .string(host)])],
        within: .seconds(40))
      return answer["result"]?["messages"]?.array?.first?["content"]?["text"]?.string ?? "\(answer)"
    }

    /// What the server has started, but for what looks after it.
    private static func children(of identifier: Int32) -> [ProcessTree.Entry] {
      ProcessTree.now().descendants(of: identifier).filter { !$0.commandLine.contains("ssh-mcp-watchdog") }
    }

    @Test func `a login that works is examined and said to work, and nothing stays open`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let text = try await text(server, "explain-login", "bash")
          #expect(text.contains("'bash'") && !text.contains("FAIL "), "\(text)")
          #expect(text.contains("login") && text.contains("shell"), "\(text)")
          #expect(sshd.loginCount == 1)
          try await eventually("the connection to close") { sshd.connections.isEmpty }
          try await eventually("ssh to be gone") { [identifier = server.process.identifier] in
            Self.children(of: identifier).isEmpty
          }
        }
      }
    }

    @Test func `a login that fails is explained with the step and what mends it`() async throws {
      try await LoopbackSSHD.with { sshd in
        let port = try Fixture.freePorts(1)[0]
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "closed", [("port", .int(port)), ("password", "hush-canary")])
          let text = try await text(server, "explain-login", "closed")
          #expect(text.contains("FAIL") && text.contains("connection"), "\(text)")
          #expect(text.contains("mend: "), "\(text)")
          #expect(!text.contains("hush-canary"))
          let unknown = try await self.text(server, "explain-login", "-oProxyCommand=x")
          #expect(unknown.contains("FAIL"), "\(unknown)")
        }
        #expect(sshd.loginCount == 0)
      }
    }

    @Test func `a cancelled examination leaves no process and gets no answer`() async throws {
      try await LoopbackSSHD.with { sshd in
        let unique = "74\(UInt32.random(in: 1_000_000...9_999_999))"
        let config = sshd.directory.read("ssh_config") ?? ""
        try sshd.directory.write("ssh_config", "Host silent\n  ProxyCommand sleep \(unique)\n\n\(config)")
        try await ServerUnderTest.with(sshd) { server in
          let request = server.begin(
            "prompts/get", [("name", "explain-login"), ("arguments", ["host_id": "silent"])])
          try await eventually("ssh to run") {
            !ProcessTree.now().processes(mentioning: "sleep \(unique)").isEmpty
          }
          server.cancel(request)
          let identifier = server.process.identifier
          try await eventually("ssh to be gone", within: .seconds(5)) {
            Self.children(of: identifier).isEmpty
              && ProcessTree.now().processes(mentioning: "sleep \(unique)").isEmpty
          }
          #expect(try await server.request("ping")["result"] == [:])
          #expect(!server.messages.contains { $0["id"] == .int(request) })
        }
      }
    }

    @Test func `a check names its host and forbids changes`() async throws {
      try await ServerUnderTest.with { server in
        let text = try await text(server, "check-host", "web \"1\"")
        #expect(text.contains("'web \"1\"'") && text.contains("Change nothing"), "\(text)")
      }
    }
  }
}
