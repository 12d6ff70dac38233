package import ChildProcess

extension SSHFailure {
  /// Finds the class of a login that failed.
  ///
  /// - Parameters:
  ///   - diagnostics: What ssh said.
  ///   - refusal: Why a question was not answered, if that ended the login.
  ///   - triedKeyFile: The key for which a passphrase was given, if one was.
  ///   - triedPassword: Whose password was given, if one was.
  ///   - agent: The agent that the login had.
  ///   - termination: How ssh ended.
  ///   - destination: As the user named it.
  ///   - jumpHosts: The hosts on the way, if there are any.
  /// - Returns: The first class that the evidence supports; what a person would look at first.
  package static func classify(
    _ diagnostics: SSHDiagnostics, refusal: AskpassPolicy.Refusal?, triedKeyFile: String? = nil,
    triedPassword: AskpassPolicy.Account? = nil,
    agent: AgentState = .none, termination: Termination, destination: String, jumpHosts: String?
  ) -> SSHFailure {
    let reason =
      refusal.map { self.reason(for: $0, diagnostics) }
      ?? hostKeyReason(diagnostics) ?? networkReason(diagnostics, jumpHosts: jumpHosts)
      ?? authenticationReason(diagnostics, triedKeyFile, triedPassword, agent)
      ?? otherReason(diagnostics, termination)
    return SSHFailure(
      reason, destination: destination, lastWords: diagnostics.words, isQuestion: refusal != nil)
  }

  private static func reason(for refusal: AskpassPolicy.Refusal, _ diagnostics: SSHDiagnostics) -> Reason {
    switch refusal {
    case .passwordWrong(let user, let host): .passwordWrong(user: user, host: host)
    case .passwordMissing(let user, let host):
      keyFileReason(diagnostics)
        ?? .passwordMissing(user: user, host: host, methods: diagnostics.methods)
    case .passphraseWrong(let keyFile): .passphraseWrong(keyFile: keyFile)
    case .passphraseMissing(let keyFile): .passphraseMissing(keyFile: keyFile)
    case .hostKeyUnknown(let host, let type, let fingerprint):
      .hostKeyUnknown(host: host, type: type, fingerprint: fingerprint)
    case .hostKeyNotAccepted(let host, let type, let fingerprint, let accepted):
      .hostKeyNotAccepted(host: host, type: type, fingerprint: fingerprint, accepted: accepted)
    case .unanswerable(let prompt): keyFileReason(diagnostics) ?? .question(prompt: prompt)
    case .answerWrong(let prompt, let isWithPassword):
      .answerWrong(prompt: prompt, isWithPassword: isWithPassword)
    }
  }

  private static func hostKeyReason(_ diagnostics: SSHDiagnostics) -> Reason? {
    let type = diagnostics.hostKey.map { Self.shortKeyType($0.type) } ?? "unknown type"
    let fingerprint = diagnostics.hostKey?.fingerprint ?? "unknown fingerprint"
    if diagnostics.says("REMOTE HOST IDENTIFICATION HAS CHANGED") {
      let place = diagnostics.first(/Offending \S+ key in (\S.*)/) ?? "known_hosts"
      let line = place.wholeMatch(of: /(.+):(\d+)/).map { "\($0.1) line \($0.2)" }
      return .hostKeyChanged(type: type, fingerprint: fingerprint, place: line ?? place)
    }
    if diagnostics.says("REVOKED HOST KEY") || diagnostics.says("is marked as revoked")
      || diagnostics.says("revoked by file")
    {
      return .hostKeyRevoked
    }
    if diagnostics.says("host key is known for") || diagnostics.says("Host key verification failed") {
      let host = diagnostics.first(/host key is known for (\S+)/) ?? diagnostics.address ?? "the host"
      return .hostKeyUnknown(host: host, type: type, fingerprint: fingerprint)
    }
    return nil
  }

  private static func networkReason(_ diagnostics: SSHDiagnostics, jumpHosts: String?) -> Reason? {
    if let jumpHosts, diagnostics.hostKey == nil,
      diagnostics.says("kex_exchange_identification") || diagnostics.says("closed by UNKNOWN")
        || diagnostics.says("Could not resolve") || diagnostics.says("Permission denied")
        || diagnostics.says("stdio forwarding failed")
    {
      return .jumpHost(hosts: jumpHosts)
    }
    // With a connection of its own, ssh names the other side's address.
    if jumpHosts == nil, diagnostics.hostKey == nil, diagnostics.says("closed by UNKNOWN") {
      return .jumpHost(hosts: "its ProxyCommand")
    }
    if let host = diagnostics.first(/Could not resolve hostname (.+?):/) {
      return .nameResolution(host: host)
    }
    let address = diagnostics.first(/connect to host (.+?):/) ?? diagnostics.address ?? "unknown address"
    if diagnostics.says("Connection refused") { return .refused(address: address) }
    if diagnostics.says("No route to host") || diagnostics.says("Network is unreachable")
      || diagnostics.says("Host is down")
    {
      return .unreachable(address: address)
    }
    if let detail = diagnostics.first(/(?:Unable to negotiate with .*?: )(.*)/) {
      return .noSharedAlgorithm(detail: detail)
    }
    return nil
  }

