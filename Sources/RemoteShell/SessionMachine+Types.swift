extension SessionMachine {
  /// What can happen to a session.
  package enum Event: Sendable {
    /// The shell's process has started; the login begins.
    case opened
    /// Bytes from the terminal.
    case received(ArraySlice<UInt8>)
    /// Run a command; only while `isIdle`.
    case run(command: [UInt8])
    /// Stop the command that runs, by the ladder; the session shall stay.
    case interrupt
    /// The program that waits for input is a shell: enter it.
    case enterNestedShell
    /// The terminal's stream has ended.
    case closed
    /// `deadline` has passed.
    case tick
  }

  /// What to do about it, in order.
  package enum Action: Sendable, Hashable {
    /// Send to the terminal.
    case write([UInt8])
    /// Forget what was to be sent and has not been: it was meant for a program that is being stopped.
    case discardInput
    /// The shell is ready for its first command.
    case ready(Marker.Hello)
    /// Output of the command that runs.
    case output(ArraySlice<UInt8>)
    /// Output that belongs to no command: background jobs, mostly.
    case backgroundOutput(ArraySlice<UInt8>)
    /// The command has ended and the session is ready for the next.
    case finished(CommandEnd)
    /// A shell started inside the session was entered.
    case entered(Marker.Hello)
    /// It could not be entered; it stays an ordinary program that runs.
    case notEntered
    /// A shell inside the session ended while no command ran in it; the session is in the outer one again.
    case left(status: Int)
    /// Stop the command from outside: interrupt the shell, so that it begins nothing else of its line, and send this
    /// signal to the foreground process group.
    case stop(SignalName)
    /// Nothing more can be done with this shell: close the session.
    case lost(Loss)
  }

  /// How a command came to its end.
  package struct CommandEnd: Sendable, Hashable {
    /// The exit status, 0 to 255.
    package let status: Int
    /// How it got there.
    package let manner: Manner
    /// The shell's directory afterwards.
    package let directory: [UInt8]

    /// An end.
    package init(status: Int, manner: Manner, directory: [UInt8]) {
      self.status = status
      self.manner = manner
      self.directory = directory
    }

    /// The ways to the end of a command.
    package enum Manner: Sendable, Hashable {
      /// It ran to its end.
      case completed
      /// The shell gave it up and read its next line: a syntax error, `set -u`, an interrupt, a stop.
      case aborted
      /// It left the nested shell in which it ran; the outer one goes on.
      case leftShell
      /// It was interrupted by us; the last step of the ladder that was needed.
      case interrupted(by: LadderStep)
    }
  }

  /// Why a session cannot go on.
  package enum Loss: Sendable, Hashable {
    /// No shell answered within the limit; the end of what was printed instead.
    case noShell(printed: [UInt8])
    /// The shell no longer executes what it reads (`set -n` in dash).
    case unresponsive
    /// The command survived every step of the ladder.
    case unstoppable
    /// After an interruption the shell did not prove that it reads commands again.
    case notResynchronized
  }

  /// The steps by which a command is stopped, mildest first.
  package enum LadderStep: Sendable, Hashable, CaseIterable {
    case interruptCharacter
    case interruptCharacterAgain
    case terminate
    case hangUp
    case kill
    case quitCharacter
    case suspendCharacter

    /// The status of a process that its signal ends, 128 and the signal's number; nil where it ends none.
    var status: Int? {
      switch self {
      case .interruptCharacter, .interruptCharacterAgain: 130
      case .terminate: 143
      case .hangUp: 129
      case .kill: 137
      case .quitCharacter: 131
      case .suspendCharacter: nil
      }
    }
  }

  /// Times and sizes of the protocol.
  package struct Limits: Sendable {
    /// When the boot line is typed again, counted from the beginning; an rc file may have read the earlier ones.
    package var bootRetries: [Duration] = [.seconds(1), .seconds(3), .seconds(6)]
    /// When a login that ended in a shell without POSIX syntax is told to become one.
    package var fallbackShell: Duration = .seconds(9)
    /// How long a login's start-up files may take in all.
    package var boot: Duration = .seconds(12)
    /// How long one without start-up files may take, after one with them took too long.
    package var cleanBoot: Duration = .seconds(6)
    /// How much of what a login prints is kept for an error message.
    package var noiseBytes = 4096
    /// How long a nested shell may take to answer.
    package var adoption: Duration = .seconds(6)
    /// How much may be written meanwhile; a program that writes more is no shell.
    package var adoptionBytes = 64 << 10
    /// How long the prompt may take after the end of a command, or the beginning after an idle shell's frame.
    package var response: Duration = .milliseconds(1500)
    /// How long the shell may take to mend its terminal: it starts stty, on a busy machine slowly, and a session that
    /// is given up too early is lost.
    package var repair: Duration = .seconds(6)
    /// How long a frame may go without an answer when the shell has shown a prompt instead of beginning it.
    package var silence: Duration = .milliseconds(150)
    /// How often ^C is sent again where there is nothing but the terminal.
    package var repeatedInterrupts = 4

    /// The defaults.
    package init() {}

    /// How long a step of the ladder is given.
    func time(for step: LadderStep) -> Duration {
      switch step {
      case .interruptCharacter: .milliseconds(400)
      case .interruptCharacterAgain, .quitCharacter, .suspendCharacter: .milliseconds(800)
      case .terminate, .hangUp, .kill: .seconds(1)
      }
    }
  }
}

/// A signal by its POSIX name.
package enum SignalName: String, Sendable, Hashable, CaseIterable {
  case interrupt = "INT"
  case terminate = "TERM"
  case hangUp = "HUP"
  case kill = "KILL"
  case quit = "QUIT"
  case stop = "STOP"
  case resume = "CONT"
  case user1 = "USR1"
  case user2 = "USR2"
}
