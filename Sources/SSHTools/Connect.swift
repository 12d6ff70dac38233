import ChildProcess
import Foundation
package import HostStore
package import OpenSSH
import RemoteShell

extension SSHService {
  /// A host as a call names it: stored, or whatever ssh_config and ssh make of the name.
  struct Target: Sendable {
    let hostID: String
    let destination: Destination
    let credentials: Credentials
    let stored: StoredHost?
  }

  /// Finds what to connect to.
  ///
  /// - Throws: `ToolFailure` when the store cannot be read or the name could be taken for an option.
  func target(
    _ hostID: String, _ record: HostQueue.Turn<StoredHost?>, acceptedFingerprint: String?
  ) async throws -> Target {
    if let fingerprint = acceptedFingerprint,
      fingerprint.wholeMatch(of: /SHA256:[A-Za-z0-9+\/]{43}=?/) == nil
    {
      throw ToolFailure(
        code: "invalid_argument",
        "Argument 'accept_host_key' must be a fingerprint as ssh prints it: SHA256: and 43 characters.")
    }
    let (destination, host) = try await resolve(hostID, record)
    var password: Secret?
    if let host { password = try await self.password(of: host) }
    return Target(
      hostID: hostID, destination: destination,
      credentials: Credentials(
        password: password, passphrase: configuration.passphrase,
        acceptedFingerprint: acceptedFingerprint),
      stored: host)
  }

  /// What ssh is given for a host, and its record if it is stored.
  ///
  /// - Throws: `HostStoreFailure` when the store cannot be read or the record used; `ToolFailure` when the name could
  ///   be taken for an option.
  package func resolve(_ hostID: String) async throws -> (destination: Destination, stored: StoredHost?) {
    try await resolve(hostID, record(of: hostID))
  }

  /// Enters the search for a stored host.
  func record(of hostID: String) -> HostQueue.Turn<StoredHost?> {
    hosts.enter { store, _ throws(HostStoreFailure) in try store.host(hostID) }
  }

  private func resolve(
    _ hostID: String, _ record: HostQueue.Turn<StoredHost?>
  ) async throws -> (destination: Destination, stored: StoredHost?) {
    guard let host = try await record.outcome() else {
      guard Destination.isSafe(hostID) else {
        throw ToolFailure(
          code: "host_unknown", "Host '\(hostID)' not found. It is not stored, and cannot be a name for ssh.")
      }
      return (Destination(name: hostID, configurationFile: configuration.sshConfiguration), nil)
    }
    let destination = Destination(
      name: host.host, user: host.username, port: host.port,
      identityFile: host.keyPath.map { StoredHost.expandingTilde($0, home: configuration.userHome) },
      forwardsAgent: host.forwardAgent, configurationFile: configuration.sshConfiguration)
    return (destination, host)
  }

  /// How long a passwordCommand may take; a person may have to unlock what it asks.
  static let passwordCommandSeconds = 30

  /// The stored password, or the first line of what its command prints.
  func password(of host: StoredHost) async throws -> Secret? {
    if let password = host.password { return Secret(password) }
    guard let command = host.passwordCommand else { return nil }
    let launch = Launch(
      executable: "/bin/sh", arguments: ["-c", command], environment: configuration.ssh.environment)
    let completed = try await spawner.output(of: launch, within: .seconds(Self.passwordCommandSeconds))
    guard completed.termination == .exited(0) else {
      // What it wrote is not told: a shell's complaint about a mistaken command may hold the password.
      throw ToolFailure(
        code: "password_command_failed",
        "The passwordCommand of host '\(host.id)' failed (\(completed.termination.words)) within "
          + "\(Self.passwordCommandSeconds) s. Run it by hand to see why.")
    }
    let line = completed.output.prefix { $0 != 0x0A && $0 != 0x0D }
    guard !line.isEmpty else {
      throw ToolFailure(
        code: "password_command_failed", "The passwordCommand of host '\(host.id)' printed nothing.")
    }
    return Secret(String(decoding: line, as: UTF8.self))
  }

  /// With `MaxSessions 2` fifty sessions at once need nine.
  private static let connectionsTried = 12
  /// A connection of ours that refuses its first session refuses all (`MaxSessions 0`); twice, since a session that
  /// has just ended may still count.
  private static let emptyConnectionsTried = 2

  /// Connects and opens a shell; nothing is left behind when it fails.
  func open(_ target: Target, name: String, interview: Interview? = nil) async throws -> OpenSession {
    // Where the server allows no further session on a connection, one more is made: the user's own may be full,
    // then ours. Many calls may come at once and fill the new one too, so more than once.
    var empty = 0
    for attempt in 0..<Self.connectionsTried where empty < Self.emptyConnectionsTried {
      let lease = try await connect(target, interview, mayUseUsers: attempt == 0)
      do {
        let (shell, isClean) = try await openShell(on: lease)
        let effective = lease.effective
        return OpenSession(
          name: name, shell: shell, lease: lease, hostID: target.hostID,
          address: Self.address(
            target.stored?.host ?? effective.hostName ?? target.destination.name, effective.port),
          user: effective.user ?? target.stored?.username ?? "?", password: target.credentials.password,
          isClean: isClean)
      } catch SessionFailure.ended(.noShell(let failure)) {
        let isAlive = failure.status == 255 ? await lease.isAlive() : true
        let takesNobody = !isAlive && lease.takesNobody
        if failure.isRefused || takesNobody {
          lease.markFull()
          if failure.isRefused, !lease.master.isUsers, isAlone(on: lease) { empty += 1 }
        }
        giveBack(lease)
        if takesNobody { continue }
        guard isAlive else {
          throw SSHFailure(
            .connectionLost, destination: target.hostID,
            lastWords: lease.master.lastWords.split(separator: "\n").map(String.init))
        }
        guard failure.isRefused else {
          throw noShell(target.hostID, failure)
        }
      } catch {
        giveBack(lease)
        throw error
      }
    }
    throw SSHFailure(.tooManySessions, destination: target.hostID)
  }

