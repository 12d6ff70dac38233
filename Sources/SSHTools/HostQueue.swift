import Dispatch
import HostStore
import Synchronization

/// The work on the stored hosts: one after the other in the order in which it was entered, on a thread of its own.
///
/// A file system may keep its caller waiting, and another process the lock of the file; neither may keep the thread
/// that reads the client's messages.
final class HostQueue: Sendable {
  private let store: HostStore
  private let queue = DispatchQueue(label: "hosts")

  /// The queue of that store.
  init(_ store: HostStore) {
    self.store = store
  }

  /// Takes the work's place in line.
  ///
  /// - Parameter work: Gets the store and the moment at which it was entered.
  /// - Returns: What tells the outcome.
  func enter<Success: Sendable>(
    _ work:
      @escaping @Sendable (HostStore, ContinuousClock.Instant) throws(HostStoreFailure) -> Success
  ) -> Turn<Success> {
    let turn = Turn<Success>()
    let asked = ContinuousClock.now
    queue.async { [store] in
      do throws(HostStoreFailure) {
        turn.end(.success(try work(store, asked)))
      } catch {
        turn.end(.failure(error))
      }
    }
    return turn
  }

  /// Waits until all that was entered is done, blocking; no longer than the limit.
  func finish(within limit: DispatchTimeInterval) {
    let isDone = DispatchSemaphore(value: 0)
    queue.async { isDone.signal() }
    _ = isDone.wait(timeout: .now() + limit)
  }

  /// The outcome of what was entered; for one waiter.
  final class Turn<Success: Sendable>: Sendable {
    typealias Outcome = Result<Success, HostStoreFailure>

    private let state = Mutex(State.pending)

    private enum State {
      case pending
      case awaited(CheckedContinuation<Outcome, Never>)
      case ended(Outcome)
    }

    fileprivate func end(_ outcome: Outcome) {
      let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
        defer { state = .ended(outcome) }
        if case .awaited(let waiter) = state { return waiter }
        return nil
      }
      waiter?.resume(returning: outcome)
    }

    /// What the work returned.
    ///
    /// - Throws: What the work threw.
    func outcome() async throws(HostStoreFailure) -> Success {
      let outcome = await withCheckedContinuation { continuation in
        let ended = state.withLock { state -> Outcome? in
          if case .ended(let outcome) = state { return outcome }
          state = .awaited(continuation)
          return nil
        }
        if let ended { continuation.resume(returning: ended) }
      }
      return try outcome.get()
    }
  }
}
