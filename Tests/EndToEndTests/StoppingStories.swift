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
  /// A command is stopped, really gone, and the shell around it is as it was.
  @Suite(.withServer) struct StoppingStories {
    enum Way: String, CaseIterable, Sendable, CustomStringConvertible {
      case timeout, interrupt, cancellation

      var description: String { rawValue }
    }

    /// A command that does not end by itself.
    struct Victim: Sendable {
      let name: String
      /// The command; `NUMBER` in it becomes a number that stands in no other command line.
      let command: String
      /// What must stand in the result of its stop.
      let said: String
      /// How many processes have the number in their command line when it runs.
      var processes = 1
    }

    private static let victims = [
      Victim(name: "sleep", command: "sleep NUMBER", said: "stopped by SIGINT (^C): the process is gone"),
      Victim(
        name: "deaf", command: "sh -c 'trap \"\" INT; while :; do sleep 0.1; done' NUMBER",
        said: "stopped by SIGTERM: the process is gone"),
      Victim(
        name: "stubborn", command: "sh -c 'trap \"\" INT TERM HUP; while :; do sleep 0.1; done' NUMBER",
        said: "stopped by SIGKILL: the process is gone"),
      Victim(
        name: "frozen", command: "sh -c 'sleep NUMBER & kill -s STOP $!; wait'", said: "stopped by SIG",
        processes: 2),
      Victim(
        name: "pipeline", command: "sleep NUMBER | cat | sleep NUMBER",
        said: "stopped by SIGINT (^C): the process is gone",
        processes: 2),
      Victim(
        name: "survivor", command: "sh -c '(trap \"\" INT; exec sleep NUMBER) & exec tail -f /dev/null'",
        said: "had survived that and was killed: every process is gone"),
      Victim(
        name: "raw", command: "python3 -c 'import tty, time; tty.setraw(0); time.sleep(9999)' NUMBER",
        said: "the process is gone"),
    ]

    /// What must be the same before and after, told by the shell; line editing would take the TAB.
    private let state = "pwd; echo 'a\tb'; echo \"<$V>\"; f; set +o; stty -a; trap"

    @Test(arguments: Way.allCases)
    func `what is stopped is gone and the shell is unchanged`(way: Way) async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for victim in Self.victims {
              group.addTask { try await stop(victim, way, server) }
            }
            try await group.waitForAll()
          }
        }
      }
    }

    private func stop(_ victim: Victim, _ way: Way, _ server: ServerUnderTest) async throws {
      let session = victim.name
      let unique = "76\(UInt32.random(in: 1_000_000...9_999_999))"
      try await server.open("bash", session)
      let set =
        "cd /usr/share; V='a  b'; f() { echo \"f:$V\"; }; set -f; set -o pipefail; trap 'echo usr1' USR1"
      #expect(try await server.exec(set, in: session).isError == false)
      let before = try await server.exec(state, in: session).text

      let command = victim.command.replacingOccurrences(of: "NUMBER", with: unique)
      let call = server.beginExec(command, in: session, way == .timeout ? [("timeout_seconds", 1)] : [])
      try await eventually("\(victim.name) to run") {
        // Our own shell may have the number in its command line too, before it becomes the program.
        ProcessTree.now().processes(mentioning: unique).count >= victim.processes
      }
      switch way {
      case .timeout:
        let result = try await server.result(of: call)
        #expect(
          result.isError && result.text.contains("[timed out after 1 s and "), "\(victim.name): \(result)")
        expectGone(result, victim)
      case .interrupt:
        let result = try await server.interrupt(session)
        #expect(!result.isError, "\(victim.name): \(result)")
        expectGone(result, victim)
        #expect(try await server.result(of: call).lastLine == result.lastLine)
      case .cancellation: server.cancel(call)
      }
      #expect(try await server.exec("echo after", in: session).text == "after")
      let left = ProcessTree.now().processes(mentioning: unique).filter { $0.state != "Z" }
      if way == .cancellation {
        // Nobody waits for the proof, so the next command does not either.
        try await eventually("the end of \(victim.name)") {
          !ProcessTree.now().processes(mentioning: unique).contains { $0.state != "Z" }
        }
      } else {
        #expect(left.isEmpty, "\(victim.name)")
      }
      #expect(try await server.exec(state, in: session).text == before, "\(victim.name)")
    }

    private func expectGone(_ result: ToolResult, _ victim: Victim) {
      #expect(result.text.contains(victim.said), "\(victim.name): \(result)")
      #expect(result.facts["processGone"]?.bool == true, "\(victim.name): \(result)")
      if victim.name == "survivor" { #expect(result.text.contains("sleep (pid "), "\(result)") }
    }

    @Test func `a program stopped from outside gives the shell back`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let unique = "76\(UInt32.random(in: 1_000_000...9_999_999))"
          let call = server.beginExec("sleep \(unique)")
          let isRunning: @Sendable (ProcessTree.Entry) -> Bool = { $0.commandLine == "sleep \(unique)" }
          try await eventually("sleep to run") { ProcessTree.now().entries.contains(where: isRunning) }
          let victim = try #require(ProcessTree.now().entries.first(where: isRunning))
          kill(victim.identifier, SIGSTOP)
          let result = try await server.result(of: call)
          #expect(result.state == "finished" && result.isError, "\(result)")
          #expect(try await server.exec("echo after").text.hasSuffix("after"))
          _ = try await server.exec("kill -KILL %1; wait")
          try await eventually("the end of sleep") { !ProcessTree.now().entries.contains(where: isRunning) }
        }
      }
    }

    @Test func `a call that is cancelled at once leaves the session usable`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let unique = "76\(UInt32.random(in: 1_000_000...9_999_999))"
          _ = try await server.exec("cd /usr/share; V=kept")
          for number in 0..<20 {
            let call = server.beginExec("sleep \(unique)")
            // The moment is what is tried: before it is typed, before it has begun, just begun.
            try await Task.sleep(for: .microseconds(number * 150))
            server.cancel(call)
            #expect(try await server.exec("echo \(number) $V $PWD").text == "\(number) kept /usr/share")
          }
          try await eventually("the end of all of them") {
            ProcessTree.now().processes(mentioning: unique).isEmpty
          }
          #expect(!server.messages.contains { $0["error"] != nil })
        }
      }
    }

    @Test func `without a second channel the end is not proven and said so`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["MaxSessions 1"])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("cd /usr/share; V=kept")
          for (command, said) in [
            ("sleep 7654.5", "stopped by SIGINT (^C)"),
            ("sh -c 'trap \"\" INT; while :; do sleep 0.1; done'", "stopped by SIG"),
          ] {
            let result = try await server.exec(command, [("timeout_seconds", 0.5)])
            #expect(result.isError && result.text.contains(said), "\(result)")
            #expect(result.text.contains("is not proven"), "\(result)")
            #expect(result.facts["processGone"] == .null, "\(result)")
            #expect(try await server.exec("echo $V $PWD").text == "kept /usr/share")
          }
          let call = server.beginExec("echo started; sleep 7654.6", in: "s", [("wait_seconds", 0.3)])
          #expect(try await server.result(of: call).state == "running")
          let unsent = try await server.call("interrupt", ["session_id": "s", "signal": "USR1"])
          #expect(unsent.isError && unsent.text.hasPrefix("SIGUSR1 cannot be sent here"), "\(unsent)")
          let sent = try await server.call("interrupt", ["session_id": "s", "signal": "INT"])
          #expect(
            sent.state == "finished" && sent.text.hasSuffix("[SIGINT was sent to the foreground]"), "\(sent)")
        }
      }
    }

    @Test func `background jobs survive the stop of another command`() async throws {
      let unique = "76\(UInt32.random(in: 1_000_000...9_999_999))"
      let isJob: @Sendable (ProcessTree.Entry) -> Bool = { $0.commandLine == "sleep \(unique)" }
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          for command in ["setsid sleep", "nohup sleep", "sleep"] {
            let started = try await server.exec("\(command) \(unique) >/dev/null 2>&1 </dev/null &")
            #expect(!started.isError, "\(started)")
          }
          // What was started a moment before a command cannot be told from what it started itself.
          _ = try await server.exec("sleep 0.3")
          let stopped = try await server.exec("sleep \(unique)1", [("timeout_seconds", 0.3)])
          #expect(stopped.facts["processGone"]?.bool == true, "\(stopped)")
          let processes = ProcessTree.now().entries
          #expect(processes.count(where: isJob) == 3)
          #expect(!processes.contains { $0.commandLine == "sleep \(unique)1" })
          for process in processes where isJob(process) { kill(process.identifier, SIGKILL) }
          #expect(try await server.exec("echo after").text.hasSuffix("after"))
        }
      }
    }

    @Test func `what is left in the background is named, and left alone`() async throws {
      let unique = "77\(UInt32.random(in: 1_000_000...9_999_999))"
      let isJob: @Sendable (ProcessTree.Entry) -> Bool = { $0.commandLine == "sleep \(unique)" }
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          for command in ["sleep \(unique) & wait", "bash -c 'setsid sleep \(unique) & sleep 600'"] {
            let call = server.beginExec(command)
            try await eventually("the job") { ProcessTree.now().entries.contains(where: isJob) }
            let job = try #require(ProcessTree.now().entries.first(where: isJob))
            let stopped = try await server.interrupt()
            let name = "sleep (pid \(job.identifier))"
            #expect(
              stopped.text.hasSuffix(
                "the process is gone, the session is usable; in the background \(name) still runs]"),
              "\(stopped)")
            #expect(stopped.facts["processGone"]?.bool == true, "\(stopped)")
            #expect(stopped.facts["stillRunning"]?.array == [.string(name)], "\(stopped)")
            _ = try await server.result(of: call)
            #expect(ProcessTree.now().entries.contains(where: isJob))
            kill(job.identifier, SIGKILL)
            try await eventually("its end") { !ProcessTree.now().entries.contains(where: isJob) }
          }
          // Somebody else's job of before is nobody's remainder.
          _ = try await server.exec("sleep \(unique) & sleep 0.3")
          let other = try await server.exec("sleep 600", [("timeout_seconds", 1)])
          #expect(other.facts["processGone"]?.bool == true && other.facts["stillRunning"] == nil, "\(other)")
          for entry in ProcessTree.now().entries where isJob(entry) { kill(entry.identifier, SIGKILL) }
        }
      }
    }

    @Test func `a shell that stopped itself is resumed by its signal, and by an interrupt`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("kill -STOP $$; echo resumed", [("wait_seconds", 1)])
          let resumed = try await server.call("interrupt", ["session_id": "s", "signal": "CONT"])
          #expect(resumed.text.hasPrefix("resumed"), "\(resumed)")
          _ = try await server.exec("kill -STOP $$; sleep 600", [("wait_seconds", 1)])
          #expect(try await server.interrupt().state == "finished")
          #expect(try await server.exec("echo usable").text == "usable")
        }
      }
    }
  }
}
