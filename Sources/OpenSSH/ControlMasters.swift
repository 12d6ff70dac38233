package import ChildProcess
import Synchronization

/// The connections of the process: one a destination, shared by its sessions, ended with the last of them.
package final class ControlMasters: Sendable {
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
  /// Several calls at once share one login; it asks the person of the call that began it.
  ///
  /// - Throws: `SSHFailure`; `.cancelled` when the task was cancelled, and then the login ends if nobody else
  ///   waits for it.
  package func acquire(
    _ destination: Destination, _ credentials: Credentials, person: Person? = nil
  ) async throws(SSHFailure) -> Lease {
    let (master, isNew) = try reserve(destination)
    let outcome = await withTaskCancellationHandler {
      if isNew { await master.start(credentials, person) }
      return await master.ready()
    } onCancel: {
      // Whoever shares the login, and has not been cancelled too, keeps it alive.
      abandon(master)
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

  private func reserve(_ destination: Destination) throws(SSHFailure) -> (ControlMaster, isNew: Bool) {
    let reserved = state.withLock { state -> (ControlMaster, isNew: Bool)? in
      guard !state.isClosed else { return nil }
      state.entries.removeAll { !$0.master.isAlive && $0.leases == 0 }
      if let place = state.entries.firstIndex(where: {
        $0.master.destination == destination && $0.master.isAlive && !$0.isFull
      }) {
        state.entries[place].leases += 1
        return (state.entries[place].master, false)
      }
      state.lastNumber += 1
      let master = ControlMaster(
        destination: destination, number: state.lastNumber, program: program, spawner: spawner,
        reactor: reactor)
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

  /// Ends the login if everybody who waits for it has been cancelled.
  private func abandon(_ master: ControlMaster) {
    let mustClose = state.withLock { state in
      guard let place = state.entries.firstIndex(where: { $0.master === master }) else { return false }
      state.entries[place].abandoned += 1
      return state.entries[place].abandoned >= state.entries[place].leases
    }
    if mustClose { master.close() }
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
