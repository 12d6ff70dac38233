import JSON
import Synchronization

/// The conversation with one client, in whichever era each of its messages belongs to.
///
/// Bytes go in on one thread; answers come out from any. Calls run concurrently; only their beginnings keep the
/// order of arrival.
package final class Connection: Sendable {
  private let server: Server
  private let output: @Sendable ([UInt8]) -> Void
  private let state = Mutex(State())

  private struct State {
    var framer = LineFramer()
    /// What `initialize` settled; nil before it, and silent about messages that carry their own version.
    var negotiated: ProtocolVersion?
    /// How the client of the handshake can ask a person.
    var modes: Set<ElicitationMode> = []
    var questions = OpenQuestions()
    var calls: [RequestID: Call] = [:]
    var lastCall: UInt64 = 0
    var isEnded = false
  }

  /// A call under way; the number tells it from a later one that uses the same id again.
  private struct Call {
    let number: UInt64
    let run: CallRun
  }

  private let parked: ParkedCalls

  init(server: Server, output: @escaping @Sendable ([UInt8]) -> Void) {
    self.server = server
    self.output = output
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

  /// Cancels every call and returns when they have ended; nothing is sent from now on.
  package func end() async {
    let (calls, questions) = state.withLock { state in
      state.isEnded = true
      defer { state.calls = [:] }
      return (state.calls.values.map(\.run), state.questions.removeAll())
    }
    for question in questions { question.continuation.resume(returning: .cancel) }
    let runs = calls + parked.removeAll()
    for run in runs { run.cancel() }
    for run in runs { await run.ended() }
  }

  // MARK: - Messages

  private func receive(line: [UInt8]) {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONParser.parse(line)
    } catch {
      return send(error: .parseError("\(error)"), to: nil)
    }
    guard let batch = value.array else {
      receive(value) { [self] answer in if let answer { send(answer) } }
      return
    }
    guard state.withLock({ $0.negotiated }) == .v2025_03_26, !batch.isEmpty else {
      return send(error: .invalidRequest("batches are only for protocol version 2025-03-26"), to: nil)
    }
    let answers = Batch(count: batch.count) { [self] answers in
      if !answers.isEmpty { send(.array(answers)) }
    }
    for element in batch { receive(element, answer: answers.take) }
  }

  /// Handles one message; `answer` is called exactly once, with nil where nothing is to be said.
  private func receive(_ value: JSONValue, answer: @escaping @Sendable (JSONValue?) -> Void) {
    do throws(InvalidMessage) {
      switch try Message(value) {
      case .request(let id, let method, let params):
        request(id, method, params, answer: answer)
      case .notification(let method, let params):
        if method == "notifications/cancelled" { cancel(params) }
        answer(nil)
      case .response(let id, let result, _):
        let question = state.withLock { $0.questions.remove(id) }
        question?.continuation.resume(returning: ElicitationAnswer(result) ?? .unavailable)
        answer(nil)
      }
    } catch {
      answer(Self.message(error: .invalidRequest(error.reason), to: error.id))
    }
  }

  private func request(
    _ id: RequestID, _ method: String, _ params: JSONValue?, answer: @escaping @Sendable (JSONValue?) -> Void
  ) {
    do throws(RPCError) {
      guard params == nil || params?.object != nil else {
        throw .invalidParams("\"params\" must be an object")
      }
      let params = params?.object ?? JSONObject()
      if method == "initialize", let requested = params["protocolVersion"]?.string {
        return answer(Self.message(result: initialize(requested, params), to: id))
      }
      let version = try era(of: method, params)
      let encoder = ResultEncoder(version: version, info: server.info)
      switch method {
      case "ping": answer(Self.message(result: encoder.empty, to: id))
      case "server/discover":
        answer(Self.message(result: encoder.discover(instructions: server.instructions), to: id))
      case "tools/list":
        guard params["cursor"] == nil else { throw .invalidParams("Unknown cursor: the list has one page") }
        answer(Self.message(result: encoder.tools(server.tools), to: id))
      case "tools/call": try call(id, params, encoder, answer: answer)
      default: throw .methodNotFound(method)
      }
    } catch {
      answer(Self.message(error: error, to: id))
    }
  }

  // MARK: - Eras

  private static let handshakeOnly: Set<String> = ["initialize", "ping"]
  private static let everywhere: Set<String> = ["tools/list", "tools/call"]
  private static let versionKey = "io.modelcontextprotocol/protocolVersion"
  private static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"
  private static let logLevelKey = "io.modelcontextprotocol/logLevel"
  private static let logLevels: Set<String> = [
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
  ]

  /// Which version a request is to be served with, decided by the request itself.
  private func era(of method: String, _ params: JSONObject) throws(RPCError) -> ProtocolVersion {
    let meta = params["_meta"]?.object ?? JSONObject()
    let negotiated = state.withLock { $0.negotiated }
    let isModern =
      meta[Self.versionKey] != nil || meta[Self.capabilitiesKey] != nil
      || negotiated == nil && method != "ping"
    guard isModern else {
      guard Self.handshakeOnly.union(Self.everywhere).contains(method), method != "initialize" else {
        if method == "initialize" { throw .invalidParams("\"protocolVersion\" must be a string") }
        throw .methodNotFound(method)
      }
      return negotiated ?? .newestHandshake
    }
    let isKnown = Self.handshakeOnly.contains(method) || Self.everywhere.contains(method)
    guard isKnown || method == "server/discover" else { throw .methodNotFound(method) }
    guard let version = meta[Self.versionKey]?.string else {
      throw .invalidParams("\"_meta\" must have \"\(Self.versionKey)\", a string (or begin with initialize)")
    }
    guard meta[Self.capabilitiesKey]?.object != nil else {
      throw .invalidParams("\"_meta\" must have \"\(Self.capabilitiesKey)\", an object")
    }
    guard version == ProtocolVersion.v2026_07_28.rawValue else { throw .unsupportedVersion(version) }
    guard !Self.handshakeOnly.contains(method) else { throw .methodNotFound(method) }
    if let level = meta[Self.logLevelKey] {
      guard let level = level.string, Self.logLevels.contains(level) else {
        throw .invalidParams("\"\(Self.logLevelKey)\" must be one of the eight levels")
      }
    }
    return .v2026_07_28
  }

  /// Never fails: a version that we do not know is answered with the newest that we do.
  private func initialize(_ requested: String, _ params: JSONObject) -> JSONValue {
    var version = ProtocolVersion(rawValue: requested) ?? .newestHandshake
    if !version.hasHandshake { version = .newestHandshake }
    let modes = ElicitationMode.declared(in: params["capabilities"], version: version)
    state.withLock { state in
      state.negotiated = version
      state.modes = modes
    }
    return ResultEncoder(version: version, info: server.info).initialize(instructions: server.instructions)
  }

  // MARK: - Calls

  private func call(
    _ id: RequestID, _ params: JSONObject, _ encoder: ResultEncoder,
    answer: @escaping @Sendable (JSONValue?) -> Void
  ) throws(RPCError) {
    guard let name = params["name"]?.string else { throw .invalidParams("\"name\" must be a string") }
    guard let tool = server.tools.first(where: { $0.name == name }) else {
      throw .invalidParams("Unknown tool: \(name)")
    }
    guard params["arguments"] == nil || params["arguments"]?.object != nil else {
      throw .invalidParams("\"arguments\" must be an object")
    }
    guard state.withLock({ $0.calls[id] == nil }) else {
      throw .invalidRequest("a request with this id is still being served")
    }
    let arguments = params["arguments"]?.object ?? JSONObject()
    let subject = CallRun.Subject(tool: name, arguments: arguments)
    let resumed = try parkedRun(params, subject, encoder.version)
    let number = state.withLock { state in
      state.lastCall += 1
      return state.lastCall
    }
    let run = resumed ?? CallRun(subject)
    let listener = listener(id, number, run, encoder, answer: answer)
    guard resumed == nil else {
      guard enter(id, Call(number: number, run: run)) else { return answer(nil) }
      let responses = params["inputResponses"]
      return run.resume(answers: { ElicitationAnswer(responses?[$0]) }, listener: listener)
    }
    let elicitor = elicitor(for: params, id, number, run, encoder)
    let pending = tool.begin(
      arguments,
      CallContext(
        requestID: id, progress: reporter(for: params, id, number, encoder.version), elicitor: elicitor))
    guard enter(id, Call(number: number, run: run)) else { return answer(nil) }
    run.start(pending, listener: listener)
  }

  private func enter(_ id: RequestID, _ call: Call) -> Bool {
    state.withLock { state in
      guard !state.isEnded else { return false }
      state.calls[id] = call
      return true
    }
  }

  /// The work that a repeated request goes on with; nil for a new call.
  private func parkedRun(
    _ params: JSONObject, _ subject: CallRun.Subject, _ version: ProtocolVersion
  ) throws(RPCError) -> CallRun? {
    guard !version.hasHandshake, let token = params["requestState"] else { return nil }
    guard let token = token.string, let run = parked.take(token, for: subject) else {
      throw .invalidParams(
        "\"requestState\" is not known: used, expired, or of another call. Call again without it")
    }
    return run
  }

  /// Answers the request with whatever comes first.
  private func listener(
    _ id: RequestID, _ number: UInt64, _ run: CallRun, _ encoder: ResultEncoder,
    answer: @escaping @Sendable (JSONValue?) -> Void
  ) -> @Sendable (CallRun.Reply) -> Void {
    { [self] reply in
      guard finish(id, number) else {
        if case .question(let question) = reply { run.answer(question.key, .cancel) }
        return answer(nil)
      }
      switch reply {
      case .result(let result): answer(Self.message(result: encoder.call(result), to: id))
      case .question(let question):
        guard let token = parked.park(run) else {
          run.cancel()
          return answer(
            Self.message(error: .internalError("too many calls wait for a person"), to: id))
        }
        answer(Self.message(result: encoder.inputRequired(question, state: token), to: id))
      }
    }
  }

  /// Takes the call off the table; false if it was cancelled, for nothing may be said of it then.
  private func finish(_ id: RequestID, _ number: UInt64) -> Bool {
    let (isOurs, questions) = state.withLock { state in
      guard state.calls[id]?.number == number, !state.isEnded else { return (false, [OpenQuestions.Entry]()) }
      state.calls[id] = nil
      return (true, state.questions.removeAll(of: number))
    }
    withdraw(questions)
    return isOurs
  }

  private func cancel(_ params: JSONValue?) {
    guard let id = params?["requestId"].flatMap({ RequestID($0) }) else { return }
    let (call, questions) = state.withLock { state in
      let call = state.calls.removeValue(forKey: id)
      return (call, call.map { state.questions.removeAll(of: $0.number) } ?? [])
    }
    withdraw(questions)
    call?.run.cancel()
  }

  // MARK: - Questions to a person

  private func elicitor(
    for params: JSONObject, _ id: RequestID, _ number: UInt64, _ run: CallRun, _ encoder: ResultEncoder
  ) -> Elicitor? {
    guard encoder.version.hasHandshake else {
      let modes = ElicitationMode.declared(
        in: params["_meta"]?[Self.capabilitiesKey], version: encoder.version)
      guard !modes.isEmpty else { return nil }
      return Elicitor(modes: modes, perform: { await run.ask($0) }, announceEnd: { _ in })
    }
    let modes = state.withLock { $0.modes }
    guard !modes.isEmpty else { return nil }
    return Elicitor(
      modes: modes,
      perform: { [weak self] in await self?.ask($0, of: id, number, encoder) ?? .unavailable },
      announceEnd: { [weak self] name in
        if let message = encoder.elicitationComplete(name) { self?.sendUnlessEnded(message) }
      })
  }

  /// Asks with a request of our own.
  private func ask(
    _ request: ElicitationRequest, of call: RequestID, _ number: UInt64, _ encoder: ResultEncoder
  ) async -> ElicitationAnswer {
    let key = state.withLock { $0.questions.nextKey() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          guard state.calls[call]?.number == number, !state.isEnded else { return false }
          state.questions.add(OpenQuestions.Entry(key: key, call: number, continuation: continuation))
          return true
        }
        guard isOpen else { return continuation.resume(returning: .cancel) }
        send([
          "jsonrpc": "2.0", "id": key.json, "method": "elicitation/create",
          "params": encoder.elicitation(request),
        ])
        // Cancelled before it was on the list.
        if Task.isCancelled { withdraw(state.withLock { $0.questions.remove(key) }.map { [$0] } ?? []) }
      }
    } onCancel: {
      withdraw(state.withLock { $0.questions.remove(key) }.map { [$0] } ?? [])
    }
  }

  /// Takes questions back, which are off the list already.
  private func withdraw(_ questions: [OpenQuestions.Entry]) {
    for question in questions {
      sendUnlessEnded([
        "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": ["requestId": question.key.json, "reason": "The answer is no longer needed."],
      ])
      question.continuation.resume(returning: .cancel)
    }
  }

  private func reporter(
    for params: JSONObject, _ id: RequestID, _ number: UInt64, _ version: ProtocolVersion
  ) -> ProgressReporter? {
    guard let token = params["_meta"]?["progressToken"], RequestID(token) != nil else { return nil }
    return ProgressReporter(token: token, version: version) { [weak self] message in
      guard let self, state.withLock({ $0.calls[id]?.number == number }) else { return }
      send(message)
    }
  }

  // MARK: - Output

  private func send(error: RPCError, to id: RequestID?) {
    send(Self.message(error: error, to: id))
  }

  private func sendUnlessEnded(_ message: JSONValue) {
    if !state.withLock({ $0.isEnded }) { send(message) }
  }

  private func send(_ message: JSONValue) {
    var line = JSONWriter.compact(message)
    line.append(0x0A)
    output(line)
  }

  private static func message(result: JSONValue, to id: RequestID) -> JSONValue {
    ["jsonrpc": "2.0", "id": id.json, "result": result]
  }

  private static func message(error: RPCError, to id: RequestID?) -> JSONValue {
    var object = JSONObject([("jsonrpc", "2.0")])
    object["id"] = id?.json
    object["error"] = error.json
    return .object(object)
  }
}
