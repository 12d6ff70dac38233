extension SessionMachine {
  // MARK: - Markers

  mutating func receive(_ marker: Marker, at now: Instant) -> [Action] {
    switch (phase, marker.body) {
    case (.booting(let nonce, _, _, _), .hello(let hello)) where marker.nonce == nonce:
      levels = [Level(nonce: nonce, hello: hello, directory: hello.directory, startedBy: nil)]
      return greet(hello, at: now)
    case (.adopting(let nonce, let outer, var adoption), .hello(let hello)) where marker.nonce == nonce:
      guard hello.prompt != .never else { return enter(nonce, hello, outer) }
      adoption.hello = hello
      phase = .adopting(nonce, outer: outer, adoption)
      return []
    case (.adopting(let nonce, let outer, let adoption), .prompt) where marker.nonce == nonce:
      return adoption.hello.map { enter(nonce, $0, outer) } ?? []
    case (.adopting, _) where levels.contains(where: { $0.nonce == marker.nonce }):
      // The program that was taken for a shell has ended meanwhile.
      return giveUpAdoption() + receive(marker, at: now)
    case (.greeted, .prompt):
      return becomeReady()
    default: break
    }
    guard let index = levels.lastIndex(where: { $0.nonce == marker.nonce }) else { return [] }
    return index == levels.count - 1 ? answer(marker.body, at: now) : leave(to: index, marker, at: now)
  }

  mutating func greet(_ hello: Marker.Hello, at now: Instant) -> [Action] {
    guard hello.prompt != .never else { return becomeReady() }
    phase = .greeted
    deadline = now.advanced(by: limits.response)
    return []
  }

  mutating func becomeReady() -> [Action] {
    phase = .idle
    deadline = nil
    return levels.last.map { [.ready($0.hello)] } ?? []
  }

  mutating func enter(_ nonce: Nonce, _ hello: Marker.Hello, _ outer: Run) -> [Action] {
    levels.append(Level(nonce: nonce, hello: hello, directory: hello.directory, startedBy: outer))
    phase = .idle
    deadline = nil
    return [.entered(hello)]
  }

  /// An outer level speaks: the shells inside it have ended.
  mutating func leave(to index: Int, _ marker: Marker, at now: Instant) -> [Action] {
    guard var outerRun = levels[index + 1].startedBy else { return [] }
    var told: [Action] = []
    outerRun.leaving = .wasIdle
    switch phase {
    case .running: outerRun.leaving = .commandRan
    case .flushing(let end?, _), .settling(_, let end?):
      // A command was interrupted, and its shell died while it was asked whether it still reads.
      told = [.finished(end)]
    default: break
    }
    levels.removeLast(levels.count - 1 - index)
    parser.nonces.removeLast(parser.nonces.count - 1 - index)
    phase = .running(outerRun)
    return told + answer(marker.body, at: now)
  }

  /// A marker of the innermost level.
  mutating func answer(_ body: Marker.Body, at now: Instant) -> [Action] {
    switch (phase, body) {
    case (.running(var run), .begin(let sequence)) where sequence == run.sequence:
      run.hasBegun = true
      if run.step == nil { deadline = nil }
      let stop = run.isToBeStopped && run.step == nil ? climb(&run, at: now) : []
      phase = .running(run)
      return flushFringe() + stop
    case (.running(var run), .end(let sequence, let status, let isTracing, let directory))
    where sequence == run.sequence:
      run.end = (status, directory)
      levels[levels.count - 1].isTracing = isTracing
      return finish(run, at: now)
    case (.running(let run), .prompt(let sequence, _)) where sequence == run.sequence && !run.hasBegun:
      // The shell took the line and did not even begin it: what it did with the command is not known.
      return lose(.unresponsive)
    case (.running(var run), .prompt(let sequence, let status)) where sequence == run.sequence:
      run.end = (status, levels.last?.directory ?? [])
      return finish(run, manner: .aborted, isPromptShown: true, at: now)
    case (.closing(let needsRepair), .prompt(let sequence, _)) where sequence == levels.last?.sequence:
      return flushFringe() + closed(needsRepair: needsRepair, at: now)
    case (.running(var run), .prompt) where !run.hasBegun && run.expectsOldPrompt:
      run.expectsOldPrompt = false
      phase = .running(run)
    case (.running(let run), .prompt) where !run.hasBegun && run.step == nil && !run.isToBeStopped:
      // The shell read the frame and showed the old prompt again: it may not execute anything any more.
      deadline = deadline ?? now.advanced(by: limits.response)
    case (.settling(var run, let end), .begin(let sequence)) where sequence == run.sequence:
      run.hasBegun = true
      phase = .settling(run, end)
      deadline = now.advanced(by: limits.repair)
    case (.settling(var run, let end), .end(let sequence, _, _, _)) where sequence == run.sequence:
      run.end = (0, [])
      phase = .settling(run, end)
      guard levels.last?.hello.prompt == .always else { return settled(end) }
    case (.settling(let run, let end), .prompt(let sequence, _)) where sequence == run.sequence:
      // Without its end marker: an interrupt broke it off, or the shell lacks what the marker needs (descriptors). That
      // it reads is what was to be shown, but after an interruption the terminal is mended too.
      return run.end == nil && end != nil ? settle(finishing: end, until: run.until, at: now) : settled(end)
    case (.settling(var run, let end), .prompt) where !run.hasBegun:
      // A prompt of before that came late, or the frame was thrown away: zsh does so after an interrupt from outside.
      run.isPromptShown = true
      phase = .settling(run, end)
      deadline = now.advanced(by: limits.silence)
    default: break
    }
    return []
  }

  // MARK: - The end of a command

  mutating func finish(
    _ run: Run, manner: CommandEnd.Manner = .completed, isPromptShown: Bool = false, at now: Instant
  ) -> [Action] {
    guard let end = run.end else { preconditionFailure("a command without an end is not finished") }
    levels[levels.count - 1].status = end.status
    levels[levels.count - 1].directory = end.directory
    deadline = nil
    if let step = effectiveStep(of: run, status: end.status) {
      let command = CommandEnd(status: end.status, manner: .interrupted(by: step), directory: end.directory)
      // ^C bytes may wait in the queue of a terminal that was raw: a line feed ends that garbage.
      phase = .flushing(command, until: nil)
      deadline = now.advanced(by: limits.silence)
      let killsStopped = step == .suspendCharacter
      return [.write(Array(killsStopped ? "\nkill -s KILL %% 2>/dev/null\n".utf8 : "\n".utf8))]
    }
    // A line that was given up did not come to its repairs, but in bash, which goes on behind it.
    let skippedRepairs = manner == .aborted && levels.last?.hello.dialect != .bash
    let needsRepair =
      run.leaving != nil || run.mayHaveChangedTerminal || end.status >= 128 || skippedRepairs
    let command = CommandEnd(
      status: end.status, manner: run.leaving == nil ? manner : .leftShell, directory: end.directory)
    // Whoever waits is told at once; the shell's prompt only gates the next command.
    let told = run.leaving == .wasIdle ? Action.left(status: end.status) : .finished(command)
    guard !isPromptShown, levels.last?.hello.prompt == .always else {
      return [told] + closed(needsRepair: needsRepair, at: now)
    }
    phase = .closing(needsRepair: needsRepair)
    deadline = now.advanced(by: limits.response)
    return [told]
  }

  /// The shell reads its next line.
  mutating func closed(needsRepair: Bool, at now: Instant) -> [Action] {
    if needsRepair { return settle(finishing: nil, at: now) }
    phase = .idle
    deadline = nil
    return []
  }

  /// Output before a command has begun, or after it has ended: other programs', but for traces of our frame.
  mutating func fringe(_ bytes: ArraySlice<UInt8>) -> [Action] {
    guard levels.last?.isTracing == true else { return [.backgroundOutput(bytes)] }
    traced += bytes
    if traced.count > limits.noiseBytes { return flushFringe() }
    return []
  }

  /// Gives out what was not a trace: a traced line begins with the first character of PS4, `+` unless changed.
  mutating func flushFringe() -> [Action] {
    guard !traced.isEmpty else { return [] }
    defer { traced = [] }
    let lines = traced.split(separator: 0x0A, omittingEmptySubsequences: true)
      .filter { $0.first != UInt8(ascii: "+") }
    return lines.isEmpty ? [] : [.backgroundOutput(Array(lines.joined(separator: [0x0A]) + [0x0A])[...])]
  }

  /// Repairs the terminal by a frame of our own; what it answers is nobody's output.
  mutating func settle(
    finishing command: CommandEnd?, until: Instant? = nil, at now: Instant
  ) -> [Action] {
    guard let level = levels.last else { preconditionFailure("settling needs a shell") }
    let until = until ?? now.advanced(by: limits.repair)
    guard now < until else { return loseUnrepaired(command) }
    var run = beginRun(mayHaveChangedTerminal: false)
    run.until = until
    phase = .settling(run, command)
    deadline = until
    // The status is kept for the next command's `$?`.
    let repair = Array("\(ShellDriver.terminalSettings);:".utf8)
    return [
      .write(
        ShellDriver.frame(repair, sequence: run.sequence, status: level.status, dialect: level.hello.dialect))
    ]
  }

  mutating func settled(_ end: CommandEnd?) -> [Action] {
    phase = .idle
    deadline = nil
    return end.map { [.finished($0)] } ?? []
  }
}
