import ChildProcess
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(5)))
struct ChildProcessTests {
  let reactor: Reactor
  let spawner: ProcessSpawner

  init() throws {
    reactor = try Reactor()
    spawner = ProcessSpawner(reactor: reactor)
  }

  func shell(_ script: String, _ recorder: Recorder) throws -> ChildProcess {
    try spawner.spawn(
      Launch(executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"]),
      recorder.receive)
  }

  @Test func `output, error output and status arrive in that order and nothing follows`() async throws {
    let recorder = Recorder()
    _ = try shell("echo out; echo err >&2; exit 7", recorder)
    #expect(await recorder.termination() == .exited(7))
    #expect(recorder.snapshot.text == "out\n")
    #expect(recorder.snapshot.errorOutput == Array("err\n".utf8))
    #expect(recorder.snapshot.eventsAfterEnd == 0)
  }

  @Test func `a signal is told apart from a status`() async throws {
    let recorder = Recorder()
    _ = try shell("kill -s KILL $$", recorder)
    #expect(await recorder.termination() == .signaled(9))
  }

  @Test func `the exits of 100 children that close their descriptors are seen while an older one lives`()
    async throws
  {
    // Foundation alone reports none of these before the first child ends.
    let oldest = Recorder()
    let first = try shell("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec sleep 100", oldest)
    for number in 0..<100 {
      let recorder = Recorder()
      _ = try shell("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exit \(number)", recorder)
      #expect(await recorder.termination() == .exited(Int32(number)))
    }
    first.terminate()
    #expect(await oldest.termination() == .signaled(SIGTERM))
  }

  @Test func `a child that has ended is let go, though who receives its events holds it`() async throws {
    final class Owner: Sendable {
      let recorder = Recorder()
      let child = Mutex<ChildProcess?>(nil)
    }
    weak var gone: Owner?
    do {
      let owner = Owner()
      gone = owner
      let child = try spawner.spawn(
        Launch(executable: "/bin/sh", arguments: ["-c", "read x"], environment: [:])
      ) { owner.recorder.receive($0) }
      owner.child.withLock { $0 = child }
      child.closeInput()
      _ = await owner.recorder.termination()
    }
    for _ in 0..<500 where gone != nil { try await Task.sleep(for: .milliseconds(10)) }
    #expect(gone == nil)
  }

  @Test
  func `other processes of the program are told as ended while children that were started beside them live`()
    async throws
  {
    async let told = withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<60 {
        group.addTask {
          let process = Process()
          process.executableURL = URL(fileURLWithPath: "/bin/sh")
          process.arguments = ["-c", "exit 3"]
          try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in ended.resume() }
            do { try process.run() } catch { ended.resume(throwing: error) }
          }
        }
      }
      try await group.waitForAll()
    }
    var children: [(ChildProcess, Recorder)] = []
    for _ in 0..<60 {
      let recorder = Recorder()
      children.append((try shell("exec sleep 100", recorder), recorder))
    }
    try await told
    for (child, recorder) in children {
      child.terminate()
      #expect(await recorder.termination() == .signaled(SIGTERM))
    }
  }

  @Test func `an exited child leaves no zombie`() async throws {
    let recorder = Recorder()
    let child = try shell("exit 0", recorder)
    _ = await recorder.termination()
    #expect(kill(child.processIdentifier, 0) == -1)
    #expect(errno == ESRCH)
  }

  @Test func `8 MiB through cat come back whole`() async throws {
    let recorder = Recorder()
    let child = try spawner.spawn(
      Launch(executable: "/bin/cat", arguments: [], environment: [:]), recorder.receive)
    let bytes = (0..<ChildProcess.Limits.pendingInputBytes / 2).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    #expect(child.write(bytes))
    await recorder.wait { $0.output.count == bytes.count }
    #expect(child.write(bytes))
    child.closeInput()
    #expect(await recorder.termination() == .exited(0))
    #expect(recorder.snapshot.output == bytes + bytes)
  }

  @Test func `input beyond the limit is refused whole`() async throws {
    let recorder = Recorder()
    let child = try shell("exec sleep 100", recorder)
    let limit = [UInt8](repeating: 120, count: ChildProcess.Limits.pendingInputBytes)
    #expect(child.write(limit))
    #expect(!child.write(limit))
    child.terminate()
    _ = await recorder.termination()
  }

  @Test func `writing to a child that has ended is refused and does not kill the server`() async throws {
    let recorder = Recorder()
    let child = try shell("exit 0", recorder)
    _ = await recorder.termination()
    #expect(!child.write(Array("x".utf8)))
  }

  @Test func `the exit is reported although a grandchild holds the pipes`() async throws {
    let recorder = Recorder()
    let child = try shell("sleep 100 & echo $!; exit 3", recorder)
    #expect(await recorder.termination() == .exited(3))
    let grandchild = try #require(
      Int32(recorder.snapshot.text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(-child.processIdentifier, SIGKILL) == 0)
    #expect(grandchild > 0)
  }

  @Test func `terminate ends the whole process group`() async throws {
    let recorder = Recorder()
    let child = try shell("sleep 100 & echo ready; wait", recorder)
    await recorder.wait { $0.text == "ready\n" }
    child.terminate()
    #expect(await recorder.termination() == .signaled(SIGTERM))
  }

  @Test func `a child that ignores SIGTERM is killed after the grace`() async throws {
    let recorder = Recorder()
    let child = try shell("trap '' TERM; echo ready; while :; do sleep 1; done", recorder)
    await recorder.wait { $0.text == "ready\n" }
    child.terminate(grace: .milliseconds(50))
    #expect(await recorder.termination() == .signaled(SIGKILL))
  }

  @Test func `a stopped child is ended too`() async throws {
    let recorder = Recorder()
    let child = try shell("echo ready; kill -s STOP $$; echo never", recorder)
    await recorder.wait { $0.text == "ready\n" }
    child.terminate()
    #expect(await recorder.termination() == .signaled(SIGTERM))
  }

  @Test func `a child started from a task has no signal blocked`() async throws {
    let recorder = Recorder()
    _ = try shell("grep SigBlk /proc/self/status || echo 'SigBlk:\t0000000000000000'", recorder)
    _ = await recorder.termination()
    #expect(recorder.snapshot.text == "SigBlk:\t0000000000000000\n")
  }

  @Test func `a program that is not there is a named failure`() throws {
    #expect(throws: SpawnFailure(executable: "/nonexistent/ssh", reason: "No such file or directory")) {
      try spawner.spawn(
        Launch(executable: "/nonexistent/ssh", arguments: [], environment: [:]), { _ in })
    }
  }

  @Test func `a child gets the environment it was given and nothing else`() async throws {
    let recorder = Recorder()
    _ = try spawner.spawn(
      Launch(executable: "/usr/bin/env", arguments: [], environment: ["ONLY": "this"]), recorder.receive)
    _ = await recorder.termination()
    #expect(recorder.snapshot.text == "ONLY=this\n")
  }
}
