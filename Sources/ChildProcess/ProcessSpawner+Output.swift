import Synchronization

/// A child that ran to its end, with all that it wrote.
package struct CompletedProcess: Sendable, Hashable {
  /// How it ended.
  package let termination: Termination
  /// Its standard output, cut at the limit.
  package let output: [UInt8]
  /// Its standard error, cut at the limit.
  package let errorOutput: [UInt8]
}

extension ProcessSpawner {
  /// Bytes kept of each stream of a short-lived child.
  package static var outputLimitBytes: Int { 1 << 20 }

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - launch: What to run; its standard input is empty.
  ///   - limit: When it is ended.
  /// - Returns: What it wrote and how it ended; a signal where it took too long or the task was cancelled.
  /// - Throws: `SpawnFailure` when it cannot be started.
  package func output(of launch: Launch, within limit: Duration) async throws(SpawnFailure)
    -> CompletedProcess
  {
    let collector = Collector()
    let child = try spawn(launch) { collector.receive($0) }
    child.closeInput()
    let timer = after(limit) { child.terminate() }
    let completed = await withTaskCancellationHandler {
      await collector.completed()
    } onCancel: {
      child.terminate()
    }
    timer.cancel()
    return completed
  }

  private final class Collector: Sendable {
    private struct State {
      var output: [UInt8] = []
      var errorOutput: [UInt8] = []
      var completed: CompletedProcess?
      var waiter: CheckedContinuation<CompletedProcess, Never>?
    }

    private let state = Mutex(State())

    func receive(_ event: ChildProcess.Event) {
      let waiter = state.withLock { state -> CheckedContinuation<CompletedProcess, Never>? in
        switch event {
        case .output(let bytes): state.output += bytes.prefix(outputLimitBytes - state.output.count)
        case .errorOutput(let bytes):
          state.errorOutput += bytes.prefix(outputLimitBytes - state.errorOutput.count)
        case .exited(let termination):
          state.completed = CompletedProcess(
            termination: termination, output: state.output, errorOutput: state.errorOutput)
          return state.waiter
        }
        return nil
      }
      guard let waiter, let completed = state.withLock({ $0.completed }) else { return }
      waiter.resume(returning: completed)
    }

    func completed() async -> CompletedProcess {
      await withCheckedContinuation { continuation in
        let completed = state.withLock { state in
          if state.completed == nil { state.waiter = continuation }
          return state.completed
        }
        if let completed { continuation.resume(returning: completed) }
      }
    }
  }
}
