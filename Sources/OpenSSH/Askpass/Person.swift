/// Who may be asked during one login, over whatever the caller has for it.
package struct Person: Sendable {
  /// What a person can be asked or told.
  package enum Ability: Sendable, Hashable {
    /// Enters secrets where nobody else reads them.
    case entersSecrets
    /// Sees messages.
    case sees
  }

  /// Asks for a secret; nil when there is none.
  ///
  /// Cancelling the task takes the question back.
  package var secret: (@Sendable (SecretQuestion) async -> Secret?)?
  /// Shows a message.
  package var notice: (@Sendable (String) -> Void)?

  /// Somebody who can be asked for what is not nil.
  package init(
    secret: (@Sendable (SecretQuestion) async -> Secret?)? = nil, notice: (@Sendable (String) -> Void)? = nil
  ) {
    self.secret = secret
    self.notice = notice
  }

  var abilities: Set<Ability> {
    var abilities: Set<Ability> = []
    if secret != nil { abilities.insert(.entersSecrets) }
    if notice != nil { abilities.insert(.sees) }
    return abilities
  }
}

/// A question of ssh's for a secret.
package struct SecretQuestion: Sendable, Hashable {
  /// What is asked, as one line of plain text; the server may have chosen it.
  package let prompt: String
  /// Whose login it is, as ssh names it; nil for what is no host's: a passphrase or a PIN.
  package let account: String?

  /// A question.
  ///
  /// - Parameters:
  ///   - prompt: Any text; control and formatting characters become spaces, and only its start is kept.
  ///   - account: Whose secret it is, likewise.
  package init(prompt: String, account: String?) {
    self.prompt = Self.plain(prompt)
    self.account = account.map(Self.plain)
  }

  private static func plain(_ text: String) -> String {
    var plain = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(400) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate:
        plain.append(" ")
      default: plain.append(scalar)
      }
    }
    return String(plain).split(separator: " ").joined(separator: " ")
  }
}

extension AskpassPrompt {
  /// The question for a secret that it is; nil for all others.
  var secret: SecretQuestion? {
    switch self {
    case .password(let user, let host): SecretQuestion(prompt: "Password", account: "\(user)@\(host)")
    case .keyboardInteractive(let user, let host, let prompt):
      SecretQuestion(prompt: prompt, account: "\(user)@\(host)")
    case .passphrase(let keyFile): SecretQuestion(prompt: "Passphrase of the key \(keyFile)", account: nil)
    case .pin(let text), .other(let text): SecretQuestion(prompt: text, account: nil)
    case .hostKey, .notice: nil
    }
  }
}
