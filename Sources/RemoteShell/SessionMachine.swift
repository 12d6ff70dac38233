/// The protocol with one remote shell, and with the shells started inside it, as a value.
///
/// It is told what happened and when, and answers with what to do; it holds no clock, no pipe and no command
/// text beyond the frame it returns. Legal transitions stand at each case of `Phase`.
package struct SessionMachine: Sendable {
  /// A point in time that never goes back.
  package typealias Instant = ContinuousClock.Instant

  /// Whether signals can be sent from outside the terminal; decides the ladder.
  package var hasSideChannel: Bool
  /// When `tick` is due; nil if nothing is waited for.
  package internal(set) var deadline: Instant?

  let limits: Limits
  var parser: MarkerParser
  var levels: [Level] = []
  var phase = Phase.new
  /// Output next to a frame of ours while the shell traces, until it is known to be complete.
  var traced: [UInt8] = []
  private var makeNonce: @Sendable () -> Nonce

  /// A machine for a shell that has not been started yet.
  package init(
    limits: Limits = Limits(), hasSideChannel: Bool = false,
    makeNonce: @escaping @Sendable () -> Nonce = { Nonce() }
  ) {
    self.limits = limits
    self.hasSideChannel = hasSideChannel
    self.makeNonce = makeNonce
    self.parser = MarkerParser()
  }

  // MARK: - State

  /// One shell: the login shell, or one started inside the one before.
  struct Level {
    let nonce: Nonce
    let hello: Marker.Hello
    var sequence = 0
    var status = 0
    var directory: [UInt8]
    /// The command of the level outside that started this shell; it goes on running.
    let startedBy: Run?
    /// Whether `set -x` is on, as far as the shell told: then it also traces what is ours.
    var isTracing = false
  }

  struct Run {
    let sequence: Int
    var hasBegun = false
    var end: (status: Int, directory: [UInt8])?
    /// The last step that was taken to stop it.
    var step: LadderStep?
    var stepsTaken = 0
    /// When a frame of our own is given up; until then it is typed again when the shell throws it away.
    var until: Instant?
    /// Whether the shell showed a prompt after that frame was typed and before it began.
    var isPromptShown = false
    /// It is to be stopped as soon as it has begun: ^C would only throw away what is still being typed.
    var isToBeStopped = false
    /// Whether the prompt after the command before is still to come.
    var expectsOldPrompt = false
    /// What ended with the shell that this command had started; nil while that shell lives.
    var leaving: Leaving?
    /// Whether the command may have changed the terminal's settings.
    var mayHaveChangedTerminal: Bool
  }

  /// An attempt to enter a nested shell.
  struct Adoption: Sendable {
    /// What it has told, before its first prompt.
    var hello: Marker.Hello?
    /// What was written meanwhile: echo and prompts of a shell that is entered, the program's output if it is none.
    var written: [UInt8] = []
  }

  /// What a shell inside the session did when it ended.
  enum Leaving: Sendable {
    /// A command ran in it (`exit`, usually): the end is that command's.
    case commandRan
    /// It was idle: the end is nobody's answer.
    case wasIdle
  }

  enum Phase {
    /// -> booting
    case new
    /// The login; the nonce was typed, the shell has not answered. -> greeted, ended
    case booting(Nonce, since: Instant, attempts: Int, printed: [UInt8])
    /// The shell has answered and shows its first prompt next. -> idle, ended
    case greeted
    /// The shell reads. -> running, settling (repair), idle (an inner shell ended), ended
    case idle
    /// A command runs. -> idle, settling, adopting, ended
    case running(Run)
    /// The command has ended and was told; the shell's repairs and its prompt follow.
    /// -> running, idle, settling, ended
    case closing(needsRepair: Bool)
    /// A line feed was sent after an interruption; garbage it ends is given time to be executed.
    /// -> settling, ended
    case flushing(CommandEnd?, until: Instant?)
    /// A frame of our own repairs the terminal and proves that the shell reads; a command that was interrupted
    /// is finished only then. -> idle, flushing (the shell did not take the frame), ended
    case settling(Run, CommandEnd?)
    /// The driver is being typed into a nested shell. -> idle (inside it), running (outside), ended
    case adopting(Nonce, outer: Run, Adoption)
    /// Nothing more happens.
    case ended
  }

  // MARK: - Queries

  /// Whether a command can be run now.
  package var isIdle: Bool {
    switch phase {
    // The terminal keeps what is typed before the prompt.
    case .idle, .closing(needsRepair: false): true
    default: false
    }
  }

  /// Whether a command runs.
  package var isRunning: Bool { if case .running = phase { true } else { false } }

  /// Whether the program that runs is just being tried as a shell: what is typed now would get into the middle of that.
  package var isAdopting: Bool { if case .adopting = phase { true } else { false } }

  /// Whether the command that runs has begun; before, the shell itself reads the terminal to get it.
  package var hasBegun: Bool {
    switch phase {
    case .running(let run): run.hasBegun
    case .adopting: true
    default: false
    }
  }

  /// Whether a command was sent that has not begun.
  package var awaitsBegin: Bool { if case .running(let run) = phase { !run.hasBegun } else { false } }

  /// The innermost shell; nil before the first is ready.
  package var shell: Marker.Hello? { levels.last?.hello }

  /// The shells that stand inside each other, the login shell first.
  package var shells: [Marker.Hello] { levels.map(\.hello) }

  /// Whether the host ran what it was asked to, whatever came of it.
  package private(set) var isLaunched = false

  /// How many shells stand inside each other; 1 for the login shell alone, 0 before.
  package var depth: Int { levels.count }

  /// The working directory of the innermost shell, as far as it told.
  package var directory: [UInt8] { levels.last?.directory ?? [] }

  // MARK: - Events

  /// Takes an event and says what to do.
  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .opened: return open(at: now)
    case .received(let bytes): return receive(bytes, at: now)
    case .run(let command): return run(command, at: now)
    case .interrupt: return interrupt(at: now)
    case .enterNestedShell: return adopt(at: now)
    case .closed: return close()
    case .tick:
      guard let deadline, now >= deadline else { return [] }
      self.deadline = nil
      return timeOut(at: now)
    }
  }

  private mutating func open(at now: Instant) -> [Action] {
    // A child that ended at once may have been heard of before its beginning.
    guard case .new = phase else { return [] }
    let nonce = makeNonce()
    parser.nonces = [nonce]
    phase = .booting(nonce, since: now, attempts: 1, printed: [])
    deadline = now.advanced(by: limits.bootRetries.first ?? limits.boot)
    return [.write(ShellDriver.bootLine(nonce))]
  }

  private mutating func run(_ command: [UInt8], at now: Instant) -> [Action] {
    guard isIdle, let level = levels.last else {
      preconditionFailure("a command is run only while the session is idle")
    }
    var run = beginRun(mayHaveChangedTerminal: Self.namesTerminalTool(command))
    if case .closing = phase { run.expectsOldPrompt = true }
    deadline = nil
    phase = .running(run)
    return [
      .write(
        ShellDriver.frame(
          command, sequence: run.sequence, status: level.status, dialect: level.hello.dialect))
    ]
  }

  mutating func beginRun(mayHaveChangedTerminal: Bool) -> Run {
    levels[levels.count - 1].sequence += 1
    return Run(
      sequence: levels[levels.count - 1].sequence, mayHaveChangedTerminal: mayHaveChangedTerminal)
  }

  private mutating func interrupt(at now: Instant) -> [Action] {
    var actions = giveUpAdoption()
    guard case .running(var run) = phase, run.step == nil, !run.isToBeStopped else { return actions }
    if run.hasBegun {
      actions += climb(&run, at: now)
    } else {
      run.isToBeStopped = true
      deadline = now.advanced(by: limits.response)
    }
    phase = .running(run)
    return actions
  }

  private mutating func adopt(at now: Instant) -> [Action] {
    guard case .running(let run) = phase, run.hasBegun, run.step == nil else { return [.notEntered] }
    let nonce = makeNonce()
    parser.nonces.append(nonce)
    phase = .adopting(nonce, outer: run, Adoption())
    deadline = now.advanced(by: limits.adoption)
    return [.write(ShellDriver.adoptionLines(nonce))]
  }

  /// The program that was taken for a shell is none, or has ended: it runs as before, and all that it wrote is its own.
  mutating func giveUpAdoption() -> [Action] {
    guard case .adopting(let nonce, let outer, let adoption) = phase else { return [] }
    parser.nonces.removeAll { $0 == nonce }
    phase = .running(outer)
    deadline = nil
    return [.notEntered] + (adoption.written.isEmpty ? [] : [.output(adoption.written[...])])
  }

  private mutating func close() -> [Action] {
    var rest = giveUpAdoption()
    for case .output(let bytes) in parser.finish() { rest += output(bytes) }
    guard case .booting(_, _, _, let printed) = phase else {
      phase = .ended
      deadline = nil
      return rest
    }
    phase = .ended
    deadline = nil
    return [.lost(.noShell(printed: printed))]
  }

  private mutating func receive(_ bytes: ArraySlice<UInt8>, at now: Instant) -> [Action] {
    var actions: [Action] = []
    for event in parser.consume(bytes) {
      switch event {
      case .output(let bytes): actions += output(bytes)
      case .marker(let marker): actions += receive(marker, at: now)
      }
    }
    return actions
  }

  /// Whose output it is depends on the phase alone.
  private mutating func output(_ bytes: ArraySlice<UInt8>) -> [Action] {
    switch phase {
    case .booting(let nonce, let since, let attempts, var printed):
      printed += bytes
      if !isLaunched { isLaunched = printed.firstRange(of: ShellDriver.launchMark) != nil }
      printed = printed.suffix(limits.noiseBytes)
      phase = .booting(nonce, since: since, attempts: attempts, printed: printed)
      return []
    case .running(var run):
      guard run.hasBegun else { return fringe(bytes) }
      if !run.mayHaveChangedTerminal, MarkerParser.firstEscape(in: bytes) != nil, Self.switchesScreen(bytes) {
        run.mayHaveChangedTerminal = true
        phase = .running(run)
      }
      return [.output(bytes)]
    case .adopting(let nonce, let outer, var adoption):
      adoption.written += bytes
      phase = .adopting(nonce, outer: outer, adoption)
      // A shell that has been told what to do writes no more than the echo of it.
      return adoption.written.count > limits.adoptionBytes ? giveUpAdoption() : []
    case .closing: return fringe(bytes)
    case .new, .greeted, .ended, .flushing, .settling: return []
    case .idle: return bytes.elementsEqual(ShellDriver.endOfInputNotice) ? [] : fringe(bytes)
    }
  }

  // MARK: - Signs that the terminal's settings may have changed

  private static func namesTerminalTool(_ command: [UInt8]) -> Bool {
    terminalTools.contains { occurs($0, in: command[...]) }
  }

  private static let terminalTools = ["stty", "reset", "tput", "tset"].map { Array($0.utf8) }

  /// `ESC [ ? 1049 h`, `ESC [ ? 47 h` and their ends: what full-screen programs send (xterm's private modes).
  private static func switchesScreen(_ bytes: ArraySlice<UInt8>) -> Bool {
    occurs([0x1B, UInt8(ascii: "["), UInt8(ascii: "?")], in: bytes)
  }

  /// Whether the word stands somewhere in the bytes.
  ///
  /// On bytes: a search in strings costs more than all else that a short command needs (measured).
  private static func occurs(_ word: [UInt8], in bytes: ArraySlice<UInt8>) -> Bool {
    word.withUnsafeBufferPointer { word in
      bytes.withUnsafeBufferPointer { bytes in
        guard let first = word.first, bytes.count >= word.count else { return false }
        for start in 0...(bytes.count - word.count) where bytes[start] == first {
          if (1..<word.count).allSatisfy({ bytes[start + $0] == word[$0] }) { return true }
        }
        return false
      }
    }
  }
}
