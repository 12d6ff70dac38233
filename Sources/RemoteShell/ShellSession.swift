package import ChildProcess
import Synchronization

/// One remote shell with its commands: the machine, the child that carries it, and those who wait.
///
/// The reactor thread feeds it; callers take their place in line synchronously and then wait. Nothing here
/// blocks: the only suspension points are those of the waiters.
package final class ShellSession: Sendable {
  /// A point in time that never goes back.
  package typealias Instant = ContinuousClock.Instant

  /// The bounds of one session.
  package struct Limits: Sendable {
    /// Those of the protocol.
    package var machine = SessionMachine.Limits()
    /// Those of each command's output.
    package var output = OutputRecord.Limits()
    /// Commands that may wait behind the one that runs.
    package var queuedCommands = 64
    /// Bytes of ssh's own messages that are kept.
    package var lastWordsBytes = 4096
    /// Commands whose output can still be read.
    package var keptCommands = 16
    /// How long a stop waits for the answer who is to be stopped.
    package var targetAnswer: Duration = .seconds(2)
    /// Bytes typed into a command beyond which the shell is not interrupted when the command is stopped.
    package var editedLineBytes = 32 << 10
    /// How long a command must have been silent before it is asked whether it waits for input.
    package var quiet: Duration = .milliseconds(200)
    /// How long the first news of a command wait for what is right behind them: long enough to see a prompt.
    package var gathering: Duration = .milliseconds(500)
    /// The longest pause between two such questions while nothing changes.
    package var longestInspectionPause: Duration = .seconds(1)

    /// The defaults.
    package init() {}
  }

  /// What a session needs from outside.
  package struct Environment: Sendable {
    /// Where large outputs are kept; private to this user.
    package var spoolDirectory: String
    /// Whether the connection below the shell still works; asked when the shell's process ended unclearly.
    package var connectionIsAlive: @Sendable () async -> Bool
    /// What is known of the connection's end besides; asked when it no longer works.
    package var connectionWords: @Sendable () -> String
    /// Looks at the foreground of the shell's terminal from outside; nil where that cannot be done.
    package var foreground: ForegroundControl?

    /// An environment.
    package init(
      spoolDirectory: String,
      connectionIsAlive: @escaping @Sendable () async -> Bool = { true },
      connectionWords: @escaping @Sendable () -> String = { "" },
      foreground: ForegroundControl? = nil
    ) {
      self.spoolDirectory = spoolDirectory
      self.connectionIsAlive = connectionIsAlive
      self.connectionWords = connectionWords
      self.foreground = foreground
    }
  }

  let limits: Limits
  let environment: Environment
  let reactor: Reactor
  let state: Mutex<State>

  private init(reactor: Reactor, limits: Limits, environment: Environment) {
    self.reactor = reactor
    self.limits = limits
    self.environment = environment
    let machine = SessionMachine(limits: limits.machine, hasSideChannel: environment.foreground != nil)
    state = Mutex(State(machine: machine, spoolDirectory: environment.spoolDirectory, limits: limits))
  }

  /// Starts a shell and waits until it is ready for commands.
  ///
  /// - Parameters:
  ///   - launch: What gives a terminal with a shell that knows `ShellDriver`: ssh, in the product.
  ///   - spawner: Starts it.
  ///   - reactor: Carries it.
  ///   - limits: The bounds.
  ///   - environment: What it needs from outside.
  /// - Returns: A session that is ready.
  /// - Throws: `SpawnFailure`, or `SessionFailure.ended` with the reason when no shell answered;
  ///   `CancellationError` when the task was cancelled. Nothing is left running then.
  package static func open(
    _ launch: Launch, spawner: ProcessSpawner, reactor: Reactor, limits: Limits = Limits(),
    environment: Environment
  ) async throws -> ShellSession {
    let session = ShellSession(reactor: reactor, limits: limits, environment: environment)
    let child = try spawner.spawn(launch) { session.receive($0) }
    session.state.withLock { $0.child = child }
    session.feed(.opened)
    await session.wait(budget: nil) { $0.isReady || $0.end != nil }
    if Task.isCancelled {
      session.close()
      throw CancellationError()
    }
    if let end = session.end { throw SessionFailure.ended(end) }
    return session
  }

  // MARK: - Facts

  /// How the session ended; nil while it lives.
  package var end: SessionEnd? { state.withLock { $0.end } }

  /// The shell that would run the next command.
  package var shell: ShellFacts { state.withLock { $0.shell } }

  /// What the session does and did last.
  package var activity: Activity {
    state.withLock { state in
      Activity(
        lastCommand: state.commands[state.lastNumber]?.text,
        running: state.current.flatMap { state.report(on: $0) },
        queued: state.queue.count, quietSince: state.quietSince,
        backgroundBytes: state.background.total - state.backgroundRead)
    }
  }

  /// What a session does and did last.
  package struct Activity: Sendable {
    /// The newest command, whether it runs, waits or has ended.
    package let lastCommand: String?
    /// The command that runs now.
    package let running: CommandReport?
    /// How many commands wait for their turn.
    package let queued: Int
    /// When something last happened: a command began, wrote or ended.
    package let quietSince: Instant
    /// Bytes of background output that nobody has read yet.
    package let backgroundBytes: Int
  }

  /// The last words of ssh, if it said anything.
  package var lastWords: String {
    state.withLock { String(decoding: $0.lastWords, as: UTF8.self) }
  }

  /// What programs wrote while no command ran: background jobs, mostly.
  package var backgroundOutput: OutputRecord { state.withLock { $0.background } }

  // MARK: - Closing

  /// Ends the shell's process; whoever waits is told.
  package func close(_ end: SessionEnd = .closed) {
    finish(end)
  }

  // MARK: - Feeding the machine

  /// What the child did; on the reactor thread.
  private func receive(_ event: ChildProcess.Event) {
    switch event {
    case .output(let bytes): feed(.received(bytes))
    case .errorOutput(let bytes):
      state.withLock { state in
        state.lastWords = (state.lastWords + bytes).suffix(limits.lastWordsBytes)
      }
    case .exited(let termination): ended(termination)
    }
  }

  /// Hands an event to the machine and performs what it says.
  func feed(_ event: SessionMachine.Event) {
    let effects = state.withLock { state in
      var effects = Effects()
      feed(event, &state, &effects)
      return effects
    }
    perform(effects)
  }

  /// The same under the lock; the effects that need no lock are collected.
  func feed(_ event: SessionMachine.Event, _ state: inout State, _ effects: inout Effects) {
    guard state.end == nil else { return }
    for action in state.machine.handle(event, at: .now) { apply(action, &state, &effects) }
    startNext(&state, &effects)
    arm(&state)
  }

  private func apply(_ action: SessionMachine.Action, _ state: inout State, _ effects: inout Effects) {
    switch action {
    case .write(let bytes): state.child?.write(bytes)
    case .discardInput: state.child?.discardInput()
    case .ready:
      state.isReady = true
      state.touch()
    case .output(let bytes):
      state.noteOutput(bytes)
      effects.note(.output, state)
    case .backgroundOutput(let bytes):
      state.noteBackground(bytes)
      effects.note(.output, state)
    case .finished(let end):
      if let proof = state.finishCurrent(end) { effects.proofs.append(proof) }
      effects.note(.state, state)
    case .entered(let hello):
      state.enterCurrent(hello)
      effects.note(.state, state)
    case .notEntered:
      if let number = state.current { state.commands[number]?.isNotAShell = true }
      // Whoever waits wants to know that it reads, shell or not.
      scheduleInspection(&state)
    case .left: state.touch()
    case .stop(let name):
      if environment.foreground != nil { state.stopsUnderWay += 1 }
      let target = state.current.flatMap { state.commands[$0]?.stopTarget }
      effects.stops.append(
        Stop(signal: name, shells: state.machine.shells, target: target, isGentle: state.hasMuchInput))
    case .lost(let loss): effects.end = state.sessionEnd(for: loss)
    }
  }

  /// Runs the next command in line, if the machine can take one.
  func startNext(_ state: inout State, _ effects: inout Effects) {
    guard state.machine.isIdle, state.current == nil, state.proving == nil, state.stopsUnderWay == 0,
      !state.queue.isEmpty
    else { return }
    let number = state.queue.removeFirst()
    guard let command = state.commands[number] else { return }
    state.current = number
    state.inspectionPause = nil
    state.touch()
    state.commands[number]?.started = .now
    state.noteBegin(of: number)
    effects.note(.state, state)
    if let timeout = command.timeout {
      state.commands[number]?.timeoutTimer = reactor.after(timeout) { [weak self] in
        self?.stop(number, because: .timeout(timeout))
      }
    }
    feed(.run(command: Array(command.text.utf8)), &state, &effects)
    // Whoever called while another command ran waits already.
    scheduleInspection(&state)
  }

  /// Keeps one timer for the machine's deadline.
  private func arm(_ state: inout State) {
    let deadline = state.machine.deadline
    guard deadline != state.armedDeadline else { return }
    state.armedDeadline = deadline
    state.deadlineTimer?.cancel()
    state.deadlineTimer = deadline.map { deadline in
      reactor.after(ContinuousClock.now.duration(to: deadline)) { [weak self] in
        self?.state.withLock { $0.armedDeadline = nil }
        self?.feed(.tick)
      }
    }
  }

  /// What is done once the lock is free.
  func perform(_ effects: Effects) {
    if let foreground = environment.foreground {
      for stop in effects.stops {
        Task {
          await perform(stop, foreground)
          stopIsOver()
        }
      }
      for (number, target) in effects.proofs {
        Task { proved(await foreground.finish(target), of: number) }
      }
    }
    if let end = effects.end { finish(end) }
    wakeWaiters()
    if let (change, observer) = effects.change { observer(change) }
  }

  // MARK: - The end

  private func ended(_ termination: Termination) {
    state.withLock { state in
      if case .exited(let status) = termination { state.status = Int(status) } else { state.status = 255 }
      state.endedBeforeBegin = state.machine.awaitsBegin
    }
    feed(.closed)
    guard end == nil else { return }
    switch termination {
    case .exited(let status) where status != 255: finish(.shellExited(status: Int(status)))
    case .exited, .signaled:
      // 255 is ssh's own status as well as a possible one of the shell: the connection decides.
      let environment = environment
      Task {
        let isAlive = await environment.connectionIsAlive()
        let words = [environment.connectionWords(), lastWords].filter { !$0.isEmpty }
        finish(isAlive ? .shellKilled : .connectionLost(lastWords: words.joined(separator: "\n")))
      }
    }
  }

  private func finish(_ end: SessionEnd) {
    let (child, observer) = state.withLock { state -> (ChildProcess?, (@Sendable () -> Void)?) in
      guard state.end == nil else { return (nil, nil) }
      state.end = end
      state.endCommands(end)
      state.deadlineTimer?.cancel()
      state.inspectionTimer?.cancel()
      return (state.child, state.endObserver.take())
    }
    child?.terminate()
    wakeWaiters()
    observer?()
  }

  /// Things to do that must not be done under the lock.
  struct Effects {
    var stops: [Stop] = []
    /// Commands that were stopped, with what must be gone.
    var proofs: [(number: Int, StopTarget)] = []
    var end: SessionEnd?
    /// What has changed, and who is to be told of it.
    var change: (Change, @Sendable (Change) -> Void)?

    mutating func note(_ change: Change, _ state: borrowing State) {
      guard let observer = state.changeObserver else { return }
      self.change = (max(change, self.change?.0 ?? change), observer)
    }
  }

  /// What can change of a session; the greater includes the smaller.
  package enum Change: Sendable, Hashable, Comparable {
    /// A program wrote.
    case output
    /// A command began, ended or waits for input.
    case state
  }
}
