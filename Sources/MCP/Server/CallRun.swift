import JSON
import Synchronization

/// The work of one tool call, and whoever waits for it.
///
/// With a handshake it has one request from its beginning to its end. Without one, a question to a person is the
/// answer to the request: the work then waits, with nobody to tell, for the request that brings what they said.
final class CallRun: Sendable {
  /// What a request is answered with.
  enum Reply: Sendable {
    case result(CallToolResult)
    case question(Question)
  }

  /// A question that waits for its answer.
  struct Question: Sendable {
    let key: String
    let request: ElicitationRequest
  }

  /// The call's tool and arguments: a request may go on only with the same.
  let subject: Subject

  /// What a call is about.
  struct Subject: Sendable, Equatable {
    let tool: String
    let arguments: JSONObject

    /// The order of the arguments does not count.
    static func == (left: Subject, right: Subject) -> Bool {
      left.tool.hasBytes(of: right.tool) && left.arguments.isSame(inAnyOrderAs: right.arguments)
    }
  }

  private let work = RequestRun()
  private let state = Mutex(State())

  private struct State {
    var listener: (@Sendable (Reply) -> Void)?
    var result: CallToolResult?
    var questions: [(question: Question, continuation: CheckedContinuation<ElicitationAnswer, Never>)] = []
    var lastQuestion = 0
  }

  init(_ subject: Subject) {
    self.subject = subject
  }

  /// Begins the work; to be called once.
  func start(
    _ pending: @escaping PendingCall, on executor: (any TaskExecutor)? = nil,
    listener: @escaping @Sendable (Reply) -> Void
  ) {
    state.withLock { $0.listener = listener }
    work.start(on: executor) { self.finish(await pending()) }
  }

  func cancel() { work.cancel() }

  func ended() async { await work.ended() }

  /// Whoever waited has been answered otherwise: what comes now goes to another.
  func handOver(to listener: @escaping @Sendable (Reply) -> Void) {
    let result = state.withLock { state in
      if state.result == nil { state.listener = listener }
      return state.result
    }
    if let result { listener(.result(result)) }
  }

  /// Asks by answering the request that waits, or the next one.
  func ask(_ request: ElicitationRequest) async -> ElicitationAnswer {
    let key = state.withLock { state in
      state.lastQuestion += 1
      return "ask\(state.lastQuestion)"
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let question = Question(key: key, request: request)
        let listener = state.withLock { state in
          state.questions.append((question, continuation))
          defer { state.listener = nil }
          return state.listener
        }
        if Task.isCancelled { answer(key, .cancel) }
        listener?(.question(question))
      }
    } onCancel: {
      answer(key, .cancel)
    }
  }

  /// Goes on with what a person said; nil for a question that nobody has answered yet.
  func resume(
    answers: (_ key: String) -> ElicitationAnswer?, listener: @escaping @Sendable (Reply) -> Void
  ) {
    for question in state.withLock({ $0.questions.map(\.question) }) {
      if let given = answers(question.key) { answer(question.key, given) }
    }
    let reply = state.withLock { state -> Reply? in
      if let result = state.result { return .result(result) }
      if let next = state.questions.first { return .question(next.question) }
      state.listener = listener
      return nil
    }
    if let reply { listener(reply) }
  }

  func answer(_ key: String, _ answer: ElicitationAnswer) {
    let continuation = state.withLock { state in
      state.questions.firstIndex { $0.question.key == key }.map {
        state.questions.remove(at: $0).continuation
      }
    }
    continuation?.resume(returning: answer)
  }

  private func finish(_ result: CallToolResult) {
    let listener = state.withLock { state in
      state.result = result
      defer { state.listener = nil }
      return state.listener
    }
    listener?(.result(result))
  }
}
