import ChildProcess

extension ShellSession {
  /// Everything that changes; only under the lock.
  struct State {
    var machine: SessionMachine
    var child: ChildProcess?
    /// Its exit status, once it has ended; 255 for a signal.
    var status: Int?
    /// Whether the child ended before the command that had been sent began.
    var endedBeforeBegin = false
    var isReady = false
    var end: SessionEnd?
    var quietSince = ContinuousClock.now
    var lastWords: [UInt8] = []

    /// The commands whose output can be read, by number.
    var commands: [Int: Command] = [:]
    /// The numbers of those that have ended, in that order.
    var ended: [Int] = []
    /// The number of the command that runs in the machine; nil while it is idle or repairs.
    var current: Int?
    /// The numbers of those that wait for their turn, in order.
    var queue: [Int] = []
    /// The number of the newest command; they count from 1.
    var lastNumber = 0
    /// Commands whose calls were cancelled; the next report tells of them.
    var cancelled: [Int] = []
    /// The command whose processes are being looked for; the next one waits for that.
    var proving: Int?
    /// Signals from outside that have not been sent yet; the next command waits for them, or they would hit it.
    var stopsUnderWay = 0
    let background: OutputRecord
    var backgroundRead = 0
    /// The transcript: its entries in order, the command that has no end in them yet, how much of its output and of
    /// the background's stands in them, and how many bytes of it are forgotten.
    var story: [StoryEntry] = []
    var openCommand: Int?
    var toldOutput = 0
    var toldBackground = 0
    var forgottenBytes = 0
    let limits: Limits

    var armedDeadline: Instant?
    var deadlineTimer: Reactor.Timer?
    var inspectionTimer: Reactor.Timer?
    var inspectionPause: Duration?
    /// Whether the last look at the foreground was answered.
    var isLookedAt = false

    var endObserver: (@Sendable () -> Void)?
    var changeObserver: (@Sendable (Change) -> Void)?
    var waiters: [Waiter] = []
    var lastWaiterID = 0

    init(machine: SessionMachine, spoolDirectory: String, limits: Limits) {
      self.machine = machine
      self.limits = limits
      self.background = OutputRecord(directory: spoolDirectory, limits: limits.output)
    }

    /// The newest command that does not wait in line.
    var newestBegun: Int? {
      current ?? commands.filter { $0.value.started != nil }.keys.max()
    }

    var shell: ShellFacts {
      ShellFacts(hello: machine.shell, directory: machine.directory, depth: machine.depth)
    }

    /// Whether so much was typed into the command that it may stand before the shell's next line in megabytes: bash that
    /// was interrupted edits that line, which takes minutes (measured).
    var hasMuchInput: Bool {
      current.flatMap { commands[$0]?.inputBytes }.map { $0 > limits.editedLineBytes } ?? false
    }

    mutating func touch() {
      quietSince = .now
    }

    mutating func noteOutput(_ bytes: ArraySlice<UInt8>) {
      touch()
      guard let current else { return }
      tellBackground()
      commands[current]?.output.append(bytes)
      commands[current]?.waitsForInput = nil
    }

    mutating func noteBackground(_ bytes: ArraySlice<UInt8>) {
      tellOutput()
      background.append(bytes)
    }

    /// The command that runs has come to its end.
    ///
    /// - Returns: What is to be proved before that is told, if the command was stopped.
    mutating func finishCurrent(_ end: SessionMachine.CommandEnd) -> (Int, StopTarget)? {
      touch()
      guard let number = current else { return nil }
      current = nil
      let facts = shell
      commands[number]?.shellAtEnd = facts
      if end.manner == .leftShell { commands[number]?.transition = .left }
      guard case .interrupted = end.manner else {
        finish(number, .finished(end))
        return nil
      }
      commands[number]?.stoppedEnd = end
      if let target = commands[number]?.stopTarget {
        proving = number
        return (number, target)
      }
      finishProof(.unproven, of: number)
      return nil
    }

    /// What is left of a command that was stopped is known now.
    mutating func finishProof(_ proof: StopProof, of number: Int) {
      if proving == number { proving = nil }
      guard let end = commands[number]?.stoppedEnd else { return }
      commands[number]?.proof = proof
      if case .timeout(let duration) = commands[number]?.stopReason {
        finish(number, .timedOut(after: duration, end))
      } else {
        finish(number, .finished(end))
      }
    }

    /// Nothing more will come of a command; the first end counts.
    mutating func finish(_ number: Int, _ end: CommandReport.State) {
      guard let command = commands[number], command.final == nil else { return }
      commands[number]?.finish(end)
      ended.append(number)
      if command.started != nil { noteEnd(of: number) }
    }

    /// The command that runs is a shell, and commands run inside it from now on.
    mutating func enterCurrent(_ hello: Marker.Hello) {
      touch()
      guard let number = current else { return }
      current = nil
      commands[number]?.transition = .entered(hello)
      let facts = shell
      commands[number]?.shellAtEnd = facts
      finish(number, .finished(.init(status: 0, manner: .completed, directory: hello.directory)))
    }

