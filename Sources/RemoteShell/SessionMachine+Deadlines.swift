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
        let actions = take(.interruptCharacter, &run, at: now)
        phase = .running(run)
        return actions
      }
      if let step = run.step {
        let actions = climb(from: step, &run, at: now)
        if case .running = phase { phase = .running(run) }
        return actions
      }
      return lose(.unresponsive)
    case .closing:
      // The prompt was taken away by the command: a frame of our own proves that the shell reads.
      return flushFringe() + settle(finishing: nil, at: now)
    case .flushing(let end): return settle(finishing: end, at: now)
    case .settling: return lose(.notResynchronized)
    case .adopting(_, let outer, _):
      parser.nonces.removeLast()
      phase = .running(outer)
      return [.notEntered]
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

  mutating func climb(from step: LadderStep, _ run: inout Run, at now: Instant) -> [Action] {
    let ladder: [LadderStep] =
      hasSideChannel
      ? [.interruptCharacter, .interruptCharacterAgain, .terminate, .hangUp, .kill]
      : [.interruptCharacter, .interruptCharacterAgain, .quitCharacter, .suspendCharacter]
    guard let place = ladder.firstIndex(of: step), place + 1 < ladder.count else {
      return lose(.unstoppable)
    }
    return take(ladder[place + 1], &run, at: now)
  }

  mutating func take(_ step: LadderStep, _ run: inout Run, at now: Instant) -> [Action] {
    run.step = step
    deadline = now.advanced(by: limits.step[step] ?? .seconds(1))
    return switch step {
    case .interruptCharacter, .interruptCharacterAgain: [.write([0x03])]
    case .quitCharacter: [.write([0x1C])]
    case .suspendCharacter: [.write([0x1A])]
    case .terminate: [.signal(.terminate)]
    case .hangUp: [.signal(.hangUp)]
    case .kill: [.signal(.kill)]
    }
  }

  mutating func lose(_ loss: Loss) -> [Action] {
    phase = .ended
    deadline = nil
    return [.lost(loss)]
  }
}
