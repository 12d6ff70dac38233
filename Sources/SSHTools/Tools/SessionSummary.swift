import JSON
import RemoteShell

/// One session as `list-sessions` shows it, in words and for programs.
struct SessionSummary: Sendable {
  private let session: OpenSession
  private let activity: ShellSession.Activity
  private let shell: ShellFacts
  private let uptimeSeconds: Int

  init(_ session: OpenSession) {
    self.session = session
    activity = session.shell.activity
    shell = session.shell.shell
    uptimeSeconds = Int(session.opened.duration(to: .now).components.seconds)
  }

  /// A line each.
  static func text(_ sessions: [SessionSummary]) -> String {
    sessions.isEmpty ? "No active sessions" : sessions.map(\.line).joined(separator: "\n")
  }

  /// The line of the contract; what is new in it stands after its words.
  var line: String {
    var line =
      "session=\(session.name) host=\(session.address) user=\(session.user) "
      + "uptime=\(uptimeSeconds / 60)m\(uptimeSeconds % 60)s "
      + "lastCommand=\(activity.lastCommand?.shortened ?? "n/a")"
    if let running = activity.running {
      if case .waitingForInput(let program) = running.state {
        line += " state=waiting-for-input(\(program.name))"
      } else {
        line += " state=running(\(running.elapsed.words))"
      }
    }
    if shell.depth > 1, let hello = shell.hello { line += " depth=\(shell.depth)(\(hello.user))" }
    if session.isClean { line += " startup-files=skipped" }
    if activity.backgroundBytes > 0 { line += " background=\(activity.backgroundBytes)B" }
    return line
  }

  /// The same for programs.
  var json: JSONValue {
    var object = JSONObject([
      ("session", .string(session.name)), ("host", .string(session.address)), ("user", .string(session.user)),
      ("uptimeSeconds", .int(uptimeSeconds)),
    ])
    object["lastCommand"] = activity.lastCommand.map { .string($0) }
    object["state"] =
      switch activity.running?.state {
      case nil: "idle"
      case .waitingForInput?: "waiting_for_input"
      default: "running"
      }
    object["depth"] = .int(shell.depth)
    if session.isClean { object["startup_files"] = "skipped" }
    object["backgroundBytes"] = .int(activity.backgroundBytes)
    return .object(object)
  }
}
