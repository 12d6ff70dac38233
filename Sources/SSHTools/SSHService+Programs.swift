import Foundation
import JSON
package import MCP
package import OpenSSH
import RemoteShell

/// For programs that use the sessions without an MCP client.
extension SSHService {
  /// Whether a session of that name is open.
  package func hasSession(_ name: String) -> Bool { sessions[name] != nil }

  /// Why a command for one host does not run in a session of another.
  package static func ofOtherHost(_ name: String, _ host: String, wanted: String) -> CallToolResult {
    ToolFailure(
      code: "session_of_other_host",
      "Session '\(name)' is one of host '\(host)', not of '\(wanted)'. Nothing was run; give each host a session id of "
        + "its own."
    ).result
  }

  /// Opens a session under that name.
  package func openSession(_ name: String, hostID: String) async -> CallToolResult {
    let reservation: SessionTable<OpenSession>.Reservation
    do throws(ToolFailure) {
      reservation = try reserve(name)
    } catch {
      return error.result
    }
    return await startSession(reservation, hostID: hostID, record(of: hostID), fingerprint: nil)
  }

  /// Runs a command to its end; one that waits for input is stopped, since nobody is there to answer.
  ///
  /// - Parameters:
  ///   - command: Shell text.
  ///   - name: The session's.
  ///   - hostID: The host that the session must be of, as the call that opened it named it.
  ///   - timeout: When the command is stopped; nil for never.
  /// - Returns: What `exec` would return.
  package func run(
    _ command: String, in name: String, of hostID: String, timeout: Duration? = nil
  ) async -> CallToolResult {
    do throws(ToolFailure) {
      let session = try session(name)
      guard session.hostID.hasBytes(of: hostID) else {
        return Self.ofOtherHost(name, session.hostID, wanted: hostID)
      }
      let command = try ToolDeclaration.checked(command)
      let pending: ShellSession.PendingCommand
      do throws(SessionFailure) {
        pending = try session.shell.enqueue(command, timeout: timeout)
      } catch {
        throw failure(error, session)
      }
      let report = await pending.outcome(within: .seconds(Int64(Int32.max)))
      let text = CommandText(session: name, limit: ToolDeclaration.outputLimitCharacters)
      if case .waitingForInput(let program) = report.state {
        let result = await interrupt(session, nil)
        throw ToolFailure(
          code: "waiting_for_input",
          "'\(command.shortened)' waited for input (\(program.name)) and was stopped.\n\(result.text)")
      }
      forgetIfEnded(session)
      return text.result(report, waited: .zero)
    } catch {
      return error.result
    }
  }

  /// Logs in to a host, opens a shell, runs a command in it and closes all of it again.
  ///
  /// - Parameters:
  ///   - hostID: A stored host, an alias of ssh_config or `user@host`.
  ///   - command: Shell text; it is stopped after ten seconds.
  /// - Returns: Whom the host took us for, and what the command came to.
  /// - Throws: `TrialFailure`.
  package func tryHost(_ hostID: String, command: String) async throws(TrialFailure) -> Trial {
    // Of its own: two may be tried at once, and a session of the client may have any name.
    let name = "trial-\(UUID().uuidString)"
    let start = ContinuousClock.now
    let reservation: SessionTable<OpenSession>.Reservation
    do throws(ToolFailure) {
      reservation = try reserve(name)
    } catch {
      throw TrialFailure(error, hostID: hostID)
    }
    do {
      let session = try await open(
        try await target(hostID, record(of: hostID), acceptedFingerprint: nil), name: name)
      try keep(session, at: reservation)
      defer { close(session, .closed) }
      let opened = ContinuousClock.now
      let result = await run(command, in: name, of: hostID, timeout: .seconds(10))
      return Trial(
        user: session.user, address: session.address, shell: session.shell.shell.hello?.dialect.rawValue,
        opening: start.duration(to: opened), running: opened.duration(to: .now), output: result.text,
        hasFailed: result.isError)
    } catch {
      sessions.giveBack(reservation)
      throw TrialFailure(error, hostID: hostID)
    }
  }
}

/// What came of trying a host.
package struct Trial: Sendable, Hashable {
  /// The remote user.
  package let user: String
  /// The address for people: `10.0.0.5:22`.
  package let address: String
  /// The dialect of the login shell, if it told one.
  package let shell: String?
  /// How long login and shell took.
  package let opening: Duration
  /// How long the command took.
  package let running: Duration
  /// The command's output, or what became of it.
  package let output: String
  /// Whether the command failed.
  package let hasFailed: Bool
}

/// Why a host that was tried has no shell for us.
package struct TrialFailure: Error, Sendable, Hashable {
  /// The login's failure, where it is one.
  package let login: SSHFailure?
  /// A stable word for programs.
  package let code: String
  /// What happened.
  package let text: String

  /// Whether the login was good and only the shell is not.
  package var isLoggedIn: Bool { login == nil && isOfShell }
  private let isOfShell: Bool

  fileprivate init(_ error: any Error, hostID: String) {
    let failure = SSHService.failure(error, hostID: hostID, isStored: true)
    login = error as? SSHFailure
    code = failure.code
    text = failure.text
    isOfShell = error is SessionFailure || failure.code == "shell_not_usable"
  }
}
