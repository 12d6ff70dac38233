import ChildProcess
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The script is what ends children after a `kill -9` of the server; here its pipe is closed by hand.
@Suite(.timeLimit(.minutes(5)))
struct WatchdogTests {
  @Test func `closing its pipe ends the groups it knows, and only those, and removes the directory`()
    async throws
  {
    let reactor = try Reactor()
    let spawner = ProcessSpawner(reactor: reactor, isGuarded: false)
    let sleeper = Launch(
      executable: "/bin/sh", arguments: ["-c", "sleep 100 & wait"], environment: ["PATH": "/usr/bin:/bin"])
    let known = Recorder()
    let forgotten = Recorder()
    let first = try spawner.spawn(sleeper, known.receive)
    let second = try spawner.spawn(sleeper, forgotten.receive)
    let directory = FileManager.default.temporaryDirectory.appending(path: "watchdog test \(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)

    let recorder = Recorder()
    let watchdog = try spawner.spawn(
      Launch(
        executable: "/bin/sh", arguments: ["-c", Watchdog.script], environment: ["PATH": "/usr/bin:/bin"]),
      recorder.receive)
    watchdog.write(
      Array(
        """
        + \(first.processIdentifier)
        + \(second.processIdentifier)
        d \(directory)
        - \(second.processIdentifier)

        """.utf8))
    watchdog.closeInput()
    #expect(await recorder.termination() == .exited(0))
    #expect(await known.termination() == .signaled(SIGTERM))
    #expect(forgotten.snapshot.termination == nil)
    #expect(!FileManager.default.fileExists(atPath: directory))
    second.terminate()
    #expect(await forgotten.termination() == .signaled(SIGTERM))
  }
}
