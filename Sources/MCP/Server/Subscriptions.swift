import JSON

/// What a client has asked to be told of, and how often it may be told.
struct Subscriptions {
  /// The bounds of one connection.
  enum Limits {
    /// Open `subscriptions/listen` requests.
    static let listens = 64
    /// Addresses and tasks of one of them, and addresses subscribed to one by one.
    static let entries = 1000
  }

  /// An open `subscriptions/listen`.
  struct Listen: Sendable {
    /// The addresses as the client wrote them, by the address under which their changes are told.
    let resources: [String: Set<ByteKey>]
    /// Tasks whose end is still to be told.
    fileprivate var tasks: Set<String>
    /// Ends the request; nil ends it without a word.
    let answer: @Sendable (JSONValue?) -> Void

    init(
      resources: [String: Set<ByteKey>], tasks: Set<String>, answer: @escaping @Sendable (JSONValue?) -> Void
    ) {
      self.resources = resources
      self.tasks = tasks
      self.answer = answer
    }
  }

  /// Who is told of a change, and of which address.
  struct Target: Sendable, Hashable {
    /// The request that listens; nil stands for the handshake's subscriptions.
    let listen: RequestID?
    let uri: String
  }

  /// Addresses subscribed to by `resources/subscribe`, by the address under which their changes are told.
  private var resources: [String: Set<ByteKey>] = [:]
  private(set) var listens: [RequestID: Listen] = [:]
  private var pacing = Pacing<String>()

  /// Adds an address whose changes are told under that name; false if there are too many.
  mutating func subscribe(to uri: String, changingAs name: String) -> Bool {
    let count = resources.values.reduce(0) { $0 + $1.count }
    guard count < Limits.entries || resources[name]?.contains(ByteKey(uri)) == true else { return false }
    resources[name, default: []].insert(ByteKey(uri))
    return true
  }

  mutating func unsubscribe(from uri: String) {
    let key = ByteKey(uri)
    for (name, uris) in resources where uris.contains(key) {
      resources[name] = uris.count > 1 ? uris.subtracting([key]) : nil
    }
  }

  mutating func open(_ listen: Listen, as id: RequestID) { listens[id] = listen }

  mutating func close(_ id: RequestID) -> Listen? { listens.removeValue(forKey: id) }

  mutating func closeAll() -> [RequestID: Listen] {
    defer { self = Subscriptions() }
    return listens
  }

  /// Whether anybody wants to know of what changes under that name.
  func includes(_ name: String) -> Bool {
    resources[name] != nil || listens.values.contains { $0.resources[name] != nil }
  }

  /// Who is to be told of the end of that task: each once.
  mutating func takeListens(toTask id: String) -> [RequestID] {
    listens.keys.filter { listens[$0]?.tasks.remove(id) != nil }
  }

  /// Who wants to know of what changes under that name.
  func targets(of name: String) -> [Target] {
    var targets = (resources[name] ?? []).map { Target(listen: nil, uri: $0.text) }
    for (id, listen) in listens {
      targets += (listen.resources[name] ?? []).map { Target(listen: id, uri: $0.text) }
    }
    return targets
  }

  /// A change; true if it is to be told now, and a pause to be kept after it.
  mutating func noteChange(of name: String) -> Bool { includes(name) && pacing.note(name) }

  /// The pause after an update is over; true if there is something to be told, and another pause to be kept.
  mutating func pauseIsOver(of name: String) -> Bool {
    guard includes(name) else {
      pacing.forget(name)
      return false
    }
    return pacing.pauseIsOver(name)
  }
}

/// Lets the first event of each kind through at once and gathers those that come in the pause after it.
struct Pacing<Key: Hashable> {
  /// The kinds in their pause, with whether something came meanwhile.
  private var pauses: [Key: Bool] = [:]

  /// An event; true if it is to be let through now.
  mutating func note(_ key: Key) -> Bool {
    defer { pauses[key] = pauses[key] != nil }
    return pauses[key] == nil
  }

  /// The end of a pause; true if something came in it: then the next pause begins.
  mutating func pauseIsOver(_ key: Key) -> Bool {
    let came = pauses[key] ?? false
    pauses[key] = came ? false : nil
    return came
  }

  /// Nobody wants to know any more.
  mutating func forget(_ key: Key) { pauses[key] = nil }
}
