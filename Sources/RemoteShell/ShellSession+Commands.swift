import ChildProcess
import Synchronization

extension ShellSession {
  /// A command that has its place in line; what remains is to wait for it.
  package struct PendingCommand: Sendable {
    fileprivate let session: ShellSession
    /// The command's number in its session.
    package let number: Int

    /// Waits until the command has ended or waits for input, at most for the budget.
    ///
    /// When the task is cancelled the command is stopped, or taken out of the line if it has not begun: at once, on the
    /// thread that cancels.
    ///
    /// - Parameter budget: The longest wait; nil for as long as it takes.
    /// - Returns: Where the command stands. Still queued means that it was taken out of the line.
    package func outcome(within budget: Duration?) async -> CommandReport {
      await session.outcome(of: number, within: budget)
    }

    /// Waits until a command that is being stopped has ended, also when the task is cancelled.
    ///
    /// - Returns: How it ended, with what is known of its processes.
    package func stopped() async -> CommandReport {
      // A task of its own, since this one may be the one that was cancelled.
      await Task { await session.end(of: number) }.value
    }

    /// Waits for the same as `outcome`; only that a task is cancelled changes anything.
    ///
    /// - Parameter budget: The longest wait.
    /// - Returns: Whether there is something to tell, or the task was cancelled.
    package func isSettled(within budget: Duration) async -> Bool {
      await session.settle(number, within: budget)
      return Task.isCancelled || session.state.withLock { $0.isSettled(number) }
    }

    /// Nobody waits in line behind it from now on: the next command is refused while it runs.
    package func handOff() { session.state.withLock { $0.commands[number]?.isHandedOff = true } }
  }

  /// Gives the command its place in line.
  ///
  /// Synchronous: whoever calls first is first.
  ///
  /// - Parameters:
  ///   - text: The command; no NUL in it.
  ///   - timeout: When it is stopped, counted from its beginning; nil for never.
  /// - Returns: The command, to be waited for.
  /// - Throws: `SessionFailure.busy` while a command runs whose call has returned already, unless it is being stopped
  ///   because nobody wants it any more; `.queueFull`, `.ended`.
  package func enqueue(_ text: String, timeout: Duration?) throws(SessionFailure) -> PendingCommand {
    let result: Result<(Int, Effects), SessionFailure> = state.withLock { state in
      if let end = state.end { return .failure(.ended(end)) }
      if let number = state.current, let command = state.commands[number], command.isHandedOff,
        command.stopReason != .cancelled
      {
        return .failure(.busy(running: command.text, elapsed: command.elapsed))
      }
      guard state.queue.count < limits.queuedCommands else {
        return .failure(.queueFull(limit: limits.queuedCommands))
      }
      state.lastNumber += 1
      let record = OutputRecord(directory: environment.spoolDirectory, limits: limits.output)
      state.commands[state.lastNumber] = Command(text: text, timeout: timeout, output: record)
      state.queue.append(state.lastNumber)
      state.forgetOldCommands()
      var effects = Effects()
      startNext(&state, &effects)
      return .success((state.lastNumber, effects))
    }
    let (number, effects) = try result.get()
    perform(effects)
    return PendingCommand(session: self, number: number)
  }

  private func outcome(of number: Int, within budget: Duration?) async -> CommandReport {
    await settle(number, within: budget)
    return state.withLock { state in
      var report = state.report(on: number)
      if !Task.isCancelled, report?.state.isFinal == true {
        report?.cancelledBefore = state.takeCancelled(before: number)
      }
      if state.queue.contains(number) {
        // Its call ends now: a command that nobody waits for must not run later as a surprise.
        state.queue.removeAll { $0 == number }
        state.commands[number] = nil
      }
      // Whoever cancelled knows that the command is being stopped; the next one waits for that.
      if !Task.isCancelled { state.commands[number]?.isHandedOff = true }
      return report ?? Self.withdrawn(number, state)
    }
  }

  /// Waits until there is something to tell of a command that somebody wants.
  private func settle(_ number: Int, within budget: Duration?) async {
    await withTaskCancellationHandler {
      await wait(budget: budget) { $0.isSettled(number) }
    } onCancel: {
      // Not when the task gets to run: until then the command would keep its place from the next one.
      stop(number, because: .cancelled)
    }
  }

  /// The ladder that stops a command always comes to an end, and so does this.
  private func end(of number: Int) async -> CommandReport {
    await wait(budget: nil) { $0.commands[number].map { $0.final != nil } ?? true }
    return state.withLock { $0.report(on: number) ?? Self.withdrawn(number, $0) }
  }

  private static func withdrawn(_ number: Int, _ state: borrowing State) -> CommandReport {
    CommandReport(
      number: number, text: "", state: .queued(behind: ""), output: OutputRecord(directory: ""),
      outputBytes: 0, elapsed: .zero, shell: state.shell, backgroundBytes: 0, transition: nil, proof: nil)
  }

  // MARK: - Waiting

