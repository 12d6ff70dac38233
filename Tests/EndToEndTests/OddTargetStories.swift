import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Accounts that give no ordinary shell: a session that works, or one sentence in time; never a hang.
  @Suite(.withServer) struct OddTargetStories {
    /// Opens a session where sshd runs that command.
    private func start(
      forced: String, _ body: (ToolResult, ServerUnderTest, LoopbackSSHD) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(.init(forcedCommand: forced)) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call(
            "start-session", ["host_id": "bash", "sessionId": "s"], within: .seconds(20))
          try await body(result, server, sshd)
        }
      }
    }

    /// Opens a session in bash with that start-up file.
    private func start(
      rc: String, configuration: [String] = [],
      _ body: (ToolResult, ServerUnderTest) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with(.init(configuration: configuration)) { sshd in
        try sshd.directory.write("home-bash/.profile", rc)
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call(
            "start-session", ["host_id": "bash", "sessionId": "s"], within: .seconds(20))
          try await body(result, server)
        }
      }
    }

    /// What sshd runs for an account with that login shell.
    private static func loginShell(_ path: String) -> String { "\(path) -c \"$SSH_ORIGINAL_COMMAND\"" }

    @Test(arguments: [
      ("echo deployed", "ended with status 0"), ("/bin/false", "ended with status 1"),
      (loginShell("/usr/sbin/nologin"), "no login shell (nologin)"),
      (loginShell("/bin/false"), "ended with status 1"),
      (loginShell("/bin/rbash"), "restricted"), ("internal-sftp", "file transfer (SFTP) only"),
      (loginShell("python3"), "ended with status 1"), (loginShell("/bin/cat"), "ended with status 1"),
      ("sh -c 'exit 255'", "ended with status 255"),
    ])
    func `what is no shell is named within a few seconds`(forced: String, words: String) async throws {
      try await start(forced: forced) { result, server, _ async throws in
        #expect(result.isError && result.text.contains(words), "\(forced): \(result)")
        let facts = result.value["_meta"]?["io.github.ssh-mcp-sessions/result"]
        #expect(facts?["error"]?.string == "shell_not_usable")
        #expect(try await server.call("list-sessions").text == "No active sessions")
      }
    }

    /// Whether this bash reads ~/.bashrc for `bash -c` too, where sshd has started it: a choice of who built it.
    private static var bashReadsAlways: Bool {
      get async {
        guard let directory = try? TemporaryDirectory(), let bash = LoginShell.bash.program,
          (try? directory.write(".bashrc", "echo read\n")) != nil
        else { return false }
        let environment = ["HOME": directory.path, "SSH_CLIENT": "::1 1 2", "SHLVL": "0"]
        return await (try? TestProcess.run(bash, ["-c", ":"], environment: environment).text) == "read\n"
      }
    }

    @Test func `what does not run our command is told in 12 s and not tried again`() async throws {
      let directory = try TemporaryDirectory()
      let count = "echo run >>\(directory.path)/count"
      var hanging = ["\(count)1; cat"]
      if await Self.bashReadsAlways {
        // What sshd does for an account whose shell is bash, with another home directory.
        try directory.write(".bashrc", "\(count)2\nsleep 1000\n")
        hanging.append("env SHLVL=0 HOME=\(directory.path) bash -c \"$SSH_ORIGINAL_COMMAND\"")
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for forced in hanging {
          group.addTask {
            try await start(forced: forced) { result, server, _ async throws in
              #expect(
                result.isError(
                  "shell_not_usable",
                  "Host 'bash' let us in, but gave no usable shell: within 12 s it did not run what it was asked to:"
                ),
                "\(forced): \(result)")
              #expect(result.text.contains("start-up files that hang in every command (bash reads ~/.bashrc"))
              #expect(try await server.call("list-sessions").text == "No active sessions")
            }
          }
        }
        try await group.waitForAll()
      }
      for number in 1...hanging.count { #expect(directory.read("count\(number)") == "run\n") }
    }

    @Test(.enabled("bash reads ~/.bashrc for interactive shells only here") { await bashReadsAlways })
    func `a bashrc that ends every command is named with its status`() async throws {
      let directory = try TemporaryDirectory()
      try directory.write(".bashrc", "echo maintenance; exit 3\n")
      try await start(forced: "env SHLVL=0 HOME=\(directory.path) bash -c \"$SSH_ORIGINAL_COMMAND\"") {
        result, _, _ in
        #expect(
          result.isError(
            "shell_not_usable",
            "Host 'bash' let us in, but gave no usable shell: it ran something else, which ended with status 3:"
          ),
          "\(result)")
        #expect(result.text.hasSuffix("It printed:\nmaintenance"), "\(result)")
      }
    }

    @Test(arguments: [
      "head -c 1000000 /dev/zero | tr '\\0' 'x'; echo", "read line; echo \"read $line\"", "sleep 2",
      "printf '\\033[2J\\033]0;title\\007'; cat /etc/passwd",
    ])
    func `start-up files that print, read or take their time are borne`(rc: String) async throws {
      let directory = try TemporaryDirectory()
      let banner = try directory.write("banner", "Authorized use only.\nEntering interactive session.\n")
      try await start(rc: rc + "\nexport FROM_RC=yes\n", configuration: ["Banner \(banner)"]) {
        result, server async throws in
        #expect(!result.isError && result.text == "s", "\(rc): \(result)")
        #expect(try await server.exec("echo $FROM_RC").text == "yes")
      }
    }

    @Test(.enabled(if: LoginShell.zsh.program != nil))
    func `start-up files may become another shell`() async throws {
      try await start(rc: "case $- in *i*) exec zsh -l -i;; esac\n") {
        result, server async throws in
        #expect(!result.isError && result.text == "s", "\(result)")
        #expect(try await server.exec("echo ${ZSH_VERSION:+zsh}").text == "zsh")
      }
    }

    @Test(arguments: ["exit 3", "while :; do sleep 1000; done", "cat >/dev/null"])
    func `start-up files that leave or hang are left out, and that is told`(rc: String) async throws {
      try await start(rc: rc + "\n") { result, server async throws in
        let key = "io.github.ssh-mcp-sessions/result"
        #expect(!result.isError && result.text == "s", "\(rc): \(result)")
        #expect(result.value["_meta"]?[key]?["startup_files"]?.string == "skipped")
        #expect(try await server.call("list-sessions").text.contains(" startup-files=skipped"))
        let first = try await server.exec("echo hi; cd /usr; pwd")
        #expect(first.text == "hi\n/usr")
        #expect(first.value["_meta"]?[key]?["note"]?.string?.hasPrefix("[start-up files skipped") == true)
        let second = try await server.exec("pwd")
        #expect(second.value["_meta"]?[key]?["note"] == nil)
      }
    }
  }
}
