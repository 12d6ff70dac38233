import Synchronization

/// The work of one request that is no tool call: it cannot ask anybody and has one answer.
final class RequestRun: Sendable {
  private let state = Mutex(State())

  private struct State {
    var task: Task<Void, Never>?
    var isCancelled = false
  }

  /// Begins the work; to be called once.
  func start(_ work: @escaping @Sendable () async -> Void) {
    state.withLock { state in
      state.task = Task { await work() }
      if state.isCancelled { state.task?.cancel() }
    }
  }

  func cancel() {
    let task = state.withLock { state in
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }

  func ended() async {
    await state.withLock { $0.task }?.value
  }
}