  /// Waits until the condition holds, the budget is spent or the task is cancelled.
  func wait(budget: Duration?, until isSatisfied: @escaping @Sendable (State) -> Bool) async {
    let id = state.withLock { state in
      state.lastWaiterID += 1
      return state.lastWaiterID
    }
    if let budget, budget <= .zero { return }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDone = state.withLock { state in
          if Task.isCancelled || isSatisfied(state) { return true }
          // Under the lock: a timer that is due before its waiter is on the list would find nobody to release.
          let timer = budget.map { reactor.after($0) { [weak self] in self?.release(id) } }
          state.waiters.append(
            Waiter(id: id, isSatisfied: isSatisfied, continuation: continuation, timer: timer))
          scheduleInspection(&state)
          return false
        }
        if isDone { continuation.resume() }
      }
    } onCancel: {
      release(id)
    }
  }

  private func release(_ id: Int) {
    let waiter = state.withLock { state -> Waiter? in
      guard let place = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
      return state.waiters.remove(at: place)
    }
    waiter?.resume()
  }

  /// Lets those go whose condition holds now.
  func wakeWaiters() {
    let ready = state.withLock { state -> [Waiter] in
      guard !state.waiters.isEmpty else { return [] }
      var ready: [Waiter] = []
      var waiting: [Waiter] = []
      for waiter in state.waiters {
        if waiter.isSatisfied(state) { ready.append(waiter) } else { waiting.append(waiter) }
      }
      state.waiters = waiting
      return ready
    }
    guard !ready.isEmpty else { return }
    reactor.runHere {
      for waiter in ready { waiter.resume() }
    }
  }

  // MARK: - Looking at the foreground

  /// Arms the next look at the foreground, if somebody waits for a command and it can be looked at.
  func scheduleInspection(_ state: inout State) {
    guard environment.foreground != nil, state.inspectionTimer == nil, !state.waiters.isEmpty,
      state.current != nil
    else { return }
    let pause = state.inspectionPause ?? limits.quiet
    state.inspectionTimer = reactor.after(pause) { [weak self] in self?.inspectIfQuiet() }
  }

  private func inspectIfQuiet() {
    let question = state.withLock { state -> ([Marker.Hello], Int, OutputRecord)? in
      state.inspectionTimer = nil
      guard let number = state.current, let command = state.commands[number], !state.waiters.isEmpty,
        state.machine.isRunning, command.waitsForInput == nil
      else { return nil }
      guard state.machine.hasBegun, state.quietSince.duration(to: .now) >= limits.quiet else {
        state.inspectionPause = nil
        scheduleInspection(&state)
        return nil
      }
      return (state.machine.shells, number, command.output)
    }
    guard let (shells, number, output) = question, let control = environment.foreground else { return }
    Task { [weak self] in
      let bytes = output.total
      let foreground = await control.inspect(shells, OutputTail(of: output))
      // In the reactor's next turn: what came before the answer is read by then.
      self?.reactor.perform { [weak self] in self?.inspected(foreground, of: number, at: bytes) }
    }
  }

  /// What was seen counts only if the command has not moved meanwhile.
  private func inspected(_ foreground: ForegroundState?, of number: Int, at bytes: Int) {
    let effects = state.withLock { state in
      var effects = Effects()
      state.isLookedAt = foreground != nil
      guard state.current == number, let command = state.commands[number] else {
        scheduleInspection(&state)
        return effects
      }
      state.inspectionPause = min(
        (state.inspectionPause ?? limits.quiet) * 2, limits.longestInspectionPause)
      if command.output.total == bytes, command.stopReason == nil,
        case .readsTerminal(let program)? = foreground
      {
        if program.isShell, !command.isNotAShell {
          feed(.enterNestedShell, &state, &effects)
        } else {
          state.commands[number]?.waitsForInput = program
          effects.note(.state, state)
        }
      }
      scheduleInspection(&state)
      return effects
    }
    perform(effects)
  }
}

/// What the foreground of a terminal does, seen from outside.
package enum ForegroundState: Sendable, Hashable {
  /// It computes, sleeps, waits for the network or for another process.
  case busy
  /// It reads the terminal.
  case readsTerminal(ForegroundProgram)
  /// It is stopped (SIGSTOP, SIGTSTP).
  case stopped
}

/// The end of a command's output, for judging what its program does.
package struct OutputTail: Sendable {
  /// The last few hundred characters, cleaned.
  package let text: String
  /// Whether the program has switched to the terminal's other screen (xterm's private modes 47, 1047, 1049).
  package let isAlternateScreen: Bool

  /// The end of what has been written by now.
  package init(of output: OutputRecord) {
    let bytes = output.read(max(0, output.total - 16384)..<output.total).bytes
    text = ControlSequenceFilter.text(of: bytes.suffix(400))
    let raw = String(decoding: bytes, as: UTF8.self)
    let switches = raw.matches(of: /\u{1B}\[\?(?:47|1047|1049)([hl])/)
    isAlternateScreen = switches.last?.1 == "h"
  }
}
