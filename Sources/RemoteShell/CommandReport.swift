import ChildProcess

/// What is known about a command at one moment: what a call gets to tell.
package struct CommandReport: Sendable {
  /// The command's number in its session, from 1.
  package let number: Int
  /// The command as it was given.
  package let text: String
  /// Where it stands.
  package let state: State
  /// Everything that it has written.
  package let output: OutputRecord
  /// How many bytes of it there were at this moment.
  package let outputBytes: Int
  /// How long it has run, or ran.
  package let elapsed: Duration
  /// The shell at this moment.
  package let shell: ShellFacts
  /// Bytes of background output that nobody has read yet.
  package let backgroundBytes: Int
  /// Shells entered or left by this command.
  package let transition: Transition?
  /// What is known of its processes, if it was stopped.
  package let proof: StopProof?
  /// Commands whose calls were cancelled since the last report: nobody was told of their ends.
  package var cancelledBefore: [CancelledCommand] = []

  /// A command that was stopped because its call was cancelled.
  package struct CancelledCommand: Sendable, Hashable {
    /// Its number.
    package let number: Int
    /// The command as it was given.
    package let text: String
    /// Bytes of output that no call has shown.
    package let outputBytes: Int
    /// What is known of its processes; nil while it is being stopped.
    package let proof: StopProof?
  }

  /// Where a command stands.
  package enum State: Sendable, Hashable {
    /// It waits for the one before it.
    case queued(behind: String)
    /// It runs.
    case running
    /// It runs and reads the terminal.
    case waitingForInput(ForegroundProgram)
    /// It has ended by itself, or because somebody interrupted it.
    case finished(SessionMachine.CommandEnd)
    /// It was stopped because its time was over; the session goes on.
    case timedOut(after: Duration, SessionMachine.CommandEnd)
    /// The session ended with it or under it.
    case sessionEnded(SessionEnd, stoppedBecause: StopReason?)
    /// The session ended before it: nothing of it was run.
    case neverStarted(SessionEnd)

    /// Whether nothing more will come of the command.
    package var isFinal: Bool {
      switch self {
      case .queued, .running, .waitingForInput: false
      case .finished, .timedOut, .sessionEnded, .neverStarted: true
      }
    }
  }

  /// A change of the shell in which the next command will run.
  package enum Transition: Sendable, Hashable {
    /// The command started a shell that was entered.
    case entered(Marker.Hello)
    /// The command, or what it did, ended the shell; the outer one goes on.
    case left
  }
}

/// Why a command was stopped.
package enum StopReason: Sendable, Hashable {
  /// Its time was over.
  case timeout(Duration)
  /// The call that waited for it was cancelled.
  case cancelled
  /// Somebody asked for it.
  case interrupted
}

/// The shell that would run the next command.
package struct ShellFacts: Sendable, Hashable {
  /// Its dialect, user, process and terminal.
  package let hello: Marker.Hello?
  /// Its directory.
  package let directory: [UInt8]
  /// How many shells stand inside each other.
  package let depth: Int
}

/// The program in the foreground that reads the terminal.
package struct ForegroundProgram: Sendable, Hashable {
  /// Its name as the remote system gives it: "python3"; empty if it is not known.
  package let name: String
  /// Its process id; 0 if it is not known.
  package let processIdentifier: Int
  /// Whether it has switched off line editing by the terminal: an editor, a pager, a REPL with its own.
  package let isFullScreen: Bool
  /// Whether it is a shell that can be entered.
  package let isShell: Bool

  /// A program that waits for input.
  package init(name: String, processIdentifier: Int, isFullScreen: Bool, isShell: Bool) {
    self.name = name
    self.processIdentifier = processIdentifier
    self.isFullScreen = isFullScreen
    self.isShell = isShell
  }
}

/// How a session came to its end.
package enum SessionEnd: Sendable, Hashable {
  /// The shell exited with this status (`exit`, `exec`, `set -e`, a killed shell reported by ssh).
  case shellExited(status: Int)
  /// The shell or its ssh was killed, or exited with 255: which of them is not known.
  case shellKilled
  /// The connection is gone; what the command did since is not known.
  case connectionLost(lastWords: String)
  /// No shell answered at the beginning.
  case noShell(NoShell)
  /// The shell stopped executing what it reads.
  case unresponsive
  /// A command could not be stopped.
  case unstoppable
  /// After an interruption the shell did not answer.
  case notResynchronized
  /// Closed by a call.
  case closed
  /// Closed because nothing happened for so long.
  case idle(Duration)
}

/// What is known of a shell that never answered.
package struct NoShell: Sendable, Hashable {
  /// The end of what it printed instead.
  package let printed: String
  /// What ssh said.
  package let lastWords: String
  /// Whether the host ran what it was asked to: then the start-up files are what went wrong.
  package let isLaunched: Bool
  /// The exit status of ssh; nil when the time was over first.
  package let status: Int?
  /// Whether it was tried without start-up files too.
  package var isTriedClean = false

  /// What is known.
  package init(printed: String, lastWords: String, isLaunched: Bool, status: Int?) {
    self.printed = printed
    self.lastWords = lastWords
    self.isLaunched = isLaunched
    self.status = status
  }

  /// Whether the server refused one more session on the connection (MaxSessions).
  package var isRefused: Bool { lastWords.contains("Session open refused by peer") }
}

/// Why a session refused a call.
package enum SessionFailure: Error, Sendable, Hashable {
  /// Another command runs and was handed off; it is named.
  case busy(running: String, elapsed: Duration)
  /// Too many commands wait already.
  case queueFull(limit: Int)
  /// No command runs.
  case nothingRuns
  /// The program that runs is just being tried as a shell.
  case entering
  /// The session has ended.
  case ended(SessionEnd)
  /// More input than the terminal has taken; nothing of it was sent.
  case inputRefused
}
