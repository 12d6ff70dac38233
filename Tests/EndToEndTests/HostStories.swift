import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Stored hosts: every row of the contract's table that needs no connection.
  @Suite(.withServer) struct HostStories {
    static let closedSessions: [(tool: String, arguments: JSONValue)] = [
      ("exec", ["session_id": "gone", "command": "true"]),
      ("exec", ["sessionId": "gone", "command": "true"]),
      ("close-session", ["sessionId": "gone"]),
      ("close-session", ["session_id": "gone"]),
    ]

    /// A server that sees neither the developer's ssh_config nor hosts.
    private func withServer(
      home: TemporaryDirectory? = nil, _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
      let home = try home ?? TemporaryDirectory()
      let config = try home.write("empty_ssh_config", "")
      try await ServerUnderTest.with(home: home, environment: ["SSH_MCP_SSH_CONFIG": config], body)
    }

    private let web: JSONValue = ["host_id": "web", "host": "web.example.org", "username": "ann"]

    @Test func `a host is added, listed, edited and removed`() async throws {
      try await withServer { server in
        #expect(try await server.call("list-hosts").text == "No hosts configured")
        #expect(try await server.call("add-host", web).text == "Host 'web' added")
        #expect(
          try await server.call("list-hosts").text == "id=web host=web.example.org:22 user=ann auth=agent")
        let edit = try await server.call("edit-host", ["host_id": "web", "port": 2222, "username": "bob"])
        #expect(edit.text == "Host 'web' updated")
        #expect(
          try await server.call("list-hosts").text == "id=web host=web.example.org:2222 user=bob auth=agent")
        #expect(try await server.call("remove-host", ["host_id": "web"]).text == "Host 'web' removed")
        #expect(try await server.call("list-hosts").text == "No hosts configured")
      }
    }

    @Test func `list-hosts says how each host logs in and never the password`() async throws {
      try await withServer { server in
        for (name, more) in [("a", ("password", "canary")), ("b", ("keyPath", "~/.ssh/id_b"))] {
          let added = try await server.call(
            "add-host",
            .object(
              JSONObject([
                ("host_id", .string(name)), ("host", "h"), ("username", "u"), (more.0, .string(more.1)),
              ])))
          #expect(added.text == "Host '\(name)' added")
        }
        let listed = try await server.call("list-hosts").text
        #expect(listed == "id=a host=h:22 user=u auth=password\nid=b host=h:22 user=u auth=key")
      }
    }

    @Test func `an empty string clears a field`() async throws {
      try await withServer { server in
        _ = try await server.call("add-host", web)
        _ = try await server.call("edit-host", ["host_id": "web", "keyPath": "~/k"])
        #expect(try await server.call("list-hosts").text.hasSuffix("auth=key"))
        _ = try await server.call("edit-host", ["host_id": "web", "keyPath": ""])
        #expect(try await server.call("list-hosts").text.hasSuffix("auth=agent"))
      }
    }

    @Test func `a host is added once only`() async throws {
      try await withServer { server in
        _ = try await server.call("add-host", web)
        let again = try await server.call("add-host", web)
        #expect(again.isError("host_exists", "Host 'web' already exists"), "\(again)")
      }
    }

    @Test(arguments: ["edit-host", "remove-host"])
    func `a host that is not stored cannot be changed`(tool: String) async throws {
      try await withServer { server in
        let result = try await server.call(tool, ["host_id": "ghost"])
        #expect(result.isError && result.text.hasPrefix("Host 'ghost' does not exist"))
      }
    }

    @Test(arguments: [
      "ghost host", "ghost-host.invalid", "GhostHost.invalid", "ann@ghost-host.invalid", "hôte.invalid",
    ])
    func `a session needs a known host`(_ name: String) async throws {
      try await withServer { server in
        let result = try await server.call("start-session", ["host_id": .string(name)])
        #expect(result.isError("host_unknown", "Host '\(name)' not found"), "\(result)")
      }
    }

    @Test(arguments: Self.closedSessions)
    func `a session that is not open is an error under either spelling`(
      tool: String, arguments: JSONValue
    ) async throws {
      try await withServer { server in
        let result = try await server.call(tool, arguments)
        #expect(result.isError("session_unknown", "Session 'gone' does not exist"), "\(result)")
        #expect(result.reason == nil)
      }
    }

    @Test func `without sessions the list says so`() async throws {
      try await withServer { server async throws in
        #expect(try await server.call("list-sessions").text == "No active sessions")
      }
    }

    @Test func `hosts outlive the server in a file that only its owner can read`() async throws {
      let home = try TemporaryDirectory()
      try await withServer(home: home) { _ = try await $0.call("add-host", web) }
      try await withServer(home: home) { server async throws in
        #expect(try await server.call("list-hosts").text.hasPrefix("id=web "))
      }
      let modes = try [".ssh-mcp", ".ssh-mcp/hosts.json"].map {
        try FileManager.default.attributesOfItem(atPath: "\(home.path)/\($0)")[.posixPermissions] as? Int
      }
      #expect(modes == [0o700, 0o600])
    }

    @Test func `a damaged hosts file is reported with its place and left as it is`() async throws {
      let home = try TemporaryDirectory()
      let damaged = "{\n  \"web\": {\"host\": }\n}\n"
      try home.write(".ssh-mcp/hosts.json", damaged)
      try await withServer(home: home) { server in
        let result = try await server.call("add-host", web)
        let path = "\(home.path)/.ssh-mcp/hosts.json"
        #expect(
          result.isError("hosts_file_damaged", "\(path) is damaged at line 2, column 19: "), "\(result)")
      }
      #expect(home.read(".ssh-mcp/hosts.json") == damaged)
    }

    @Test func `aliases of ssh_config are listed after the stored hosts`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd)
          let lines = try await server.call("list-hosts").text.split(separator: "\n").map(String.init)
          #expect(lines.count == 2)
          #expect(lines.first == "id=loop host=127.0.0.1:\(sshd.port) user=\(sshd.user) auth=key")
          #expect(
            lines.last?.hasPrefix("id=bash ") == true && lines.last?.hasSuffix("auth=ssh_config") == true)
        }
      }
    }
  }
}
