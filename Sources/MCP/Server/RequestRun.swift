import Synchronization

/// The work of one request that is no tool call: it cannot ask anybody and has one answer.
final class RequestRun: Sendable {
  private let state = Mutex(State())

  private struct State {
    var task: Task<Void, Never>?
    var isCancelled = false
  }

  /// Begins the work; to be called once.
  ///
  /// - Parameters:
  ///   - executor: Runs the work, which begins on this thread at once; nil for the usual pool of threads.
  ///   - work: The work.
  func start(on executor: (any TaskExecutor)? = nil, _ work: @escaping @Sendable () async -> Void) {
    // Not under the lock: the work may come to its end at once.
    let task =
      if let executor { Task.immediate(executorPreference: executor) { await work() } } else {
        Task { await work() }
      }
    let isCancelled = state.withLock { state in
      state.task = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
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
