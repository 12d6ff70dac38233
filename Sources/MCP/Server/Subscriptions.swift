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
    let resources: Set<String>
    let tasks: Set<String>
    /// Ends the request; nil ends it without a word.
    let answer: @Sendable (JSONValue?) -> Void
  }

  /// Addresses subscribed to by `resources/subscribe`.
  private(set) var resources: Set<String> = []
  private(set) var listens: [RequestID: Listen] = [:]
  private var pacing = Pacing<String>()

  /// Adds an address; false if there are too many.
  mutating func subscribe(to uri: String) -> Bool {
    guard resources.count < Limits.entries || resources.contains(uri) else { return false }
    resources.insert(uri)
    return true
  }

  mutating func unsubscribe(from uri: String) { resources.remove(uri) }

  mutating func open(_ listen: Listen, as id: RequestID) { listens[id] = listen }

  mutating func close(_ id: RequestID) -> Listen? { listens.removeValue(forKey: id) }

  mutating func closeAll() -> [RequestID: Listen] {
    defer { self = Subscriptions() }
    return listens
  }

  /// Whether anybody wants to know of that address.
  func includes(_ uri: String) -> Bool {
    resources.contains(uri) || listens.values.contains { $0.resources.contains(uri) }
  }

  /// Who wants to know of that task.
  func listens(toTask id: String) -> [RequestID] {
    listens.filter { $0.value.tasks.contains(id) }.map(\.key)
  }

  /// Who wants to know of that address; nil stands for the handshake's subscriptions.
  func targets(of uri: String) -> [RequestID?] {
    (resources.contains(uri) ? [nil] : [])
      + listens.filter { $0.value.resources.contains(uri) }.map { Optional($0.key) }
  }

  /// A change; true if it is to be told now, and a pause to be kept after it.
  mutating func noteChange(of uri: String) -> Bool { includes(uri) && pacing.note(uri) }

  /// The pause after an update is over; true if there is something to be told, and another pause to be kept.
  mutating func pauseIsOver(of uri: String) -> Bool {
    guard includes(uri) else {
      pacing.forget(uri)
      return false
    }
    return pacing.pauseIsOver(uri)
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
