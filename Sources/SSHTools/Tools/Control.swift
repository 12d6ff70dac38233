import JSON
import MCP
import OpenSSH
import RemoteShell

extension ToolDeclaration {
  static let readOutput = ToolDeclaration(
    name: "read-output", title: "Read output",
    description:
      "Wait for more output of the session's running command, or for its end. Without offset: what no call "
      + "has shown yet, and then background output. With offset: any part again, in bytes from the command's start.",
    parameters: [
      sessionParameter("session_id"), waitParameter,
      Parameter(
        name: "offset", kind: .integer(0...Int.max, fallback: nil),
        description: "Byte of the command's output"),
      sizeParameter,
      Parameter(name: "raw", kind: .boolean, description: "Keep colours and control sequences"),
    ],
    annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: false, openWorld: true),
    output: .command,
    begin: { service, arguments, _ in
      let session = try service.session(arguments.required("session_id"))
      let budget = arguments.duration("wait_seconds") ?? .seconds(45)
      let text = CommandText(
        session: session.name, limit: arguments.integer("max_output_chars") ?? 40_000,
        isRaw: arguments.boolean("raw") ?? false)
      let offset = arguments.integer("offset")
      return { await service.readOutput(of: session, from: offset, within: budget, text) }
    })

  static let sendInput = ToolDeclaration(
    name: "send-input", title: "Send input",
    description:
      "Type into the running command: text (Enter is added unless enter is false), keys, or the host's "
      + "stored password (secret \"password\", for sudo). Returns what it wrote then.",
    parameters: [
      sessionParameter("session_id"),
      Parameter(name: "text", kind: .string, description: ""),
      Parameter(name: "enter", kind: .boolean, description: "Press Enter after text; default true"),
      Parameter(
        name: "keys", kind: .strings,
        description:
          "enter tab esc space backspace delete up down left right home end pageup pagedown f1-f12 ctrl-a..z"),
      Parameter(name: "secret", kind: .choice(["password"]), description: "Typed with Enter; never shown"),
      waitParameter, sizeParameter,
    ],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: true),
    output: .command,
    begin: { service, arguments, _ in
      let session = try service.session(arguments.required("session_id"))
      let bytes = try input(arguments, session)
      let budget = arguments.duration("wait_seconds") ?? .seconds(45)
      let text = CommandText(session: session.name, limit: arguments.integer("max_output_chars") ?? 40_000)
      if arguments.string("secret") != nil {
        let number: Int
        do throws(SessionFailure) {
          number = try session.shell.running()
        } catch {
          throw service.failure(error, session)
        }
        return { await service.typeSecret(bytes, into: number, of: session, within: budget, text) }
      }
      let typed: (number: Int, outputBytes: Int)
      do throws(SessionFailure) {
        typed = try session.shell.type(bytes)
      } catch {
        throw service.failure(error, session)
      }
      return { await service.afterInput(to: session, typed.number, from: typed.outputBytes, budget, text) }
    })

  static let interrupt = ToolDeclaration(
    name: "interrupt", title: "Interrupt",
    description:
      "Stop the session's running command: ^C, then SIGTERM, SIGHUP, SIGKILL until it is gone; the session "
      + "stays. Or send one signal.",
    parameters: [
      sessionParameter("session_id"),
      Parameter(
        name: "signal", kind: .choice(SignalName.allCases.map(\.rawValue)), description: "Only this one"),
    ],
    annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: true),
    output: .command,
    begin: { service, arguments, _ in
      let session = try service.session(arguments.required("session_id"))
      let signal = arguments.string("signal").flatMap { SignalName(rawValue: $0) }
      return { await service.interrupt(session, signal) }
    })

  /// The bytes that a keyboard would send.
  private static func input(_ arguments: Arguments, _ session: OpenSession) throws(ToolFailure) -> [UInt8] {
    let given = ["text", "keys", "secret"].filter {
      arguments.string($0) != nil || arguments.strings($0) != nil
    }
    guard given.count == 1 else {
      throw ToolFailure(code: "invalid_argument", "Give exactly one of text, keys and secret.")
    }
    if let text = arguments.string("text") {
      guard !text.utf8.contains(0) else {
        throw ToolFailure(
          code: "invalid_argument", "Argument 'text' contains a NUL byte; use keys [\"ctrl-space\"].")
      }
      return Array(text.utf8) + (arguments.boolean("enter") ?? true ? [0x0D] : [])
    }
    if let keys = arguments.strings("keys") {
      var bytes: [UInt8] = []
      for key in keys {
        guard let code = Key.bytes(key) else {
          throw ToolFailure(
            code: "invalid_argument",
            "Unknown key '\(key.prefix(40))'. Keys: \(Key.names.joined(separator: ", ")).")
        }
        bytes += code
      }
      return bytes
    }
    guard let password = session.password else {
      throw ToolFailure(
        code: "no_secret",
        "Host '\(session.hostID)' has no stored password. The user can store one with edit-host or passwordCommand."
      )
    }
    return password.bytes + [0x0D]
  }
}

extension SSHService {
  /// Where a command of a session stands, for a call that names none.
  private static func nothingRan(_ session: OpenSession) -> CallToolResult {
    ToolFailure(code: "nothing_ran", "No command has run in session '\(session.name)' yet. Call exec.").result
  }

