import JSON
import MCP
import RemoteShell

extension ToolDeclaration {
  /// Bytes of a command at most.
  package static let commandLimitBytes = 256 << 10
  /// Characters of output that one call can show at most.
  package static let outputLimitCharacters = 10_000_000

  static let waitParameter = Parameter(
    name: "wait_seconds", kind: .seconds(0...45, fallback: 45), description: "Longest wait of this call")
  static let sizeParameter = Parameter(
    name: "max_output_chars", kind: .integer(1000...10_000_000, fallback: 40_000),
    description: "Output shown at most")

  static let exec = ToolDeclaration(
    name: "exec", title: "Run command",
    description:
      "Run a command in a session's shell; directory, variables and functions persist. Returns the output, "
      + "stderr included. Non-zero exit: \"Error (code N):\" then the output. Not finished after wait_seconds, or "
      + "waiting for input: a last line in brackets says so and what to call next. Any shell syntax, several lines too.",
    parameters: [
      sessionParameter("session_id"),
      Parameter(name: "command", kind: .string, isRequired: true, description: "Shell text, up to 256 KiB"),
      waitParameter,
      Parameter(
        name: "timeout_seconds", kind: .seconds(0.1...604_800, fallback: nil),
        description: "Stop the command after this long; default never"),
      sizeParameter,
    ],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: true),
    output: .command, isShort: true,
    begin: { service, arguments, context in
      let session = try service.session(arguments.required("session_id"))
      let command = try checked(arguments.required("command"))
      let pending: ShellSession.PendingCommand
      do throws(SessionFailure) {
        pending = try session.shell.enqueue(command, timeout: arguments.duration("timeout_seconds"))
      } catch {
        throw service.failure(error, session)
      }
      let budget = arguments.duration("wait_seconds") ?? .seconds(45)
      var text = CommandText(session: session.name, limit: arguments.integer("max_output_chars") ?? 40_000)
      text.note = session.takeNote()
      let heartbeat = context.progress.map {
        Heartbeat(session: session, number: pending.number, progress: $0)
      }
      return { [text] in
        let beating = heartbeat?.start(on: service.reactor)
        let report = await outcome(of: pending, in: session, within: budget, context.taskOffer)
        beating?.stop()
        service.forgetIfEnded(session)
        session.shell.noteShown(report.outputBytes, of: report.number)
        guard report.outputBytes > shortOutputBytes else { return text.result(report, waited: budget) }
        return await elsewhere { text.result(report, waited: budget) }
      }
    })

  /// Bytes of output that are put into words at once; more would keep other sessions waiting.
  private static let shortOutputBytes = 16 << 10

  /// How long a command may take before it becomes a task, where the client knows tasks.
  private static let taskAfter: Duration = .seconds(10)

  /// Waits for the command: for the budget, or, as a task, for as long as it takes.
  private static func outcome(
    of pending: ShellSession.PendingCommand, in session: OpenSession, within budget: Duration,
    _ offer: TaskOffer?
  ) async -> CommandReport {
    guard let offer, budget > taskAfter else { return await pending.outcome(within: budget) }
    if await pending.isSettled(within: taskAfter) { return await pending.outcome(within: .zero) }
    let number = pending.number
    let isTask = offer.take { [weak session] in
      session?.shell.report(on: number).map(CommandText.progress) ?? "ended"
    }
    guard isTask else { return await pending.outcome(within: budget - taskAfter) }
    pending.handOff()
    let report = await pending.outcome(within: nil)
    // A task that says that it was cancelled says that its processes are gone.
    return Task.isCancelled ? await pending.stopped() : report
  }

  /// How many of the command's characters fit; of such as take several bytes there are fewer.
  private static func charactersThatFit(_ command: String) -> Int {
    var room = commandLimitBytes
    return command.unicodeScalars.prefix { scalar in
      room -= UTF8.width(scalar)
      return room >= 0
    }.count
  }

  /// The command, if it can be sent.
  static func checked(_ command: String) throws(ToolFailure) -> String {
    guard command.contains(where: { !$0.isWhitespace }) else {
      throw ToolFailure(code: "invalid_argument", "Command cannot be empty")
    }
    let bytes = command.utf8.count
    guard bytes <= commandLimitBytes else {
      throw ToolFailure(
        code: "invalid_argument",
        "Command is too long (max \(charactersThatFit(command)) characters): it has \(bytes) bytes, and "
          + "\(commandLimitBytes) is the most. Write it to a file on the host in pieces and run that.")
    }
    guard !command.utf8.contains(0) else {
      throw ToolFailure(code: "invalid_argument", "Command contains a NUL byte, which no shell can take.")
    }
    return command
  }
}

extension SSHService {
  /// Why a session refused, in words.
  func failure(_ failure: SessionFailure, _ session: OpenSession) -> ToolFailure {
    switch failure {
    case .busy(let running, let elapsed):
      return ToolFailure(
        code: "session_busy",
        "Session '\(session.name)' is busy: '\(running.shortened)' has been running for \(elapsed.words). Call read-output "
          + "to wait for it, send-input to answer it, interrupt to stop it, or start another session.")
    case .queueFull(let limit):
      return ToolFailure(
        code: "session_busy",
        "Session '\(session.name)' has \(limit) commands waiting, the most there can be.")
    case .nothingRuns:
      return ToolFailure(
        code: "nothing_runs",
        "No command runs in session '\(session.name)'. Call exec to run one; input without a command would be run as one."
      )
    case .entering:
      return ToolFailure(
        code: "session_busy",
        "Session '\(session.name)' is just entering the shell that was started in it. Nothing was sent. Call read-output, "
          + "and then again.")
    case .inputRefused:
      return ToolFailure(
        code: "input_refused",
        "The program does not read its input: too much of it waits already. Nothing was sent.")
    case .ended(let end):
      close(session, end)
      return ToolFailure(
        code: "session_unknown", reason: end.code,
        "Session '\(session.name)' does not exist. It has ended: \(end.words) start-session opens a new one.")
    }
  }
}