  private static func authenticationReason(
    _ diagnostics: SSHDiagnostics, _ triedKeyFile: String?, _ triedPassword: AskpassPolicy.Account?,
    _ agent: AgentState
  ) -> Reason? {
    guard diagnostics.says("Permission denied") || diagnostics.says("Too many authentication failures") else {
      return nil
    }
    // ssh tries a PIN once; of a security key's it speaks as of a passphrase.
    if diagnostics.says("PIN incorrect") {
      return .answerWrong(prompt: "PIN of the PKCS#11 token", isWithPassword: false)
    }
    if let key = diagnostics.first(/signing failed for \S+-SK "(.+)": incorrect passphrase supplied/) {
      return .answerWrong(prompt: "PIN of the security key \(key)", isWithPassword: false)
    }
    // ssh goes on without a word when a passphrase does not fit; a key that fitted would have let us in.
    if let triedPassword {
      guard let code = triedPassword.code else {
        return .passwordWrong(user: triedPassword.user, host: triedPassword.host)
      }
      return .answerWrong(prompt: code, isWithPassword: triedPassword.hasPassword)
    }
    if let triedKeyFile { return .passphraseWrong(keyFile: triedKeyFile) }
    return keyFileReason(diagnostics)
      ?? .permissionDenied(
        methods: diagnostics.methods, tried: diagnostics.triedMethods,
        identities: diagnostics.offeredIdentities, agent: agent)
  }

  private static func keyFileReason(_ diagnostics: SSHDiagnostics) -> Reason? {
    if let path = diagnostics.first(/Identity file (.+?) not accessible: No such file/)
      ?? diagnostics.first(/no such identity: (.+?): No such file/)
    {
      return .keyFileMissing(path: path)
    }
    if let path = diagnostics.first(/Identity file (.+?) not accessible:/) {
      let detail = diagnostics.first(/Identity file .+? not accessible: (.+?)\.?$/) ?? "not accessible"
      return .keyFileUnreadable(path: path, detail: detail)
    }
    if let path = diagnostics.first(/Permissions \d+ for '(.+?)' are too open/) {
      return .keyFileTooOpen(path: path, mode: diagnostics.first(/Permissions (\d+) for/) ?? "?")
    }
    if let path = diagnostics.first(/Load key "(.+?)":/) {
      return .keyFileUnreadable(path: path, detail: diagnostics.first(/Load key ".+?": (.+)/) ?? "unreadable")
    }
    return nil
  }

  private static func otherReason(_ diagnostics: SSHDiagnostics, _ termination: Termination) -> Reason {
    if let detail = diagnostics.first(/(.+ line \d+: .+)/)
      ?? diagnostics.first(/(.*Bad configuration option.*)/)
      ?? diagnostics.first(/(Can't open user config file .+)/)
    {
      return .badConfiguration(detail: detail.trimmingSuffix("."))
    }
    if diagnostics.says("timed out") { return .timedOut(seconds: 0, isConnected: diagnostics.isConnected) }
    if diagnostics.says("Connection closed by") || diagnostics.says("Connection reset") {
      return .connectionLost
    }
    return .other(status: termination.words)
  }

  /// "ssh-ed25519" is "ED25519" in what ssh tells people.
  static func shortKeyType(_ type: String) -> String {
    if type.contains("ed25519") { return "ED25519" }
    if type.contains("ecdsa") { return "ECDSA" }
    if type.contains("rsa") { return "RSA" }
    return type
  }
}

extension SSHDiagnostics {
  fileprivate func says(_ text: String) -> Bool { words.contains { $0.contains(text) } }

  fileprivate func first(_ pattern: Regex<(Substring, Substring)>) -> String? {
    for line in words {
      if let match = line.firstMatch(of: pattern) { return String(match.1) }
    }
    return nil
  }
}

extension Termination {
  /// "exit status 255", "signal 9".
  package var words: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .signaled(let number): "signal \(number)"
    }
  }
}
