import Synchronization

/// The sessions of the process by their names; it belongs to the process, not to a connection of a client.
///
/// A name is taken from the moment somebody asks for it, so that two calls cannot open the same session.
package final class SessionTable<Session: Sendable>: Sendable {
  /// The default for the most sessions at once: each has a process and five descriptors.
  package static var defaultLimit: Int { 256 }

  private let limit: Int
  private let state = Mutex(State())

  private struct State {
    /// By the bytes of the names: `==` takes two names for one where they only look the same.
    var entries: [[UInt8]: Entry] = [:]
    var lastOrder = 0
  }

  private struct Entry {
    let name: String
    let order: Int
    var session: Session?
    /// Ends the opening.
    var cancel: (@Sendable () -> Void)?
  }

  /// A name that is taken for a session that is being opened.
  package struct Reservation: Sendable, Hashable {
    /// The name.
    package let name: String
    fileprivate let order: Int
    fileprivate var key: [UInt8] { Array(name.utf8) }
  }

  /// What a name stands for.
  package enum Standing: Sendable {
    /// Nothing.
    case unknown
    /// A session that is being opened.
    case beingOpened
    /// A session.
    case open(Session)
  }

  /// Why a name was not given.
  package enum Refusal: Error, Sendable, Hashable {
    /// Another session has it, or is being opened under it.
    case nameTaken(isBeingOpened: Bool)
    /// There are so many sessions already.
    case full(limit: Int)
  }

  /// An empty table.
  package init(limit: Int = defaultLimit) {
    self.limit = limit
  }

  /// Takes the name for a session that is being opened.
  package func reserve(_ name: String) throws(Refusal) -> Reservation {
    let reserved = state.withLock { state -> Result<Reservation, Refusal> in
      if let entry = state.entries[Array(name.utf8)] {
        return .failure(.nameTaken(isBeingOpened: entry.session == nil))
      }
      guard state.entries.count < limit else { return .failure(.full(limit: limit)) }
      state.lastOrder += 1
      state.entries[Array(name.utf8)] = Entry(name: name, order: state.lastOrder)
      return .success(Reservation(name: name, order: state.lastOrder))
    }
    return try reserved.get()
  }

  /// What ends the opening when `cancelOpening` asks for it; called at once if it has asked already.
  package func onCancel(of reservation: Reservation, _ cancel: @escaping @Sendable () -> Void) {
    let isThere = state.withLock { state in
      guard state.entries[reservation.key]?.order == reservation.order else { return false }
      state.entries[reservation.key]?.cancel = cancel
      return true
    }
    if !isThere { cancel() }
  }

  /// Puts the session at its reserved name; false if the opening was cancelled meanwhile.
  package func put(_ session: Session, at reservation: Reservation) -> Bool {
    state.withLock { state in
      guard state.entries[reservation.key]?.order == reservation.order else { return false }
      state.entries[reservation.key]?.session = session
      state.entries[reservation.key]?.cancel = nil
      return true
    }
  }

  /// Gives a reserved name back; false if the opening was cancelled meanwhile.
  @discardableResult
  package func giveBack(_ reservation: Reservation) -> Bool {
    state.withLock { state in
      guard state.entries[reservation.key]?.order == reservation.order else { return false }
      state.entries[reservation.key] = nil
      return true
    }
  }

  /// Frees the name of a session that is being opened and ends the opening; false if none is.
  package func cancelOpening(_ name: String) -> Bool {
    let entry = state.withLock { state -> Entry? in
      guard let entry = state.entries[Array(name.utf8)], entry.session == nil else { return nil }
      state.entries[Array(name.utf8)] = nil
      return entry
    }
    entry?.cancel?()
    return entry != nil
  }

  /// Takes that very session off the table; false if its name stands for something else by now.
  package func remove(_ name: String, where isIt: (Session) -> Bool) -> Bool {
    state.withLock { state in
      guard let session = state.entries[Array(name.utf8)]?.session, isIt(session) else { return false }
      state.entries[Array(name.utf8)] = nil
      return true
    }
  }

  /// What the name stands for at this moment.
  package func standing(of name: String) -> Standing {
    state.withLock { state in
      guard let entry = state.entries[Array(name.utf8)] else { return .unknown }
      return entry.session.map { .open($0) } ?? .beingOpened
    }
  }

  /// The session of that name, if it is open.
  package subscript(name: String) -> Session? {
    state.withLock { $0.entries[Array(name.utf8)]?.session }
  }

  /// All open sessions with their names, oldest first.
  package var all: [(name: String, session: Session)] {
    state.withLock { state in
      state.entries.values.sorted { $0.order < $1.order }
        .compactMap { entry in entry.session.map { (entry.name, $0) } }
    }
  }

  /// Empties the table.
  package func removeAll() -> [Session] {
    state.withLock { state in
      defer { state.entries = [:] }
      return state.entries.values.compactMap(\.session)
    }
  }
}
