import JSON
import Synchronization

extension Connection {
  /// One request as it is served: its id, what it asks, and for which version its answer is written.
  struct Request: Sendable {
    let id: RequestID
    let params: JSONObject
    let era: RequestEra
    let encoder: ResultEncoder
    let answer: Answer

    func answer(result: JSONValue) { answer(Connection.message(result: result, to: id)) }
    func answer(error: RPCError) { answer(Connection.message(error: error, to: id)) }

    /// A parameter that must be a string.
    func string(_ name: String) throws(RPCError) -> String {
      guard let text = params[name]?.string else { throw .invalidParams("\"\(name)\" must be a string") }
      return text
    }
  }

  func request(
    _ id: RequestID, _ method: String, _ params: JSONValue?, isBatched: Bool, answer: @escaping Answer
  ) {
    do throws(RPCError) {
      guard params == nil || params?.object != nil else {
        throw .invalidParams("\"params\" must be an object")
      }
      let params = params?.object ?? JSONObject()
      let isHandshake = method.hasBytes(of: Method.initialize.rawValue)
      guard !isBatched || !isHandshake else {
        throw .invalidRequest("\"initialize\" must not be in a batch")
      }
      if isHandshake, let requested = params["protocolVersion"]?.string {
        return answer(Self.message(result: initialize(requested, params), to: id))
      }
      let era = try RequestEra(
        method, params, negotiated: state.withLock { $0.negotiated }, offered: server.methods)
      guard !isBatched || era.version.hasHandshake else {
        throw .invalidRequest("protocol version \(era.version.rawValue) has no batches")
      }
      try serve(
        Request(
          id: id, params: params, era: era, encoder: ResultEncoder(version: era.version, info: server.info),
          answer: answer))
    } catch {
      answer(Self.message(error: error, to: id))
    }
  }

  /// Never fails: a version that we do not know is answered with the newest that we do.
  private func initialize(_ requested: String, _ params: JSONObject) -> JSONValue {
    var version = ProtocolVersion(named: requested) ?? .newestHandshake
    if !version.hasHandshake { version = .newestHandshake }
    let modes = ElicitationMode.declared(in: params["capabilities"], version: version)
    state.withLock { state in
      state.negotiated = version
      state.modes = modes
    }
    return ResultEncoder(version: version, info: server.info).initialize(server)
  }

  private func serve(_ request: Request) throws(RPCError) {
    switch request.era.method {
    case .initialize, .ping: request.answer(result: request.encoder.empty)
    case .discover: request.answer(result: request.encoder.discover(server))
    case .listTools: request.answer(result: request.encoder.tools(try onePage(server.tools, request)))
    case .listPrompts: request.answer(result: request.encoder.prompts(try onePage(server.prompts, request)))
    case .listResources:
      let resources = try onePage(server.resources?.resources ?? [], request)
      request.answer(result: request.encoder.resources(resources))
    case .listResourceTemplates:
      let templates = try onePage(server.resources?.templates ?? [], request)
      request.answer(result: request.encoder.templates(templates))
    case .callTool: try call(request)
    case .readResource: try read(request)
    case .getPrompt: try getPrompt(request)
    case .complete: try complete(request)
    case .subscribe: try subscribe(request)
    case .unsubscribe:
      let uri = try request.string("uri")
      state.withLock { $0.subscriptions.unsubscribe(from: uri) }
      request.answer(result: request.encoder.empty)
    case .listen: try listen(request)
    case .getTask:
      let task = try task(request)
      let snapshot = task.snapshot
      if snapshot.status.isFinal { task.noteFetched() }
      request.answer(result: request.encoder.task(snapshot))
    case .cancelTask:
      try task(request).cancel()
      request.answer(result: request.encoder.acknowledgement)
    case .updateTask:
      // No task of ours asks anything, so every answer is one to a question that is not open: ignored.
      _ = try task(request)
      guard request.params["inputResponses"]?.object != nil else {
        throw .invalidParams("\"inputResponses\" must be an object")
      }
      request.answer(result: request.encoder.acknowledgement)
    }
  }

  private func onePage<Element>(_ all: [Element], _ request: Request) throws(RPCError) -> [Element] {
    guard request.params["cursor"] == nil else {
      throw .invalidParams("Unknown cursor: the list has one page")
    }
    return all
  }

  // MARK: - Requests that take their time

