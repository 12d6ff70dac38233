import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A shell that a command starts is entered: the next commands run in it as exactly as outside.
  @Suite(.withServer) struct NestedStories {
    /// A command that starts a shell.
    struct Nest: Sendable {
      let command: String
      let shell: String
      var user: String?
    }

    private func withSession(
      _ body: @Sendable (ServerUnderTest, LoopbackSSHD) async throws -> Void
    ) async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          #expect(try await server.exec("cd /usr/share; V='a  b'; f() { echo \"f:$V\"; }; set -f").text == "")
          try await body(server, sshd)
        }
      }
    }

    private let state = "pwd; echo \"<$V>\"; f; set +o; stty -a"

    /// Enters, works inside, leaves, and finds all as before.
    private func visit(_ nest: Nest, _ server: ServerUnderTest, as user: String) async throws {
      let before = try await server.exec(state).text
      let user = nest.user ?? user
      let entered = try await server.exec(nest.command)
      let line =
        /\[entered (\w+) as (\S+) \(pid \d+, depth 2\): the next exec runs inside it, exec "exit" comes back\]/
      let match = try #require(entered.lastLine.wholeMatch(of: line), "\(nest.command): \(entered)")
      #expect(match.1 == nest.shell && match.2 == user, "\(nest.command): \(entered)")
      #expect(!entered.isError && entered.state == "finished" && entered.facts["depth"]?.int == 2)
      #expect(try await server.call("list-sessions").text.contains(" depth=2(\(user))"))

      for (command, output) in [
        ("echo \"<${V-unset}>\"", "<unset>"), ("id -un", user), ("printf 'no newline'", "no newline"),
        ("cd /usr/lib; INNER=1; g() { echo \"g:$INNER\"; }", ""), ("pwd; g", "/usr/lib\ng:1"),
        ("cat <<'E'\na $b `c`\n\nE", "a $b `c`"), ("for i in 1 2\ndo echo $i\ndone", "1\n2"),
      ] {
        let result = try await server.exec(command)
        #expect(!result.isError && result.text == output, "\(nest.command): \(command)")
      }
      let failed = try await server.exec("echo before; (exit 5)")
      #expect(failed.isError && failed.text == "Error (code 5):\nbefore", "\(nest.command): \(failed)")
      #expect(try await server.exec("echo $?").text == "5")
      #expect(try await server.exec("read x; echo \"<$x>\"").isWaiting)
      #expect(try await server.type("v").text.hasSuffix("<v>"))

      let left = try await server.exec("exit 4")
      #expect(
        left.text.contains("[left the inner shell with status 4: back in bash as "),
        "\(nest.command): \(left)")
      #expect(try await server.exec("echo $?").text == "4", "\(nest.command)")
      #expect(try await server.exec(state).text == before, "\(nest.command)")
      #expect(try await server.call("list-sessions").text.contains("depth=") == false)
    }

    @Test(arguments: [
      Nest(command: "bash", shell: "bash"), Nest(command: "zsh", shell: "zsh"),
      Nest(command: "sh -c 'exec bash'", shell: "bash"),
    ])
    func `a shell is entered and left`(nest: Nest) async throws {
      try await withSession { server, sshd in try await visit(nest, server, as: sshd.user) }
    }

    @Test(.enabled(if: TemporaryAccount.isAvailable, "only root becomes another account without a password"))
    func `the shell of another account is entered and left`() async throws {
      try await TemporaryAccount.with { account in
        try await withSession { server, sshd in
          for command in ["su - \(account.name)", "sudo -i -u \(account.name)"] {
            try await visit(
              Nest(command: command, shell: "bash", user: account.name), server, as: sshd.user)
          }
        }
      }
    }

    @Test func `a shell behind a program that passes the terminal on is entered`() async throws {
      try await withSession { server, sshd in
        let tool = try sshd.directory.write(
          "tools/docker",
          "#!/usr/bin/python3\nimport os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[-1])))\n",
          mode: 0o755)
        let path = (tool as NSString).deletingLastPathComponent
        _ = try await server.exec("PATH=\(path):$PATH")
        try await visit(Nest(command: "docker exec -it web bash", shell: "bash"), server, as: sshd.user)
      }
    }

    @Test func `shells may stand inside each other and an inner command is stopped alone`() async throws {
      try await withSession { server, _ in
        #expect(try await server.exec("bash").lastLine.hasPrefix("[entered bash as "))
        #expect(try await server.exec("zsh").lastLine.contains("depth 3)"))
        let stopped = try await server.exec("sleep 7654.7", [("timeout_seconds", 0.3)])
        #expect(stopped.facts["processGone"]?.bool == true, "\(stopped)")
        #expect(try await server.exec("echo ${ZSH_VERSION:+zsh}").text == "zsh")
        #expect(try await server.exec("exit").lastLine.hasPrefix("[left the inner shell with status 0"))
        #expect(try await server.exec("echo ${BASH_VERSION:+bash}${V-unset}").text == "bashunset")
        #expect(try await server.exec("exit").lastLine.hasPrefix("[left the inner shell with status 0"))
        #expect(try await server.exec("pwd; f").text == "/usr/share\nf:a  b")
      }
    }

    @Test func `other interpreters stay ordinary programs`() async throws {
      try await withSession { server, _ in
        let python = try await server.exec("python3 -q")
        #expect(python.isWaiting && python.facts["depth"] == nil, "\(python)")
        #expect(try await server.call("list-sessions").text.contains("depth=") == false)
        #expect(try await server.type("print(6 * 7)").text.contains("42"))
        let busy = try await server.exec("echo no")
        #expect(busy.isError && busy.text.hasPrefix("Session 's' is busy: 'python3 -q'"), "\(busy)")
        #expect(try await server.type("exit(3)").facts["exitCode"]?.int == 3)
        #expect(try await server.exec("pwd; f").text == "/usr/share\nf:a  b")
      }
    }

    @Test func `a shell without POSIX syntax is not entered and can be used by hand`() async throws {
      try await withSession { server, _ in
        let fish = try await server.exec("fish --no-config")
        #expect(fish.isWaiting && fish.facts["program"]?.string == "fish", "\(fish)")
        #expect(
          try await server.type("echo from (status fish-path | path basename)").text.contains("from fish"))
        #expect(try await server.type("exit").state == "finished")
        #expect(try await server.exec("pwd; f").text == "/usr/share\nf:a  b")
      }
    }

    @Test func `a program with the name of a shell is told to wait after all`() async throws {
      try await withSession { server, sshd in
        let program = "\(sshd.directory.path)/yash"
        try FileManager.default.copyItem(atPath: try #require(LoginShell.find("cat")), toPath: program)
        let result = try await server.exec("\(program) >/dev/null")
        #expect(result.isWaiting && result.facts["program"]?.string == "yash", "\(result)")
        #expect(try await server.interrupt().facts["processGone"]?.bool == true)
        #expect(try await server.exec("pwd; f").text == "/usr/share\nf:a  b")
      }
    }

    /// The driver would be the answer to what it asks.
    @Test func `what only asks is answered and never entered`() async throws {
      try await withSession { server, sshd in
        let script = try sshd.directory.write(
          "ask", "read -p 'Sure? ' x\nprintf 'got %s\\n' \"$x\"\nexit 7\n")
        for command in [
          "bash \(script)", "sh -c 'printf \"Sure? \"; read x; echo \"got $x\"; exit 7'",
          "(read -p 'Sure? ' x; echo \"got $x\"; exit 7)",
          "ask() { read -p 'Sure? ' x; echo \"got $x\"; return 7; }; ask | cat; (exit 7)",
          "y=$(read -p 'Sure? ' x </dev/tty 2>/dev/tty; echo \"got $x\"); echo \"$y\"; (exit 7)",
          "python3 -c 'import os; os.system(\"printf %s Sure?; read x; echo got $x\"); exit(7)'",
        ] {
          let asked = try await server.exec(command)
          #expect(asked.isWaiting && asked.text.hasPrefix("Sure?"), "\(command): \(asked)")
          let answered = try await server.type("yes")
          #expect(
            answered.text == "Error (code 7):\ngot yes" && answered.facts["exitCode"]?.int == 7,
            "\(command): \(answered)")
        }
        #expect(try await server.exec("pwd; f").text == "/usr/share\nf:a  b")
      }
    }
  }
}
