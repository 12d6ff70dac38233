import JSON
import Synchronization

/// The conversation with one client, in whichever era each of its messages belongs to.
///
/// Bytes go in on one thread; answers come out from any. Requests run concurrently; only their beginnings keep the
/// order of arrival.
package final class Connection: Sendable {
  /// Says what a request is answered with, once; nil where nothing is to be said.
  typealias Answer = @Sendable (JSONValue?) -> Void

  let server: Server
  let parked: ParkedCalls
  let state = Mutex(State())
  private let output: @Sendable ([UInt8]) -> Void
  /// Returns when there is room for another answer.
  let room: @Sendable () async -> Void

  /// Everything that changes.
  struct State {
    var framer = LineFramer()
    /// What `initialize` settled; nil before it, and silent about messages that carry their own version.
    var negotiated: ProtocolVersion?
    /// How the client of the handshake can ask a person.
    var modes: Set<ElicitationMode> = []
    var questions = OpenQuestions()
    var calls: [RequestID: Call] = [:]
    var lastCall: UInt64 = 0
    var subscriptions = Subscriptions()
    /// The pauses after updates, by the address that was told of.
    var pauses: [String: Task<Void, Never>] = [:]
    /// What this connection listens to; begun with the first subscription.
    var observations: [Observation] = []
    var isEnded = false

    /// A number for the next call, since ids come again.
    mutating func nextNumber() -> UInt64 {
      lastCall += 1
      return lastCall
    }
  }

  /// A request under way; the number tells it from a later one that uses the same id again.
  struct Call {
    let number: UInt64
    let cancel: @Sendable () -> Void
    let ended: @Sendable () async -> Void
  }

  init(
    server: Server, output: @escaping @Sendable ([UInt8]) -> Void, room: @escaping @Sendable () async -> Void
  ) {
    self.server = server
    self.output = output
    self.room = room
    parked = ParkedCalls(lifetime: server.questionLifetime)
  }

  /// Takes the next bytes of the client, whatever their split; from one thread only.
  package func receive(_ bytes: ArraySlice<UInt8>) {
    for line in state.withLock({ $0.framer.consume(bytes) }) {
      switch line {
      case .tooLong:
        send(error: .invalidRequest("a line is longer than \(LineFramer.defaultLimitBytes) bytes"), to: nil)
      case .complete(let line): receive(line: line)
      }
    }
  }

  /// Ends what is open and cancels every call; nothing is sent after that.
  ///
  /// - Returns: What waits for the end of the calls.
  @discardableResult
  package func close() -> @Sendable () async -> Void {
    let (listens, calls, questions) = state.withLock { state in
      state.isEnded = true
      for pause in state.pauses.values { pause.cancel() }
      defer {
        state.calls = [:]
        state.observations = []
        state.pauses = [:]
      }
      return (state.subscriptions.closeAll(), Array(state.calls.values), state.questions.removeAll())
    }
    for (id, listen) in listens { listen.answer(listenEnd(id)) }
    for question in questions { question.continuation.resume(returning: .cancel) }
    let waiting = parked.removeAll()
    for call in calls { call.cancel() }
    for run in waiting { run.cancel() }
    return {
      for call in calls { await call.ended() }
      for run in waiting { await run.ended() }
    }
  }

  /// The same, and returns when the calls have ended.
  package func end() async { await close()() }

  // MARK: - Messages

  private func receive(line: [UInt8]) {
    let reading: JSONReading
    do throws(JSONSyntaxError) {
      reading = try JSONParser.read(line)
    } catch {
      return send(error: .parseError("\(error)"), to: nil)
    }
    guard let batch = reading.value.array else {
      receive(reading.value, reading.fault, isBatched: false) { [self] answer in
        if let answer { send(answer) }
      }
      return
    }
    if let reason = Batch.refusal(of: batch, in: state.withLock { $0.negotiated }) {
      return send(error: .invalidRequest(reason), to: nil)
    }
    let answers = Batch(count: batch.count) { [self] answers in
      if !answers.isEmpty { send(.array(answers)) }
    }
    for element in batch { receive(element, reading.fault, isBatched: true, answer: answers.take) }
  }

  /// Handles one message; `answer` is called exactly once, with nil where nothing is to be said.
  ///
  /// With a fault anywhere in its line nothing of it is done, and whoever waits for an answer is told why.
  private func receive(
    _ value: JSONValue, _ fault: JSONSyntaxError?, isBatched: Bool, answer: @escaping Answer
  ) {
    do throws(InvalidMessage) {
      switch try Message(value) {
      case .request(let id, let method, let params):
        if let fault { throw InvalidMessage(id: id, "\(fault)") }
        request(id, method, params, isBatched: isBatched, answer: answer)
      case .notification(let method, let params):
        if let fault { throw InvalidMessage(id: nil, "\(fault)") }
        if method.hasBytes(of: "notifications/cancelled") { cancel(params) }
        answer(nil)
      case .response(let id, let result, _):
        let question = id.flatMap { id in state.withLock { $0.questions.remove(id) } }
        let said = fault == nil ? ElicitationAnswer(result) : nil
        question?.continuation.resume(returning: said ?? .unavailable)
        answer(nil)
      }
    } catch {
      let reason = fault.map { "\($0)" } ?? error.reason
      answer(Self.message(error: .invalidRequest(reason), to: error.id))
    }
  }

  // MARK: - Output

  private func send(error: RPCError, to id: RequestID?) {
    send(Self.message(error: error, to: id))
  }

  func sendUnlessEnded(_ message: JSONValue) {
    if !state.withLock({ $0.isEnded }) { send(message) }
  }

  func send(_ message: JSONValue) {
    var line = JSONWriter.compact(message)
    line.append(0x0A)
    output(line)
  }

  static func message(result: JSONValue, to id: RequestID) -> JSONValue {
    ["jsonrpc": "2.0", "id": id.json, "result": result]
  }

  static func message(error: RPCError, to id: RequestID?) -> JSONValue {
    var object = JSONObject([("jsonrpc", "2.0")])
    object["id"] = id?.json
    object["error"] = error.json
    return .object(object)
  }

  static func message(notification method: String, _ params: JSONValue) -> JSONValue {
    ["jsonrpc": "2.0", "method": .string(method), "params": params]
  }
}
