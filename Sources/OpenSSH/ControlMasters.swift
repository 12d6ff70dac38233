package import ChildProcess
import Synchronization

/// The connections of the process: one a destination, shared by its sessions, ended with the last of them.
///
/// A connection takes nine sessions and then a further one is made: sshd allows ten unless told otherwise
/// (sshd_config(5), MaxSessions), and the tenth place is for the side channel.
package final class ControlMasters: Sendable {
  /// Sessions that share one connection at most.
  package static let sessionsPerConnection = 9

  private let program: SSHProgram
  private let spawner: ProcessSpawner
  private let reactor: Reactor
  private let state = Mutex(State())

  private struct State {
    var entries: [Entry] = []
    var lastNumber = 0
    var isClosed = false
  }

  private struct Entry {
    let master: ControlMaster
    var leases: Int
    /// Calls of `acquire` that were cancelled and have not returned yet; each still counts as a lease.
    var abandoned = 0
    /// The server allows no further session on it (MaxSessions).
    var isFull = false
  }

  /// No connections yet.
  package init(program: SSHProgram, spawner: ProcessSpawner, reactor: Reactor) {
    self.program = program
    self.spawner = spawner
    self.reactor = reactor
  }

  /// A share in the connection to a destination; logs in if there is none.
  ///
  /// Several calls at once share one login; it asks the person of the call that began it. Where the user has a connection open by a `ControlPath` of theirs, that
  /// one is shared, nothing is logged in, and it is left open.
  ///
  /// - Parameters:
  ///   - destination: Where to go.
  ///   - credentials: What may be told to ssh if it logs in.
  ///   - person: Who is asked what the credentials do not answer.
  ///   - mayUseUsers: Whether the user's own connection will do.
  /// - Returns: The share.
  /// - Throws: `SSHFailure`; `.cancelled` when the task was cancelled, and then the login ends if nobody else
  ///   waits for it.
  package func acquire(
    _ destination: Destination, _ credentials: Credentials, person: Person? = nil, mayUseUsers: Bool = true
  ) async throws(SSHFailure) -> Lease {
    let (master, isNew) = try await reserveWorking(destination, mayUseUsers: mayUseUsers)
    // Not in this call's task: the call may be cancelled, and whoever shares the login goes on.
    let login = isNew ? Task { await master.start(credentials, person) } : nil
    let outcome = await withTaskCancellationHandler {
      await master.ready()
    } onCancel: {
      // Whoever shares the login, and has not been cancelled too, keeps it alive.
      if abandon(master) { login?.cancel() }
    }
    switch outcome {
    case .success(let effective):
      if Task.isCancelled {
        release(master, wasAbandoned: true)
        throw SSHFailure(.cancelled, destination: destination.name)
      }
      return Lease(master: master, effective: effective, masters: self)
    case .failure(let failure):
      release(master, wasAbandoned: Task.isCancelled)
      throw failure
    }
  }

  /// Ends all connections; returns when their processes have been told.
  package func closeAll() {
    let masters = state.withLock { state in
      state.isClosed = true
      defer { state.entries = [] }
      return state.entries.map(\.master)
    }
    for master in masters { master.close() }
  }

  /// As `reserve`; a connection of the user's, whose end nobody tells us, is asked first.
  private func reserveWorking(
    _ destination: Destination, mayUseUsers: Bool
  ) async throws(SSHFailure) -> (ControlMaster, isNew: Bool) {
    while true {
      let (master, isNew) = try reserve(destination, mayUseUsers: mayUseUsers)
      guard !isNew, master.isUsers, await !master.answers() else { return (master, isNew) }
      release(master)
    }
  }

  private func reserve(
    _ destination: Destination, mayUseUsers: Bool
  ) throws(SSHFailure) -> (ControlMaster, isNew: Bool) {
    let reserved = state.withLock { state -> (ControlMaster, isNew: Bool)? in
      guard !state.isClosed else { return nil }
      state.entries.removeAll { !$0.master.isAlive && $0.leases == 0 }
      if let place = state.entries.firstIndex(where: {
        $0.master.destination == destination && $0.master.isAlive && !$0.isFull
          && $0.leases < Self.sessionsPerConnection
          && (mayUseUsers || !$0.master.isUsers)
      }) {
        state.entries[place].leases += 1
        return (state.entries[place].master, false)
      }
      state.lastNumber += 1
      // The user's, if it were one of the entries and had room, would have been found above.
      let isFull = state.entries.contains {
        $0.master.destination == destination && $0.master.isUsers && $0.master.isAlive
      }
      let master = ControlMaster(
        destination: destination, number: state.lastNumber, mayUseUsers: mayUseUsers && !isFull,
        program: program, spawner: spawner, reactor: reactor)
      state.entries.append(Entry(master: master, leases: 1))
      return (master, true)
    }
    guard let reserved else { throw SSHFailure(.cancelled, destination: destination.name) }
    return reserved
  }

  /// Gives a share back; the last one ends the connection.
  fileprivate func release(_ master: ControlMaster, wasAbandoned: Bool = false) {
    let mustClose = state.withLock { state in
      guard let place = state.entries.firstIndex(where: { $0.master === master }) else { return false }
      if wasAbandoned { state.entries[place].abandoned = max(0, state.entries[place].abandoned - 1) }
      state.entries[place].leases -= 1
      guard state.entries[place].leases <= 0 else { return false }
      state.entries.remove(at: place)
      return true
    }
    if mustClose { master.close() }
  }

  /// Ends the login if everybody who waits for it has been cancelled; false if somebody has not.
  private func abandon(_ master: ControlMaster) -> Bool {
    let mustClose = state.withLock { state in
      guard let place = state.entries.firstIndex(where: { $0.master === master }) else { return false }
      state.entries[place].abandoned += 1
      guard state.entries[place].abandoned >= state.entries[place].leases else { return false }
      // Nobody may come to share a login that is ending.
      state.entries.remove(at: place)
      return true
    }
    if mustClose { master.close() }
    return mustClose
  }

  fileprivate func markFull(_ master: ControlMaster) {
    state.withLock { state in
      guard let place = state.entries.firstIndex(where: { $0.master === master }) else { return }
      state.entries[place].isFull = true
    }
  }

  /// A share in a connection; the connection lives at least until `release`.
  package final class Lease: Sendable {
    /// The connection; the same object for all who share it.
    package let master: ControlMaster
    /// What ssh's configuration came to.
    package let effective: EffectiveConfiguration
    private let masters: ControlMasters
    private let isReleased = Mutex(false)

    fileprivate init(master: ControlMaster, effective: EffectiveConfiguration, masters: ControlMasters) {
      self.master = master
      self.effective = effective
      self.masters = masters
    }

    /// What opens a session with a terminal.
    package func sessionLaunch(_ remoteCommand: String) -> Launch { master.sessionLaunch(remoteCommand) }

    /// What runs a command without a terminal.
    package func commandLaunch(_ remoteCommand: String) -> Launch { master.commandLaunch(remoteCommand) }

    /// Whether the connection works, by its own word.
    package func isAlive() async -> Bool { await master.answers() }

    /// Whether the connection lives on for those who have it, but takes nobody any more.
    package var takesNobody: Bool { master.hasLostSocket }

    /// The server refused one more session: the next `acquire` makes a further connection.
    package func markFull() { masters.markFull(master) }

    /// Gives the share back; once, further calls do nothing.
    package func release() {
      let isFirst = isReleased.withLock { isReleased in
        defer { isReleased = true }
        return !isReleased
      }
      if isFirst { masters.release(master) }
    }
  }
}
