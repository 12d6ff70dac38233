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
  ///   - byHand: The command line by which a person can see for themselves; `ssh -v DESTINATION` where it is nil.
  ///   - jumpHosts: The hosts on the way, if there are any.
  /// - Returns: The first class that the evidence supports; what a person would look at first.
  package static func classify(
    _ diagnostics: SSHDiagnostics, refusal: AskpassPolicy.Refusal?, triedKeyFile: String? = nil,
    triedPassword: AskpassPolicy.Account? = nil,
    agent: AgentState = .none, termination: Termination, destination: String,
    byHand: String? = nil, jumpHosts: String?
  ) -> SSHFailure {
    let reason =
      refusal.map { self.reason(for: $0, diagnostics) }
      ?? hostKeyReason(diagnostics) ?? networkReason(diagnostics, jumpHosts: jumpHosts)
      ?? authenticationReason(diagnostics, triedKeyFile, triedPassword, agent)
      ?? otherReason(diagnostics, termination)
    return SSHFailure(
      reason, destination: destination, byHand: byHand, lastWords: diagnostics.words,
      isQuestion: refusal != nil)
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
      let place = diagnostics.first { $0.between("Offending ", nil)?.between(" key in ", nil) }
      return .hostKeyChanged(
        type: type, fingerprint: fingerprint, place: place.map(Self.lineOfFile) ?? "known_hosts")
    }
    if diagnostics.says("REVOKED HOST KEY") || diagnostics.says("is marked as revoked")
      || diagnostics.says("revoked by file")
    {
      return .hostKeyRevoked
    }
    if diagnostics.says("host key is known for") || diagnostics.says("Host key verification failed") {
      let host =
        diagnostics.first { $0.between("host key is known for ", " ") } ?? diagnostics.address ?? "the host"
      return .hostKeyUnknown(host: host, type: type, fingerprint: fingerprint)
    }
    return nil
  }

  private static func networkReason(_ diagnostics: SSHDiagnostics, jumpHosts: String?) -> Reason? {
    if let jumpHosts, diagnostics.hostKey == nil,
      diagnostics.says("kex_exchange_identification") || diagnostics.says("UNKNOWN port")
        || diagnostics.says("Could not resolve") || diagnostics.says("Permission denied")
        || diagnostics.says("stdio forwarding failed")
    {
      return .jumpHost(hosts: jumpHosts)
    }
    // With a connection of its own, ssh names the other side's address.
    if jumpHosts == nil, diagnostics.hostKey == nil, diagnostics.says("UNKNOWN port") {
      return .jumpHost(hosts: "its ProxyCommand")
    }
    if let host = diagnostics.first({ $0.between("Could not resolve hostname ", ": ") }) {
      return .nameResolution(host: host)
    }
    let address =
      diagnostics.first { $0.between("connect to host ", ": ") } ?? diagnostics.address ?? "unknown address"
    if diagnostics.says("Connection refused") { return .refused(address: address) }
    if diagnostics.says("No route to host") || diagnostics.says("Network is unreachable")
      || diagnostics.says("Host is down")
    {
      return .unreachable(address: address)
    }
    if let detail = diagnostics.first({ $0.between("Unable to negotiate with ", nil)?.between(": ", nil) }) {
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
    if let key = diagnostics.first({ line in
      line.between("signing failed for ", nil)?.between("-SK \"", "\": incorrect passphrase supplied")
    }) {
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
    if let path = diagnostics.first({ $0.between("Identity file ", " not accessible: No such file") })
      ?? diagnostics.first({ $0.between("no such identity: ", ": No such file") })
    {
      return .keyFileMissing(path: path)
    }
    if let path = diagnostics.first({ $0.between("Identity file ", " not accessible:") }) {
      let detail = diagnostics.first { line in
        line.between(" not accessible: ", nil).map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
      }
      return .keyFileUnreadable(path: path, detail: detail ?? "not accessible")
    }
    if let path = diagnostics.first({ $0.between("Permissions ", nil)?.between(" for '", "' are too open") })
    {
      return .keyFileTooOpen(
        path: path, mode: diagnostics.first { $0.between("Permissions ", " for '") } ?? "?")
    }
    if let path = diagnostics.first({ $0.between("Load key \"", "\":") }) {
      let detail = diagnostics.first { $0.between("Load key \"", nil)?.between("\": ", nil) }
      return .keyFileUnreadable(path: path, detail: detail ?? "unreadable")
    }
    return nil
  }

  private static func otherReason(_ diagnostics: SSHDiagnostics, _ termination: Termination) -> Reason {
    let option = "Bad configuration option"
    let file = "Can't open user config file "
    if let detail = diagnostics.first({ $0.namesLine || $0.holds(option) ? $0 : nil })
      ?? diagnostics.first({ $0.between(file, nil).map { file + $0 } })
    {
      return .badConfiguration(detail: detail.trimmingSuffix("."))
    }
    if diagnostics.says("timed out") { return .timedOut(seconds: 0, isConnected: diagnostics.isConnected) }
    if diagnostics.says("Connection closed by") || diagnostics.says("Connection reset") {
      return .connectionLost
    }
    return .other(status: termination.words)
  }

  /// `FILE:LINE` as `FILE line LINE`.
  private static func lineOfFile(_ place: String) -> String {
    guard let colon = place.lastIndex(of: ":") else { return place }
    let line = place[place.index(after: colon)...]
    guard colon > place.startIndex, Int(line) != nil else { return place }
    return "\(place[..<colon]) line \(line)"
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
  fileprivate func says(_ text: String) -> Bool { words.contains { $0.holds(text) } }

  /// What the first line that has it says; bounded, since it becomes part of a sentence.
  fileprivate func first(_ part: (String) -> String?) -> String? {
    for line in words {
      if let text = part(line) { return String(text.prefix(Self.Limits.quotedCharacters)) }
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
