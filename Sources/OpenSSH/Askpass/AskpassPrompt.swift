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

  /// Reads a question.
  ///
  /// - Parameters:
  ///   - text: The helper's first argument.
  ///   - hint: The value of SSH_ASKPASS_PROMPT.
  package init(_ text: String, hint: String?) {
    if hint == "none" {
      self = .notice(text)
    } else if let match = text.wholeMatch(of: /\((.+)@(.+?)\) ((?s:.*))/) {
      self = .keyboardInteractive(user: String(match.1), host: String(match.2), prompt: String(match.3))
    } else if let match = text.wholeMatch(of: /(.+)@(.+)'s password: ?/) {
      self = .password(user: String(match.1), host: String(match.2))
    } else if let match = text.wholeMatch(of: /Enter passphrase for(?: key)? '?(.+?)'?: ?/) {
      self = .passphrase(keyFile: String(match.1))
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

  private static func hostKey(in text: String) -> AskpassPrompt? {
    guard let host = text.firstMatch(of: /The authenticity of host '([^']+)'/),
      let key = text.firstMatch(of: /(\S+) key fingerprint is (SHA256:[A-Za-z0-9+\/=]+)/)
    else { return nil }
    // ssh adds the address in parentheses, which may be all that the name is.
    let names = host.1.wholeMatch(of: /(\S+) \((\S+)\)/)
    let name = names.map { $0.1 == $0.2 ? $0.1 : host.1 } ?? host.1
    return .hostKey(host: String(name), type: String(key.1), fingerprint: String(key.2))
  }
}
