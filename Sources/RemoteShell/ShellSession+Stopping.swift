import ChildProcess
import Synchronization

/// Stopping a command: who it is is asked first, then it is stopped by the ladder, then its end is proved.
extension ShellSession {
  /// Stops the command of that number if it still runs, or takes it out of the line.
  func stop(_ number: Int, because reason: StopReason) {
    let (effects, shells) = state.withLock { state -> (Effects, [Marker.Hello]?) in
      var effects = Effects()
      if let place = state.queue.firstIndex(of: number) {
        state.queue.remove(at: place)
        state.commands[number] = nil
      } else if state.current == number, state.commands[number]?.stopReason == nil {
        state.commands[number]?.stopReason = reason
        if reason == .cancelled { state.cancelled.append(number) }
        guard environment.foreground == nil || !state.machine.hasBegun else {
          return (effects, state.machine.shells)
        }
        feed(.interrupt, &state, &effects)
      }
      return (effects, nil)
    }
    perform(effects)
    guard let shells, let control = environment.foreground else { return }
    // A flood would keep the answer waiting.
    let child = state.withLock { $0.child }
    child?.pauseOutput()
    // Who is to be gone must be known before it goes; a connection that does not answer must not delay it long.
    let limit = reactor.after(limits.targetAnswer) { [weak self] in
      child?.resumeOutput()
      self?.climb(number, nil, hasSideChannel: true)
    }
    Task { [weak self] in
      let (isAnswered, target) = await control.target(shells) { [weak self] in
        self?.elapsed(of: number) ?? .zero
      }
      limit.cancel()
      child?.resumeOutput()
      self?.climb(number, target, hasSideChannel: isAnswered)
    }
  }

  /// Begins the ladder, once, if the command still runs; where nobody answers (sshd's `MaxSessions 1`), the one
  /// that needs the terminal alone.
  private func climb(_ number: Int, _ target: StopTarget?, hasSideChannel: Bool) {
    let effects = state.withLock { state in
      var effects = Effects()
      guard state.current == number, let command = state.commands[number] else { return effects }
      // An answer that comes late still counts, as long as the command has not ended.
      if command.stopTarget == nil { state.commands[number]?.stopTarget = target }
      guard !command.isClimbing else { return effects }
      state.commands[number]?.isClimbing = true
      state.machine.hasSideChannel = hasSideChannel
      feed(.interrupt, &state, &effects)
      return effects
    }
    perform(effects)
  }

  private func elapsed(of number: Int) -> Duration? { state.withLock { $0.commands[number]?.elapsed } }

  /// A step of the ladder that is taken from outside.
  struct Stop {
    let signal: SignalName
    let shells: [Marker.Hello]
    /// Who is to be gone, if that is known.
    let target: StopTarget?
    /// The shell is not interrupted, nor does it see that its command was.
    let isGentle: Bool
  }

  func perform(_ stop: Stop, _ foreground: ForegroundControl) async {
    if !stop.isGentle {
      await foreground.stop(stop.signal, stop.target, stop.shells)
    } else if stop.signal != .interrupt {
      await foreground.signal(stop.signal, stop.shells)
    }
  }

  /// A signal to a command that was to be stopped has been sent, or will not be: it cannot hit the next one any more.
  func stopIsOver() {
    let effects = state.withLock { state in
      var effects = Effects()
      state.stopsUnderWay -= 1
      if state.end == nil { startNext(&state, &effects) }
      return effects
    }
    perform(effects)
  }

  /// What is known of a stopped command's processes now; whoever waits for its end is told.
  func proved(_ proof: StopProof, of number: Int) {
    let effects = state.withLock { state in
      var effects = Effects()
      state.finishProof(proof, of: number)
      if state.end == nil { startNext(&state, &effects) }
      return effects
    }
    perform(effects)
  }
}
