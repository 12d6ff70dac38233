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
  }

  /// Why a name was not given.
  package enum Refusal: Error, Sendable, Hashable {
    /// Another session has it.
    case nameTaken
    /// There are so many sessions already.
    case full(limit: Int)
  }

  /// An empty table.
  package init(limit: Int = defaultLimit) {
    self.limit = limit
  }

  /// Takes the name for a session that is being opened.
  package func reserve(_ name: String) throws(Refusal) {
    let refusal = state.withLock { state -> Refusal? in
      let key = Array(name.utf8)
      if state.entries[key] != nil { return .nameTaken }
      guard state.entries.count < limit else { return .full(limit: limit) }
      state.lastOrder += 1
      state.entries[key] = Entry(name: name, order: state.lastOrder, session: nil)
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Puts the session at its reserved name; false if the name was given back meanwhile.
  package func put(_ session: Session, at name: String) -> Bool {
    let key = Array(name.utf8)
    return state.withLock { state in
      guard state.entries[key] != nil else { return false }
      state.entries[key]?.session = session
      return true
    }
  }

  /// Gives the name back.
  @discardableResult
  package func remove(_ name: String) -> Session? {
    state.withLock { $0.entries.removeValue(forKey: Array(name.utf8))?.session }
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
