import Synchronization

/// Lets only so many do something at a time; who comes first is served first.
final class Line: Sendable {
  private struct State {
    var free: Int
    var waiting: [(needed: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Mutex<State>

  init(places: Int) {
    state = Mutex(State(free: places))
  }

  func take(_ needed: Int) async {
    await withCheckedContinuation { continuation in
      let isServed = state.withLock { state in
        guard state.waiting.isEmpty, state.free >= needed else {
          state.waiting.append((needed, continuation))
          return false
        }
        state.free -= needed
        return true
      }
      if isServed { continuation.resume() }
    }
  }

  func giveBack(_ needed: Int) {
    let served = state.withLock { state in
      state.free += needed
      var served: [CheckedContinuation<Void, Never>] = []
      while let first = state.waiting.first, first.needed <= state.free {
        state.free -= first.needed
        served.append(first.continuation)
        state.waiting.removeFirst()
      }
      return served
    }
    for continuation in served { continuation.resume() }
  }
}
