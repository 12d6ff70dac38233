package import ChildProcess
import Foundation
import HostStore
import JSON
package import Logging
import MCP
package import OpenSSH
package import RemoteShell
import Synchronization

/// Everything that the tools work on: stored hosts, connections, sessions.
///
/// One for the process, whatever the number of clients.
package final class SSHService: Sendable {
  /// What the service is told at start; nothing is read from the environment later.
  package struct Configuration: Sendable {
    /// The directory of hosts.json.
    package var homeDirectory: String
    /// The user's home directory, for `~` in key paths.
    package var userHome: String
    /// ssh and what it is given.
    package var ssh: SSHProgram
    /// Read instead of the user's ssh_config.
    package var sshConfiguration: String?
    /// Unlocks encrypted keys.
    package var passphrase: Secret?
    /// How long a session may do nothing before it is closed.
    package var idleTimeout: Duration
    /// Bounds of sessions.
    package var sessionLimits: ShellSession.Limits

    /// A configuration.
    package init(
      homeDirectory: String, userHome: String, ssh: SSHProgram, sshConfiguration: String? = nil,
      passphrase: Secret? = nil, idleTimeout: Duration = .seconds(7200),
      sessionLimits: ShellSession.Limits = ShellSession.Limits()
    ) {
      self.homeDirectory = homeDirectory
      self.userHome = userHome
      self.ssh = ssh
      self.sshConfiguration = sshConfiguration
      self.passphrase = passphrase
      self.idleTimeout = idleTimeout
      self.sessionLimits = sessionLimits
    }
  }

  let configuration: Configuration
  let hosts: HostQueue
  let masters: ControlMasters
  let sessions = SessionTable<OpenSession>()
  let reactor: Reactor
  let spawner: ProcessSpawner
  let log: Logger
  /// Told of each resource that has changed, by its address as we write it.
  let changes = Observers<String>()
  private let ended = Mutex<[(name: String, end: SessionEnd)]>([])
  private let sideChannels = Mutex<[ObjectIdentifier: (channel: SideChannel, users: Int)]>([:])

  /// Names of ended sessions that are remembered, so that a late call can be told why.
  private static let rememberedEnds = 64

  /// A service; it starts nothing before it is asked.
  package init(_ configuration: Configuration, reactor: Reactor, spawner: ProcessSpawner, log: Logger) {
    self.configuration = configuration
    self.reactor = reactor
    self.spawner = spawner
    self.log = log
    hosts = HostQueue(HostStore(directory: configuration.homeDirectory))
    masters = ControlMasters(program: configuration.ssh, spawner: spawner, reactor: reactor)
  }

  /// Ends all sessions and connections; the processes are told, their ends are not waited for.
  ///
  /// Changes of the stored hosts are made that were asked for, unless that takes longer than `hostsGrace`.
  package func shutDown() {
    for session in sessions.removeAll() { session.shell.close() }
    for (channel, _) in sideChannels.withLock({ Array($0.values) }) { channel.close() }
    masters.closeAll()
    hosts.finish(within: Self.hostsGrace)
  }

  /// How long the end waits for the hosts file, which another process may have locked.
  private static let hostsGrace = DispatchTimeInterval.milliseconds(500)

  // MARK: - Sessions

  /// The open session of that name.
  ///
  /// - Throws: `ToolFailure` that tells why there is none, and which there are.
  func session(_ name: String) throws(ToolFailure) -> OpenSession {
    switch sessions.standing(of: name) {
    case .open(let session): return session
    case .beingOpened:
      throw ToolFailure(
        code: "session_unknown",
        "Session '\(name)' does not exist yet: it is being opened. Wait for the result of start-session, or cancel it with "
          + "close-session.")
    case .unknown: break
    }
    let end = ended.withLock { $0.last { $0.name.hasBytes(of: name) }?.end }
    let why = end.map { " It has ended: \($0.words)" } ?? ""
    let open = sessions.all.map(\.name)
    let others =
      open.isEmpty
      ? "No session is open; start-session opens one."
      : "Open sessions: \(open.prefix(20).joined(separator: ", "))."
    throw ToolFailure(
      code: "session_unknown", reason: end?.code, "Session '\(name)' does not exist.\(why) \(others)")
  }

  /// Takes a session off the table if it has ended, and remembers why.
  func forgetIfEnded(_ session: OpenSession) {
    guard let end = session.shell.end, sessions[session.name] === session else { return }
    close(session, end)
  }

  /// Closes a session and gives its share of the connection back.
  func close(_ session: OpenSession, _ end: SessionEnd) {
    guard sessions.remove(session.name, where: { $0 === session }) else { return }
    ended.withLock { ended in
      ended.append((session.name, session.shell.end ?? end))
      if ended.count > Self.rememberedEnds { ended.removeFirst() }
    }
    session.shell.close(end)
    giveBack(session.lease)
    changes.post(ResourceAddress.sessions.uri)
    log.debug("session closed", metadata: ["session": "\(session.name)", "reason": "\(end.code)"])
  }

  /// Closes the session when it has been idle for the whole timeout; looks again when the time may have come.
  func watchIdleness(of session: OpenSession) {
    let limit = configuration.idleTimeout
    let activity = session.shell.activity
    let quiet = activity.running != nil ? .zero : activity.quietSince.duration(to: .now)
    if quiet >= limit { return close(session, .idle(limit)) }
    _ = reactor.after(limit - quiet) { [weak self, weak session] in
      guard let self, let session, session.shell.end == nil else { return }
      watchIdleness(of: session)
    }
  }

  // MARK: - Side channels

  /// The side channel of a connection, shared by its sessions.
  func sideChannel(_ lease: ControlMasters.Lease) -> SideChannel {
    sideChannels.withLock { channels in
      let key = ObjectIdentifier(lease.master)
      let channel =
        channels[key]?.channel
        ?? SideChannel(
          launch: lease.commandLaunch(SideChannel.remoteCommand), spawner: spawner, reactor: reactor)
      channels[key] = (channel, (channels[key]?.users ?? 0) + 1)
      return channel
    }
  }

  /// Whether one session alone uses that connection, or is only trying to.
  func isAlone(on lease: ControlMasters.Lease) -> Bool {
    sideChannels.withLock { $0[ObjectIdentifier(lease.master)]?.users == 1 }
  }

  /// Ends a session's use of its connection; what nobody else uses is closed.
  func giveBack(_ lease: ControlMasters.Lease) {
    defer { lease.release() }
    let unused = sideChannels.withLock { channels -> SideChannel? in
      let key = ObjectIdentifier(lease.master)
      guard let entry = channels[key] else { return nil }
      channels[key] = entry.users > 1 ? (entry.channel, entry.users - 1) : nil
      return entry.users > 1 ? nil : entry.channel
    }
    unused?.close()
  }
}

