package import RemoteShell

/// Why an account that lets us in gives no shell: a class by the evidence, with what to do.
package struct UnusableShell: Sendable, Hashable {
  /// The classes.
  package enum Class: Sendable, Hashable {
    /// The account has no login shell: nologin(8).
    case noLogin
    /// The account is for file transfer only.
    case fileTransferOnly
    /// Its shell is a restricted one, which may not run what we need.
    case restricted
    /// The host ran something else than it was asked to, and that ended.
    case somethingElse(status: Int)
    /// The same, and it did not end.
    case somethingElseThatStays
    /// The start-up files left, and without them there is no shell either.
    case startupLeft(status: Int)
    /// The start-up files hang, and without them there is no shell either.
    case startupHangs
  }

  /// The class.
  package let kind: Class
  private let failure: NoShell
  private let boot: Duration
  private let cleanBoot: Duration

  /// Finds the class.
  ///
  /// - Parameters:
  ///   - failure: What is known.
  ///   - boot: How long the shell was given.
  ///   - cleanBoot: How long it was given without start-up files.
  package init(_ failure: NoShell, boot: Duration, cleanBoot: Duration) {
    self.failure = failure
    self.boot = boot
    self.cleanBoot = cleanBoot
    let said = (failure.printed + failure.lastWords).lowercased()
    kind =
      switch (failure.isLaunched, failure.status) {
      case (true, let status?): .startupLeft(status: status)
      case (true, nil): .startupHangs
      case (false, _?) where said.contains("currently not available"): .noLogin
      case (false, _?) where said.contains("allows sftp connections only"): .fileTransferOnly
      case (false, _?) where said.contains("restricted"): .restricted
      case (false, let status?): .somethingElse(status: status)
      case (false, nil): .somethingElseThatStays
      }
  }

  /// The sentence, the remedy and what was printed.
  package func text(hostID: String) -> String {
    let said = [failure.printed, failure.lastWords].map(\.trimmingWhitespace).filter { !$0.isEmpty }
      .joined(separator: "\n").split(separator: "\n")
      // A login shell that is none may quote what we sent it.
      .map { $0.count > 200 ? "\($0.prefix(200))..." : String($0) }.joined(separator: "\n")
    let (sentence, remedy) = words
    return "Host '\(hostID)' let us in, but gave no usable shell: \(sentence) \(remedy)"
      + (said.isEmpty ? " It printed nothing." : " It printed:\n\(said)")
  }

  private var words: (sentence: String, remedy: String) {
    switch kind {
    case .noLogin:
      (
        "the account has no login shell (nologin).",
        "Ask the host's administrator for one, or use another user."
      )
    case .fileTransferOnly:
      ("the account is for file transfer (SFTP) only.", "Use another user.")
    case .restricted:
      (
        "the login shell is a restricted one (such as rbash) and may not run a program of our choice.",
        "Use another user, or ask the host's administrator for an ordinary shell."
      )
    case .somethingElse(let status):
      (
        "it ran something else, which ended with status \(status): a forced command, a login shell that is none, or "
          + "start-up files that end every command (bash reads ~/.bashrc for each on some systems).",
        "Try by hand: ssh USER@HOST echo hello; it must print hello."
      )
    case .somethingElseThatStays:
      (
        "within \(boot.words) it did not run what it was asked to: a forced command, a login shell that is none, or "
          + "start-up files that hang in every command (bash reads ~/.bashrc for each on some systems).",
        "Try by hand: ssh USER@HOST echo hello; it must print hello."
      )
    case .startupLeft(let status):
      (
        "its start-up files ended the login shell with status \(status), and without them none answered within "
          + "\(cleanBoot.words) either.", "Log in by hand and mend them."
      )
    case .startupHangs:
      (
        "its start-up files did not come to an end within \(boot.words), and without them none answered within "
          + "\(cleanBoot.words) either: \((boot + cleanBoot).words) in all.",
        "Log in by hand and mend them."
      )
    }
  }
}

extension String {
  /// Without white space at both ends.
  fileprivate var trimmingWhitespace: String {
    String(drop { $0.isWhitespace }).trimmingTrailingWhitespace
  }
}
