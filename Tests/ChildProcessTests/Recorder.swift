import ChildProcess
import Synchronization

/// Collects what a child does, for tests that wait for its end.
final class Recorder: Sendable {
  private let state = Mutex(State())

  private struct State {
    var output: [UInt8] = []
    var errorOutput: [UInt8] = []
    var termination: Termination?
    var eventsAfterEnd = 0
    var waiters:
      [(test: @Sendable (Recorder.Snapshot) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
        []
  }

  struct Snapshot: Sendable {
    let output: [UInt8]
    let errorOutput: [UInt8]
    let termination: Termination?
    let eventsAfterEnd: Int

    var text: String { String(decoding: output, as: UTF8.self) }
  }

  var snapshot: Snapshot { state.withLock { Self.snapshot(of: $0) } }

  func receive(_ event: ChildProcess.Event) {
    let ready = state.withLock { state in
      if state.termination != nil { state.eventsAfterEnd += 1 }
      switch event {
      case .output(let bytes): state.output += bytes
      case .errorOutput(let bytes): state.errorOutput += bytes
      case .exited(let termination): state.termination = termination
      }
      let snapshot = Self.snapshot(of: state)
      let ready = state.waiters.filter { $0.test(snapshot) }
      state.waiters.removeAll { $0.test(snapshot) }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// Waits until what came so far satisfies the test; the suite's time limit is the deadline.
  func wait(until test: @escaping @Sendable (Snapshot) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if test(Self.snapshot(of: state)) { return true }
        state.waiters.append((test, continuation))
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  func termination() async -> Termination? {
    await wait { $0.termination != nil }
    return snapshot.termination
  }

  private static func snapshot(of state: borrowing State) -> Snapshot {
    Snapshot(
      output: state.output, errorOutput: state.errorOutput, termination: state.termination,
      eventsAfterEnd: state.eventsAfterEnd)
  }
}
