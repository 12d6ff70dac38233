import ChildProcess
import Synchronization

extension ShellSession {
  /// The newest command that has begun, and how much of its output calls have shown already.
  package var newest: (report: CommandReport, shownBytes: Int)? {
    state.withLock { state in
      guard let number = state.newestBegun, let report = state.report(on: number),
        let command = state.commands[number]
      else { return nil }
      return (report, command.shownBytes)
    }
  }

  /// Remembers how far a call has shown the output of a command.
  package func noteShown(_ bytes: Int, of number: Int) {
    state.withLock { $0.commands[number]?.shownBytes = bytes }
  }

  /// Waits until the command has written beyond the offset, ended, or waits for input.
  ///
  /// What it writes first is rarely all: the end or a prompt is often right behind it, so that much more is waited for.
  ///
  /// - Parameters:
  ///   - number: The command's number.
  ///   - offset: Bytes of its output that are known already.
  ///   - budget: The longest wait.
  /// - Returns: Where the command stands; nil if its output was forgotten.
  package func progress(of number: Int, beyond offset: Int, within budget: Duration) async -> CommandReport? {
    let start = ContinuousClock.now
    await wait(budget: budget) { state in
      state.isSettled(number) || (state.commands[number]?.output.total ?? 0) > offset
    }
    let rest = budget - start.duration(to: .now)
    await wait(budget: min(rest, limits.gathering)) { $0.isSettled(number) }
    return state.withLock { $0.report(on: number) }
  }

  /// Waits until the command has ended or waits for input.
  package func settling(of number: Int, within budget: Duration) async -> CommandReport? {
    await wait(budget: budget) { $0.isSettled(number) }
    return state.withLock { $0.report(on: number) }
  }

  /// Waits until the command has ended, at most for the budget.
  package func ended(_ number: Int, within budget: Duration) async -> CommandReport? {
    await wait(budget: budget) { $0.commands[number].map { $0.final != nil } ?? true }
    return report(on: number)
  }

  /// Where the command stands; nil if its output was forgotten.
  package func report(on number: Int) -> CommandReport? {
    state.withLock { $0.report(on: number) }
  }

  /// Runs the body once when the session has ended; at once if it has ended already.
  package func onEnd(_ body: @escaping @Sendable () -> Void) {
    let hasEnded = state.withLock { state in
      if state.end == nil { state.endObserver = body }
      return state.end != nil
    }
    if hasEnded { body() }
  }

  /// Tells of each change from now on, on whatever thread it happened; must not block.
  package func onChange(_ observer: @escaping @Sendable (Change) -> Void) {
    state.withLock { $0.changeObserver = observer }
  }

  /// Types bytes into the command that runs.
  ///
  /// - Parameter bytes: As a keyboard would send them; Enter is CR.
  /// - Returns: The command's number and how much it had written before.
  /// - Throws: `SessionFailure.nothingRuns`: what is typed while no command runs would itself be run as one.
  @discardableResult
  package func type(_ bytes: [UInt8]) throws(SessionFailure) -> (number: Int, outputBytes: Int) {
    let result: Result<(Int, Int), SessionFailure> = state.withLock { state in
      if let end = state.end { return .failure(.ended(end)) }
      guard let number = state.current, state.machine.isRunning, let command = state.commands[number] else {
        return .failure(.nothingRuns)
      }
      guard state.child?.write(bytes) == true else { return .failure(.inputRefused) }
      state.commands[number]?.inputBytes += bytes.count
      state.commands[number]?.waitsForInput = nil
      state.inspectionPause = nil
      state.touch()
      return .success((number, command.output.total))
    }
    return try result.get()
  }

  /// Stops the command that runs by the ladder; the session stays if it can.
  ///
  /// - Returns: The command's number.
  /// - Throws: `SessionFailure.nothingRuns`, `.ended`.
  package func interrupt() throws(SessionFailure) -> Int {
    let number = try running()
    stop(number, because: .interrupted)
    return number
  }

  /// Sends one signal to the foreground of the command that runs, from outside the terminal.
  ///
  /// - Returns: The command's number; nil in the second place where signals cannot be sent from outside.
  package func signal(_ name: SignalName) async throws(SessionFailure) -> (number: Int, isSent: Bool) {
    let number = try running()
    let shells = state.withLock { $0.machine.shells }
    if let control = environment.foreground, await control.signal(name, shells) { return (number, true) }
    guard let character = name.controlCharacter else { return (number, false) }
    try type([character])
    return (number, true)
  }

  /// What programs wrote while no command ran and nobody has read yet; it counts as read now.
  package func takeBackgroundOutput() -> Range<Int> {
    state.withLock { state in
      defer { state.backgroundRead = state.background.total }
      return state.backgroundRead..<state.background.total
    }
  }

  private func running() throws(SessionFailure) -> Int {
    let (end, number) = state.withLock { ($0.end, $0.current) }
    if let end { throw .ended(end) }
    guard let number else { throw .nothingRuns }
    return number
  }
}

extension SignalName {
  /// The character by which a terminal in its usual settings sends the signal (termios(3), ISIG).
  var controlCharacter: UInt8? {
    switch self {
    case .interrupt: 0x03
    case .quit: 0x1C
    case .stop: 0x1A
    default: nil
    }
  }
}
