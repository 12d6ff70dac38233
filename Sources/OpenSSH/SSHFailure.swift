/// Why there is no connection: one sentence, one remedy, and ssh's own last words.
package struct SSHFailure: Error, Sendable, Hashable {
  /// What went wrong.
  package let reason: Reason
  /// The destination, as the user named it.
  package let destination: String
  /// The command line by which a person can see for themselves.
  package let byHand: String
  /// What ssh said to the user, oldest first.
  package let lastWords: [String]
  /// Whether ssh asked a question that had no answer; with one the login could have gone on.
  package let isQuestion: Bool

  /// A failure for a destination.
  package init(
    _ reason: Reason, destination: String, byHand: String? = nil, lastWords: [String] = [],
    isQuestion: Bool = false
  ) {
    self.isQuestion = isQuestion
    self.reason = reason
    self.destination = destination
    self.byHand = byHand ?? ShellWords.line(["ssh", "-v", destination])
    self.lastWords = lastWords
  }

  /// The classes of failures; the names are stable.
  package enum Reason: Sendable, Hashable {
    case nameResolution(host: String)
    case refused(address: String)
    case unreachable(address: String)
    case timedOut(seconds: Int, isConnected: Bool)
    case hostKeyUnknown(host: String, type: String, fingerprint: String)
    case hostKeyNotAccepted(host: String, type: String, fingerprint: String, accepted: String)
    case hostKeyChanged(type: String, fingerprint: String, place: String)
    case hostKeyRevoked
    case permissionDenied(
      methods: [String], tried: [String] = [], identities: [String], agent: AgentState = .none)
    case passwordWrong(user: String, host: String)
    case passwordMissing(user: String, host: String, methods: [String])
    case passphraseWrong(keyFile: String)
    case passphraseMissing(keyFile: String)
    case keyFileMissing(path: String)
    case keyFileTooOpen(path: String, mode: String)
    case keyFileUnreadable(path: String, detail: String)
    case question(prompt: String)
    case answerWrong(prompt: String, isWithPassword: Bool)
    case jumpHost(hosts: String)
    case noSharedAlgorithm(detail: String)
    case badConfiguration(detail: String)
    case tooManySessions
    case sshMissing(detail: String)
    case connectionLost
    case cancelled
    case other(status: String)
  }

  /// A stable word for programs.
  package var code: String {
    switch reason {
    case .nameResolution: "name_resolution"
    case .refused: "connection_refused"
    case .unreachable: "unreachable"
    case .timedOut: "timed_out"
    case .hostKeyUnknown: "host_key_unknown"
    case .hostKeyNotAccepted: "host_key_not_accepted"
    case .hostKeyChanged: "host_key_changed"
    case .hostKeyRevoked: "host_key_revoked"
    case .permissionDenied: "permission_denied"
    case .passwordWrong: "password_wrong"
    case .passwordMissing: "password_missing"
    case .passphraseWrong: "passphrase_wrong"
    case .passphraseMissing: "passphrase_missing"
    case .keyFileMissing: "key_file_missing"
    case .keyFileTooOpen: "key_file_too_open"
    case .keyFileUnreadable: "key_file_unreadable"
    case .question: "question_unanswered"
    case .answerWrong: "answer_wrong"
    case .jumpHost: "jump_host_failed"
    case .noSharedAlgorithm: "no_shared_algorithm"
    case .badConfiguration: "bad_configuration"
    case .tooManySessions: "too_many_sessions"
    case .sshMissing: "ssh_missing"
    case .connectionLost: "connection_lost"
    case .cancelled: "cancelled"
    case .other: "ssh_failed"
    }
  }
}

/// A host key that ssh does not know and asked about.
package struct NewHostKey: Sendable, Hashable {
  /// The host and its address, as ssh names them.
  package let host: String
  /// The key's type.
  package let type: String
  /// The key's fingerprint: `SHA256:` and 43 characters.
  package let fingerprint: String
}

extension SSHFailure {
  /// The key that ssh asked about, if that is why the login ended; never a changed or revoked one.
  package var newHostKey: NewHostKey? {
    guard isQuestion else { return nil }
    switch reason {
    case .hostKeyUnknown(let host, let type, let fingerprint),
      .hostKeyNotAccepted(let host, let type, let fingerprint, _):
      return NewHostKey(host: host, type: type, fingerprint: fingerprint)
    default: return nil
    }
  }
}
