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
  /// The system has run out of something: what is there goes on, what cannot be had is told, and afterwards all is well.
  @Suite(.withServer) struct ShortageStories {
    private let host: JSONValue = ["host_id": "new", "host": "x", "username": "u", "password": "pw"]

    @Test(.withMounts) func `a full disk leaves the hosts file as it was, and nothing beside it`()
      async throws
    {
      let home = try TemporaryDirectory()
      let directory = try home.makeDirectory(".ssh-mcp")
      try await Faults.withSmallDisk(at: directory, kilobytes: 64) {
        try await ServerUnderTest.with(home: home) { server in
          let first = try await server.call("add-host", ["host_id": "old", "host": "x", "username": "u"])
          #expect(!first.isError)
          let before = home.read(".ssh-mcp/hosts.json")
          Faults.fillDisk(directory)
          for (tool, arguments) in [
            ("add-host", host), ("edit-host", ["host_id": "old", "host": "y"]),
            ("remove-host", ["host_id": "old"]),
          ] {
            let failed = try await server.call(tool, arguments)
            #expect(failed.isError && failed.text.contains("No space left"), "\(tool): \(failed)")
            #expect(failed.text.contains("Nothing was changed"), "\(failed)")
          }
          #expect(home.read(".ssh-mcp/hosts.json") == before && before != nil)
          let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
          #expect(names == ["filler", "hosts.json", "hosts.json.lock"])
          unlink("\(directory)/filler")
          #expect(!(try await server.call("add-host", host).isError))
        }
      }
    }

    @Test(.withMounts) func `output that the disk does not take is kept in part, and that is told`()
      async throws
    {
      let home = try TemporaryDirectory()
      let directory = try home.makeDirectory("run")
      try await LoopbackSSHD.with { sshd in
        try await Faults.withSmallDisk(at: directory, kilobytes: 1024) {
          try await ServerUnderTest.with(sshd, home: home) { server in
            try await server.open("bash")
            try await expectPartOfFlood(server)
            // The other command's room is given back with it.
            let small = try await server.exec("head -c 200000 /dev/zero | tr '\\0' y; echo; echo end")
            #expect(small.state == "finished" && small.text.hasSuffix("end"), "\(small)")
          }
        }
      }
    }

    @Test func `a limit on the size of files does not end the server`() async throws {
      try await LoopbackSSHD.with { sshd in
        // 512 kilobytes in units of 512 bytes.
        let launcher = ["/bin/sh", "-c", "ulimit -f 1024; exec \"$0\" \"$@\""]
        try await ServerUnderTest.with(sshd, launcher: launcher) { server in
          try await server.open("bash")
          try await expectPartOfFlood(server)
        }
      }
    }

    /// What a client may have made of the server's standard error.
    enum StandardError: String, CaseIterable, Sendable {
      /// Nobody reads it, and it has no room.
      case full =
        "mkfifo \"$HOME/err\"; exec 9<>\"$HOME/err\"; head -c 65536 /dev/zero >&9; exec \"$0\" \"$@\" 2>&9"
      /// A pipe whose other side is closed.
      case broken =
        "mkfifo \"$HOME/err\"; sleep 0.2 <\"$HOME/err\" & exec 2>\"$HOME/err\"; wait; exec \"$0\" \"$@\""
      case closed = "exec \"$0\" \"$@\" 2>&-"
    }

    @Test(arguments: StandardError.allCases)
    func `a standard error that takes nothing keeps nobody from being served`(_ kind: StandardError)
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let launcher = ["/bin/sh", "-c", "SSH_MCP_LOG=debug; export SSH_MCP_LOG; \(kind.rawValue)"]
        try await ServerUnderTest.with(sshd, launcher: launcher) { server in
          try await server.open("bash")
          #expect(try await server.exec("echo hi").text == "hi")
          try await server.close()
        }
      }
    }

    /// 8 MB of numbered lines where less than one has room.
    private func expectPartOfFlood(_ server: ServerUnderTest) async throws {
      let result = try await server.exec("stty -onlcr; seq -f %015.0f 1 500000", [("max_output_chars", 2000)])
      #expect(result.state == "finished" && !result.isError, "\(result)")
      let lines = result.text.split(separator: "\n")
      #expect(lines.first == "000000000000001" && lines.last == "000000000500000", "\(result)")
      let gap = lines.filter { $0.hasPrefix("[") }
      #expect(gap.count == 1 && gap.first?.contains("gone") == true, "\(gap)")
      let part = try await server.call(
        "read-output", ["session_id": "s", "offset": 160_000, "max_output_chars": 1600])
      #expect(part.text.hasPrefix("000000000010001\n"), "\(part)")
      #expect(try await server.exec("echo after").text == "after")
    }

    @Test func `without descriptors no session opens, and those that are open go on`() async throws {
      try await LoopbackSSHD.with { sshd in
        let launcher = ["/bin/sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""]
        let server = try ServerUnderTest(
          home: try TemporaryDirectory(), environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath],
          launcher: launcher)
        try await server.shakeHands()
        var opened: [String] = []
        var failure: ToolResult?
        while failure == nil, opened.count < 40 {
          let name = "s\(opened.count)"
          let result = try await server.call(
            "start-session", ["host_id": "bash", "sessionId": .string(name)], within: .seconds(40))
          if result.isError { failure = result } else { opened.append(name) }
        }
        let told = try #require(failure)
        #expect(told.text.contains("Too many open files"), "\(told)")
        #expect(opened.count >= 2)
        for name in opened { #expect(try await server.exec("echo \(name)", in: name).text == name) }
        for name in opened.prefix(2) {
          #expect(!(try await server.call("close-session", ["sessionId": .string(name)]).isError))
        }
        // The descriptors come back as the processes end.
        let deadline = ContinuousClock.now.advanced(by: .seconds(20))
        while ContinuousClock.now < deadline,
          try await server.call("start-session", ["host_id": "bash", "sessionId": "again"]).isError
        {}
        #expect(try await server.exec("echo hi", in: "again").text == "hi")
        try await Faults.expectCleanEnd(of: server)
      }
    }

    @Test func `run-time files that are removed meanwhile are made again`() async throws {
      try await LoopbackSSHD.with { sshd in
        let server = try ServerUnderTest(
          home: try TemporaryDirectory(), environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
        try await server.shakeHands()
        try await server.open("bash", "old")
        try FileManager.default.removeItem(atPath: "\(server.runtimeDirectory)/ssh-mcp")
        #expect(try await server.exec("echo hi", in: "old").text == "hi")
        let flood = try await server.exec("seq 1 200000", in: "old")
        #expect(flood.state == "finished" && flood.text.hasSuffix("200000"), "\(flood)")
        try await server.open("bash", "new")
        #expect(try await server.exec("echo hi", in: "new").text == "hi")
        #expect(try await server.exec("echo still", in: "old").text == "still")
        try await Faults.expectCleanEnd(of: server)
        try await eventually("the connections to close") { sshd.connections.isEmpty }
      }
    }

    /// Becomes an account without privileges, which a limit on processes holds for, and owns its home.
    private static func asNobody(_ home: TemporaryDirectory) -> [String] {
      [
        "/bin/sh", "-c",
        "chown -R 65534 \(home.path) && exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$0\" \"$@\"",
      ]
    }

    @Test(
      .enabled("limits on processes do not hold for root, and only root can become somebody else") {
        guard geteuid() == 0, LoginShell.find("setpriv") != nil, LoginShell.find("prlimit") != nil else {
          return false
        }
        let home = try TemporaryDirectory()
        let server = try ServerUnderTest(home: home, launcher: asNobody(home))
        server.process.closeInput()
        return try await server.process.end(within: .seconds(5)).errorText.contains("running on stdio")
      })
    func `without processes no session opens, and those that are open go on`() async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        for name in ["user_key", "known_hosts", "ssh_config"] {
          let text = try #require(sshd.directory.read(name))
          try home.write(name, text.replacingOccurrences(of: sshd.directory.path, with: home.path))
        }
        let server = try ServerUnderTest(
          home: home, environment: ["SSH_MCP_SSH_CONFIG": "\(home.path)/ssh_config"],
          launcher: Self.asNobody(home))
        try await server.shakeHands()
        try await server.open("bash", "old")
        // Only the account itself may change it, unless root has all privileges.
        let prlimit = [
          "--reuid=65534", "--regid=65534", "--clear-groups", "prlimit", "--pid",
          "\(server.process.identifier)",
        ]
        try await Fixture.run("setpriv", prlimit + ["--nproc=1:"])
        let failed = try await server.call("start-session", ["host_id": "bash", "sessionId": "new"])
        #expect(failed.isError && failed.text.contains("Cannot start /usr/bin/ssh"), "\(failed)")
        #expect(try await server.exec("echo hi", in: "old").text == "hi")
        try await Fixture.run("setpriv", prlimit + ["--nproc=4096:"])
        try await server.open("bash", "new")
        #expect(try await server.exec("echo hi", in: "new").text == "hi")
        try await Faults.expectCleanEnd(of: server)
      }
    }
  }
}
