/// What ssh may be told, and how often: decides each question of one login.
///
/// A value. A secret goes only to the question that it is for, once; the same question again means that it was
/// wrong, and the login ends rather than try it a second time.
package struct AskpassPolicy: Sendable, Hashable {
  /// What to do with a question.
  package enum Decision: Sendable, Hashable {
    case answer(Secret)
    /// Only a person knows; without one, or without an answer of theirs, the login ends for the reason.
    case ask(SecretQuestion, otherwise: Refusal)
    /// Nothing to answer: tell the person, and let ssh wait for what they do.
    case show(String)
    /// End the login: there is no answer, or the one given was wrong.
    case refuse(Refusal)
  }

  /// Why there is no answer.
  package enum Refusal: Sendable, Hashable {
    case passwordWrong(user: String, host: String)
    case passwordMissing(user: String, host: String)
    case passphraseWrong(keyFile: String)
    case passphraseMissing(keyFile: String)
    case hostKeyUnknown(host: String, type: String, fingerprint: String)
    /// The server's key is not the one that the call named.
    case hostKeyNotAccepted(host: String, type: String, fingerprint: String, accepted: String)
    case unanswerable(prompt: String)
    /// A person's answer was not accepted; a password that went with it may be what was wrong.
    case answerWrong(prompt: String, isWithPassword: Bool)
  }

  private let user: String?
  private let hosts: Set<String>
  private let password: Secret?
  private let passphrase: Secret?
  private let acceptedFingerprint: String?
  private let person: Set<Person.Ability>
  private var asked: Set<String> = []
  private var passwordUses: Set<String> = []
  private var passphraseUses: Set<String> = []
  /// The key for which the passphrase was last given, or asked a person for.
  package private(set) var triedKeyFile: String?
  /// Whose password was last given, or asked a person for.
  package private(set) var triedPassword: Account?

  /// A user at a host, as ssh names them in its question.
  package struct Account: Sendable, Hashable {
    /// The user.
    package let user: String
    /// The host.
    package let host: String
    /// What else a person was asked for: a one-time code, mostly.
    package var code: String?
    /// Whether a password was given, or a code alone.
    package var hasPassword = true

    /// An account whose password was given.
    package init(user: String, host: String) {
      self.user = user
      self.host = host
    }
  }

  /// A policy for one login.
  ///
  /// - Parameters:
  ///   - user: The user whose password it is; nil for whoever ssh names.
  ///   - hosts: The names by which ssh may call the host; jump hosts are not among them.
  ///   - password: For that user at that host.
  ///   - passphrase: For private keys.
  ///   - acceptedFingerprint: A host key that may be accepted: `SHA256:...`.
  ///   - person: What a person can be asked or told.
  package init(
    user: String?, hosts: Set<String>, password: Secret?, passphrase: Secret?, acceptedFingerprint: String?,
    person: Set<Person.Ability> = []
  ) {
    self.person = person
    self.user = user
    self.hosts = hosts
    self.password = password
    self.passphrase = passphrase
    self.acceptedFingerprint = acceptedFingerprint
  }

  /// Decides a question.
  ///
  /// - Parameters:
  ///   - prompt: The question.
  ///   - partialSuccesses: How many methods the server has accepted so far and asked for another: each makes a
  ///     repeated question for the same secret honest again.
  /// - Returns: The answer, or why there is none.
  package mutating func decide(_ prompt: AskpassPrompt, partialSuccesses: Int) -> Decision {
    if case .notice(let text) = prompt, text.hasPrefix("Confirm user presence"), person.contains(.sees) {
      return .show(text)
    }
    let decision = decideFromRecordOrAsk(prompt, partialSuccesses: partialSuccesses)
    // The server begins anew and does not say which of the answers it refused.
    if case .refuse(.passwordWrong) = decision, let code = triedPassword?.code {
      return .refuse(.answerWrong(prompt: code, isWithPassword: true))
    }
    return decision
  }

  private mutating func decideFromRecordOrAsk(_ prompt: AskpassPrompt, partialSuccesses: Int) -> Decision {
    let decision = decideFromRecord(prompt, partialSuccesses: partialSuccesses)
    guard person.contains(.entersSecrets), case .refuse(let refusal) = decision, let question = prompt.secret,
      refusal.isForWantOfRecord
    else { return decision }
    // The same question again: what the person entered was wrong.
    guard asked.insert("\(partialSuccesses) \(prompt)").inserted, asked.count <= Self.questionLimit else {
      return .refuse(refusal.withWrongAnswer)
    }
    noteTried(prompt)
    return .ask(question, otherwise: refusal)
  }

  /// A server may ask by keyboard-interactive as long as it likes; a person is not asked without end.
  private static let questionLimit = 8

  /// Keeps what a person is asked for: where it was wrong, ssh may end without another question.
  private mutating func noteTried(_ prompt: AskpassPrompt) {
    switch prompt {
    case .passphrase(let keyFile): triedKeyFile = keyFile
    case .password(let user, let host): triedPassword = Account(user: user, host: host)
    case .keyboardInteractive(let user, let host, let text):
      let isAfterPassword =
        triedPassword.map { $0.user == user && $0.host == host && $0.hasPassword } ?? false
      triedPassword = Account(user: user, host: host)
      guard !Self.asksForPassword(text) else { return }
      triedPassword?.code = text
      triedPassword?.hasPassword = isAfterPassword
    case .hostKey, .pin, .notice, .other: break
    }
  }

  private mutating func decideFromRecord(_ prompt: AskpassPrompt, partialSuccesses: Int) -> Decision {
    switch prompt {
    case .password(let user, let host):
      return decidePassword(user, host, method: "password \(partialSuccesses)")
    case .keyboardInteractive(let user, let host, let question):
      guard Self.asksForPassword(question) else { return .refuse(.unanswerable(prompt: question)) }
      return decidePassword(user, host, method: "keyboard-interactive \(partialSuccesses)")
    case .passphrase(let keyFile):
      guard let passphrase else { return .refuse(.passphraseMissing(keyFile: keyFile)) }
      guard passphraseUses.insert(keyFile).inserted else {
        return .refuse(.passphraseWrong(keyFile: keyFile))
      }
      triedKeyFile = keyFile
      return .answer(passphrase)
    case .hostKey(let host, let type, let fingerprint):
      guard let acceptedFingerprint else {
        return .refuse(.hostKeyUnknown(host: host, type: type, fingerprint: fingerprint))
      }
      guard acceptedFingerprint == fingerprint else {
        return .refuse(
          .hostKeyNotAccepted(
            host: host, type: type, fingerprint: fingerprint, accepted: acceptedFingerprint))
      }
      // ssh compares it with the key once more and then writes known_hosts itself.
      return .answer(Secret(fingerprint))
    case .pin(let text), .notice(let text), .other(let text): return .refuse(.unanswerable(prompt: text))
    }
  }

  private mutating func decidePassword(_ user: String, _ host: String, method: String) -> Decision {
    guard let password, self.user == nil || self.user == user, hosts.contains(host) else {
      return .refuse(.passwordMissing(user: user, host: host))
    }
    // The other method with the same password would only be a second wrong attempt.
    let uses = passwordUses.count
    passwordUses.insert(method)
    let allowed = (Int(method.split(separator: " ").last ?? "0") ?? 0) + 1
    guard uses < allowed, passwordUses.count > uses else {
      return .refuse(.passwordWrong(user: user, host: host))
    }
    triedPassword = Account(user: user, host: host)
    return .answer(password)
  }

  /// A server may ask anything by keyboard-interactive; only what names a password gets one.
  private static func asksForPassword(_ question: String) -> Bool {
    let question = question.lowercased()
    return question.contains("password") && !question.contains("one-time")
      && !question.contains("new password")
  }
}

extension AskpassPolicy.Refusal {
  /// Whether somebody who knows could have answered; what a record or a call got wrong is not asked for.
  fileprivate var isForWantOfRecord: Bool {
    switch self {
    case .passwordMissing, .passphraseMissing, .unanswerable: true
    case .passwordWrong, .passphraseWrong, .hostKeyUnknown, .hostKeyNotAccepted, .answerWrong: false
    }
  }

  fileprivate var withWrongAnswer: AskpassPolicy.Refusal {
    switch self {
    case .unanswerable(let prompt): .answerWrong(prompt: prompt, isWithPassword: false)
    case .passwordMissing(let user, let host): .passwordWrong(user: user, host: host)
    case .passphraseMissing(let keyFile): .passphraseWrong(keyFile: keyFile)
    default: self
    }
  }
}
