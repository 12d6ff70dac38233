import Foundation
import SSHMCPSessions
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The library's public face, as a program uses it, on a real sshd.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct SSHSessionsTests {
  private func withSessions(
    _ sshd: LoopbackSSHD, _ body: (SSHSessions) async throws -> Void
  ) async throws {
    let home = try TemporaryDirectory()
    let sessions = try makeSessions(sshd, home)
    defer { sessions.close() }
    try await body(sessions)
  }

  private func makeSessions(_ sshd: LoopbackSSHD, _ home: TemporaryDirectory) throws -> SSHSessions {
    let environment = [
      "HOME": home.path, "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": try home.makeDirectory("run"),
      "SSH_MCP_SSH_CONFIG": sshd.sshConfigPath,
    ]
    return try SSHSessions(
      SSHSessions.Configuration(environment: environment, askpass: ServerUnderTest.binaryPath))
  }

  @Test func `state carries over from call to call, and sessions do not share it`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        #expect(try await sessions.execSSHCommand(hostID: "bash", command: "cd /; A=kept") == "")
        #expect(try await sessions.execSSHCommand(hostID: "bash", command: "echo $A $PWD") == "kept /")
        let other = try await sessions.execSSHCommand(
          hostID: "bash", command: "echo \"<$A>\"", sessionID: "other")
        #expect(other == "<>")
      }
      #expect(sshd.loginCount == 1)
      try await eventually("the connection to close") { sshd.connections.isEmpty }
    }
  }

  @Test func `calls that open a session together open one, and keep their order`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        let pids = try await withThrowingTaskGroup(of: String.self) { group in
          for _ in 0..<5 {
            group.addTask { try await sessions.execSSHCommand(hostID: "bash", command: "echo $$") }
          }
          return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(pids.count == 1)
      }
    }
  }

  @Test func `a failing command throws its status and output, and one that waits for input is stopped`()
    async throws
  {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        let failed = await #expect(throws: SSHCommandFailure.self) {
          try await sessions.execSSHCommand(hostID: "bash", command: "echo no; (exit 7)")
        }
        #expect(failed?.code == "command_failed" && failed?.exitStatus == 7)
        #expect(failed?.message == "Error (code 7):\nno")
        let waiting = await #expect(throws: SSHCommandFailure.self) {
          try await sessions.execSSHCommand(hostID: "bash", command: "cat")
        }
        #expect(waiting?.code == "waiting_for_input")
        #expect(try await sessions.execSSHCommand(hostID: "bash", command: "echo usable") == "usable")
      }
    }
  }

  @Test func `a session runs nothing for another host than its own`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        // Two names of one account: what ran where is what the name said.
        let other = "\(sshd.user)@bash"
        let mark = "\(sshd.directory.path)/ran"
        #expect(try await sessions.execSSHCommand(hostID: "bash", command: "echo here") == "here")
        let refused = await #expect(throws: SSHCommandFailure.self) {
          try await sessions.execSSHCommand(hostID: other, command: ": >'\(mark)'")
        }
        #expect(refused?.code == "session_of_other_host" && refused?.exitStatus == nil)
        #expect(
          refused?.message.hasPrefix("Session 'legacy' is one of host 'bash', not of '\(other)'.") == true)
        #expect(!FileManager.default.fileExists(atPath: mark))
        let there = try await sessions.execSSHCommand(hostID: other, command: "echo there", sessionID: "b")
        #expect(there == "there")
      }
    }
  }

  @Test func `calls for two hosts that open one session together do not share it`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        let hosts = ["bash", "\(sshd.user)@bash"]
        let results = await withTaskGroup(of: Result<String, SSHCommandFailure>.self) { group in
          for host in hosts {
            group.addTask {
              do throws(SSHCommandFailure) {
                return .success(try await sessions.execSSHCommand(hostID: host, command: "echo ran"))
              } catch {
                return .failure(error)
              }
            }
          }
          return await group.reduce(into: [Result<String, SSHCommandFailure>]()) { $0.append($1) }
        }
        #expect(results.filter { $0 == .success("ran") }.count == 1)
        #expect(results.compactMap { $0.failure?.code } == ["session_of_other_host"])
      }
    }
  }

  @Test func `a command that ends its session throws, whatever it wrote`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        for (command, status) in [("exit 0", 0), ("exit 3", 3), ("exec true", 0)] {
          let failure = await #expect(throws: SSHCommandFailure.self) {
            try await sessions.execSSHCommand(hostID: "bash", command: "echo written; \(command)")
          }
          #expect(
            failure?.code == "session_ended" && failure?.exitStatus == status,
            "\(command): \(String(describing: failure))")
          #expect(failure?.message.contains("written") == true, "\(String(describing: failure))")
        }
        #expect(try await sessions.execSSHCommand(hostID: "bash", command: "echo anew") == "anew")
      }
    }
  }

  @Test func `a host that nobody knows throws the code of that failure`() async throws {
    try await LoopbackSSHD.with { sshd in
      try await withSessions(sshd) { sessions async throws in
        let failure = await #expect(throws: SSHCommandFailure.self) {
          try await sessions.execSSHCommand(hostID: "no-such-host.invalid", command: "true")
        }
        #expect(failure?.code == "host_unknown" && failure?.exitStatus == nil)
      }
    }
  }

  @Test func `a login that the end of the sessions cuts off was cancelled`() async throws {
    try await LoopbackSSHD.with { sshd in
      // Connections are taken by the kernel's backlog and never answered: a login that waits.
      sshd.process.signal(SIGSTOP)
      defer { sshd.process.signal(SIGCONT) }
      let home = try TemporaryDirectory()
      let sessions = try makeSessions(sshd, home)
      let call = Task {
        await #expect(throws: SSHCommandFailure.self) {
          try await sessions.execSSHCommand(hostID: "bash", command: "true")
        }
      }
      let path = home.path
      try await eventually("the login to begin") {
        ProcessTree.now().processes(mentioning: " -M ", path).contains { $0.state != "Z" }
      }
      sessions.close()
      #expect(await call.value?.code == "cancelled")
      #expect(ProcessTree.now().processes(mentioning: path).isEmpty)
    }
  }

  @Test func `without a free descriptor the sessions cannot be made`() async {
    // In a process of its own: the limit is all of a process's.
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 3, rlim_max: 3)
      #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #else
        let resource = RLIMIT_NOFILE
      #endif
      guard setrlimit(resource, &limit) == 0 else { exit(2) }
      do throws(SSHCommandFailure) {
        _ = try SSHSessions(
          SSHSessions.Configuration(environment: ["HOME": "/nonexistent"], askpass: "/nonexistent"))
        exit(3)
      } catch {
        exit(error.code == "cannot_start" && error.exitStatus == nil ? EXIT_SUCCESS : 4)
      }
    }
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let failure) = self { failure } else { nil }
  }
}
