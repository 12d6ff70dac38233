import ChildProcess
import Foundation
import JSON
import Logging
import MCP
import OpenSSH
import SSHTools
import Synchronization

/// Sessions for programs: the same hosts file, connections and shells as the MCP server's.
///
/// One object holds its sessions; `close()` ends them and leaves nothing behind.
public final class SSHSessions: Sendable {
  private let service: SSHService
  private let spawner: ProcessSpawner
  private let reactor: Reactor
  private let runtime: RuntimeDirectory
  private let opening = Mutex<[String: Opening]>([:])

  /// A session that is being opened, and for which host.
  private struct Opening {
    let hostID: String
    let task: Task<SSHCommandFailure?, Never>
  }

  /// What the sessions use; the defaults are the MCP server's.
  public struct Configuration: Sendable {
    /// The directory of hosts.json.
    public var directory: String
    /// The absolute path of ssh(1).
    public var ssh: String
    /// The absolute path of the `ssh-mcp-sessions` program, which ssh starts to ask for passwords and passphrases.
    public var askpass: String
    /// Unlocks encrypted keys.
    public var keyPassphrase: String?
    /// What ssh and its children inherit.
    public var environment: [String: String]

    /// The defaults for an environment.
    ///
    /// - Parameters:
    ///   - environment: Usually the process's own; HOME, SSH_AUTH_SOCK and XDG_RUNTIME_DIR count. An empty
    ///     `SSH_MCP_...` is the same as none.
    ///   - askpass: The absolute path of the `ssh-mcp-sessions` program.
    public init(environment: [String: String], askpass: String) {
      let environment = environment.filter { !$0.key.hasPrefix("SSH_MCP_") || !$0.value.isEmpty }
      self.environment = environment
      self.askpass = askpass
      directory = environment["SSH_MCP_HOME"] ?? "\(environment["HOME"] ?? "")/.ssh-mcp"
      ssh = "/usr/bin/ssh"
      keyPassphrase = environment["SSH_MCP_KEY_PASSPHRASE"]
    }
  }

  /// Sessions that nobody has opened yet.
  ///
  /// - Parameter configuration: What they use.
  /// - Throws: `SSHCommandFailure` when there is no place for sockets or no descriptor is left.
  public init(_ configuration: Configuration) throws(SSHCommandFailure) {
    do {
      reactor = try Reactor()
      spawner = ProcessSpawner(reactor: reactor)
      runtime = try RuntimeDirectory(environment: configuration.environment)
      spawner.removeOnDeath(runtime.path)
    } catch {
      throw SSHCommandFailure(code: "cannot_start", message: "\(error)", exitStatus: nil)
    }
    var program = SSHProgram(
      executable: configuration.ssh, askpass: configuration.askpass, environment: configuration.environment,
      runtimeDirectory: runtime.path)
    program.makeDirectory = runtime.make
    service = SSHService(
      SSHService.Configuration(
        homeDirectory: configuration.directory, userHome: configuration.environment["HOME"] ?? "",
        ssh: program,
        sshConfiguration: configuration.environment["SSH_MCP_SSH_CONFIG"],
        passphrase: configuration.keyPassphrase.map { Secret($0) }),
      reactor: reactor, spawner: spawner, log: Logger(label: "ssh-mcp-sessions"))
  }

  /// Runs a command in a session, which is opened if it is not there.
  ///
  /// - Parameters:
  ///   - hostID: A stored host, an alias of ssh_config or `user@host`.
  ///   - command: Shell text.
  ///   - sessionID: The session's name; its directory, variables and functions carry over from call to call. A session
  ///     belongs to the host that it was opened for.
  /// - Returns: The output of a command that has finished, without white space at its end.
  /// - Throws: `SSHCommandFailure`: the login's, the session's, or the command's with its exit status.
  public func execSSHCommand(
    hostID: String, command: String, sessionID: String = "legacy"
  ) async throws(SSHCommandFailure) -> String {
    if let failure = await ensureSession(sessionID, hostID: hostID) { throw failure }
    let result = await service.run(command, in: sessionID, of: hostID)
    let facts = result.meta[Facts.key]
    switch facts?["state"]?.string {
    case "finished" where !result.isError: return result.text
    case "session_ended":
      throw SSHCommandFailure(
        code: "session_ended", message: result.text, exitStatus: facts?["exitCode"]?.int)
    default: throw SSHCommandFailure(result)
    }
  }

  /// Ends all sessions and connections; waits at most two seconds, blocking.
  public func close() {
    service.shutDown()
    spawner.endAll(grace: 1)
    runtime.remove()
    spawner.stop()
    reactor.stop()
  }

  /// Calls that come at once for a new session share its opening, if they are for the same host.
  private func ensureSession(_ name: String, hostID: String) async -> SSHCommandFailure? {
    let shared = opening.withLock { opening -> Opening? in
      if let shared = opening[name] { return shared }
      guard !service.hasSession(name) else { return nil }
      let task = Task { [service] () -> SSHCommandFailure? in
        let result = await service.openSession(name, hostID: hostID)
        self.opening.withLock { $0[name] = nil }
        return result.isError ? SSHCommandFailure(result) : nil
      }
      opening[name] = Opening(hostID: hostID, task: task)
      return opening[name]
    }
    guard let shared else { return nil }
    guard shared.hostID == hostID else {
      return SSHCommandFailure(SSHService.ofOtherHost(name, shared.hostID, wanted: hostID))
    }
    return await shared.task.value
  }
}

/// Why a command has no output to return.
public struct SSHCommandFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable word: `command_failed`, `host_key_unknown`, `permission_denied`, ...
  public let code: String
  /// What happened and what to do, the command's output included.
  public let message: String
  /// The command's exit status, if it ended; the shell's, if that left.
  public let exitStatus: Int?

  public var description: String { message }

  init(code: String, message: String, exitStatus: Int?) {
    self.code = code
    self.message = message
    self.exitStatus = exitStatus
  }

  init(_ result: CallToolResult) {
    let facts = result.meta[Facts.key]
    exitStatus = facts?["exitCode"]?.int
    code = facts?["error"]?.string ?? (exitStatus == nil ? "not_finished" : "command_failed")
    message = result.text
  }
}
