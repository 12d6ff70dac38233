import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The table of Guarantees.md: each cell is what a session on that login shell did in this test.
  @Suite(.withServer) struct GuaranteeStories {
    /// Where a row begins, and what must be the same after it.
    static let setUp = "mkdir -p \"$HOME/work\"; cd \"$HOME/work\"; v='a  b'; f() { echo \"f:$1\"; }; n=0"
    static let probe = "echo \"${PWD##*/}\"; echo \"$v\"; f x; echo alive"
    static let probed = "work\na  b\nf:x\nalive"
    private static let floods = Line()

    /// All shells at once: most of the time is spent waiting for what must not happen.
    @Test func `the table says what happens`() async throws {
      let columns = try await withThrowingTaskGroup(of: (LoginShell, [String: GuaranteePage.Cell]).self) {
        group in
        for shell in GuaranteePage.columns { group.addTask { (shell, try await column(of: shell)) } }
        return try await group.reduce(into: [LoginShell: [String: GuaranteePage.Cell]]()) { $0[$1.0] = $1.1 }
      }
      var page = try GuaranteePage.read()
      if ProcessInfo.processInfo.environment["SSH_MCP_WRITE_GUARANTEES"] == "1" {
        for (shell, cells) in columns { page.setColumn(of: shell, cells) }
        try page.write()
        page = try GuaranteePage.read()
      }
      for (shell, cells) in columns {
        for (name, cell) in cells { #expect(page.cells[name]?[shell] == cell, "\(shell): \(name)") }
      }
      #expect(Set(page.cells.keys) == Set(Guarantee.all.map(\.name)))
    }

    private func column(of shell: LoginShell) async throws -> [String: GuaranteePage.Cell] {
      var cells: [String: GuaranteePage.Cell] = [:]
      try await LoopbackSSHD.with(.init(shells: [shell])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          let home = "\(sshd.directory.path)/home-\(shell)"
          var isOpen = false
          for row in Guarantee.all {
            // Floods on all shells at once would leave no processor for anything else.
            if row.isFlood { await Self.floods.take() }
            defer { if row.isFlood { Self.floods.giveBack() } }
            var run = GuaranteeRun(shell: shell, row: row, server: server, home: home, isOpen: isOpen)
            cells[row.name] = try await run.cell()
            isOpen = run.isOpen
          }
        }
      }
      return cells
    }
  }
}

/// A row of the table: a nasty command, or several, in one session.
struct Guarantee: Sendable {
  /// What the row promises.
  let name: String
  let group: String
  let steps: [Step]
  /// Whether the session cannot be used for the next row: it is closed, and a new one opened.
  let spoils: Bool
  /// Whether it writes as fast as it can.
  var isFlood: Bool { name.contains("flood") }
  /// Whether directory, variable, function and `echo` are asked for afterwards.
  let probes: Bool

  init(_ name: String, spoils: Bool = false, probes: Bool = true, group: String = "", _ steps: [Step]) {
    self.name = name
    self.group = group
    self.steps = steps
    self.spoils = spoils
    self.probes = probes
  }

  static let all: [Guarantee] = [
    ("Text of commands", texts), ("Output", outputs), ("Options, traps and prompts", options),
    ("Streams and terminal", streams), ("Names that the shell and the server use", names),
    ("Directories and limits", directories), ("The end of the shell", ends), ("Background jobs", jobs),
    ("Stopping a command", stops), ("Shells inside the session", nested),
  ].flatMap { group, rows in
    rows.map { Guarantee($0.name, spoils: $0.spoils, probes: $0.probes, group: group, $0.steps) }
  }
}

/// One thing done in a session, and what may come of it.
struct Step: Sendable {
  enum Action: Sendable {
    case exec(String, wait: Double?, timeout: Double?)
    /// `exec` in the background until it runs, then that tool.
    case stop(String, by: Stopper)
    case sendText(String)
    case sendKeys([String])
    case read
  }

  enum Stopper: Sendable { case interrupt, cancellation }

  let action: Action
  /// The first is what is promised; the others are exceptions.
  var outcomes: [Outcome]

  init(_ command: String, _ text: String, timeout: Double? = nil) {
    self.init(command, like: NSRegularExpression.escapedPattern(for: text), timeout: timeout)
  }

  init(_ command: String, like pattern: String, wait: Double? = nil, timeout: Double? = nil) {
    self.init(.exec(command, wait: wait, timeout: timeout), like: pattern)
  }

  init(_ action: Action, like pattern: String) {
    self.action = action
    outcomes = [Outcome(cell: "yes", note: nil, pattern: pattern)]
  }

  /// Adds an exception: what the cell says then, and the note under the table.
  func or(_ cell: String, _ note: String, like pattern: String) -> Step {
    var step = self
    step.outcomes.append(Outcome(cell: cell, note: note, pattern: pattern))
    return step
  }

  /// Waits at most so many seconds.
  func waiting(_ seconds: Double) -> Step {
    guard case .exec(let command, _, let timeout) = action else { return self }
    return Step(.exec(command, wait: seconds, timeout: timeout), outcomes)
  }

