import Synchronization
import Testing

/// Lets few stories run at a time: each starts daemons and logs in, and two cores are shared with all other tests.
///
/// Most of a story is waiting, so two together take little more than half of the time. A story that measures what the
/// whole machine has, or loads it, runs alone.
struct Places: SuiteTrait, TestTrait, TestScoping {
  /// Stories at a time.
  static let count = 2
  /// The places that a story takes.
  let needed: Int

  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // The innermost says it: a suite that runs alone stands inside one that does not.
    guard testCase != nil, needed == test.traits.compactMap({ ($0 as? Places)?.needed }).max() else {
      return try await function()
    }
    let isEnclosed = Self.$isTaken.get()
    guard !isEnclosed else { return try await function() }
    await Self.line.take(needed)
    defer { Self.line.giveBack(needed) }
    try await Self.$isTaken.withValue(true) { try await function() }
  }

  /// Several traits of one story must not take places twice.
  @TaskLocal private static var isTaken = false
  private static let line = Line(places: count)
}

/// Who comes first is served first, so that nobody waits for ever for both places.
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

extension Trait where Self == Places {
  /// Two stories at a time.
  static var sharing: Self { Places(needed: 1) }

  /// No other story meanwhile.
  static var alone: Self { Places(needed: Places.count) }
}
