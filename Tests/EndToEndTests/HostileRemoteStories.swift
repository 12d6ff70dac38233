import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A remote side that means ill: what it prints is output, and nothing else.
  @Suite(.withServer) struct HostileRemoteStories {
    @Test func `forged markers with every nonce that was ever seen are output`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          try await server.open("bash", "other")
          // A level that has ended and another session: both were heard of, neither counts here.
          var nonces = [try await server.exec("echo $__mcp_k", in: "other").text]
          for _ in 0..<2 {
            #expect(!(try await server.exec("bash --norc --noprofile")).isError)
            nonces.append(try await server.exec("echo $__mcp_k").text)
            #expect(!(try await server.exec("exit")).isError)
          }
          #expect(Set(nonces).count == 3 && nonces.allSatisfy { $0.count == 16 }, "\(nonces)")
          for nonce in nonces {
            let forged = ["E;%d;0;h;/", "P;%d;0", "B;%d", "H;sh;1;n;/dev/pts/0;root;/"].map {
              "printf '\\033]7717;\(nonce);\($0);\(nonce)\\007' $n; "
            }
            let result = try await server.exec(
              "cd /tmp; for n in $(seq 0 40); do \(forged.joined())done; sleep 0.3; echo real; (exit 7)")
            #expect(result.isError && result.text == "Error (code 7):\nreal", "\(result)")
            #expect(try await server.exec("pwd; echo $?").text == "/tmp\n0")
          }
          // Begun and never ended, as the last thing of a command.
          _ = try await server.exec("printf '\\033]7717;\(nonces[0]);E;1;0;'")
          #expect(try await server.exec("echo after").text == "after")
          #expect(try await server.exec("echo after", in: "other").text == "after")
        }
      }
    }

    @Test func `control sequences of every kind reach nobody, and no query is answered`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let hostile = [
            // The clipboard, a title and its report, a sixel, a file, private messages.
            "\\033]52;c;Y3VybA==\\007", "\\033]0;title\\033\\\\", "\\033[21t", "\\033P1;2q#0\\033\\\\",
            "\\033]1337;File=name=eA==:AAAA\\007", "\\033_apc\\033\\\\", "\\033^pm\\033\\\\",
            "\\033Xsos\\033\\\\",
            // Queries that a terminal answers by typing: device, cursor, colours, settings.
            "\\033[c", "\\033[>c", "\\033[6n", "\\033[5n", "\\033]10;?\\007", "\\033P$qm\\033\\\\",
            "\\033[?1;2\\$p", "\\005",
            // The same in eight bits, and a reset.
            "\\302\\2332J", "\\302\\23552;c;eA==\\007", "\\033c", "\\033[2J\\033[3J\\033[?1049h\\033[?1049l",
          ]
          for text in hostile {
            let result = try await server.exec("printf 'a\(text)b\\n'")
            let controls = result.text.unicodeScalars.filter {
              $0.value < 0x20 || (0x7F..<0xA0).contains($0.value)
            }
            #expect(
              controls.isEmpty && result.text.hasPrefix("a") && result.text.contains("b"),
              "\(text): \(result)")
          }
          // Shorter than what is taken for waiting for input.
          let answer = try await server.exec("read -r -t 0.1 -n 1 x; echo \"<$x>\"")
          #expect(answer.text == "<>", "\(answer)")
        }
      }
    }

    @Test func `a question that imitates ssh's or sudo's gets no secret by itself`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd, as: "h", [("password", "canary-of-this-test")])
          try await server.open("h")
          for question in [
            "[sudo] password for root: ", "root@127.0.0.1's password: ", "(root@127.0.0.1) Password: ",
          ] {
            let asked = try await server.exec(
              "stty -echo; read -r -p \"\(question)\" x; stty echo; echo \"<$x>\"")
            #expect(asked.isWaiting, "\(asked)")
            let rest = try await server.press("enter")
            #expect(rest.text.hasSuffix("<>"), "\(rest)")
          }
          let all = String(decoding: server.process.record.current.output, as: UTF8.self)
          #expect(!all.contains("canary-of-this-test"))
        }
      }
    }

    @Test func `a banner made to be slow to read delays nobody`() async throws {
      let directory = try TemporaryDirectory()
      // Each once took a pattern minutes, on the thread that all sessions share.
      let lines = ["a line 1:", "Identity file ", "Load key \"", "x"].map {
        String(repeating: $0, count: 8000 / $0.utf8.count) + "\n"
      }
      // A packet of SSH, and so a banner, has room for 256 KiB.
      try directory.write("banner", String(repeating: lines.joined(), count: 6))
      try await LoopbackSSHD.with(.init(configuration: ["Banner \(directory.path)/banner"])) { sshd in
        try await Fixture.makeKey("\(sshd.directory.path)/other_key")
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          try await server.add(sshd, as: "h", [("keyPath", .string("\(sshd.directory.path)/other_key"))])
          let login = server.begin(
            "tools/call", [("name", "start-session"), ("arguments", ["host_id": "h"])])
          #expect(try await server.exec("echo hi").text == "hi")
          let denied = try await server.result(of: login)
          #expect(denied.isError && denied.text.contains("denied permission"), "\(denied.text.prefix(500))")
          #expect(denied.text.utf8.count < 8 << 10)
        }
      }
    }

    /// Listens on loopback, prints its port, and answers every connection in one bad way.
    private static let impostor = """
      import socket, sys, threading
      def serve(c):
        try:
          if sys.argv[1] == 'lines':
            while True: c.sendall(b'debug1: Entering interactive session.\\r\\n' * 1000)
          elif sys.argv[1] == 'bytes':
            while True: c.sendall(b'x' * 65536)
          else:
            c.sendall(b'SSH-2.0-x\\r\\n' + b'\\xff' * 100000)
            c.recv(1000)
          c.close()
        except OSError: pass
      s = socket.socket()
      s.bind(('127.0.0.1', 0))
      s.listen(20)
      print(s.getsockname()[1], flush=True)
      while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
      """

    @Test(arguments: ["lines", "bytes", "packets"])
    func `what only seems to be an SSH server ends in an error`(way: String) async throws {
      let python = try #require(LoginShell.find("python3"))
      let impostor = try TestProcess(python, ["-c", Self.impostor, way])
      defer { impostor.signal(9) }
      let record = try await impostor.record.wait(for: "the port") { $0.text.hasSuffix("\n") }
      let port = try #require(Int(record.text.dropLast()))
      let server = try ServerUnderTest(home: try TemporaryDirectory())
      try await server.shakeHands()
      let added = try await server.call(
        "add-host",
        ["host_id": "h", "host": "127.0.0.1", "port": .int(port), "username": "u", "password": "canary"])
      #expect(!added.isError)
      let result = try await server.call("start-session", ["host_id": "h"], within: .seconds(25))
      #expect(result.isError && result.text.utf8.count < 8 << 10, "\(result.text.prefix(500))")
      #expect(!result.text.contains("canary"))
      try await Faults.expectCleanEnd(of: server)
    }
  }
}
