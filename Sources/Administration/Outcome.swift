/// What a subcommand says, and the status with which it leaves.
package struct Outcome: Sendable, Hashable {
  /// For standard output; lines, each with its line feed.
  package private(set) var output = ""
  /// For standard error; lines, each with its line feed.
  package private(set) var errorOutput = ""
  /// The exit status.
  package private(set) var status = Status.success

  /// The statuses that subcommands leave with.
  package enum Status: Int32, Sendable, Hashable {
    /// Everything was done.
    case success = 0
    /// Something could not be done, or a check failed.
    case failure = 1
    /// The command line cannot be (sysexits.h, EX_USAGE).
    case usage = 64
  }

  /// Nothing said yet, and success.
  package init() {}

  /// Success with that text.
  package init(_ text: String) {
    say(text)
  }

  /// A failure with that text.
  package init(failure text: String, _ status: Status = .failure) {
    fail(text, status)
  }

  /// Adds a line to standard output.
  package mutating func say(_ text: String) {
    output += text.hasSuffix("\n") ? text : text + "\n"
  }

  /// Adds a line to standard error; the status is a failure from now on.
  package mutating func fail(_ text: String, _ status: Status = .failure) {
    errorOutput += text + "\n"
    self.status = status
  }
}
