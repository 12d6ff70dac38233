import JSON
import Synchronization

/// Collects the answers to a batch and gives them out together (JSON-RPC 2.0 section 6).
final class Batch: Sendable {
  /// Messages in one batch: their answers are held together until the last of them is there.
  static let limit = 64

  private let state: Mutex<(open: Int, answers: [JSONValue])>
  private let finish: @Sendable ([JSONValue]) -> Void

  init(count: Int, finish: @escaping @Sendable ([JSONValue]) -> Void) {
    state = Mutex((count, []))
    self.finish = finish
  }

  /// Why a batch is not taken at all; nil if it is.
  static func refusal(of messages: [JSONValue], in version: ProtocolVersion?) -> String? {
    guard version == .v2025_03_26 else { return "batches are only for protocol version 2025-03-26" }
    if messages.isEmpty { return "a batch must not be empty" }
    if messages.count > limit {
      return "a batch has at most \(limit) messages, this one has \(messages.count); none of them was taken"
    }
    return nil
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