/// A session as the tools know it.
package final class OpenSession: Sendable {
  /// Its name.
  package let name: String
  /// The shell.
  package let shell: ShellSession
  /// Its share of the connection.
  package let lease: ControlMasters.Lease
  /// The host's id, as the call gave it.
  package let hostID: String
  /// The address for people: `10.0.0.5:22`.
  package let address: String
  /// The remote user.
  package let user: String
  /// When it was opened.
  package let opened = ContinuousClock.now
  /// Whether the shell runs without the account's start-up files, because they hung or left.
  package let isClean: Bool
  private let hasNote: Mutex<Bool>
  /// The host's stored password, for programs that ask for it.
  let password: Secret?

  init(
    name: String, shell: ShellSession, lease: ControlMasters.Lease, hostID: String, address: String,
    user: String, password: Secret?, isClean: Bool
  ) {
    self.name = name
    self.shell = shell
    self.lease = lease
    self.hostID = hostID
    self.address = address
    self.user = user
    self.password = password
    self.isClean = isClean
    hasNote = Mutex(isClean)
  }

  /// What the first command's result tells of the session besides.
  func takeNote() -> String? {
    hasNote.withLock { hasNote in
      defer { hasNote = false }
      return hasNote
        ? "[start-up files skipped: they hung or left, so the shell runs without them; PATH and aliases may be missing]"
        : nil
    }
  }
}
