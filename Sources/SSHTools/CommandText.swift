import Foundation
import JSON
package import MCP
package import RemoteShell

/// Puts what is known of a command into words: the output, and a last line where it did not simply finish.
package struct CommandText: Sendable {
  /// The session's name, for the calls that the last line names.
  let session: String
  /// Characters of output to show.
  let limit: Int
  /// For programs: something about the session that they have not been told yet.
  var note: String?
  /// Whether control sequences are left in.
  var isRaw = false

  /// The result of a call.
  ///
  /// - Parameters:
  ///   - report: Where the command stands.
  ///   - range: Which of its output this call shows; all of it unless said otherwise.
  ///   - waited: How long this call was allowed to wait.
  /// - Returns: Text, error flag and facts.
  package func result(
    _ report: CommandReport, showing range: Range<Int>? = nil, waited: Duration
  ) -> CallToolResult {
    let range = range ?? 0..<report.outputBytes
    let window = OutputWindow(of: report.output, range: range, limit: limit, isRaw: isRaw) {
      omission($0, $1, of: report)
    }
    let output = window.text.trimmingTrailingWhitespace
    let (head, last, isError) = frame(report, waited: waited, shownFromStart: range.lowerBound == 0)
    let text = [head, output.isEmpty && (head ?? last) != nil ? nil : output, last].compactMap(\.self)
      .joined(separator: "\n")
    return CallToolResult(
      text: text, isError: isError, meta: Facts.meta(facts(report, window)))
  }

  // MARK: - Words

  /// The line before the output, the line after it, and whether it is an error.
  private func frame(
    _ report: CommandReport, waited: Duration, shownFromStart: Bool
  ) -> (head: String?, last: String?, isError: Bool) {
    switch report.state {
    case .finished(let end):
      let head = end.status == 0 ? nil : "Error (code \(end.status)):"
      return (head, lastLine(end, report), end.status != 0)
    case .running:
      return (
        nil,
        "[still running after \(report.elapsed.words): \(Self.bytes(report.outputBytes)) of output so far. "
          + "Call read-output to wait for more, send-input to type, interrupt to stop it.]", false
      )
    case .waitingForInput(let program): return (nil, waiting(program, report), false)
    case .timedOut(let limit, let end):
      return (
        "Error (code \(end.status)):",
        "[timed out after \(limit.words) and \(Self.stopped(end, report.proof))]", true
      )
    case .sessionEnded(let end, let reason): return ended(end, reason)
    case .neverStarted(let end):
      return (
        nil,
        "[not started: \(end.cause), and nothing of this command was run. \(Self.again)]",
        true
      )
    case .queued(let other):
      return (
        nil,
        "[not started: '\(other.shortened)' was still running after \(waited.words), and this call had to "
          + "return. Nothing of this command was run. Call read-output to see what runs, or interrupt to stop it.]",
        true
      )
    }
  }

  private func lastLine(_ end: SessionMachine.CommandEnd, _ report: CommandReport) -> String? {
    switch (report.transition, end.manner) {
    case (.entered(let hello)?, _):
      "[entered \(hello.dialect.rawValue) as \(hello.user) (pid \(hello.processIdentifier), depth "
        + "\(report.shell.depth)): the next exec runs inside it, exec \"exit\" comes back]"
    case (.left?, _):
      "[left the inner shell with status \(end.status): back in \(report.shell.description)]"
    case (nil, .interrupted): "[\(Self.stopped(end, report.proof))]"
    case (nil, _): nil
    }
  }

  private func waiting(_ program: ForegroundProgram, _ report: CommandReport) -> String {
    let name = program.name.isEmpty ? "the program" : program.name
    let what =
      program.isFullScreen
      ? "\(name), a full-screen program, reads the terminal" : "\(name) reads the terminal"
    let secret =
      report.tail.asksForSecret
      ? " For the host's stored password: send-input with secret \"password\"." : ""
    return "[waiting for input: \(what). Answer with send-input, stop it with interrupt.\(secret)]"
  }

  private static let again =
    "The session is closed; its directory and variables are lost. start-session opens a new one."

  private func ended(_ end: SessionEnd, _ reason: StopReason?) -> (String?, String?, Bool) {
    let stopped: String =
      switch reason {
      case .timeout(let limit)?: "timed out after \(limit.words); "
      case .interrupted?: "interrupted; "
      case .cancelled?, nil: ""
      }
    if case .shellExited(let status) = end {
      let head = status == 0 ? nil : "Error (code \(status)):"
      return (
        head, "[\(stopped)session ended: the shell exited with status \(status). \(Self.again)]", status != 0
      )
    }
    return (nil, "[\(stopped)session ended: \(end.words) \(Self.again)]", true)
  }

  private func omission(_ omitted: Range<Int>, _ lost: Range<Int>, of report: CommandReport) -> String {
    let call = "read-output with offset \(omitted.lowerBound) shows them"
    let gone =
      lost.isEmpty
      ? "" : "; bytes \(lost.lowerBound) to \(lost.upperBound) are beyond the retention limit and gone"
    return "[\(Self.bytes(omitted.count)) left out: bytes \(omitted.lowerBound) to \(omitted.upperBound) of "
      + "\(report.outputBytes); \(call)\(gone)]"
  }

  /// By what a command was stopped, and what is known of its processes.
  private static func stopped(_ end: SessionMachine.CommandEnd, _ proof: StopProof?) -> String {
    let by = "stopped by \(step(end))"
    return switch proof {
    case .gone(endedOneByOne: [], let beside)?:
      "\(by): the process is gone, the session is usable\(Self.inBackground(beside))"
    case .gone(let others, let beside)?:
      "\(by); \(others.joined(separator: ", ")) had survived that and was killed: every process is gone, the "
        + "session is usable\(Self.inBackground(beside))"
    case .left(let others)?:
      "\(by), but \(others.joined(separator: ", ")) still runs and cannot be ended from here; the session is usable"
    case .unproven?, nil:
      "\(by): the shell reads commands again and the session is usable; that no process of the command is left "
        + "is not proven"
    }
  }

  private static func inBackground(_ processes: [String]) -> String {
    guard !processes.isEmpty else { return "" }
    return
      "; in the background \(processes.joined(separator: ", ")) still run\(processes.count == 1 ? "s" : "")"
  }

  private static func step(_ end: SessionMachine.CommandEnd) -> String {
    guard case .interrupted(let step) = end.manner else { return "itself" }
    return switch step {
    case .interruptCharacter, .interruptCharacterAgain: "SIGINT (^C)"
    case .quitCharacter: "SIGQUIT (^\\)"
    case .suspendCharacter: "SIGTSTP (^Z) and SIGKILL"
    case .terminate: "SIGTERM"
    case .hangUp: "SIGHUP"
    case .kill: "SIGKILL"
    }
  }

  private func addProof(_ proof: StopProof?, to facts: inout JSONObject) {
    facts["processGone"] = Self.isGone(proof)
    switch proof {
    case .gone(_, let others)?, .left(let others)?:
      if !others.isEmpty { facts["stillRunning"] = .array(others.map { .string($0) }) }
    case .unproven?, nil: break
    }
  }

  /// Whether no process of the foreground is left; null where that is not known.
  private static func isGone(_ proof: StopProof?) -> JSONValue {
    switch proof {
    case .gone?: true
    case .left?: false
    case .unproven?, nil: .null
    }
  }

  /// How far a command is, in one line.
  static func progress(of report: CommandReport) -> String {
    if case .queued(let other) = report.state { return "waits for '\(other.shortened)' to end" }
    let line = report.tail.split(separator: "\n").last.map { ": \(String($0).shortened)" } ?? ""
    return "running \(report.elapsed.words), \(bytes(report.outputBytes))\(line)"
  }

  static func bytes(_ count: Int) -> String { count == 1 ? "1 byte" : "\(count) bytes" }

  // MARK: - Facts

  private func facts(_ report: CommandReport, _ window: OutputWindow) -> JSONObject {
    var facts = JSONObject([("session", .string(session)), ("command", .int(report.number))])
    switch report.state {
    case .queued: facts["state"] = "not_started"
    case .running: facts["state"] = "running"
    case .waitingForInput(let program):
      facts["state"] = "waiting_for_input"
      facts["program"] = .string(program.name)
      facts["fullScreen"] = .bool(program.isFullScreen)
    case .finished(let end):
      facts["state"] = "finished"
      facts["exitCode"] = .int(end.status)
      if end.manner == .aborted { facts["aborted"] = true }
      if case .interrupted = end.manner {
        facts["stopped"] = true
        addProof(report.proof, to: &facts)
      }
    case .timedOut(_, let end):
      facts["state"] = "timed_out"
      facts["exitCode"] = .int(end.status)
      addProof(report.proof, to: &facts)
      facts["sessionUsable"] = true
    case .sessionEnded(let end, _):
      facts["state"] = "session_ended"
      facts["reason"] = .string(end.code)
      if case .shellExited(let status) = end { facts["exitCode"] = .int(status) }
    case .neverStarted(let end):
      facts["state"] = "not_started"
      facts["reason"] = .string(end.code)
    }
    facts["durationMs"] = .int(report.elapsed.milliseconds)
    facts["cwd"] = .string(String(decoding: report.shell.directory, as: UTF8.self))
    if let hello = report.shell.hello {
      facts["shell"] = .string(hello.dialect.rawValue)
      facts["user"] = .string(hello.user)
    }
    if report.shell.depth > 1 { facts["depth"] = .int(report.shell.depth) }
    facts["outputBytes"] = .int(report.outputBytes)
    facts["nextOffset"] = .int(window.end)
    if let omitted = window.omitted {
      facts["omitted"] = [.int(omitted.lowerBound), .int(omitted.upperBound)]
    }
    if !report.cancelledBefore.isEmpty {
      facts["cancelledBefore"] = .array(
        report.cancelledBefore.map { command in
          [
            "command": .int(command.number), "text": .string(command.text.shortened),
            "outputBytes": .int(command.outputBytes), "processGone": Self.isGone(command.proof),
          ]
        })
    }
    if let note { facts["note"] = .string(note) }
    if report.backgroundBytes > 0 { facts["backgroundBytes"] = .int(report.backgroundBytes) }
    return facts
  }
}

