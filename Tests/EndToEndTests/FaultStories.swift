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
  /// Processes and connections that go away or stand still at the wrong moment.
  @Suite(.withServer) struct FaultStories {
    @Test func `a master that is killed is told, and the next session logs in again`() async throws {
      try await LoopbackSSHD.with { sshd in
        let server = try ServerUnderTest(
          home: try TemporaryDirectory(), environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
        try await server.shakeHands()
        try await server.open("bash", "idle")
        try await server.open("bash", "busy")
        let running = "\(sshd.directory.path)/running"
        let call = server.beginExec("echo some; : >\(running); sleep 600", in: "busy")
        try await eventually("the command to run") { FileManager.default.fileExists(atPath: running) }
        kill(try #require(Faults.master(of: server)), SIGKILL)
        let lost = try await server.result(of: call)
        #expect(lost.isError && lost.text.hasPrefix("some\n[session ended: "), "\(lost)")
        let idle = try await server.exec("echo hi", in: "idle")
        #expect(idle.isError, "\(idle)")
        try await server.open("bash", "next")
        #expect(try await server.exec("echo hi", in: "next").text == "hi")
        #expect(sshd.loginCount == 2)
        try await Faults.expectCleanEnd(of: server)
        try await eventually("the connections to close") { sshd.connections.isEmpty }
      }
    }

    @Test func `a network that stands still costs each call its budget, and then all goes on`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          #expect(try await server.exec("cd /tmp; n=1").text == "")
          sshd.signalConnections(SIGSTOP)
          let call = try await server.exec("echo \"$n $PWD\"", [("wait_seconds", 1)])
          #expect(call.state == "running" && !call.isError, "\(call)")
          let look = try await server.call("read-output", ["session_id": "s", "wait_seconds": 1])
          #expect(look.state == "running", "\(look)")
          let refused = try await server.exec("echo second", [("wait_seconds", 1)])
          #expect(refused.isError, "\(refused)")
          sshd.signalConnections(SIGCONT)
          var result = look
          while result.state == "running" {
            result = try await server.call(
              "read-output", ["session_id": "s", "offset": 0, "wait_seconds": 20])
          }
          #expect(result.text == "1 /tmp" && result.state == "finished", "\(result)")
          #expect(try await server.exec("echo again").text == "again")
          #expect(sshd.loginCount == 1)
        }
      }
    }

    @Test(.enabled("faketime is missing: run scripts/setup") { Faults.fakeTimeLibrary != nil })
    func `a clock that is set forward and back ends nothing early and nothing late`() async throws {
      let library = try #require(Faults.fakeTimeLibrary)
      try await LoopbackSSHD.with { sshd in
        let clock = "\(sshd.directory.path)/clock"
        func set(_ offset: String) throws { try sshd.directory.write("clock", "\(offset)\n") }
        try set("+0")
        let environment = [
          "SSH_MCP_SSH_CONFIG": sshd.sshConfigPath, "SSH_MCP_IDLE_TIMEOUT": "7200", "LD_PRELOAD": library,
          // What never goes back on a real machine goes on as it is.
          "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
          "SSH_MCP_LOG": "debug",
        ]
        let server = try ServerUnderTest(home: try TemporaryDirectory(), environment: environment)
        try await server.shakeHands()
        try await server.open("bash", "idle")
        try await server.open("bash")
        for offset in ["+2d", "-3d"] {
          let call = server.beginExec("sleep 0.5; echo done", [("timeout_seconds", 3600)])
          try set(offset)
          #expect(try await server.result(of: call).text == "done")
          let began = ContinuousClock.now
          let stopped = try await server.exec("sleep 600", [("timeout_seconds", 0.5)], within: .seconds(10))
          #expect(stopped.text.contains("the process is gone, the session is usable"), "\(stopped)")
          #expect(began.duration(to: .now) >= .milliseconds(500))
          #expect(try await server.exec("echo hi", in: "idle").text == "hi")
          try await server.open("bash", offset)
          // The server does see the clock that was set.
          let time =
            offset == "+2d" ? Date(timeIntervalSinceNow: 172_800) : Date(timeIntervalSinceNow: -259_200)
          let day = Faults.day(time)
          try await server.process.record.wait(for: "a line of the log on \(day)") {
            $0.errorText.contains(day)
          }
        }
        let sessions = try await server.call("list-sessions", [:])
        #expect(sessions.text.contains("idle"), "\(sessions)")
        try await Faults.expectCleanEnd(of: server)
      }
    }

    @Test func `a host that is gone altogether is told as lost, then as refusing`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          kill(sshd.process.identifier, SIGSTOP)
          sshd.signalConnections(SIGKILL)
          let lost = try await server.exec("echo hi")
          #expect(lost.isError && lost.text.contains("the connection was lost"), "\(lost)")
          sshd.process.signal(SIGKILL)
          _ = try await sshd.process.record.wait(for: "the end of sshd") { $0.ending != nil }
          let refused = try await server.call("start-session", ["host_id": "bash"])
          #expect(refused.isError && refused.text.contains("refused the connection"), "\(refused)")
          #expect(try await server.call("list-sessions").text == "No active sessions")
          #expect(ProcessTree.now().descendants(of: server.process.identifier).count <= 1)
        }
      }
    }

    @Test func `a server killed at any moment of busy work leaves nothing and damages nothing`() async throws
    {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        for _ in 0..<10 {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
              group.addTask { try await killAtRandom(after: .milliseconds(.random(in: 0...400)), sshd, home) }
            }
            try await group.waitForAll()
          }
          try await eventually("the run-time files to go") {
            Faults.files(below: "\(home.path)/run").isEmpty
          }
        }
        try await eventually("the connections to close") { sshd.connections.isEmpty }
        // Whatever was written last is whole, and the next server finds nothing of the earlier ones.
        try await ServerUnderTest.with(sshd, home: home) { server in
          let list = try await server.call("list-hosts")
          #expect(!list.isError, "\(list)")
          #expect(
            !(try await server.call("add-host", ["host_id": "last", "host": "x", "username": "u"]).isError))
          try await server.open("bash")
          #expect(try await server.exec("echo hi").text == "hi")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(home.path)/.ssh-mcp").sorted()
        #expect(left == ["hosts.json", "hosts.json.lock"])
      }
    }

    /// Writes hosts, opens sessions, floods one and types into another, and dies in the middle of it.
    private func killAtRandom(
      after delay: Duration, _ sshd: LoopbackSSHD, _ home: TemporaryDirectory
    ) async throws {
      let server = try ServerUnderTest(
        home: home, environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
      try await server.shakeHands()
      let name = "h\(server.process.identifier)"
      _ = server.begin(
        "tools/call", [("name", "start-session"), ("arguments", ["host_id": "bash", "sessionId": "a"])])
      for number in 0..<20 {
        _ = server.begin(
          "tools/call",
          [
            ("name", "add-host"),
            (
              "arguments",
              ["host_id": .string("\(name)-\(number)"), "host": "x", "username": "u", "password": "pw"]
            ),
          ])
      }
      let work = Task {
        // Ends with an error when the server dies, which is the purpose.
        for number in 0..<100 {
          _ = try await server.exec("head -c 300000 /dev/zero | tr '\\0' x; echo \(number)", in: "a")
          try await server.open("bash", "b\(number)")
        }
      }
      // The moment is what is random here; nothing is waited for.
      try await Task.sleep(for: delay)
      let family = ProcessTree.now().descendants(of: server.process.identifier).map(\.identifier)
      server.process.signal(SIGKILL)
      _ = await work.result
      try await server.process.record.wait(for: "the end of the server") { $0.ending != nil }
      try await eventually("the end of all that the server started") {
        !family.contains(where: ProcessTree.isRunning)
      }
    }
  }
}
