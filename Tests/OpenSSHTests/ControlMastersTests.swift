import ChildProcess
import Foundation
import OpenSSH
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(5)))
struct ControlMastersTests {
  let directory: TemporaryDirectory
  let masters: ControlMasters
  let reactor: Reactor
  let spawner: ProcessSpawner

  init() throws {
    directory = try TemporaryDirectory()
    reactor = try Reactor()
    spawner = ProcessSpawner(reactor: reactor)
    let ssh = try #require(LoginShell.find("ssh"))
    masters = ControlMasters(
      program: SSHProgram(
        executable: ssh, askpass: "/bin/false",
        environment: ["HOME": directory.path, "PATH": "/usr/bin:/bin"], connectSeconds: 50,
        runtimeDirectory: directory.path), spawner: spawner, reactor: reactor)
  }

  /// The processes of this suite's connections; each has the path of its socket in its arguments.
  static func processes(_ directory: String) -> [ProcessTree.Entry] {
    ProcessTree.now().processes(mentioning: directory, "ControlPath=").filter { $0.state != "Z" }
  }

  func destination(_ sshd: LoopbackSSHD) -> Destination {
    Destination(name: "bash", configurationFile: sshd.sshConfigPath)
  }

  /// A host whose connection never says a word.
  func silentDestination() throws -> Destination {
    let file = try directory.write("silent", "Host silent\n  ProxyCommand /bin/sleep 1000\n")
    return Destination(name: "silent", configurationFile: file)
  }

  func expectNothingRuns() async throws {
    let path = directory.path
    try await eventually("the connections to end") { Self.processes(path).isEmpty }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("m") } == [])
  }

  @Test func `two who come at once share one login, and the last one ends it`() async throws {
    try await LoopbackSSHD.with { sshd in
      async let first = masters.acquire(destination(sshd), Credentials())
      async let second = masters.acquire(destination(sshd), Credentials())
      let leases = try await [first, second]
      #expect(leases[0].master === leases[1].master)
      #expect(sshd.loginCount == 1)
      #expect(await leases[0].isAlive())
      leases[0].release()
      // Once is enough: the second call must not take the other's share.
      leases[0].release()
      #expect(await leases[1].isAlive())
      leases[1].release()
      try await expectNothingRuns()
      #expect(await !leases[1].isAlive())
    }
  }

  @Test func `a command rides on the connection without a login`() async throws {
    try await LoopbackSSHD.with { sshd in
      let lease = try await masters.acquire(destination(sshd), Credentials())
      let done = try await spawner.output(of: lease.commandLaunch("echo $((6 * 7))"), within: .seconds(20))
      #expect(String(decoding: done.output, as: UTF8.self) == "42\n")
      #expect(done.termination == .exited(0))
      #expect(sshd.loginCount == 1)
      lease.release()
      try await expectNothingRuns()
    }
  }

  @Test func `a full connection is not given to the next`() async throws {
    try await LoopbackSSHD.with { sshd in
      let first = try await masters.acquire(destination(sshd), Credentials())
      first.markFull()
      let second = try await masters.acquire(destination(sshd), Credentials())
      #expect(first.master !== second.master)
      #expect(sshd.loginCount == 2)
      masters.closeAll()
      try await expectNothingRuns()
      await #expect(throws: SSHFailure(.cancelled, destination: "bash")) {
        _ = try await masters.acquire(destination(sshd), Credentials())
      }
    }
  }

  @Test func `a connection keeps a place for questions`() async throws {
    try await LoopbackSSHD.with { sshd in
      var leases: [ControlMasters.Lease] = []
      for _ in 0...ControlMasters.sessionsPerConnection {
        leases.append(try await masters.acquire(destination(sshd), Credentials()))
      }
      #expect(leases.dropLast().allSatisfy { $0.master === leases[0].master })
      #expect(leases.last?.master !== leases[0].master)
      #expect(sshd.loginCount == 2)
      // A place that was given back is taken before a further connection is made.
      leases.removeFirst().release()
      let next = try await masters.acquire(destination(sshd), Credentials())
      #expect(next.master === leases[0].master)
      masters.closeAll()
      try await expectNothingRuns()
    }
  }

  @Test func `a killed connection is not alive, and the next one logs in anew`() async throws {
    try await LoopbackSSHD.with { sshd in
      let lease = try await masters.acquire(destination(sshd), Credentials())
      let path = directory.path
      let running = Self.processes(path)
      #expect(running.count == 1)
      for process in running { kill(process.identifier, SIGKILL) }
      try await eventually("ssh to be gone") { Self.processes(path).isEmpty }
      #expect(await !lease.isAlive())
      let next = try await masters.acquire(destination(sshd), Credentials())
      #expect(await next.isAlive())
      #expect(sshd.loginCount == 2)
      lease.release()
      #expect(await next.isAlive())
      next.release()
      try await expectNothingRuns()
    }
  }

  @Test(arguments: [1, 2])
  func `a login that everybody has cancelled leaves no process`(_ callers: Int) async throws {
    let destination = try silentDestination()
    let tasks = (0..<callers).map { _ in
      Task { [masters] in
        do throws(SSHFailure) {
          _ = try await masters.acquire(destination, Credentials())
          return SSHFailure?.none
        } catch { return error }
      }
    }
    let path = directory.path
    try await eventually("ssh to run") { Self.processes(path).contains { $0.commandLine.contains("-M") } }
    for task in tasks { task.cancel() }
    for task in tasks { #expect(await task.value?.reason == .cancelled) }
    try await expectNothingRuns()
  }

  @Test func `closing everything ends logins too`() async throws {
    let destination = try silentDestination()
    let task = Task { [masters] in
      do throws(SSHFailure) {
        _ = try await masters.acquire(destination, Credentials())
        return SSHFailure?.none
      } catch { return error }
    }
    let path = directory.path
    try await eventually("ssh to run") { Self.processes(path).contains { $0.commandLine.contains("-M") } }
    masters.closeAll()
    #expect(await task.value?.reason == .cancelled)
    try await expectNothingRuns()
  }
}