extension CommandReport {
  /// The end of the output, for judging what a program asks.
  var tail: String {
    ControlSequenceFilter.text(of: output.read(max(0, outputBytes - 400)..<outputBytes).bytes)
  }
}

extension ShellFacts {
  /// "bash as deploy in /srv".
  var description: String {
    let directory = String(decoding: directory, as: UTF8.self)
    guard let hello else { return directory }
    return "\(hello.dialect.rawValue) as \(hello.user) in \(directory)"
  }
}

extension SessionEnd {
  /// The end as a sentence.
  package var words: String {
    switch self {
    case .shellExited(let status): "the shell exited with status \(status)."
    case .shellKilled:
      "the shell was killed, or exited with 255; ssh does not tell which. The connection still works."
    case .connectionLost(let lastWords):
      "the connection was lost; whether the command goes on on the other side is not known."
        + (lastWords.isEmpty
          ? "" : " ssh said: \(lastWords.shortened.trimmingCharacters(in: .sentenceEnd)).")
    case .noShell: "no shell answered."
    case .unresponsive:
      "the shell no longer runs what it is given (set -n does this, and the loss of what it needs for it); whether "
        + "the last command ran is not known."
    case .unstoppable:
      "the shell did not come back from the command, neither by the terminal's signals nor by SIGKILL from outside, "
        + "where the host allows a second channel; the command may still run."
    case .notResynchronized: "after the interruption the shell did not answer any more."
    case .closed: "it was closed."
    case .idle(let limit): "it was idle for \(limit.words)."
    }
  }

