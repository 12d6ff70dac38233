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
  /// - Parameters:
  ///   - bytes: As a keyboard would send them; Enter is CR.
  ///   - wanted: Only into the command of this number, and only if it may be waiting for them.
  /// - Returns: The command's number and how much it had written before.
  /// - Throws: `SessionFailure.nothingRuns`: what is typed while no command runs would itself be run as one.
  ///   `.entering`, `.inputRefused`, `.ended`.
  @discardableResult
  package func type(
    _ bytes: [UInt8], intoWaiting wanted: Int? = nil
  ) throws(SessionFailure) -> (number: Int, outputBytes: Int) {
    let result: Result<(Int, Int), SessionFailure> = state.withLock { state in
      if let end = state.end { return .failure(.ended(end)) }
      guard !state.machine.isAdopting else { return .failure(.entering) }
      guard let number = state.current, state.machine.isRunning, let command = state.commands[number] else {
        return .failure(.nothingRuns)
      }
      if let wanted, number != wanted || !state.mayWait(number) { return .failure(.nothingRuns) }
      guard state.child?.write(bytes) == true else { return .failure(.inputRefused) }
      state.commands[number]?.inputBytes += bytes.count
      state.commands[number]?.waitsForInput = nil
      state.inspectionPause = nil
      state.touch()
      return .success((number, command.output.total))
    }
    return try result.get()
  }

  /// Whether the command may be waiting for input: it does, or nobody can look.
  package func mayWait(_ number: Int) -> Bool { state.withLock { $0.mayWait(number) } }

  /// The number of the command that runs.
  ///
  /// - Throws: `SessionFailure.nothingRuns`, `.ended`.
  package func running() throws(SessionFailure) -> Int {
    let (end, number) = state.withLock { ($0.end, $0.current) }
    if let end { throw .ended(end) }
    guard let number else { throw .nothingRuns }
    return number
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
  /// - Returns: The command's number, and who got the signal.
  package func signal(_ name: SignalName) async throws(SessionFailure) -> (number: Int, delivery: Delivery) {
    let number = try running()
    let shells = state.withLock { $0.machine.shells }
    if let control = environment.foreground, let count = await control.signal(name, shells) {
      return (number, count > 0 ? .sent : .toNobody)
    }
    guard let character = name.controlCharacter else { return (number, .impossible) }
    try type([character])
    return (number, .sent)
  }

  /// What became of a signal.
  package enum Delivery: Sendable, Hashable {
    /// The foreground got it.
    case sent
    /// Nothing runs in the foreground but the shell itself, which a signal would end.
    case toNobody
    /// The host allows no second channel, and no key of the terminal sends it.
    case impossible
  }

  /// What programs wrote while no command ran and nobody has read yet; it counts as read now.
  package func takeBackgroundOutput() -> Range<Int> {
    state.withLock { state in
      defer { state.backgroundRead = state.background.total }
      return state.backgroundRead..<state.background.total
    }
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