    mutating func endCommands(_ end: SessionEnd) {
      for (number, command) in commands where command.final == nil {
        let hasStarted = number == current ? mayHaveRun(under: end) : command.started != nil
        finish(
          number,
          hasStarted ? .sessionEnded(end, stoppedBecause: command.stopReason) : .neverStarted(end))
      }
      current = nil
      queue = []
    }

    /// Whether the command that was sent may have been run; a shell that exits has read nothing that it did not begin.
    private func mayHaveRun(under end: SessionEnd) -> Bool {
      if case .shellExited = end { !endedBeforeBegin } else { true }
    }

    /// Forgets the oldest outputs beyond the limit; never those of commands that have not ended.
    mutating func forgetOldCommands() {
      while ended.count > limits.keptCommands {
        let number = ended.removeFirst()
        noteForgetting(of: number)
        commands[number] = nil
      }
    }

    func sessionEnd(for loss: SessionMachine.Loss) -> SessionEnd {
      switch loss {
      case .noShell(let printed):
        .noShell(
          NoShell(
            printed: ControlSequenceFilter.text(of: printed),
            lastWords: String(decoding: lastWords, as: UTF8.self), isLaunched: machine.isLaunched,
            status: status))
      case .unresponsive: .unresponsive
      case .unstoppable: .unstoppable
      case .notResynchronized: .notResynchronized
      }
    }

    /// The commands whose calls were cancelled since somebody was told last.
    mutating func takeCancelled(before number: Int) -> [CommandReport.CancelledCommand] {
      defer { cancelled.removeAll { $0 < number } }
      return cancelled.filter { $0 < number }.compactMap { number in
        commands[number].map {
          CommandReport.CancelledCommand(
            number: number, text: $0.text, outputBytes: $0.output.total, proof: $0.proof)
        }
      }
    }

    /// Whether a command that has not ended may be waiting for input.
    func mayWait(_ number: Int) -> Bool {
      guard let command = commands[number], command.final == nil else { return false }
      return command.waitsForInput != nil || !isLookedAt
    }

    /// Whether there is something to tell of a command: it has ended or waits for input.
    func isSettled(_ number: Int) -> Bool {
      guard let command = commands[number] else { return true }
      return command.final != nil || command.waitsForInput != nil
    }

    func report(on number: Int) -> CommandReport? {
      guard let command = commands[number] else { return nil }
      let commandState: CommandReport.State =
        if let final = command.final {
          final
        } else if current == number || command.stoppedEnd != nil {
          command.waitsForInput.map { .waitingForInput($0) } ?? .running
        } else {
          .queued(behind: current.flatMap { commands[$0]?.text } ?? "")
        }
      return CommandReport(
        number: number, text: command.text, state: commandState, output: command.output,
        outputBytes: command.output.total, elapsed: command.elapsed, shell: command.shellAtEnd ?? shell,
        backgroundBytes: background.total - backgroundRead, transition: command.transition,
        proof: command.proof)
    }
  }

  /// One command from its arrival to the moment its output is forgotten.
  struct Command {
    let text: String
    let timeout: Duration?
    let output: OutputRecord
    var started: Instant?
    var ended: Instant?
    var final: CommandReport.State?
    var stopReason: StopReason?
    /// Who must be gone when it has been stopped; nil while that is not known.
    var stopTarget: StopTarget?
    /// The ladder has begun.
    var isClimbing = false
    /// It was stopped, and what is left of it is being looked for.
    var stoppedEnd: SessionMachine.CommandEnd?
    var proof: StopProof?
    /// The shell as it was when the command ended; a later one may have changed it since.
    var shellAtEnd: ShellFacts?
    var transition: CommandReport.Transition?
    var waitsForInput: ForegroundProgram?
    /// Entering it as a shell was tried in vain.
    var isNotAShell = false
    /// The call that started it has returned while it ran.
    var isHandedOff = false
    /// How much of the output calls have shown.
    var shownBytes = 0
    /// Bytes that were typed into it, read or not.
    var inputBytes = 0
    var timeoutTimer: Reactor.Timer?

    var elapsed: Duration {
      started.map { $0.duration(to: ended ?? .now) } ?? .zero
    }

    fileprivate mutating func finish(_ state: CommandReport.State) {
      final = state
      ended = .now
      waitsForInput = nil
      timeoutTimer?.cancel()
      timeoutTimer = nil
    }
  }

  /// Somebody who waits for something to become true of the session.
  struct Waiter {
    let id: Int
    let isSatisfied: @Sendable (State) -> Bool
    let continuation: CheckedContinuation<Void, Never>
    /// Ends the wait when its budget is spent.
    let timer: Reactor.Timer?

    /// Lets whoever waits go on; outside the lock.
    func resume() {
      timer?.cancel()
      continuation.resume()
    }
  }
}