  /// The end as a part of a sentence, for a command that did not come to its turn.
  var cause: String {
    switch self {
    case .shellExited(let status): "the shell exited with status \(status) before it"
    case .connectionLost: "the connection was lost before it"
    case .closed: "the session was closed before it"
    case .idle(let limit): "the session was closed after \(limit.words) without use"
    case .unresponsive: "the shell no longer runs what it is given (set -n does this)"
    case .shellKilled, .noShell, .unstoppable, .notResynchronized: "the session ended before it"
    }
  }

  /// The end for programs.
  package var code: String {
    switch self {
    case .shellExited: "shell_exited"
    case .shellKilled: "shell_killed"
    case .connectionLost: "connection_lost"
    case .noShell: "shell_not_usable"
    case .unresponsive: "unresponsive"
    case .unstoppable: "unstoppable"
    case .notResynchronized: "not_resynchronized"
    case .closed: "closed"
    case .idle: "idle"
    }
  }
}

extension Duration {
  /// In whole milliseconds.
  var milliseconds: Int {
    Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
  }

  /// "0.4 s", "45 s", "3m12s", "2h05m".
  package var words: String {
    let seconds = Int(components.seconds)
    if seconds >= 3600 { return "\(seconds / 3600)h\(String(format: "%02d", seconds % 3600 / 60))m" }
    if seconds >= 60 { return "\(seconds / 60)m\(seconds % 60)s" }
    let tenths = Double(milliseconds) / 1000
    return
      "\((tenths * 10).rounded() / 10 == tenths.rounded() ? String(Int(tenths.rounded())) : String(format: "%.1f", tenths)) s"
  }
}

