import Synchronization

/// Those who want to be told of something that happens, each until it gives its observation up.
package final class Observers<Event: Sendable>: Sendable {
  private let state = Mutex(State())

  private struct State {
    var observers: [Int: @Sendable (Event) -> Void] = [:]
    var last = 0
  }

  /// Nobody yet.
  package init() {}

  /// Adds one.
  ///
  /// - Parameter observer: Called on whatever thread tells of an event; must not block.
  /// - Returns: The observation; it ends when it is cancelled or let go.
  package func add(_ observer: @escaping @Sendable (Event) -> Void) -> Observation {
    let key = state.withLock { state in
      state.last += 1
      state.observers[state.last] = observer
      return state.last
    }
    return Observation { [weak self] in _ = self?.state.withLock { $0.observers.removeValue(forKey: key) } }
  }

  /// Tells all of them.
  package func post(_ event: Event) {
    for observer in state.withLock({ Array($0.observers.values) }) { observer(event) }
  }
}

/// One observer's place among the observers.
package final class Observation: Sendable {
  private let remove: @Sendable () -> Void

  init(remove: @escaping @Sendable () -> Void) {
    self.remove = remove
  }

  deinit { remove() }
}
