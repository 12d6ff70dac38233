import JSON
import Synchronization

/// Collects the answers to a batch and gives them out together (JSON-RPC 2.0 section 6).
final class Batch: Sendable {
  private let state: Mutex<(open: Int, answers: [JSONValue])>
  private let finish: @Sendable ([JSONValue]) -> Void

  init(count: Int, finish: @escaping @Sendable ([JSONValue]) -> Void) {
    state = Mutex((count, []))
    self.finish = finish
  }

  func take(_ answer: JSONValue?) {
    let all = state.withLock { state -> [JSONValue]? in
      state.open -= 1
      if let answer { state.answers.append(answer) }
      return state.open == 0 ? state.answers : nil
    }
    if let all { finish(all) }
  }
}