  func readOutput(
    of session: OpenSession, from offset: Int?, within budget: Duration, _ text: CommandText
  ) async -> CallToolResult {
    guard let newest = session.shell.newest else { return Self.nothingRan(session) }
    let number = newest.report.number
    let start = offset ?? newest.shownBytes
    // A read of what is known already must not wait for what is not.
    let known = offset == nil ? start : max(start, newest.report.outputBytes)
    let isThere = offset.map { $0 < newest.report.outputBytes } ?? false
    let report =
      isThere
      ? newest.report
      : await session.shell.progress(of: number, beyond: known, within: budget) ?? newest.report
    if offset == nil { session.shell.noteShown(report.outputBytes, of: number) }
    var result = text.result(
      report, showing: min(start, report.outputBytes)..<report.outputBytes, waited: budget)
    if report.state.isFinal, offset == nil { append(background(of: session, text), to: &result) }
    forgetIfEnded(session)
    return result
  }

  /// What background jobs wrote since somebody last looked.
  private func background(of session: OpenSession, _ text: CommandText) -> String? {
    let range = session.shell.takeBackgroundOutput()
    guard !range.isEmpty else { return nil }
    let window = OutputWindow(
      of: session.shell.backgroundOutput, range: range, limit: text.limit, isRaw: text.isRaw
    ) {
      omitted, _ in "[\(CommandText.bytes(omitted.count)) left out]"
    }
    return "[background output, written while no command ran:]\n" + window.text.trimmingTrailingWhitespace
  }

  private func append(_ more: String?, to result: inout CallToolResult) {
    guard let more else { return }
    result.text = result.text.isEmpty ? more : result.text + "\n" + more
  }

  func afterInput(
    to session: OpenSession, _ number: Int, from offset: Int, _ budget: Duration, _ text: CommandText
  ) async -> CallToolResult {
    guard let report = await session.shell.settling(of: number, within: budget) else {
      return Self.nothingRan(session)
    }
    session.shell.noteShown(report.outputBytes, of: number)
    forgetIfEnded(session)
    return text.result(report, showing: min(offset, report.outputBytes)..<report.outputBytes, waited: budget)
  }

  /// How long a question for a secret may be on its way.
  private static let questionTime: Duration = .seconds(5)

  /// Types a secret, if what runs asks for one: a shell would run it as a command, and other programs show it.
  func typeSecret(
    _ bytes: [UInt8], into number: Int, of session: OpenSession, within budget: Duration, _ text: CommandText
  ) async -> CallToolResult {
    let report = await session.shell.settling(of: number, within: Self.questionTime)
    guard let report, asksForSecret(report, session) else { return Self.noQuestion(session) }
    let typed: (number: Int, outputBytes: Int)
    do throws(SessionFailure) {
      typed = try session.shell.type(bytes, intoWaiting: number)
    } catch .nothingRuns {
      return Self.noQuestion(session)
    } catch {
      return failure(error, session).result
    }
    return await afterInput(to: session, typed.number, from: typed.outputBytes, budget, text)
  }

  private func asksForSecret(_ report: CommandReport, _ session: OpenSession) -> Bool {
    switch report.state {
    case .waitingForInput(let program):
      report.tail.asksForSecret || Self.passwordPrograms.contains(program.name)
    case .running: report.tail.asksForSecret && session.shell.mayWait(report.number)
    default: false
    }
  }

  /// Programs that ask for an account's password, in whatever language.
  private static let passwordPrograms: Set<String> = [
    "sudo", "sudo-rs", "su", "su-rs", "doas", "pkexec", "runuser", "login", "passwd", "ssh", "scp", "sftp",
    "kinit",
  ]

  private static func noQuestion(_ session: OpenSession) -> CallToolResult {
    ToolFailure(
      code: "no_question",
      "Nothing was typed: no program in session '\(session.name)' asks for a password now. A result says when one does: "
        + "[waiting for input: ...]."
    ).result
  }

  func interrupt(_ session: OpenSession, _ signal: SignalName?) async -> CallToolResult {
    let text = CommandText(session: session.name, limit: 40_000)
    do throws(SessionFailure) {
      if let signal {
        let sent = try await session.shell.signal(signal)
        let obstacle: String? =
          switch sent.delivery {
          case .sent: nil
          case .toNobody: "was not sent: nothing runs in the foreground but the shell itself"
          case .impossible: "cannot be sent here: the host allows no second channel"
          }
        if let obstacle {
          return ToolFailure(
            code: "signal_not_sent", "SIG\(signal.rawValue) \(obstacle). Call interrupt without a signal."
          ).result
        }
        let report = await session.shell.settling(of: sent.number, within: .seconds(1))
        guard let report else { return Self.nothingRan(session) }
        return finishInterrupt(session, report, text, "[SIG\(signal.rawValue) was sent to the foreground]")
      }
      let number = try session.shell.interrupt()
      guard let report = await session.shell.ended(number, within: .seconds(10)) else {
        return Self.nothingRan(session)
      }
      return finishInterrupt(session, report, text, nil)
    } catch {
      return failure(error, session).result
    }
  }

  private func finishInterrupt(
    _ session: OpenSession, _ report: CommandReport, _ text: CommandText, _ note: String?
  ) -> CallToolResult {
    let shown = session.shell.newest?.shownBytes ?? 0
    session.shell.noteShown(report.outputBytes, of: report.number)
    var result = text.result(
      report, showing: min(shown, report.outputBytes)..<report.outputBytes, waited: .seconds(10))
    append(note, to: &result)
    // That the command ended by our signal is what was asked for.
    if case .finished(let end) = report.state, end.status >= 128 { result.isError = false }
    forgetIfEnded(session)
    return result
  }
}