  private init(_ action: Action, _ outcomes: [Outcome]) {
    self.action = action
    self.outcomes = outcomes
  }

  /// Any error of the shell.
  static let error = "Error \\(code \\d+\\):.*"
  /// The text of a session that ended by itself.
  static func ended(_ status: Int?, after output: String = "") -> String {
    let head = status == 0 ? "" : "Error \\(code \(status.map(String.init) ?? "\\d+")\\):\n"
    return head + "(logout\n|exit\n)?\(output)(logout\n|exit\n)?\\[session ended: .*"
  }
}

struct Outcome: Sendable {
  let cell: String
  let note: String?
  /// Of the whole text.
  let pattern: String

  func fits(_ text: String) throws -> Bool {
    try text.wholeMatch(of: Regex(pattern).dotMatchesNewlines()) != nil
  }
}

/// A row on one shell.
struct GuaranteeRun {
  let shell: LoginShell
  let row: Guarantee
  let server: ServerUnderTest
  /// The home directory of who logs in.
  let home: String
  var isOpen: Bool

  mutating func cell() async throws -> GuaranteePage.Cell {
    if !isOpen {
      try await server.open(shell.rawValue)
      isOpen = true
      _ = try await server.exec(EndToEnd.GuaranteeStories.setUp)
    }
    var seen: [Outcome] = []
    for (number, step) in row.steps.enumerated() where isOpen {
      let outcome = try await outcome(of: step, number)
      if outcome.cell != "yes", !seen.contains(where: { $0.cell == outcome.cell }) { seen.append(outcome) }
    }
    if isOpen, row.probes {
      let text = try await text(
        of: .exec(EndToEnd.GuaranteeStories.probe, wait: 5, timeout: nil))
      #expect(text == EndToEnd.GuaranteeStories.probed, "\(shell): after: \(row.name)")
      if text != EndToEnd.GuaranteeStories.probed { try await close() }
    }
    if isOpen, row.spoils { try await close() }
    guard !seen.isEmpty else { return GuaranteePage.Cell(text: "yes", note: nil) }
    let notes = seen.compactMap(\.note)
    return GuaranteePage.Cell(
      text: seen.map(\.cell).joined(separator: ", "),
      note: notes.isEmpty ? nil : notes.joined(separator: " "))
  }

  private mutating func close() async throws {
    _ = try await server.call("close-session", ["sessionId": "s"])
    isOpen = false
  }

  private mutating func outcome(of step: Step, _ number: Int) async throws -> Outcome {
    let text = try await text(of: step.action)
    if text.contains("The session is closed;") { isOpen = false }
    if let outcome = try step.outcomes.first(where: { try $0.fits(text) }) { return outcome }
    let shown = text.count > 600 ? "\(text.prefix(300))…\(text.suffix(300))" : text
    Issue.record("\(shell): \(row.name): step \(number + 1) said: \(shown.debugDescription)")
    if isOpen { try await close() }
    return Outcome(cell: "unknown", note: nil, pattern: "")
  }

  private func text(of action: Step.Action) async throws -> String {
    switch action {
    case .exec(let command, let wait, let timeout):
      return try await result("exec", arguments(command, wait, timeout)).text
    case .stop(let command, let stopper):
      let marker = "running-\(UUID().uuidString)"
      let identifier = server.begin(
        "tools/call",
        [("name", "exec"), ("arguments", arguments(": >\"$HOME/\(marker)\"; \(command)", nil, nil))])
      let path = "\(home)/\(marker)"
      try await eventually("the command to run", within: .seconds(5)) {
        FileManager.default.fileExists(atPath: path)
      }
      switch stopper {
      case .interrupt:
        _ = try await server.call("interrupt", ["session_id": "s"], within: .seconds(20))
        return try ToolResult(await server.answer(to: identifier)).text
      case .cancellation:
        server.send([
          "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .int(identifier)],
        ])
        return try await result("exec", arguments("echo next", nil, nil)).text
      }
    case .sendText(let text):
      return try await result(
        "send-input", ["session_id": "s", "text": .string(text), "wait_seconds": 10]
      ).text
    case .read: return try await result("read-output", ["session_id": "s", "wait_seconds": 10]).text
    case .sendKeys(let keys):
      return try await result(
        "send-input",
        ["session_id": "s", "keys": .array(keys.map { .string($0) }), "wait_seconds": 10]
      ).text
    }
  }

  private func result(_ tool: String, _ arguments: JSONValue) async throws -> ToolResult {
    try await server.call(tool, arguments, within: .seconds(30))
  }

  private func arguments(_ command: String, _ wait: Double?, _ timeout: Double?) -> JSONValue {
    var arguments = JSONObject([("session_id", "s"), ("command", .string(command))])
    arguments["wait_seconds"] = .double(wait ?? 20)
    if let timeout { arguments["timeout_seconds"] = .double(timeout) }
    return .object(arguments)
  }
}
