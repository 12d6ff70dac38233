import OpenSSH

/// Questions of ssh's, the server's own among them: a secret goes to nobody else, and not twice.
enum AskpassProperty {
  private static let fingerprint = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  private static let hosts: Set<String> = ["web", "10.0.0.1"]

  /// The first byte chooses the policy, the rest is questions with NUL between them.
  static func violation(_ bytes: [UInt8]) -> String? {
    guard let choice = bytes.first else { return nil }
    let user: String? = choice & 1 == 0 ? "root" : nil
    let person: Set<Person.Ability> = choice & 2 == 0 ? [] : [.entersSecrets, .sees]
    let hint: String? = choice & 4 == 0 ? nil : choice & 8 == 0 ? "confirm" : "none"
    var policy = AskpassPolicy(
      user: user, hosts: hosts, password: Secret("pw"), passphrase: Secret("pp"),
      acceptedFingerprint: choice & 16 == 0 ? nil : fingerprint, person: person)
    var answers = 0
    for question in bytes.dropFirst().split(separator: 0) {
      let text = String(decoding: question, as: UTF8.self)
      let decision = policy.decide(AskpassPrompt(text, hint: hint), partialSuccesses: 0)
      guard case .answer(let secret) = decision else { continue }
      if hint == "none" { return "something that is only shown was answered" }
      if let violation = answerViolation(secret, to: text, user: user) { return violation }
      if secret == Secret("pw") { answers += 1 }
      if answers > 1 { return "the password was given twice" }
    }
    return nil
  }

  private static func answerViolation(_ secret: Secret, to text: String, user: String?) -> String? {
    // No user and no host name has a bracket, so ssh's own words about who asks end at the first one.
    let isServers = text.hasPrefix("(")
    switch secret {
    case Secret("pw"):
      let asker = isServers ? text.dropFirst().prefix { $0 != ")" } : withoutWords(text)
      guard let place = asker.lastIndex(of: "@") else { return "the password went to nobody: \(text)" }
      let isRight =
        hosts.contains(String(asker[asker.index(after: place)...]))
        && (user == nil || asker[..<place] == user ?? "")
      return isRight ? nil : "the password went to \(asker)"
    case Secret("pp"):
      return text.hasPrefix("Enter passphrase for") ? nil : "the passphrase answered \(text)"
    case Secret(fingerprint):
      let isRight = text.hasPrefix("The authenticity of host") && text.contains(fingerprint)
      return isRight ? nil : "the fingerprint answered \(text)"
    default: return "an answer that nobody stored"
    }
  }

  /// `root@web's password: ` without the words.
  private static func withoutWords(_ text: String) -> Substring {
    for words in ["'s password: ", "'s password:"] where text.hasSuffix(words) {
      return text.dropLast(words.count)
    }
    return text[...]
  }
}
