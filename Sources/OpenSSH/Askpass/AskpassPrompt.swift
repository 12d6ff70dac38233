/// A question that ssh asks through its askpass program, by kind.
///
/// The texts are OpenSSH's own (sshconnect.c, sshconnect2.c, readpass.c, ssh-pkcs11-client.c); they are not
/// translated.
package enum AskpassPrompt: Sendable, Hashable {
  /// `user@host's password: `
  case password(user: String, host: String)
  /// `(user@host) PROMPT`: keyboard-interactive; the prompt is the server's.
  case keyboardInteractive(user: String, host: String, prompt: String)
  /// `Enter passphrase for key 'PATH': `
  case passphrase(keyFile: String)
  /// `The authenticity of host ... can't be established. ...`
  case hostKey(host: String, type: String, fingerprint: String)
  /// `Enter PIN for ...`
  case pin(String)
  /// Something to be confirmed or only seen (SSH_ASKPASS_PROMPT is confirm or none).
  case notice(String)
  /// Anything else.
  case other(String)

  /// Whether ssh wants no answer, but to be seen or confirmed.
  var isNotice: Bool {
    if case .notice = self { true } else { false }
  }

  /// Reads a question.
  ///
  /// - Parameters:
  ///   - text: The helper's first argument.
  ///   - hint: The value of SSH_ASKPASS_PROMPT.
  package init(_ text: String, hint: String?) {
    if hint == "none" {
      self = .notice(text)
    } else if let question = Self.keyboardInteractive(text) {
      self = question
    } else if let asker = Self.account(text.without(suffix: "'s password:")) {
      self = .password(user: asker.user, host: asker.host)
    } else if let file = Self.keyFile(in: text) {
      self = .passphrase(keyFile: file)
    } else if text.hasPrefix("The authenticity of host"), let key = Self.hostKey(in: text) {
      self = key
    } else if text.hasPrefix("Enter PIN") {
      self = .pin(text)
    } else if hint == "confirm" {
      self = .notice(text)
    } else {
      self = .other(text)
    }
  }

  // All in time proportional to the text, since a server chooses most of it.

  /// ssh's own words end at the first bracket, as no user and no host name has one; the rest is the server's.
  private static func keyboardInteractive(_ text: String) -> AskpassPrompt? {
    guard text.utf8.first == UInt8(ascii: "("), let end = text.utf8.firstIndex(of: UInt8(ascii: ")")),
      text.utf8[end...].starts(with: ") ".utf8),
      let asker = account(text[text.utf8.index(after: text.startIndex)..<end])
    else { return nil }
    return .keyboardInteractive(
      user: asker.user, host: asker.host, prompt: String(text[text.utf8.index(end, offsetBy: 2)...]))
  }

  /// `user@host` on one line and without brackets; a user's name may have an `@` itself.
  private static func account(_ text: Substring?) -> (user: String, host: String)? {
    guard let text, !text.utf8.contains(where: "()\r\n".utf8.contains),
      let at = text.utf8.lastIndex(of: UInt8(ascii: "@"))
    else { return nil }
    let (user, host) = (text[..<at], text[text.utf8.index(after: at)...])
    return user.isEmpty || host.isEmpty ? nil : (String(user), String(host))
  }

  private static func keyFile(in text: String) -> String? {
    let start = "Enter passphrase for "
    guard text.hasPrefix(start), !text.contains(where: \.isNewline), var name = text.without(suffix: ":")
    else { return nil }
    name = name.dropFirst(start.count)
    if name.hasPrefix("key ") { name = name.dropFirst(4) }
    if name.hasPrefix("'") { name = name.dropFirst() }
    if name.hasSuffix("'") { name = name.dropLast() }
    return name.isEmpty ? nil : String(name)
  }

  private static func hostKey(in text: String) -> AskpassPrompt? {
    guard let host = text.between("The authenticity of host '", "'") else { return nil }
    let words = " key fingerprint is "
    for line in text.split(separator: "\n") {
      guard let place = line.place(of: words), let rest = line.between(words, nil),
        rest.hasPrefix("SHA256:"), let type = line[..<place.lowerBound].split(separator: " ").last
      else { continue }
      let digest = rest.dropFirst(7).prefix {
        $0.isASCII && ($0.isLetter || $0.isNumber || "+/=".contains($0))
      }
      if !digest.isEmpty {
        return .hostKey(host: withoutAddress(host), type: String(type), fingerprint: "SHA256:\(digest)")
      }
    }
    return nil
  }

  /// ssh adds the address in parentheses, which may be all that the name is.
  private static func withoutAddress(_ host: String) -> String {
    let words = host.split(separator: " ")
    return words.count == 2 && words[1] == "(\(words[0]))" ? String(words[0]) : host
  }
}

extension String {
  /// The text before those last characters, after which one space may stand; nil if it ends otherwise.
  fileprivate func without(suffix: String) -> Substring? {
    let text = hasSuffix(" ") ? dropLast() : self[...]
    return text.hasSuffix(suffix) ? text.dropLast(suffix.count) : nil
  }
}
