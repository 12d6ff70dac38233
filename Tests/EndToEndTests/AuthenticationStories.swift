import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Ways to log in, and each failure with a sentence of its own.
  @Suite(.withServer) struct AuthenticationStories {
    @Test func `a key path may start with a tilde`() async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        try home.write("keys/id", sshd.directory.read("user_key") ?? "")
        try await ServerUnderTest.with(sshd, home: home) { server in
          try await server.add(sshd, as: "h", [("keyPath", "~/keys/id")])
          #expect(try await server.open("h") == "s")
        }
      }
    }

    @Test func `SSH_MCP_KEY_PASSPHRASE unlocks a key and no child of the server has it`() async throws {
      let canary = "canary\(UInt64.random(in: 0...UInt64.max))"
      try await LoopbackSSHD.with(.init(keyPassphrase: canary)) { sshd in
        let environment = ["SSH_MCP_KEY_PASSPHRASE": canary]
        try await ServerUnderTest.with(sshd, environment: environment) { server in
          try await server.add(sshd)
          try await Secrets.expectUnexposed(canary, by: server) { try await server.open("loop") }
          #expect(try await server.exec("env").text.contains(canary) == false)
        }
      }
    }

    @Test(
      arguments: [
        ([:], "passphrase_missing", "The key KEY is encrypted and there is no passphrase for it."),
        (
          ["SSH_MCP_KEY_PASSPHRASE": "wrong"], "passphrase_wrong",
          "The passphrase of KEY is wrong; it was tried once."
        ),
      ] as [([String: String], String, String)])
    func `a key that stays locked is said to need its passphrase`(
      environment: [String: String], code: String, sentence: String
    ) async throws {
      try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
        try await ServerUnderTest.with(sshd, environment: environment) { server in
          try await server.add(sshd)
          let result = try await server.call("start-session", ["host_id": "loop"])
          let beginning = sentence.replacingOccurrences(of: "KEY", with: sshd.keyPath)
          #expect(
            result.isError(code, beginning) && result.text.contains("SSH_MCP_KEY_PASSPHRASE"), "\(result)")
        }
      }
    }

    @Test func `the agent is used when a host has neither key nor password`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await SSHAgent.with(keys: [sshd.keyPath], in: sshd.directory) { agent in
          try await ServerUnderTest.with(sshd, environment: ["SSH_AUTH_SOCK": agent.socketPath]) { server in
            try await server.add(sshd, as: "h", [("keyPath", .null)])
            #expect(try await server.open("h") == "s")
            #expect(try await server.exec("echo ${SSH_AUTH_SOCK:-not forwarded}").text == "not forwarded")
          }
        }
      }
    }

    @Test func `an agent at a usual place is found when the client drops SSH_AUTH_SOCK`() async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        _ = try home.makeDirectory("run")
        try await SSHAgent.with(keys: [sshd.keyPath], in: home, named: "run/ssh-agent.socket") { _ in
          try await ServerUnderTest.with(sshd, home: home) { server in
            try await server.add(sshd, as: "h", [("keyPath", .null)])
            #expect(try await server.open("h") == "s")
          }
          // An empty one says that no agent is wanted.
          try await ServerUnderTest.with(sshd, home: home, environment: ["SSH_AUTH_SOCK": ""]) { server in
            let result = try await server.call("start-session", ["host_id": "h"])
            #expect(result.isError && result.text.contains("Agent: none is wanted"), "\(result)")
          }
        }
      }
    }

    @Test func `a denied permission tells of the agent and where to name it`() async throws {
      try await LoopbackSSHD.with { sshd in
        let other = "\(sshd.directory.path)/other_key"
        try await Fixture.makeKey(other)
        try await SSHAgent.with(keys: [other], in: sshd.directory) { agent in
          let environment = ["SSH_AUTH_SOCK": agent.socketPath]
          try await ServerUnderTest.with(sshd, environment: environment) { server in
            try await server.add(sshd, as: "h", [("keyPath", .null)])
            let result = try await server.call("start-session", ["host_id": "h"])
            #expect(
              result.isError(
                "permission_denied", "127.0.0.1 denied permission. Methods that it takes: publickey"),
              "\(result)")
            #expect(result.text.contains("tried: publickey"), "\(result)")
            #expect(result.text.contains("Agent: \(agent.socketPath) with 1 key."), "\(result)")
            #expect(result.text.contains("SHA256:") && result.text.contains("\"SSH_AUTH_SOCK\""), "\(result)")
          }
        }
      }
    }

    @Test func `an alias of ssh_config needs no stored host`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          #expect(try await server.exec("echo hi").text == "hi")
        }
      }
    }

    @Test(.enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"))
    func `a password logs in and is seen nowhere`() async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          let home = try TemporaryDirectory()
          try await ServerUnderTest.with(sshd, home: home) { server in
            try await server.add(
              sshd, as: "h",
              [
                ("username", .string(account.name)), ("keyPath", .null),
                ("password", .string(account.password)),
              ])
            try await Secrets.expectUnexposed(account.canary, by: server) { try await server.open("h") }
            #expect(try await server.exec("id -un").text == account.name)
            #expect(try await server.exec("env; set").text.contains(account.canary) == false)
            _ = try await server.call("list-hosts")
            let record = server.process.record.current
            #expect(!record.text.contains(account.canary) && !record.errorText.contains(account.canary))
          }
        }
      }
    }

    @Test(.enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"))
    func `a wrong password is tried once`() async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          try await ServerUnderTest.with(sshd) { server in
            try await server.add(
              sshd, as: "h",
              [("username", .string(account.name)), ("keyPath", .null), ("password", "wr0ngCanary")])
            let result = try await server.call("start-session", ["host_id": "h"])
            let beginning = "The password of \(account.name)@127.0.0.1 is wrong; it was tried once."
            #expect(result.isError("password_wrong", beginning), "\(result)")
            #expect(!result.text.contains("wr0ngCanary"))
          }
          #expect(sshd.log.components(separatedBy: "Failed password").count - 1 == 1)
        }
      }
    }

    @Test func `a key that the host does not know is a denied permission`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await Fixture.makeKey("\(sshd.directory.path)/other_key")
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "h", [("keyPath", .string("\(sshd.directory.path)/other_key"))])
          let result = try await server.call("start-session", ["host_id": "h"])
          #expect(result.isError && result.text.contains("ermission denied"), "\(result)")
          #expect(result.text.contains("publickey"))
        }
      }
    }

    @Test func `a password that nobody has stored is named as missing`() async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "h", [("keyPath", .null)])
          let result = try await server.call("start-session", ["host_id": "h"])
          let beginning = "\(sshd.user)@127.0.0.1 asks for a password and none is stored for it."
          #expect(result.isError("password_missing", beginning), "\(result)")
        }
      }
    }

    @Test func `a key file that is missing, damaged or open to others is named`() async throws {
      try await LoopbackSSHD.with { sshd in
        let open = try sshd.directory.write("open_key", sshd.directory.read("user_key") ?? "", mode: 0o644)
        let damaged = try sshd.directory.write(
          "damaged_key", "-----BEGIN OPENSSH PRIVATE KEY-----\ndamaged\n", mode: 0o600)
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "missing", [("keyPath", "/no/such/key")])
          try await server.add(sshd, as: "open", [("keyPath", .string(open))])
          try await server.add(sshd, as: "damaged", [("keyPath", .string(damaged))])
          let missing = try await server.call("start-session", ["host_id": "missing"])
          #expect(
            missing.isError("key_file_missing", "The key file /no/such/key does not exist."), "\(missing)")
          let unreadable = try await server.call("start-session", ["host_id": "damaged"])
          #expect(
            unreadable.isError("key_file_unreadable", "The key file \(damaged) cannot be used: "),
            "\(unreadable)")
          let tooOpen = try await server.call("start-session", ["host_id": "open"])
          #expect(
            tooOpen.isError("key_file_too_open", "The key file \(open) is open to others (mode 0644)"),
            "\(tooOpen)")
          #expect(tooOpen.text.contains("chmod 600 '\(open)'"), "\(tooOpen)")
        }
      }
    }
  }
}
