/// What to run: a program with its arguments and its whole environment.
///
/// The seam between the module that knows ssh and the module that knows shells: a test passes `/bin/sh` where
/// the product passes `ssh`.
package struct Launch: Sendable, Hashable {
  /// The absolute path of the program.
  package var executable: String
  /// The arguments after the program's name.
  package var arguments: [String]
  /// Every variable the child gets; nothing is inherited besides.
  package var environment: [String: String]

  /// A program with its arguments and its whole environment.
  package init(executable: String, arguments: [String], environment: [String: String]) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
  }
}

/// How a child ended (wait(2)).
package enum Termination: Sendable, Hashable {
  /// It called exit(3) with this status, 0 to 255.
  case exited(Int32)
  /// This signal ended it.
  case signaled(Int32)
}

/// Why a child could not be started.
package struct SpawnFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// The program that was to run.
  package let executable: String
  /// The system's reason, as a sentence part: "No such file or directory".
  package let reason: String

  /// A failure to start that program, for that reason.
  package init(executable: String, reason: String) {
    self.executable = executable
    self.reason = reason
  }

  package var description: String { "Cannot start \(executable): \(reason)." }
}
