import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A command that waits for the person in front of it is told at once; one that only takes long never is.
  @Suite(.withServer) struct WaitingStories {
    /// A program that reads the terminal, and what is true of it.
    struct Reader: Sendable {
      let command: String
      /// What stands before "reads the terminal".
      let name: String
      /// What its output must hold by then.
      var shown: String?
      /// A line that ends it; without one it is interrupted.
      var quit: String?
    }

    private let limit = Duration.seconds(2)

    private func expectWaiting(
      _ reader: Reader, _ server: ServerUnderTest, in session: String = "s",
      _ location: SourceLocation = #_sourceLocation
    ) async throws {
      let start = ContinuousClock.now
      let result = try await server.exec(reader.command, in: session)
      let elapsed = start.duration(to: .now)
      #expect(result.isWaiting && !result.isError, "\(reader.command): \(result)", sourceLocation: location)
      #expect(elapsed < limit, "\(reader.command)", sourceLocation: location)
      let name = "[waiting for input: \(reader.name) reads the terminal. Answer with send-input"
      #expect(result.lastLine.hasPrefix(name), "\(reader.command): \(result)", sourceLocation: location)
      #expect(
        reader.shown.map(result.text.contains) ?? true, "\(reader.command): \(result)",
        sourceLocation: location)
    }

    /// Ends what waits and shows that the session goes on.
    private func leave(
      _ reader: Reader, _ server: ServerUnderTest, in session: String = "s",
      _ location: SourceLocation = #_sourceLocation
    ) async throws {
      let stopped =
        if let quit = reader.quit { try await server.type(quit, in: session) } else {
          try await server.interrupt(session)
        }
      #expect(stopped.state == "finished", "\(reader.command): \(stopped)", sourceLocation: location)
      #expect(
        try await server.exec("echo after", in: session).text == "after", "\(reader.command)",
        sourceLocation: location)
    }

    @Test func `a command that asks as soon as its turn comes is told as waiting`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          // The first look at the first command is under way when the second one begins.
          let first = server.beginExec("sleep 0.3")
          let second = server.beginExec("read -r -p 'Name? ' x; echo \"<$x>\"")
          #expect(try await server.result(of: first).state == "finished")
          let asked = try await server.result(of: second)
          #expect(asked.isWaiting, "\(asked)")
          #expect(try await server.type("Ada").text.hasSuffix("<Ada>"))
        }
      }
    }

    @Test func `read in each shell is answered`() async throws {
      try await LoopbackSSHD.with(.init(shells: LoginShell.allCases)) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          for shell in LoginShell.allCases {
            try await server.open(shell.rawValue, shell.rawValue)
            let start = ContinuousClock.now
            let asked = try await server.exec("read x; echo \"<$x>\"", in: shell.rawValue)
            #expect(asked.isWaiting && start.duration(to: .now) < limit, "\(shell): \(asked)")
            let answered = try await server.type("a  b", in: shell.rawValue)
            #expect(
              answered.text.hasSuffix("<a  b>") && answered.state == "finished", "\(shell): \(answered)")
            #expect(try await server.exec("echo after", in: shell.rawValue).text == "after")
          }
          for shell in ["bash", "zsh"] {
            let asked = try await server.exec("read -s x; echo \"<$x>\"", in: shell)
            #expect(asked.isWaiting, "\(shell): \(asked)")
            let answered = try await server.type("hidden", in: shell)
            #expect(answered.text == "<hidden>", "\(shell): \(answered)")
          }
        }
      }
    }

    @Test func `programs that read are named`() async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        let file = try sshd.directory.write(
          "long", (1...500).map { "line \($0)\n" }.joined(), mode: 0o644)
        let repl = try sshd.directory.write(
          "repl.py",
          """
          import readline
          while True:
              try:
                  line = input("db=> ")
              except EOFError:
                  break
              print("(1 row)", line)

          """)
        let login = "ssh -F \(sshd.sshConfigPath) -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1"
        let readers = [
          Reader(command: "cat", name: "cat"),
          Reader(command: "python3 -q", name: "python3", shown: ">>>", quit: "exit()"),
          Reader(
            command: "TERM=xterm less \(file)", name: "less, a full-screen program,", shown: "line 1\n",
            quit: "q"),
          Reader(
            command: "TERM=xterm vim \(file)", name: "vim, a full-screen program,", shown: "line 1\n",
            quit: ":q!"),
          Reader(command: "top", name: "top, a full-screen program,", quit: "q"),
          Reader(command: "\(login) bash true", name: "ssh", shown: "password:"),
          Reader(command: "python3 \(repl)", name: "python3", shown: "db=>"),
        ]
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          for reader in readers {
            try await expectWaiting(reader, server)
            try await leave(reader, server)
          }
          try await expectWaiting(Reader(command: "python3 \(repl)", name: "python3"), server)
          let row = try await server.type("select 1;")
          #expect(row.isWaiting && row.text.contains("(1 row) select 1;"), "\(row)")
          #expect(try await server.press("ctrl-d").state == "finished")
          try await expectWaiting(Reader(command: "cat", name: "cat"), server)
          #expect(try await server.type("echoed").text.contains("echoed"))
          #expect(try await server.press("ctrl-d").facts["exitCode"]?.int == 0)
          try await expectWaiting(
            Reader(
              command: "TERM=xterm less \(file)", name: "less, a full-screen program,", shown: "line 1\n",
              quit: "q"),
            server)
          #expect(try await server.press("end").isWaiting)
          #expect(try await server.press("space").isWaiting)
          let left = try await server.call("send-input", ["session_id": "s", "text": "q", "enter": false])
          #expect(left.state == "finished", "\(left)")
          #expect(try await server.exec("echo after").text == "after")
        }
      }
    }

    @Test(.enabled(if: TemporaryAccount.isAvailable, "an account with a password can be made by root only"))
    func `password questions of su and sudo are waiting too`() async throws {
      try await LoopbackSSHD.with(.init(acceptsPasswords: true)) { sshd in
        try await TemporaryAccount.with { account in
          try await ServerUnderTest.with(sshd) { server in
            try await server.add(
              sshd, as: "h",
              [
                ("username", .string(account.name)), ("keyPath", .null),
                ("password", .string(account.password)),
              ])
            try await server.open("h")
            for (name, command) in [("su", "su - \(account.name)"), ("sudo", "sudo -k; sudo id")] {
              let reader = Reader(command: command, name: name, shown: "assword")
              try await expectWaiting(reader, server)
              #expect(
                try await server.call("list-sessions").text.contains("state=waiting-for-input(\(name))"))
              try await leave(reader, server)
            }
          }
        }
      }
    }

    @Test func `what only takes long is never said to wait`() async throws {
      try await LoopbackSSHD.with { sshd in
        let file = try sshd.directory.write("grows", "start\n")
        let port = try #require(try Fixture.freePorts(1).first)
        let accept =
          "import socket; s = socket.create_server(('127.0.0.1', \(port))); s.settimeout(3.5)\n"
          + "try: s.accept()\nexcept TimeoutError: print('nobody')"
        let tab = "\t"
        let makefile = try sshd.directory.write(
          "Makefile",
          ".SUFFIXES:\nall: a.o b.o\na.o b.o:\n\(tab)@i=0; while [ $$i -lt 15 ]; do sleep 0.1; i=$$((i + 1)); done; echo $@\n"
        )
        let busy: [(name: String, command: String, output: String)] = [
          ("sleep", "sleep 4; echo slept", "slept"),
          ("cpu", "end=$((SECONDS + 4)); while [ $SECONDS -lt $end ]; do :; done; echo counted", "counted"),
          (
            "find",
            "end=$((SECONDS + 4)); while [ $SECONDS -lt $end ]; do find /usr/share >/dev/null 2>&1; done; echo found",
            "found"
          ),
          ("network", "python3 -c \"\(accept)\"", "nobody"),
          ("make", "make -f \(makefile) 2>&1", "a.o\nb.o"),
          ("wait", "sleep 3.5 & wait $!; echo waited", "waited"),
        ]
        try await ServerUnderTest.with(sshd) { server in
          for entry in busy { try await server.open("bash", entry.name) }
          try await server.open("bash", "tail")
          // A waiting program would be answered at once; so the end, or the wait spent, proves that none was seen.
          let calls = busy.map { server.beginExec($0.command, in: $0.name) }
          let tail = try await server.exec("tail -f \(file)", in: "tail", [("wait_seconds", 4)])
          #expect(tail.state == "running" && tail.text.hasPrefix("start\n[still running"), "\(tail)")
          for (entry, call) in zip(busy, calls) {
            let result = try await server.result(of: call)
            #expect(
              result.state == "finished" && result.text.hasSuffix(entry.output), "\(entry.name): \(result)")
          }
          #expect(try await server.interrupt("tail").facts["processGone"]?.bool == true)
          for name in busy.map(\.name) + ["tail"] {
            #expect(try await server.exec("echo after", in: name).text == "after")
          }
        }
      }
    }

    @Test func `the shortest waits come to their end too`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("sleep 600", [("wait_seconds", 0)])
          for round in 0..<300 {
            let read = try await server.call(
              "read-output", ["session_id": "s", "wait_seconds": .double(round % 2 == 0 ? 1e-6 : 1e-5)])
            #expect(read.state == "running", "\(read)")
          }
        }
      }
    }
  }
}
