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
  /// Errors of the page Errors.md that no other story produces, by their codes.
  @Suite(.withServer) struct ErrorStories {
    @Test func `what a session cannot do now is named`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let again = try await server.call("start-session", ["host_id": "bash", "sessionId": "s"])
          #expect(again.isError("session_exists", "Session 's' already exists"), "\(again)")
          let unread = try await server.call("read-output", ["session_id": "s"])
          #expect(unread.isError("nothing_ran", "No command has run in session 's' yet."), "\(unread)")
          let unsent = try await server.call("send-input", ["session_id": "s", "text": "x"])
          #expect(unsent.isError("nothing_runs", "No command runs in session 's'."), "\(unsent)")
          let running = try await server.exec("cat", [("wait_seconds", 1)])
          #expect(!running.isError, "\(running)")
          let secret = try await server.call("send-input", ["session_id": "s", "secret": "password"])
          #expect(secret.isError("no_secret", "Host 'bash' has no stored password."), "\(secret)")
          let busy = try await server.exec("echo hi")
          #expect(
            busy.isError("session_busy", "Session 's' is busy: 'cat' has been running for "), "\(busy)")
        }
      }
    }

    @Test func `a signal needs a second channel`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["MaxSessions 1"])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("sleep 600", [("wait_seconds", 0)])
          let unsent = try await server.call("interrupt", ["session_id": "s", "signal": "USR1"])
          #expect(
            unsent.isError(
              "signal_not_sent", "SIGUSR1 cannot be sent here: the host allows no second channel."),
            "\(unsent)")
        }
      }
    }

    @Test func `a passwordCommand that fails is told by its status, never with what it wrote`() async throws {
      try await LoopbackSSHD.with { sshd in
        let environment = ["SSH_MCP_LOG": "trace"]
        try await ServerUnderTest.with(sshd, environment: environment) { server in
          // The second takes the password for a command, an ordinary mistake: the shell names it.
          for (id, command, status) in [
            ("a", "echo canary; echo canary >&2; exit 7", "exit status 7"),
            ("b", "$(echo canary)", "exit status 127"),
          ] {
            try await server.add(
              sshd, as: id, [("keyPath", .null), ("passwordCommand", .string(command))])
            let result = try await server.call("start-session", ["host_id": .string(id)])
            #expect(
              result.isError(
                "password_command_failed",
                "The passwordCommand of host '\(id)' failed (\(status)) within 30 s. Run it by hand to see why."
              ),
              "\(result)")
          }
          let record = server.process.record.current
          #expect(!record.text.contains("canary") && !record.errorText.contains("canary"))
        }
      }
    }

    @Test func `a host that never answers is given up after 15 s`() async throws {
      try await LoopbackSSHD.with { sshd in
        kill(sshd.process.identifier, SIGSTOP)
        defer { kill(sshd.process.identifier, SIGCONT) }
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"], within: .seconds(20))
          #expect(
            result.isError(
              "timed_out", "bash did not answer within 15 s, although something accepted the connection."),
            "\(result)")
        }
      }
    }

    // MARK: - The hosts file

    private let web: JSONValue = ["host_id": "web", "host": "web.example.org", "username": "ann"]

    @Test func `a hosts file that cannot be read is named with the reason`() async throws {
      let home = try TemporaryDirectory()
      // Root may read every file, but no directory.
      _ = try home.makeDirectory(".ssh-mcp/hosts.json")
      try await ServerUnderTest.with(home: home) { server in
        for (tool, arguments) in [("list-hosts", [:]), ("start-session", ["host_id": "web"])]
          as [(String, JSONValue)]
        {
          let result = try await server.call(tool, arguments)
          #expect(
            result.isError(
              "hosts_file_unreadable", "\(home.path)/.ssh-mcp/hosts.json cannot be read: it is not"),
            "\(tool): \(result)")
        }
      }
    }

    @Test func `a hosts file that cannot be written is named with the reason`() async throws {
      let home = try TemporaryDirectory()
      try home.write("file", "")
      let directory = "\(home.path)/file/hosts"
      try await ServerUnderTest.with(home: home, environment: ["SSH_MCP_HOME": directory]) { server in
        let result = try await server.call("add-host", web)
        #expect(
          result.isError("hosts_file_unwritable", "\(directory) cannot be written: Not a directory."),
          "\(result)")
      }
    }

    @Test func `a hosts file that another program keeps locked is named`() async throws {
      let home = try TemporaryDirectory()
      let path = try home.write(".ssh-mcp/hosts.json.lock", "")
      let descriptor = open(path, O_RDWR | O_CLOEXEC)
      defer { close(descriptor) }
      #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
      try await ServerUnderTest.with(home: home) { server in
        let result = try await server.call("add-host", web)
        #expect(
          result.isError(
            "hosts_file_locked",
            "\(home.path)/.ssh-mcp/hosts.json has been locked by another process for 5 s. Nothing was changed"
          ),
          "\(result)")
      }
      #expect(home.read(".ssh-mcp/hosts.json") == nil)
    }

    @Test func `a secret is typed only where one is asked for`() async throws {
      let secret = "Tr0ub4dor"
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "h", [("password", .string(secret))])
          try await server.open("h")
          for command in [
            "cat", "read x; echo \"$x\"", "python3 -q", "bash -c 'read -p \"Name: \" x; echo $x'",
          ] {
            let running = try await server.exec(command)
            #expect(running.isWaiting, "\(running)")
            let refused = try await server.typePassword()
            #expect(
              refused.isError(
                "no_question", "Nothing was typed: no program in session 's' asks for a password now."),
              "\(command): \(refused)")
            _ = try await server.interrupt()
          }
          // What is typed ahead of its end would be read by the shell.
          _ = try await server.exec("sleep 0.5", [("wait_seconds", 0)])
          #expect(try await server.typePassword().isError("no_question", "Nothing was typed"))
          #expect(try await server.exec("echo next").text == "next")
          for question in ["Password: ", "[sudo] Mot de passe de x : ", "root@host's password:"] {
            let asked = try await server.exec("read -s -p \"\(question)\" x; echo; echo \"${#x} characters\"")
            #expect(asked.isWaiting, "\(asked)")
            #expect(try await server.typePassword().text.hasSuffix("\(secret.count) characters"))
          }
          #expect(!server.process.record.current.text.contains(secret))
        }
      }
    }

    @Test func `a signal that nobody would get is refused`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("while :; do :; done", [("wait_seconds", 0.5)])
          let unsent = try await server.call("interrupt", ["session_id": "s", "signal": "TERM"])
          #expect(
            unsent.isError(
              "signal_not_sent", "SIGTERM was not sent: nothing runs in the foreground but the shell itself."),
            "\(unsent)")
          #expect(try await server.interrupt().state == "finished")
        }
      }
    }
  }
}
