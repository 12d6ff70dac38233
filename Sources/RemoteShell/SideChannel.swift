package import ChildProcess
import Synchronization

/// A plain `sh` on the remote side, next to the sessions and without a terminal: it answers questions about
/// their processes and signals them, however stuck they are.
///
/// One a connection, started at the first question, kept, and started again when it was lost. Questions are
/// answered in order; one that is not answered in time costs the channel.
package final class SideChannel: Sendable {
  /// The bounds of a channel.
  package struct Limits: Sendable {
    /// How long the first answer may take: the channel is opened before it, which is three ways there and back.
    package var opening: Duration = .seconds(8)
    /// How long an answer may take after that before the channel is given up.
    package var answer: Duration = .seconds(3)
    /// How long after a failed start the next one is tried.
    package var pauseAfterFailure: Duration = .seconds(5)
    /// Bytes of one answer.
    package var answerBytes = 64 << 10

    /// The defaults.
    package init() {}
  }

  /// What ssh has to run for it: any login shell understands this line.
  package static let remoteCommand = "exec sh"

  private let launch: Launch
  private let spawner: ProcessSpawner
  private let reactor: Reactor
  private let limits: Limits
  private let state = Mutex(State())

  private struct State {
    var child: ChildProcess?
    var isClosed = false
    /// Whether this child has ever printed anything.
    var hasAnswered = false
    var failedAt: ContinuousClock.Instant?
    var received: [UInt8] = []
    var questions: [Question] = []
    var lastNumber = 0
  }

  private struct Question {
    let number: Int
    let mark: [UInt8]
    let answer: CheckedContinuation<String?, Never>
    let timer: Reactor.Timer

    func resume(_ text: String?) {
      timer.cancel()
      answer.resume(returning: text)
    }
  }

  /// A channel that nobody has asked anything yet.
  ///
  /// - Parameters:
  ///   - launch: What runs `remoteCommand` over the shared connection.
  ///   - spawner: Starts it.
  ///   - reactor: Carries it.
  ///   - limits: The bounds.
  package init(launch: Launch, spawner: ProcessSpawner, reactor: Reactor, limits: Limits = Limits()) {
    self.launch = launch
    self.spawner = spawner
    self.reactor = reactor
    self.limits = limits
  }

  /// Asks; nil when there is no channel, or no answer in time.
  ///
  /// - Parameter script: Shell text whose output is the answer; `ForegroundScript` has been read before it.
  /// - Returns: What it printed.
  package func ask(_ script: String) async -> String? {
    await withCheckedContinuation { continuation in
      let isAsked = state.withLock { state in
        guard let child = connected(&state) else { return false }
        state.lastNumber += 1
        let number = state.lastNumber
        let mark = "mcp-answer-\(number)"
        guard child.write(Array("\(script)\nprintf '\\n\(mark)\\n'\n".utf8)) else { return false }
        let limit = state.hasAnswered ? limits.answer : limits.opening
        let timer = reactor.after(limit) { [weak self] in self?.giveUp(waitingFor: number) }
        state.questions.append(
          Question(number: number, mark: Array("\n\(mark)\n".utf8), answer: continuation, timer: timer))
        return true
      }
      if !isAsked { continuation.resume(returning: nil) }
    }
  }

  /// Ends the channel for good.
  package func close() {
    let (child, questions) = state.withLock { state in
      state.isClosed = true
      defer {
        state.child = nil
        state.questions = []
      }
      return (state.child, state.questions)
    }
    child?.terminate()
    for question in questions { question.resume(nil) }
  }

  private func connected(_ state: inout State) -> ChildProcess? {
    guard !state.isClosed else { return nil }
    if let child = state.child, child.termination == nil { return child }
    if let failedAt = state.failedAt, failedAt.duration(to: .now) < limits.pauseAfterFailure { return nil }
    state.received = []
    state.hasAnswered = false
    state.failedAt = nil
    state.child = try? spawner.spawn(launch) { [weak self] in self?.receive($0) }
    guard let child = state.child else {
      state.failedAt = .now
      return nil
    }
    child.write(Array((ForegroundScript.definitions + "\n").utf8))
    return child
  }

  private func receive(_ event: ChildProcess.Event) {
    switch event {
    case .output(let bytes):
      let answers = state.withLock { state in
        state.received += bytes
        state.hasAnswered = true
        return takeAnswers(&state)
      }
      for (question, answer) in answers { question.resume(answer) }
    case .errorOutput: break
    case .exited:
      giveUp(waitingFor: nil)
    }
  }

  private func takeAnswers(_ state: inout State) -> [(Question, String?)] {
    var answers: [(Question, String?)] = []
    while let question = state.questions.first {
      guard let place = state.received.firstRange(of: question.mark) else { break }
      let text = String(decoding: state.received[..<place.lowerBound], as: UTF8.self)
      state.received.removeSubrange(..<place.upperBound)
      state.questions.removeFirst()
      answers.append((question, text))
    }
    if state.received.count > limits.answerBytes { state.received.removeAll() }
    return answers
  }

  /// The channel is lost: whoever waits gets no answer; the next question starts a new one after a pause.
  private func giveUp(waitingFor number: Int?) {
    let (child, questions) = state.withLock { state -> (ChildProcess?, [Question]) in
      if let number, !state.questions.contains(where: { $0.number == number }) { return (nil, []) }
      state.failedAt = .now
      defer {
        state.child = nil
        state.questions = []
      }
      return (state.child, state.questions)
    }
    child?.terminate()
    for question in questions { question.resume(nil) }
  }
}
