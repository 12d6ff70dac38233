import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The subcommands for people: `hosts` and `doctor`.
  @Suite(.withServer) struct AdministrationStories {
    // MARK: - hosts

    @Test func `hosts are added, listed, edited and removed as by the tools`() async throws {
      let command = try CommandUnderTest()
      let added = try await command.run("hosts", "add", "web", "--host", "10.0.0.5", "--user", "ann")
      #expect(added.text == "Host 'web' added\n" && added.ending == .exited(0), "\(added)")
      let again = try await command.run("hosts", "add", "web", "--host", "h", "--user", "u")
      #expect(
        again.errorText.hasPrefix("Host 'web' already exists. Change it with: ") && again.ending == .exited(1)
      )
      #expect(again.errorText.contains("ssh-mcp-sessions hosts edit web"), "\(again.errorText)")
      let edited = try await command.run("hosts", "edit", "web", "--port", "2222", "--key-path", "~/k")
      #expect(edited.text == "Host 'web' updated\n")
      #expect(
        try await command.run("hosts", "list").text == "id=web host=10.0.0.5:2222 user=ann auth=key\n")
      _ = try await command.run("hosts", "edit", "web", "--key-path", "")
      let json = try JSONParser.parse(try await command.run("hosts", "list", "--json").output)
      #expect(json["hosts"]?.array?.first?["auth"] == "agent" && json["hosts"]?.array?.first?["port"] == 2222)
      #expect(try await command.run("hosts", "remove", "web").text == "Host 'web' removed\n")
      let gone = try await command.run("hosts", "remove", "web")
      #expect(
        gone.errorText.hasPrefix("Host 'web' does not exist. No hosts are stored")
          && gone.ending == .exited(1))
      #expect(gone.errorText.contains("ssh-mcp-sessions hosts add"), "\(gone.errorText)")
      let wrong = try await command.run("hosts", "add", "web", "--host", "h", "--user", "u;v")
      #expect(
        wrong.errorText.hasPrefix("Option '--user' must be ") && wrong.ending == .exited(64),
        "\(wrong.errorText)")
    }

    @Test func `the server sees what the command has stored`() async throws {
      let command = try CommandUnderTest()
      _ = try await command.run("hosts", "add", "web", "--host", "10.0.0.5", "--user", "ann")
      let config = "\(command.home.path)/empty_ssh_config"
      try await ServerUnderTest.with(home: command.home, environment: ["SSH_MCP_SSH_CONFIG": config]) {
        server async throws in
        #expect(
          try await server.call("list-hosts").text == "id=web host=10.0.0.5:22 user=ann auth=agent")
      }
    }

    @Test func `a password comes from standard input and never from an argument`() async throws {
      let command = try CommandUnderTest()
      _ = try await command.run("hosts", "add", "web", "--host", "h", "--user", "u")
      let set = try await command.run("hosts", "set-password", "web", input: "pass word\nmore\n")
      #expect(set.text == "Host 'web' updated\n" && set.ending == .exited(0), "\(set)")
      #expect(command.home.read(".ssh-mcp/hosts.json")?.contains("\"password\": \"pass word\"") == true)
      let nothing = try await command.run("hosts", "set-password", "web")
      #expect(nothing.ending == .exited(1) && nothing.errorText.contains("No password came"))
      let argument = try await command.run(
        "hosts", "add", "b", "--host", "h", "--user", "u", "--password", "canary")
      #expect(argument.ending == .exited(64), "\(argument)")
    }

    @Test(.enabled("script(1) is missing") { LoginShell.find("script") != nil })
    func `a password is asked for twice at the terminal and not shown`() async throws {
      let command = try CommandUnderTest()
      _ = try await command.run("hosts", "add", "web", "--host", "h", "--user", "u")
      for (second, isStored) in [("other", false), ("hush-canary", true)] {
        let script = try TestProcess(
          LoginShell.find("script") ?? "",
          ["-qec", "'\(ServerUnderTest.binaryPath)' hosts set-password web", "/dev/null"],
          environment: ["HOME": command.home.path, "SHELL": "/bin/sh"])
        try await script.record.wait(for: "the question") { $0.text.contains("Password for web") }
        script.write(Array("hush-canary\r".utf8))
        try await script.record.wait(for: "the second question") { $0.text.contains("Once more") }
        script.write(Array("\(second)\r".utf8))
        let record = try await script.end()
        script.closeInput()
        #expect(!record.text.contains("hush"), "\(record.text)")
        #expect(record.text.contains(isStored ? "Host 'web' updated" : "passwords differ"), "\(record.text)")
        #expect(command.home.read(".ssh-mcp/hosts.json")?.contains("hush-canary") == isStored)
      }
    }

    @Test func `aliases are imported with what ssh reads of them, once`() async throws {
      try await LoopbackSSHD.with { sshd in
        let command = try CommandUnderTest(sshd)
        let imported = try await command.run("hosts", "import", "bash")
        #expect(imported.text == "Host 'bash' added\n", "\(imported)")
        #expect(
          try await command.run("hosts", "list").text
            == "id=bash host=127.0.0.1:\(sshd.port) user=\(sshd.user) auth=key\n")
        let again = try await command.run("hosts", "import")
        #expect(again.text == "Host 'bash' already exists; skipped\n" && again.ending == .exited(0))
      }
    }

    // MARK: - doctor

    /// The status of each check, by its name.
    private func statuses(_ record: TestProcess.Record) throws -> [String: String] {
      let checks = try JSONParser.parse(record.output)["checks"]?.array ?? []
      return Dictionary(
        checks.map { ($0["check"]?.string ?? "", $0["status"]?.string ?? "") }, uniquingKeysWith: { $1 })
    }

    /// What a check has seen and what mends it.
    private func finding(_ check: String, _ record: TestProcess.Record) throws -> (
      seen: String, remedy: String
    ) {
      let found = try JSONParser.parse(record.output)["checks"]?.array?.first { $0["check"]?.string == check }
      return (found?["seen"]?.string ?? "", found?["remedy"]?.string ?? "")
    }

    @Test func `doctor finds a healthy host healthy, to its shell`() async throws {
      try await LoopbackSSHD.with { sshd in
        let command = try CommandUnderTest(sshd)
        let text = try await command.run("doctor", "bash")
        #expect(text.ending == .exited(0), "\(text.text)\(text.errorText)")
        #expect(text.text.contains("ok    login") && text.text.contains("ok    shell"), "\(text.text)")
        #expect(text.text.contains("hostname") && text.text.contains("127.0.0.1  (ssh_config)"))
        let json = try await command.run("doctor", "bash", "--json")
        let statuses = try statuses(json)
        #expect(
          statuses.count == 12 && statuses.filter { $0.key != "agent" }.values.allSatisfy { $0 == "ok" })
        #expect(try JSONParser.parse(json.output)["ok"] == true)
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: "\(command.home.path)/run/ssh-mcp").isEmpty)
      }
    }

    @Test func `doctor without a host looks at the machine only, and into the hosts file`() async throws {
      let command = try CommandUnderTest()
      let fine = try await command.run("doctor")
      #expect(fine.ending == .exited(0) && fine.text.contains("SSH_AUTH_SOCK is not set"), "\(fine.text)")
      try command.home.write(".ssh-mcp/hosts.json", "{\n  \"hosts\": [}\n")
      let damaged = try await command.run("doctor")
      #expect(damaged.ending == .exited(1))
      #expect(damaged.text.contains("line 2, column 13") && damaged.text.contains("+2 "), "\(damaged.text)")
    }

    @Test func `doctor sees the keys of an agent`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await SSHAgent.with(keys: [sshd.keyPath], in: sshd.directory) { agent in
          let record = try await CommandUnderTest(sshd).run(
            "doctor", environment: ["SSH_AUTH_SOCK": agent.socketPath])
          #expect(
            record.text.contains("ok    agent") && record.text.contains("holds 1 key"), "\(record.text)")
        }
      }
    }

    @Test
    func `doctor finds the agent that a login would find, and advises to name one only where it must be`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let command = try CommandUnderTest(sshd)
        _ = try command.home.makeDirectory("run/gcr")
        // The first of the usual places has an agent without keys.
        try await SSHAgent.with(keys: [], in: command.home, named: "run/openssh_agent") { _ in
          try await SSHAgent.with(keys: [sshd.keyPath], in: command.home, named: "run/gcr/ssh") { full in
            let found = try await command.run("doctor", "--json")
            #expect(try statuses(found)["agent"] == "ok", "\(found.text)")
            let (seen, remedy) = try finding("agent", found)
            #expect(seen.hasPrefix("\(full.socketPath) holds 1 key; SSH_AUTH_SOCK is not set, logins find"))
            #expect(remedy == "")
            let silent = try await command.run("doctor", "--json", environment: ["SSH_AUTH_SOCK": "/no/such"])
            let (told, export) = try finding("agent", silent)
            #expect(
              told.hasPrefix("SSH_AUTH_SOCK is /no/such, but nobody answers there. One answers at"), "\(told)"
            )
            #expect(export.hasPrefix("export SSH_AUTH_SOCK=\(full.socketPath)\n"), "\(export)")
            let off = try await command.run("doctor", "--json", environment: ["SSH_AUTH_SOCK": ""])
            #expect(try finding("agent", off).seen == "none is wanted: SSH_AUTH_SOCK is empty")
          }
        }
      }
    }

    @Test func `doctor names an unknown host key, its fingerprint and how to accept it`() async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        let record = try await CommandUnderTest(sshd).run("doctor", "bash", "--json")
        #expect(record.ending == .exited(1), "\(record.text)")
        let statuses = try statuses(record)
        #expect(
          statuses["connection"] == "ok" && statuses["host key"] == "FAIL" && statuses["login"] == "skip")
        let (seen, remedy) = try finding("host key", record)
        #expect(
          seen.contains(fingerprint) && remedy.contains("ssh -F \(sshd.sshConfigPath) bash"), "\(remedy)")
        #expect(sshd.directory.read("known_hosts") == "" && sshd.loginCount == 0)
      }
    }

    @Test func `doctor names a refused port and how to give another`() async throws {
      try await LoopbackSSHD.with { sshd in
        let command = try CommandUnderTest(sshd)
        let port = String(try Fixture.freePorts(1).first ?? 0)
        _ = try await command.run("hosts", "add", "h", "--host", "127.0.0.1", "--user", "u", "--port", port)
        let record = try await command.run("doctor", "h", "--json")
        #expect(record.ending == .exited(1), "\(record.text)")
        let statuses = try statuses(record)
        #expect(statuses["name"] == "ok" && statuses["connection"] == "FAIL" && statuses["login"] == "skip")
        let (seen, remedy) = try finding("connection", record)
        #expect(seen.contains("port \(port): Connection refused"))
        #expect(remedy.contains("hosts edit h --port"), "\(remedy)")
      }
    }

    @Test func `doctor names a key that the host does not take and how to let it know the key`() async throws
    {
      try await LoopbackSSHD.with { sshd in
        let command = try CommandUnderTest(sshd)
        let key = "\(sshd.directory.path)/other_key"
        try await Fixture.makeKey(key)
        _ = try await command.run(
          "hosts", "add", "h", "--host", "127.0.0.1", "--user", sshd.user, "--port", String(sshd.port),
          "--key-path", key)
        let record = try await command.run("doctor", "h", "--json")
        #expect(record.ending == .exited(1), "\(record.text)")
        let statuses = try statuses(record)
        #expect(statuses["host key"] == "ok" && statuses["login"] == "FAIL" && statuses["shell"] == "skip")
        let (seen, remedy) = try finding("login", record)
        #expect(seen.contains("denied permission"))
        #expect(remedy.contains("ssh-copy-id -i \(key).pub") && remedy.contains("hosts edit h --key-path"))
      }
    }
  }
}
