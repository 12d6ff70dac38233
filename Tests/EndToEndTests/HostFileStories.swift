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

    @Test func `a record that cannot be used is told where it is used or listed, and other hosts work`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        let path = try home.write(
          ".ssh-mcp/hosts.json", #"{"hosts":[{"id":"bad","host":"h"},7]}"#, mode: 0o600)
        try await ServerUnderTest.with(sshd, home: home) { server in
          let problem =
            "Host 'bad' in \(path) has a record that cannot be used: \"username\" must be a string; it is missing."
          let bad = try await server.call("start-session", ["host_id": "bad"])
          #expect(bad.isError("host_unusable", problem), "\(bad)")
          try await server.add(sshd)
          try await server.open("loop", "a")
          try await server.open("bash", "b")
          let lines = try await server.call("list-hosts").text.split(separator: "\n")
          #expect(lines.first?.hasPrefix("id=bad unusable: \(problem)") == true, "\(lines)")
          #expect(
            lines.dropFirst().first?.hasPrefix("unusable: Number 2 of \"hosts\" in ") == true, "\(lines)")
          #expect(lines.dropFirst(2).first?.hasPrefix("id=loop host=127.0.0.1:") == true, "\(lines)")
        }
        #expect(home.read(".ssh-mcp/hosts.json")?.contains("7,\n") == true)
      }
    }

    @Test
    func `a user name reaches the host as the record has it, and one that cannot be is the record's fault`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        let names = [#"CORP\\alice"#, "svc$", "john doe", "a;b"]
        let records = zip("abcd", names).map { id, name in
          #"{"id":"\#(id)","host":"127.0.0.1","port":\#(sshd.port),"username":"\#(name)"}"#
        }
        let path = try home.write(
          ".ssh-mcp/hosts.json", #"{"hosts":[\#(records.joined(separator: ","))]}"#)
        try await ServerUnderTest.with(sshd, home: home) { server in
          for id in ["a", "b", "c"] {
            let result = try await server.call("start-session", ["host_id": .string(id)])
            #expect(result.isError("permission_denied", "127.0.0.1 denied permission."), "\(result)")
          }
          let result = try await server.call("start-session", ["host_id": "d"])
          #expect(
            result.isError(
              "host_unusable",
              "Host 'd' in \(path) has a record that cannot be used: \"username\" must be a user name as ssh takes it:"
            ), "\(result)")
          for id in ["a", "d"] {
            let edit = try await server.call("edit-host", ["host_id": .string(id), "port": 2222])
            #expect(edit.text == "Host '\(id)' updated")
          }
          let mend = try await server.call("edit-host", ["host_id": "d", "username": "dora"])
          #expect(mend.text == "Host 'd' updated")
          #expect(
            try await server.call("list-hosts").text.contains("id=d host=127.0.0.1:2222 user=dora auth="))
        }
        for name in [#"CORP\\alice"#, "svc$", "john doe"] {
          #expect(sshd.log.contains("Invalid user \(name) from "), "\(name): \(sshd.log)")
        }
      }
    }

    @Test func `an empty variable counts as one that is not set`() async throws {
      let home = try TemporaryDirectory()
      try home.write(
        ".ssh-mcp/hosts.json", #"{"hosts":[{"id":"a","host":"127.0.0.1","port":1,"username":"u"}]}"#)
      let names = ["HOME", "SSH_CONFIG", "IDLE_TIMEOUT", "LOG", "STRUCTURED", "KEY_PASSPHRASE"]
      let environment = Dictionary(uniqueKeysWithValues: names.map { ("SSH_MCP_\($0)", "") })
      try await ServerUnderTest.with(home: home, environment: environment) { server in
        let listed = try await server.call("list-hosts")
        #expect(listed.text == "id=a host=127.0.0.1:1 user=u auth=agent", "\(listed)")
        let refused = try await server.call("start-session", ["host_id": "a"])
        #expect(refused.isError("connection_refused", "127.0.0.1 refused the connection"), "\(refused)")
      }
    }
  }
}