  /// Logs in; a new host key that a person accepts is one that the call accepts, in a login of its own.
  ///
  /// The login that asked has ended by then: a server waits for two minutes at most (LoginGraceTime), a person may
  /// need longer, and ssh compares the accepted fingerprint with the key once more.
  private func connect(
    _ target: Target, _ interview: Interview?, mayUseUsers: Bool
  ) async throws(SSHFailure) -> ControlMasters.Lease {
    var credentials = target.credentials
    var accepted: Set<String> = []
    while true {
      do {
        return try await masters.acquire(
          target.destination, credentials, person: interview?.person, mayUseUsers: mayUseUsers)
      } catch {
        guard let interview, target.credentials.acceptedFingerprint == nil, let key = error.newHostKey,
          accepted.count < Self.newHostKeyLimit, accepted.insert(key.fingerprint).inserted
        else { throw error }
        guard await interview.accepts(key, of: target.hostID) else {
          // A second one, of the host behind a jump host, is as unknown as the first.
          throw SSHFailure(
            .hostKeyUnknown(host: key.host, type: key.type, fingerprint: key.fingerprint),
            destination: error.destination, lastWords: error.lastWords)
        }
        credentials.acceptedFingerprint = key.fingerprint
      }
    }
  }

  /// Jump hosts may be new too.
  private static let newHostKeyLimit = 4

  /// A shell on the connection; one without start-up files if those hang or leave.
  ///
  /// Never a second time where the host runs something else than it was asked to: a forced command may do anything.
  private func openShell(
    on lease: ControlMasters.Lease
  ) async throws -> (ShellSession, isClean: Bool) {
    let environment = ShellSession.Environment(
      spoolDirectory: configuration.ssh.runtimeDirectory,
      connectionIsAlive: { await lease.isAlive() }, connectionWords: { lease.master.lastWords },
      foreground: ForegroundControl(channel: sideChannel(lease)))
    do {
      let shell = try await ShellSession.open(
        lease.sessionLaunch(ShellDriver.remoteCommand), spawner: spawner, reactor: reactor,
        limits: configuration.sessionLimits, environment: environment)
      return (shell, false)
    } catch SessionFailure.ended(.noShell(var failure)) {
      guard failure.isLaunched, !failure.isRefused else { throw SessionFailure.ended(.noShell(failure)) }
      var limits = configuration.sessionLimits
      limits.machine.boot = limits.machine.cleanBoot
      do {
        let shell = try await ShellSession.open(
          lease.sessionLaunch(ShellDriver.cleanRemoteCommand), spawner: spawner, reactor: reactor,
          limits: limits, environment: environment)
        return (shell, true)
      } catch SessionFailure.ended(.noShell(let second)) {
        failure.isTriedClean = true
        throw SessionFailure.ended(.noShell(second.isRefused ? second : failure))
      }
    }
  }

  private static func address(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private func noShell(_ hostID: String, _ failure: NoShell) -> ToolFailure {
    let limits = configuration.sessionLimits.machine
    return ToolFailure(
      code: "shell_not_usable",
      UnusableShell(failure, boot: limits.boot, cleanBoot: limits.cleanBoot).text(hostID: hostID))
  }

  /// Any error of connecting, as a result's failure.
  static func failure(_ error: any Error, hostID: String, isStored: Bool) -> ToolFailure {
    switch error {
    case let failure as ToolFailure: failure
    case let failure as HostStoreFailure: ToolFailure(code: failure.code, failure.description)
    case let failure as SSHFailure:
      if case .nameResolution(let host) = failure.reason, !isStored {
        notFound(hostID, resolved: host, failure)
      } else {
        ToolFailure(code: failure.code, failure.description)
      }
    case let failure as SpawnFailure: ToolFailure(code: "ssh_missing", failure.description)
    case SessionFailure.ended(let end):
      ToolFailure(code: end.code, "The session could not be opened: \(end.words)")
    default: ToolFailure(code: "cancelled", "The call was cancelled; nothing was left open.")
    }
  }

  /// A name that is not stored, and that nothing else makes a host of either.
  private static func notFound(_ hostID: String, resolved: String, _ failure: SSHFailure) -> ToolFailure {
    let name = hostID.split(separator: "@").last.map(String.init) ?? hostID
    guard asToldBySSH(name) == asToldBySSH(resolved) else {
      return ToolFailure(code: failure.code, "Host '\(hostID)' not found. \(failure.description)")
    }
    return ToolFailure(
      code: "host_unknown",
      "Host '\(hostID)' not found: it is not stored, and the name cannot be resolved. list-hosts shows the stored hosts "
        + "and the aliases of ssh_config; add-host adds a host.")
  }

  /// A name as it stands in ssh's words: in lower case, and what is not ASCII in octal.
  private static func asToldBySSH(_ name: String) -> String {
    name.utf8.map { byte in
      byte < 0x80
        ? String(decoding: [byte], as: UTF8.self).lowercased() : "\\" + String(byte, radix: 8)
    }.joined()
  }
}
