import Administration
import ArgumentParser
import ChildProcess
import Foundation
import Synchronization

/// Work of a subcommand that starts children: done before the command returns, with nothing left behind.
enum Errand {
  /// Runs the work to its end.
  ///
  /// - Parameter work: Gets what starts children.
  /// - Returns: What the work returns.
  /// - Throws: What making the reactor throws.
  static func run<Success: Sendable>(
    _ work: @escaping @Sendable (Reactor, ProcessSpawner) async -> Success
  ) throws -> Success? {
    let reactor = try Reactor()
    let spawner = ProcessSpawner(reactor: reactor)
    let result = Mutex<Success?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    Task {
      let success = await work(reactor, spawner)
      result.withLock { $0 = success }
      isDone.signal()
    }
    isDone.wait()
    spawner.endAll(grace: 1)
    spawner.stop()
    reactor.stop()
    return result.withLock { $0 }
  }
}

extension Outcome {
  /// Says it, and leaves with its status unless all is well.
  func deliver() throws {
    FileHandle.standardOutput.write(Data(output.utf8))
    FileHandle.standardError.write(Data(errorOutput.utf8))
    guard status == .success else { throw ExitCode(status.rawValue) }
  }
}