extension CharacterSet {
  /// What stands at the end of a sentence that is quoted in another.
  fileprivate static let sentenceEnd = CharacterSet.whitespacesAndNewlines.union(
    CharacterSet(charactersIn: "."))
}

extension String {
  /// Without white space at the end.
  var trimmingTrailingWhitespace: String {
    // By scalars: a space with a combining mark is one Character, and counts as white by its first scalar.
    guard let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace }) else { return "" }
    return String(unicodeScalars[...last])
  }

  /// On one line, at most 80 characters and 320 bytes: for naming a command inside a sentence.
  package var shortened: String {
    let limitBytes = 320
    var line = ""
    var isAfterBreak = false
    // By scalars and no further than it shows: a text may be long, and so may a single character.
    for scalar in unicodeScalars {
      if line.utf8.count > limitBytes { break }
      if Character(scalar).isNewline {
        isAfterBreak = !line.isEmpty
      } else {
        if isAfterBreak { line += " " }
        isAfterBreak = false
        line.unicodeScalars.append(scalar)
      }
    }
    guard line.utf8.count > limitBytes || line.count > 80 else { return line }
    return line.beginning(characters: 77, bytes: limitBytes - 3) + "..."
  }

  /// As sudo, su and PAM say it in the languages that they speak most.
  private static let wordsForSecrets = [
    "password", "passphrase", "passcode", "passwort", "kennwort", "mot de passe", "contraseña", "senha",
    "palavra-passe",
    "wachtwoord", "hasło", "heslo", "lösenord", "adgangskode", "passord", "salasana", "parola", "jelszó",
    "şifre",
    "пароль", "密码", "密碼", "パスワード", "암호", "비밀번호", "pin", "code", "token",
  ]

  /// Whether the last line looks like a question for a password, passphrase or PIN.
  var asksForSecret: Bool {
    let line = split(separator: "\n", omittingEmptySubsequences: false).last?.lowercased() ?? ""
    let end = line.trimmingTrailingWhitespace.last
    return [":", "\u{FF1A}", "?"].contains(end) && Self.wordsForSecrets.contains { line.contains($0) }
  }
}
