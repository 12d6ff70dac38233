import JSON
import Synchronization

/// The calls of the stateless era that wait for a person, each under a state that only its client was told.
///
/// The state is a random token: nothing in it can be forged or changed, and it is forgotten when it is used or too old.
final class ParkedCalls: Sendable {
  private static let limit = 64

  private let lifetime: Duration
  private let state = Mutex<[ByteKey: Parked]>([:])

  private struct Parked {
    let run: CallRun
    let expiry: Task<Void, Never>
  }

  /// - Parameter lifetime: How long a call waits for its next request.
  init(lifetime: Duration) {
    self.lifetime = lifetime
  }

  /// Keeps a call.
  ///
  /// - Returns: Its state; nil when too many wait.
  func park(_ run: CallRun) -> String? {
    let token = RandomToken.make()
    return state.withLock { parked in
      guard parked.count < Self.limit else { return nil }
      let expiry = Task { [lifetime, weak self] in
        do { try await Task.sleep(for: lifetime) } catch { return }
        // Nobody came back: the work ends as if it had been cancelled.
        self?.state.withLock { $0.removeValue(forKey: ByteKey(token)) }?.run.cancel()
      }
      parked[ByteKey(token)] = Parked(run: run, expiry: expiry)
      return token
    }
  }

  /// Gives a call out, once, to a request about the same; nil if there is none.
  func take(_ token: String, for subject: CallRun.Subject) -> CallRun? {
    let key = ByteKey(token)
    // Compared outside the lock, since arguments may be large; whoever removes it has it.
    guard let run = state.withLock({ $0[key]?.run }), run.subject == subject else { return nil }
    let parked = state.withLock { $0.removeValue(forKey: key) }
    parked?.expiry.cancel()
    return parked?.run
  }

  /// Gives up all of them.
  func removeAll() -> [CallRun] {
    let all = state.withLock { parked in
      defer { parked = [:] }
      return Array(parked.values)
    }
    for parked in all { parked.expiry.cancel() }
    return all.map(\.run)
  }
}
