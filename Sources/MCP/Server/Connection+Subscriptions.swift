import JSON
import Synchronization

extension Connection {
  /// `resources/subscribe`, of the versions with a handshake.
  func subscribe(_ request: Request) throws(RPCError) {
    let uri = try request.string("uri")
    guard let name = server.resources?.changeName(uri) else {
      throw .resourceNotFound(uri, request.era.version)
    }
    observe()
    guard state.withLock({ $0.subscriptions.subscribe(to: uri, changingAs: name) }) else {
      throw .invalidParams(
        "\(Subscriptions.Limits.entries) resources are subscribed to, the most there can be")
    }
    request.answer(result: request.encoder.empty)
  }

  /// `subscriptions/listen`: stays open, and begins with what is honoured of it.
  func listen(_ request: Request) throws(RPCError) {
    guard let wanted = request.params["notifications"]?.object else {
      throw .invalidParams("\"notifications\" must be an object")
    }
    let addresses = try strings("resourceSubscriptions", in: wanted)
    let names = try strings("taskIds", in: wanted)
    if names != nil, !wantsTasks(request.era) { throw .missingExtension(Self.tasksExtension) }
    try checkIsFree(request.id)
    var changeNames: [String: Set<ByteKey>] = [:]
    let resources = addresses.map { addresses in
      addresses.filter { uri in
        guard let name = server.resources?.changeName(uri) else { return false }
        changeNames[name, default: []].insert(ByteKey(uri))
        return true
      }
    }
    let tasks = names.map { $0.compactMap { server.tasks[$0] } }
    observe()
    let listen = Subscriptions.Listen(
      resources: changeNames, tasks: Set(tasks?.map(\.id) ?? []), answer: request.answer)
    let isOpen = try open(listen, request) { [self] in
      send(request.encoder.listenAcknowledged(request.id, resources: resources, tasks: tasks?.map(\.id)))
    }
    guard isOpen else { return request.answer(nil) }
    // What ended before anybody could listen would never be told.
    for task in tasks ?? [] where task.hasEnded { ended(task) }
  }

  /// Nothing may be told before the acknowledgement, so it is sent under the lock under which updates are chosen.
  private func open(
    _ listen: Subscriptions.Listen, _ request: Request, acknowledge: () -> Void
  ) throws(RPCError) -> Bool {
    let result: Result<Bool, RPCError> = state.withLock { state in
      guard !state.isEnded else { return .success(false) }
      guard state.subscriptions.listens.count < Subscriptions.Limits.listens else {
        return .failure(
          .invalidParams(
            "\(Subscriptions.Limits.listens) subscriptions are open, the most there can be; cancel one first")
        )
      }
      acknowledge()
      state.subscriptions.open(listen, as: request.id)
      return .success(true)
    }
    return try result.get()
  }

  private func strings(_ name: String, in object: JSONObject) throws(RPCError) -> [String]? {
    guard let value = object[name] else { return nil }
    let strings = value.array?.compactMap(\.string)
    guard let strings, strings.count == value.array?.count, strings.count <= Subscriptions.Limits.entries
    else {
      throw .invalidParams(
        "\"\(name)\" must be an array of at most \(Subscriptions.Limits.entries) strings")
    }
    return strings
  }

  /// The last word of a subscription that the server ends.
  func listenEnd(_ id: RequestID) -> JSONValue {
    Self.message(
      result: ResultEncoder(version: .v2026_07_28, info: server.info).listenEnd(id), to: id)
  }

  // MARK: - Updates

  /// Begins to listen to what changes, with the first subscription.
  private func observe() {
    state.withLock { state in
      guard state.observations.isEmpty, !state.isEnded else { return }
      if let changes = server.resources?.changes {
        state.observations.append(changes.add { [weak self] in self?.changed($0) })
      }
      state.observations.append(server.tasks.ends.add { [weak self] in self?.ended($0) })
    }
  }

  private func changed(_ name: String) {
    guard state.withLock({ $0.subscriptions.noteChange(of: name) }) else { return }
    tell(name)
  }

  /// Sends an update and gathers what comes in the pause after it.
  ///
  /// Sent under the lock under which its targets are chosen: nothing may come behind the answer that ends a
  /// subscription.
  private func tell(_ name: String) {
    let pause = server.updatePause
    state.withLock { state in
      guard !state.isEnded else { return }
      for target in state.subscriptions.targets(of: name) {
        let version =
          target.listen == nil ? state.negotiated ?? .newestHandshake : ProtocolVersion.v2026_07_28
        let encoder = ResultEncoder(version: version, info: server.info)
        send(encoder.resourceUpdated(target.uri, to: target.listen))
      }
      state.pauses[name] = Task { [weak self] in
        do { try await Task.sleep(for: pause) } catch { return }
        guard let self else { return }
        let isMore = self.state.withLock { state in
          state.pauses[name] = nil
          return state.subscriptions.pauseIsOver(of: name)
        }
        if isMore { tell(name) }
      }
    }
  }

  /// Tells of a task's end whoever has not been told yet.
  private func ended(_ task: BackgroundTask) {
    let encoder = ResultEncoder(version: .v2026_07_28, info: server.info)
    state.withLock { state in
      guard !state.isEnded else { return }
      for id in state.subscriptions.takeListens(toTask: task.id) {
        send(encoder.taskChanged(task.snapshot, to: id))
      }
    }
  }
}
