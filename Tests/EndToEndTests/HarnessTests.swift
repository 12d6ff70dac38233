import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// The fixtures themselves, proved with plain ssh.
  struct HarnessTests {
    private func ssh(
      _ sshd: LoopbackSSHD, _ alias: LoginShell, _ command: String
    ) async throws -> TestProcess.Record {
      try await TestProcess.run(
        try #require(LoginShell.find("ssh")),
        ["-F", sshd.sshConfigPath, "-o", "BatchMode=yes", alias.rawValue, command],
        environment: ["PATH": "/usr/bin:/bin"])
    }

    @Test func `each alias logs in to its own shell with its own home`() async throws {
      try await LoopbackSSHD.with(.init(shells: LoginShell.allCases)) { sshd in
        for shell in LoginShell.allCases {
          let record = try await ssh(
            sshd, shell, "echo $SHELL; echo $HOME; sh -c 'ps -o comm= -p $PPID'; exit 7")
          let lines = record.text.split(separator: "\n").map(String.init)
          #expect(record.ending == .exited(7), "\(shell): \(record.errorText)")
          #expect(lines.first?.hasPrefix("/") == true)
          #expect(lines.dropFirst().first == "\(sshd.directory.path)/home-\(shell)")
          #expect(lines.last == (shell == .ksh93 ? "ksh93" : shell.rawValue))
        }
        #expect(sshd.loginCount == LoginShell.allCases.count)
      }
    }

    @Test func `noisy start-up files are read by a login shell`() async throws {
      try await LoopbackSSHD.with(.init(shells: [.bash, .zsh, .fish, .tcsh], hasNoisyStartup: true)) { sshd in
        for shell in sshd.options.shells {
          let record = try await TestProcess.run(
            try #require(LoginShell.find("ssh")), ["-F", sshd.sshConfigPath, "-tt", shell.rawValue],
            input: Array("echo rc=$FROM_RC; exit\n".utf8))
          #expect(record.text.contains("NOISE"), "\(shell)")
          #expect(record.text.contains("rc=yes"), "\(shell)")
        }
      }
    }

    @Test func `nothing of an sshd is left after its scope`() async throws {
      let (process, path) = try await LoopbackSSHD.with { sshd in
        let client = try TestProcess(
          try #require(LoginShell.find("ssh")), ["-F", sshd.sshConfigPath, "bash", "echo up; sleep 600"])
        try await client.record.wait(for: "the login") { $0.text == "up\n" }
        #expect(!sshd.connections.isEmpty)
        return (client, sshd.directory.path)
      }
      #expect(try await process.end().ending == .exited(255))
      try await eventually("the end of every process") {
        ProcessTree.now().processes(mentioning: path).isEmpty
      }
      #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a connection can be lost by killing what serves it`() async throws {
      try await LoopbackSSHD.with { sshd in
        let client = try TestProcess(
          try #require(LoginShell.find("ssh")), ["-F", sshd.sshConfigPath, "bash", "echo up; sleep 600"])
        try await client.record.wait(for: "the login") { $0.text == "up\n" }
        sshd.signalConnections(9)
        #expect(try await client.end().ending == .exited(255))
      }
    }

    @Test func `a changed host key is refused by ssh`() async throws {
      try await LoopbackSSHD.with { sshd in
        let before = try await sshd.hostKeyFingerprint()
        try await sshd.changeHostKey()
        #expect(try await sshd.hostKeyFingerprint() != before)
        let record = try await ssh(sshd, .bash, "true")
        #expect(record.errorText.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"))
      }
    }

    @Test func `the process tree finds arguments, environment and descendants`() async throws {
      let process = try TestProcess(
        "/bin/sh", ["-c", "sleep 601 & sleep 602 & echo up; wait"], environment: ["CANARY": "c4n4ry"])
      try await process.record.wait(for: "the start") { $0.text == "up\n" }
      let identifier = process.identifier
      try await eventually("both children") {
        Set(ProcessTree.now().descendants(of: identifier).map(\.commandLine)) == ["sleep 601", "sleep 602"]
      }
      #expect(ProcessTree.exposes(process.identifier, "c4n4ry"))
      #expect(!ProcessTree.exposes(process.identifier, "c4n4ry!"))
      kill(-process.identifier, SIGKILL)
      #expect(try await process.end().ending == .signaled(SIGKILL))
    }

    @Test(.enabled(if: TemporaryAccount.isAvailable, "needs root"))
    func `a temporary account logs in with its password and leaves nothing`() async throws {
      let options = LoopbackSSHD.Options(acceptsPasswords: true)
      let name = try await LoopbackSSHD.with(options) { sshd in
        try await TemporaryAccount.with { account in
          let askpass = try sshd.directory.write("pass", account.password)
          let program = try sshd.directory.write("askpass", "#!/bin/sh\ncat '\(askpass)'\n", mode: 0o700)
          let record = try await TestProcess.run(
            try #require(LoginShell.find("ssh")),
            ["-F", sshd.sshConfigPath, "-l", account.name, "bash", "id -un"],
            environment: ["SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "PATH": "/usr/bin:/bin"])
          #expect(record.text == "\(account.name)\n", "\(record.errorText)")
          return account.name
        }
      }
      #expect(getpwnam(name) == nil)
    }
  }
}
