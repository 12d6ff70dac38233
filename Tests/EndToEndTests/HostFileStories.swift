import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension EndToEnd {
  /// The hosts file as others leave it: locked, of another kind, with records that cannot be used.
  @Suite(.withServer) struct HostFileStories {
    private static func host(_ id: String) -> JSONValue {
      ["host_id": .string(id), "host": "web.example.org", "username": "ann"]
    }

    private static func call(_ tool: String, _ arguments: JSONValue = [:]) -> [(String, JSONValue)] {
      [("name", .string(tool)), ("arguments", arguments)]
    }

    /// A server that sees neither the developer's ssh_config nor hosts.
    private func withServer(
      _ home: TemporaryDirectory, _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
      let config = try home.write("empty_ssh_config", "")
      try await ServerUnderTest.with(home: home, environment: ["SSH_MCP_SSH_CONFIG": config], body)
    }

    @Test func `a hosts file that another keeps locked keeps no other call waiting, and the order stays`()
      async throws
    {
      let home = try TemporaryDirectory()
      let lock = open(try home.write(".ssh-mcp/hosts.json.lock", ""), O_RDWR | O_CLOEXEC)
      #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
      try await withServer(home) { server in
        let adding = ["a", "b", "c"].map { server.begin("tools/call", Self.call("add-host", Self.host($0))) }
        let listing = server.begin("tools/call", Self.call("list-hosts"))
        let removing = server.begin("tools/call", Self.call("remove-host", ["host_id": "b"]))
        _ = try await server.request("ping")
        let answered = server.messages.compactMap { $0["id"]?.int }
        #expect(Set(answered).isDisjoint(with: adding + [listing, removing]), "\(answered)")
        close(lock)
        for (id, call) in zip(["a", "b", "c"], adding) {
          #expect(try await ToolResult(server.answer(to: call)).text == "Host '\(id)' added")
        }
        let listed = try await ToolResult(server.answer(to: listing)).text
        #expect(listed.split(separator: "\n").map { $0.prefix(4) } == ["id=a", "id=b", "id=c"], "\(listed)")
        #expect(try await ToolResult(server.answer(to: removing)).text == "Host 'b' removed")
      }
    }

    @Test func `a session is opened on the host that the call before it stores`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server async throws in
          let adding = server.begin(
            "tools/call",
            Self.call(
              "add-host",
              [
                "host_id": "new", "host": "127.0.0.1", "port": .int(sshd.port),
                "username": .string(sshd.user), "keyPath": .string(sshd.keyPath),
              ]))
          let starting = server.begin("tools/call", PersonStories.start("new"))
          #expect(try await ToolResult(server.answer(to: adding)).text == "Host 'new' added")
          #expect(try await ToolResult(server.answer(to: starting)).text == "s")
        }
      }
    }

    @Test func `what was asked for is stored although the client leaves at once`() async throws {
      let home = try TemporaryDirectory()
      try await withServer(home) { server in
        for id in ["a", "b", "c"] { _ = server.begin("tools/call", Self.call("add-host", Self.host(id))) }
      }
      try await withServer(home) { server async throws in
        #expect(try await server.call("list-hosts").text.split(separator: "\n").count == 3)
      }
    }

    @Test func `a hosts file that is a FIFO is told, and the server goes on and ends`() async throws {
      let home = try TemporaryDirectory()
      _ = try home.makeDirectory(".ssh-mcp")
      let path = "\(home.path)/.ssh-mcp/hosts.json"
      #expect(mkfifo(path, 0o600) == 0)
      try await withServer(home) { server in
        for (tool, arguments) in [
          ("list-hosts", [:]), ("add-host", Self.host("a")), ("start-session", ["host_id": "a"]),
        ] as [(String, JSONValue)] {
          let result = try await server.call(tool, arguments)
          #expect(
            result.isError("hosts_file_unreadable", "\(path) cannot be read: it is not a file."),
            "\(tool): \(result)")
        }
        #expect(try await server.request("ping")["result"] != nil)
      }
    }
  }
}
