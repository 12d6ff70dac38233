import JSON
import Synchronization

extension Connection {
  func call(_ request: Request) throws(RPCError) {
    let params = request.params
    let name = try request.string("name")
    guard let tool = server.tools.first(where: { $0.name.hasBytes(of: name) }) else {
      throw .invalidParams("Unknown tool: \(name)")
    }
    guard params["arguments"] == nil || params["arguments"]?.object != nil else {
      throw .invalidParams("\"arguments\" must be an object")
    }
    try checkIsFree(request.id)
    let arguments = params["arguments"]?.object ?? JSONObject()
    let subject = CallRun.Subject(tool: name, arguments: arguments)
    let resumed = try parkedRun(subject, request)
    let number = state.withLock { $0.nextNumber() }
    let run = resumed ?? CallRun(subject)
    let entry = Call(number: number, cancel: run.cancel, ended: run.ended)
    let listener = listener(request, number, run)
    guard resumed == nil else {
      guard try enter(request.id, entry) else { return request.answer(nil) }
      let responses = params["inputResponses"]
      return run.resume(answers: { ElicitationAnswer(responses?[$0]) }, listener: listener)
    }
    let pending = tool.begin(
      arguments,
      CallContext(
        requestID: request.id, progress: reporter(request, number), elicitor: elicitor(request, number, run),
        taskOffer: taskOffer(request, number, run)))
    guard try enter(request.id, entry) else { return request.answer(nil) }
    run.start(
      { [room] in
        await room()
        return await pending()
      }, on: tool.executor, listener: listener)
  }

  /// Puts a request on the table; false if the connection has ended.
  func enter(_ id: RequestID, _ call: Call) throws(RPCError) -> Bool {
    try checkIsFree(id)
    return state.withLock { state in
      guard !state.isEnded else { return false }
      state.calls[id] = call
      return true
    }
  }

  func checkIsFree(_ id: RequestID) throws(RPCError) {
    guard state.withLock({ $0.calls[id] == nil && $0.subscriptions.listens[id] == nil }) else {
      throw .invalidRequest("a request with this id is still being served")
    }
  }

  /// The work that a repeated request goes on with; nil for a new call.
  private func parkedRun(_ subject: CallRun.Subject, _ request: Request) throws(RPCError) -> CallRun? {
    guard !request.era.version.hasHandshake, let token = request.params["requestState"] else { return nil }
    guard let token = token.string, let run = parked.take(token, for: subject) else {
      throw .invalidParams(
        "\"requestState\" is not known: used, expired, or of another call. Call again without it")
    }
    return run
  }

  /// Answers the request with whatever comes first.
  private func listener(
    _ request: Request, _ number: UInt64, _ run: CallRun
  ) -> @Sendable (CallRun.Reply) -> Void {
    { [self] reply in
      guard finish(request.id, number) else {
        if case .question(let question) = reply { run.answer(question.key, .cancel) }
        return request.answer(nil)
      }
      switch reply {
      case .result(let result): request.answer(result: request.encoder.call(result))
      case .question(let question):
        guard let token = parked.park(run) else {
          run.cancel()
          return request.answer(error: .internalError("too many calls wait for a person"))
        }
        request.answer(result: request.encoder.inputRequired(question, state: token))
      }
    }
  }

  /// Lets the call go on as a task; nil where the client does not want that.
  private func taskOffer(_ request: Request, _ number: UInt64, _ run: CallRun) -> TaskOffer? {
    guard !request.era.version.hasHandshake, wantsTasks(request.era) else { return nil }
    return TaskOffer { [weak self] message in
      guard let self, let task = server.tasks.add(run, message: message) else { return false }
      guard finish(request.id, number) else {
        server.tasks.remove(task.id)
        return false
      }
      deliver(run, to: task)
      request.answer(result: request.encoder.taskCreated(task.snapshot))
      return true
    }
  }

  /// Makes the end of the work the end of the task.
  private func deliver(_ run: CallRun, to task: BackgroundTask) {
    run.handOver { [self] reply in
      switch reply {
      case .result(let result): server.tasks.end(task, result)
      case .question(let question):
        // A task of ours asks nobody; a tool that did would get no answer, rather than wait for ever.
        deliver(run, to: task)
        run.answer(question.key, .unavailable)
      }
    }
  }

  /// Takes the call off the table; false if it was cancelled, for nothing may be said of it then.
  func finish(_ id: RequestID, _ number: UInt64) -> Bool {
    let (isOurs, questions) = state.withLock { state in
      guard state.calls[id]?.number == number, !state.isEnded else { return (false, [OpenQuestions.Entry]()) }
      state.calls[id] = nil
      return (true, state.questions.removeAll(of: number))
    }
    withdraw(questions)
    return isOurs
  }

  /// Honours `notifications/cancelled`, for calls and for listening.
  func cancel(_ params: JSONValue?) {
    guard let id = params?["requestId"].flatMap({ RequestID($0) }) else { return }
    let (call, listen, questions) = state.withLock { state in
      let call = state.calls.removeValue(forKey: id)
      return (
        call, state.subscriptions.close(id), call.map { state.questions.removeAll(of: $0.number) } ?? []
      )
    }
    withdraw(questions)
    call?.cancel()
    listen?.answer(nil)
  }

  private func reporter(_ request: Request, _ number: UInt64) -> ProgressReporter? {
    guard let token = request.params["_meta"]?["progressToken"], RequestID(token) != nil else { return nil }
    return ProgressReporter(token: token, version: request.era.version) { [weak self] message in
      guard let self, state.withLock({ $0.calls[request.id]?.number == number }) else { return }
      send(message)
    }
  }
}
