import Synchronization

/// A value that tests wait for: each change is looked at by those who wait, so that nobody has to poll.
package final class Watched<Value: Sendable>: Sendable {
  private struct Waiter {
    let isMet: @Sendable (Value) -> Bool
    let continuation: CheckedContinuation<Value, any Error>
  }

  private struct State {
    var value: Value
    var waiters: [Int: Waiter] = [:]
    var nextWaiter = 0
  }

  private let state: Mutex<State>

  /// A watched value that starts as `value`.
  package init(_ value: Value) {
    state = Mutex(State(value: value))
  }

  /// The value as it is now.
  package var current: Value { state.withLock { $0.value } }

  /// Changes the value and wakes those whose condition it now meets.
  package func change(_ body: @Sendable (inout Value) -> Void) {
    let (ready, value) = state.withLock { state in
      body(&state.value)
      let met = state.waiters.filter { $0.value.isMet(state.value) }
      for key in met.keys { state.waiters[key] = nil }
      return (met.values.map(\.continuation), state.value)
    }
    for continuation in ready { continuation.resume(returning: value) }
  }

  /// The first value that meets the condition.
  ///
  /// - Parameters:
  ///   - what: What is waited for, for the error.
  ///   - limit: How long; a hang becomes an error instead.
  ///   - isMet: Called under a lock; must not block.
  /// - Returns: The value that met it.
  /// - Throws: `DeadlineExceeded`.
  @discardableResult
  package func wait(
    for what: String, within limit: Duration = .seconds(20), _ isMet: @escaping @Sendable (Value) -> Bool
  ) async throws -> Value {
    try await withDeadline(limit, what) { try await self.first(isMet) }
  }

  private func first(_ isMet: @escaping @Sendable (Value) -> Bool) async throws -> Value {
    let key = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let now: Value? = state.withLock { state in
          guard !isMet(state.value), !Task.isCancelled else { return state.value }
          state.waiters[key] = Waiter(isMet: isMet, continuation: continuation)
          return nil
        }
        if let now { continuation.resume(returning: now) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.waiters.removeValue(forKey: key) }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }
}

/// Something did not happen in time.
package struct DeadlineExceeded: Error, CustomStringConvertible {
  /// What was waited for.
  package let what: String
  /// How long it was waited for.
  package let limit: Duration

  package var description: String { "waited \(limit) in vain for \(what)" }
}

/// What `body` returns, or `DeadlineExceeded` if it takes longer than `limit`; `body` is cancelled then.
package func withDeadline<Success: Sendable>(
  _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Success
) async throws -> Success {
  try await withThrowingTaskGroup(of: Success.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw DeadlineExceeded(what: what, limit: limit)
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    return first
  }
}

/// Waits until a fact of the system holds that gives no signal to us: another's child that ends, a file that goes.
///
/// The only place in the tests that looks again and again; whatever can signal is a `Watched`.
///
/// - Parameters:
///   - what: What is waited for, for the error.
///   - limit: How long.
///   - holds: Looks at the system; cheap.
/// - Throws: `DeadlineExceeded`.
package func eventually(
  _ what: String, within limit: Duration = .seconds(10), _ holds: @escaping @Sendable () -> Bool
) async throws {
  try await withDeadline(limit, what) {
    while !holds() { try await Task.sleep(for: .milliseconds(10)) }
  }
}
