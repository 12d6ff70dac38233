extension SessionMachine {
  // MARK: - Deadlines

  mutating func timeOut(at now: Instant) -> [Action] {
    switch phase {
    case .new, .idle, .ended: return []
    case .booting(let nonce, let since, let attempts, let printed):
      return bootAgain(nonce, since: since, attempts: attempts, printed: printed, at: now)
    case .greeted:
      // The prompt was taken away by an rc file; the end marker alone has to do.
      return becomeReady()
    case .running(var run):
      if run.step != nil, !run.hasBegun {
        // What was typed has been thrown away: a frame of our own shows whether the shell still reads.
        run.end = (130, levels.last?.directory ?? [])
        return finish(run, at: now)
      }
      if run.step == nil, run.isToBeStopped {
        let actions = climb(&run, at: now)
        phase = .running(run)
        return actions
      }
      if run.step != nil {
        let actions = climb(&run, at: now)
        if case .running = phase { phase = .running(run) }
        return actions
      }
      return lose(.unresponsive)
    case .closing:
      // The prompt was taken away by the command: a frame of our own proves that the shell reads.
      return flushFringe() + settle(finishing: nil, at: now)
    case .flushing(let end, let until): return settle(finishing: end, until: until, at: now)
    case .settling(let run, let end):
      guard run.isPromptShown, !run.hasBegun else { return loseUnrepaired(end) }
      // zsh that is interrupted while it makes its prompt takes no line any more before it gets ^C (measured, 5.9).
      phase = .flushing(end, until: run.until)
      deadline = now.advanced(by: limits.silence)
      return [.write([0x03, 0x0A])]
    case .adopting: return giveUpAdoption()
    }
  }

  mutating func bootAgain(
    _ nonce: Nonce, since: Instant, attempts: Int, printed: [UInt8], at now: Instant
  ) -> [Action] {
    let elapsed = since.duration(to: now)
    guard elapsed < limits.boot else { return lose(.noShell(printed: printed)) }
    phase = .booting(nonce, since: since, attempts: attempts + 1, printed: printed)
    let times = limits.bootRetries + [limits.fallbackShell, limits.boot]
    let next = times.first { $0 > elapsed } ?? limits.boot
    deadline = since.advanced(by: next)
    let line = ShellDriver.bootLine(nonce)
    return elapsed < limits.fallbackShell
      ? [.write(line)] : [.write(ShellDriver.becomeFallbackShell), .write(line)]
  }

  /// The steps in their order.
  ///
  /// A loop of programs may be between two of them when ^C comes, and nobody gets it then: both of two were lost in one
  /// of 120 tries under load (measured). So the shell is interrupted from outside too, or ^C sent more often.
  private var ladder: [LadderStep] {
    hasSideChannel
      ? [.interruptCharacter, .interruptCharacterAgain, .terminate, .hangUp, .kill]
      : [.interruptCharacter] + Array(repeating: .interruptCharacterAgain, count: limits.repeatedInterrupts)
        + [.quitCharacter, .suspendCharacter]
  }

  /// What a command was stopped by: the signal that its status tells of, if that was sent, or else the last step taken.
  ///
  /// On a slow line the news of an end comes when the next steps have been taken already.
  func effectiveStep(of run: Run, status: Int) -> LadderStep? {
    let taken = ladder.prefix(run.stepsTaken)
    return taken.first { $0.status == status } ?? run.step
  }

  mutating func climb(_ run: inout Run, at now: Instant) -> [Action] {
    guard run.stepsTaken < ladder.count else { return lose(.unstoppable) }
    let step = ladder[run.stepsTaken]
    run.step = step
    run.stepsTaken += 1
    deadline = now.advanced(by: limits.time(for: step))
    return switch step {
    case .interruptCharacter: [.discardInput, .write([0x03])]
    case .interruptCharacterAgain: [.write([0x03])] + (hasSideChannel ? [.stop(.interrupt)] : [])
    case .quitCharacter: [.write([0x1C])]
    case .suspendCharacter: [.write([0x1A])]
    case .terminate: [.stop(.terminate)]
    case .hangUp: [.stop(.hangUp)]
    case .kill: [.stop(.kill)]
    }
  }

  /// A frame of ours was not run: after an interruption, or after a command that took the shell away (set -n).
  mutating func loseUnrepaired(_ interrupted: CommandEnd?) -> [Action] {
    lose(interrupted == nil ? .unresponsive : .notResynchronized)
  }

  mutating func lose(_ loss: Loss) -> [Action] {
    phase = .ended
    deadline = nil
    return [.lost(loss)]
  }
}
