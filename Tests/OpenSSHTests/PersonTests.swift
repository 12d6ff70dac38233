import ChildProcess
import OpenSSH
import Synchronization
import TestSupport
import Testing

/// How long a login waits for a person.
@Suite(.timeLimit(.minutes(5)))
struct PersonTests {
  let directory: TemporaryDirectory
  let reactor: Reactor

  init() throws {
    directory = try TemporaryDirectory()
    reactor = try Reactor()
  }

  func masters(connectSeconds: Int, personSeconds: Int) throws -> ControlMasters {
    var program = SSHProgram(
      executable: try #require(LoginShell.find("ssh")), askpass: ServerUnderTest.binaryPath,
      environment: ["HOME": directory.path, "PATH": "/usr/bin:/bin"], connectSeconds: connectSeconds,
      runtimeDirectory: directory.path)
    program.personSeconds = personSeconds
    return ControlMasters(program: program, spawner: ProcessSpawner(reactor: reactor), reactor: reactor)
  }

  func destination(_ sshd: LoopbackSSHD) -> Destination {
    Destination(name: "bash", identityFile: sshd.keyPath, configurationFile: sshd.sshConfigPath)
  }

  @Test func `the login's time does not run while a person thinks`() async throws {
    try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
      let masters = try masters(connectSeconds: 3, personSeconds: 30)
      let person = Person(secret: { _ in
        try? await Task.sleep(for: .seconds(4))
        return Secret("right")
      })
      let lease = try await masters.acquire(destination(sshd), Credentials(), person: person)
      #expect(await lease.isAlive())
      lease.release()
    }
  }

  @Test func `a person who does not answer in time has no answer`() async throws {
    try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
      let masters = try masters(connectSeconds: 20, personSeconds: 1)
      let wasCancelled = Mutex(false)
      do throws(SSHFailure) {
        let person = Person(secret: { _ in
          try? await Task.sleep(for: .seconds(50))
          wasCancelled.withLock { $0 = Task.isCancelled }
          return nil
        })
        let lease = try await masters.acquire(destination(sshd), Credentials(), person: person)
        lease.release()
        Issue.record("logged in")
      } catch {
        #expect(error.code == "passphrase_missing")
      }
      #expect(wasCancelled.withLock { $0 })
    }
  }

  @Test func `a cancelled login takes its question back`() async throws {
    try await LoopbackSSHD.with(.init(keyPassphrase: "right")) { sshd in
      let masters = try masters(connectSeconds: 20, personSeconds: 50)
      let (asked, isAsked) = AsyncStream.makeStream(of: Void.self)
      let (ended, hasEnded) = AsyncStream.makeStream(of: Void.self)
      let destination = destination(sshd)
      let task = Task {
        let person = Person(secret: { _ in
          isAsked.finish()
          try? await Task.sleep(for: .seconds(50))
          hasEnded.finish()
          return nil
        })
        do throws(SSHFailure) {
          _ = try await masters.acquire(destination, Credentials(), person: person)
          return SSHFailure?.none
        } catch { return error }
      }
      for await _ in asked {}
      task.cancel()
      #expect(await task.value?.reason == .cancelled)
      for await _ in ended {}
    }
  }
}