  /// Does the work of a request beside the others; it can be cancelled like a call.
  private func run(_ request: Request, _ work: @escaping @Sendable () async -> JSONValue) throws(RPCError) {
    let run = RequestRun()
    let number = state.withLock { $0.nextNumber() }
    guard try enter(request.id, Call(number: number, cancel: run.cancel, ended: run.ended)) else {
      return request.answer(nil)
    }
    run.start { [self] in
      await room()
      let message = await work()
      request.answer(finish(request.id, number) ? message : nil)
    }
  }

  private func read(_ request: Request) throws(RPCError) {
    let uri = try request.string("uri")
    guard let resources = server.resources else { throw .methodNotFound(Method.readResource.rawValue) }
    try run(request) {
      do throws(ResourceFailure) {
        guard let contents = try await resources.read(uri) else {
          return Self.message(error: .resourceNotFound(uri, request.era.version), to: request.id)
        }
        return Self.message(result: request.encoder.contents(contents, of: uri), to: request.id)
      } catch {
        return Self.message(error: RPCError(code: -32603, message: error.message), to: request.id)
      }
    }
  }

  private func getPrompt(_ request: Request) throws(RPCError) {
    let name = try request.string("name")
    guard let prompt = server.prompts.first(where: { $0.name.hasBytes(of: name) }) else {
      throw .invalidParams("Unknown prompt: \(name)")
    }
    guard request.params["arguments"] == nil || request.params["arguments"]?.object != nil else {
      throw .invalidParams("\"arguments\" must be an object")
    }
    var arguments: [String: String] = [:]
    for argument in prompt.arguments {
      let value = request.params["arguments"]?[argument.name]
      guard value == nil || value?.string != nil else {
        throw .invalidParams("Argument \"\(argument.name)\" must be a string")
      }
      guard !argument.isRequired || value?.string?.isEmpty == false else {
        throw .invalidParams("Argument \"\(argument.name)\" is missing: \(argument.description)")
      }
      arguments[argument.name] = value?.string
    }
    try run(request) { [arguments] in
      let text = await prompt.text(arguments)
      return Self.message(result: request.encoder.prompt(prompt, text: text), to: request.id)
    }
  }

  private func complete(_ request: Request) throws(RPCError) {
    guard let argument = request.params["argument"]?["name"]?.string,
      let value = request.params["argument"]?["value"]?.string
    else { throw .invalidParams("\"argument\" must have \"name\" and \"value\", both strings") }
    let reference = request.params["ref"]
    let values: (@Sendable () -> [String])?
    switch reference?["type"] {
    case "ref/prompt"?:
      let name = reference?["name"]?.string ?? ""
      guard let prompt = server.prompts.first(where: { $0.name.hasBytes(of: name) }) else {
        throw .invalidParams("Unknown prompt: \(name)")
      }
      guard let argument = prompt.arguments.first(where: { $0.name.hasBytes(of: argument) }) else {
        throw .invalidParams("Prompt \"\(name)\" has no argument \"\(argument)\"")
      }
      values = argument.completions
    case "ref/resource"?:
      let uri = reference?["uri"]?.string ?? ""
      guard let template = server.resources?.templates.first(where: { $0.uriTemplate.hasBytes(of: uri) })
      else {
        throw .invalidParams("Unknown resource template: \(uri)")
      }
      values = template.completions.first { $0.key.hasBytes(of: argument) }?.value
    default: throw .invalidParams("\"ref\" must be of type \"ref/prompt\" or \"ref/resource\"")
    }
    // What there is may have to be read from a disk.
    try run(request) { [values] in
      let matching = (values?() ?? []).filter { $0.utf8.starts(with: value.utf8) }
      return Self.message(result: request.encoder.completion(matching), to: request.id)
    }
  }

  // MARK: - Tasks

  static let tasksExtension = "io.modelcontextprotocol/tasks"

  /// Whether the client says in this request that it knows tasks.
  func wantsTasks(_ era: RequestEra) -> Bool {
    era.capabilities?["extensions"]?[Self.tasksExtension]?.object != nil
  }

  private func task(_ request: Request) throws(RPCError) -> BackgroundTask {
    guard wantsTasks(request.era) else { throw .missingExtension(Self.tasksExtension) }
    let id = try request.string("taskId")
    guard let task = server.tasks[id] else {
      throw .invalidParams("Unknown task: \(id). It may have expired; read-output shows the command's output")
    }
    return task
  }
}
