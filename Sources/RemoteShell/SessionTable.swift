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
    var entries: [String: Entry] = [:]
    var lastOrder = 0
  }

  private struct Entry {
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
      if let entry = state.entries[name] {
        return .failure(.nameTaken(isBeingOpened: entry.session == nil))
      }
      guard state.entries.count < limit else { return .failure(.full(limit: limit)) }
      state.lastOrder += 1
      state.entries[name] = Entry(order: state.lastOrder)
      return .success(Reservation(name: name, order: state.lastOrder))
    }
    return try reserved.get()
  }

  /// What ends the opening when `cancelOpening` asks for it; called at once if it has asked already.
  package func onCancel(of reservation: Reservation, _ cancel: @escaping @Sendable () -> Void) {
    let isThere = state.withLock { state in
      guard state.entries[reservation.name]?.order == reservation.order else { return false }
      state.entries[reservation.name]?.cancel = cancel
      return true
    }
    if !isThere { cancel() }
  }

  /// Puts the session at its reserved name; false if the opening was cancelled meanwhile.
  package func put(_ session: Session, at reservation: Reservation) -> Bool {
    state.withLock { state in
      guard state.entries[reservation.name]?.order == reservation.order else { return false }
      state.entries[reservation.name]?.session = session
      state.entries[reservation.name]?.cancel = nil
      return true
    }
  }

  /// Gives a reserved name back; false if the opening was cancelled meanwhile.
  @discardableResult
  package func giveBack(_ reservation: Reservation) -> Bool {
    state.withLock { state in
      guard state.entries[reservation.name]?.order == reservation.order else { return false }
      state.entries[reservation.name] = nil
      return true
    }
  }

  /// Frees the name of a session that is being opened and ends the opening; false if none is.
  package func cancelOpening(_ name: String) -> Bool {
    let entry = state.withLock { state -> Entry? in
      guard let entry = state.entries[name], entry.session == nil else { return nil }
      state.entries[name] = nil
      return entry
    }
    entry?.cancel?()
    return entry != nil
  }

  /// Takes that very session off the table; false if its name stands for something else by now.
  package func remove(_ name: String, where isIt: (Session) -> Bool) -> Bool {
    state.withLock { state in
      guard let session = state.entries[name]?.session, isIt(session) else { return false }
      state.entries[name] = nil
      return true
    }
  }

  /// What the name stands for at this moment.
  package func standing(of name: String) -> Standing {
    state.withLock { state in
      guard let entry = state.entries[name] else { return .unknown }
      return entry.session.map { .open($0) } ?? .beingOpened
    }
  }

  /// The session of that name, if it is open.
  package subscript(name: String) -> Session? {
    state.withLock { $0.entries[name]?.session }
  }

  /// All open sessions with their names, oldest first.
  package var all: [(name: String, session: Session)] {
    state.withLock { state in
      state.entries.sorted { $0.value.order < $1.value.order }
        .compactMap { name, entry in entry.session.map { (name, $0) } }
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
