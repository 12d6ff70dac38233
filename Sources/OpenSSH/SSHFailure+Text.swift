extension SSHFailure: CustomStringConvertible {
  /// What happened, what to do, and ssh's last words.
  package var description: String {
    let (sentence, remedy) = words
    let quoted = quotation.joined(separator: "\n")
    return [sentence + " " + remedy, quoted.isEmpty ? nil : "ssh said:\n\(quoted)"].compactMap(\.self)
      .joined(separator: "\n")
  }

  /// What happened, without what to do: for callers with remedies of their own.
  package var sentence: String { words.sentence }

  /// The last of ssh's own words that say something; at most six lines.
  package var quotation: [String] {
    lastWords.filter { !Self.isDecoration($0) }.suffix(6)
      .map { String($0.prefix(SSHDiagnostics.Limits.quotedCharacters)) }
  }

  /// The frames of ssh's warnings say nothing.
  private static func isDecoration(_ line: String) -> Bool { line.allSatisfy { $0 == "@" } }

  private var words: (sentence: String, remedy: String) {
    switch reason {
    case .nameResolution(let host):
      (
        "The name '\(host)' of \(destination) cannot be resolved.",
        "Check the spelling, or give the address with edit-host or in ssh_config."
      )
    case .refused(let address):
      (
        "\(destination) refused the connection (\(address)).",
        "Check the port, and that an SSH server listens there."
      )
    case .unreachable(let address):
      ("\(destination) cannot be reached (\(address)).", "Check the network, the VPN and the address.")
    case .timedOut(let seconds, let isConnected):
      (
        "\(destination) did not answer " + (seconds > 0 ? "within \(seconds) s" : "in time")
          + (isConnected ? ", although something accepted the connection." : "."),
        isConnected
          ? "Check that the port is an SSH server's." : "Check the address, the network and firewalls."
      )
    case .hostKeyUnknown(let host, let type, let fingerprint):
      (
        "The host key of \(destination) is not known: \(type) \(fingerprint) (of \(host)).",
        "If its administrator has published this very fingerprint, call start-session again with "
          + "accept_host_key \"\(fingerprint)\"; otherwise ask the user. Never accept a key unseen."
      )
    case .hostKeyNotAccepted(let host, let type, let fingerprint, let accepted):
      (
        "The host key of \(destination) is not the accepted one: it is \(type) \(fingerprint) (of \(host)), "
          + "accepted was \(accepted).", "Tell the user; this may be an attack."
      )
    case .hostKeyChanged(let type, let fingerprint, let place):
      (
        "The host key of \(destination) has changed: it is now \(type) \(fingerprint), \(place) has another.",
        "This may be an attack. Nothing was sent. Only the user can decide; they remove the old key from known_hosts "
          + "themselves if the change is right."
      )
    case .hostKeyRevoked:
      ("The host key of \(destination) is marked as revoked.", "Tell the user; the connection is not safe.")
    case .permissionDenied(let methods, let tried, let identities, let agent):
      (
        "\(destination) denied permission. Methods that it takes: \(Self.list(methods)); tried: "
          + "\(Self.list(tried)). Identities offered: \(Self.list(identities)). \(agent.words)",
        "Check the user name and the key (keyPath, or IdentityFile in ssh_config). If the key is in an agent, name its "
          + "socket to this server in the MCP client's settings: \"env\": { \"SSH_AUTH_SOCK\": \"/path/of/socket\" }."
      )
    case .passwordWrong(let user, let host):
      (
        "The password of \(user)@\(host) is wrong; it was tried once.",
        "Set the right one with edit-host; if the user entered it, call start-session again."
      )
    case .passwordMissing(let user, let host, let methods):
      (
        "\(user)@\(host) asks for a password and none is stored for it. Methods: \(Self.list(methods)).",
        "Store a password or a key for the host with edit-host, or use a key that the agent has."
      )
    default: moreWords
    }
  }

  private var moreWords: (sentence: String, remedy: String) {
    switch reason {
    case .passphraseWrong(let keyFile):
      (
        "The passphrase of \(keyFile) is wrong; it was tried once.",
        "Set SSH_MCP_KEY_PASSPHRASE to the right one; if the user entered it, call start-session again."
      )
    case .passphraseMissing(let keyFile):
      (
        "The key \(keyFile) is encrypted and there is no passphrase for it.",
        "Set SSH_MCP_KEY_PASSPHRASE in the MCP client's settings, or add the key to an agent with ssh-add."
      )
    case .keyFileMissing(let path):
      ("The key file \(path) does not exist.", "Correct keyPath with edit-host.")
    case .keyFileTooOpen(let path, let mode):
      ("The key file \(path) is open to others (mode \(mode)); ssh ignores it.", "Run: chmod 600 '\(path)'")
    case .keyFileUnreadable(let path, let detail):
      ("The key file \(path) cannot be used: \(detail).", "Correct it, or keyPath with edit-host.")
    case .question(let prompt):
      Self.question(prompt, destination)
    case .answerWrong(let prompt, let isWithPassword):
      (
        "\(destination) did not accept the answer to '\(Self.line(prompt))'"
          + (isWithPassword ? ", or the password that went with it." : "."),
        "It was given once: too many wrong ones may lock it. Tell the user, then call start-session again."
      )
    case .jumpHost(let hosts):
      (
        "The way to \(destination) goes through \(hosts), and that connection failed.",
        "Try by hand where: \(byHand)"
      )
    case .noSharedAlgorithm(let detail):
      (
        "\(destination) and this client share no algorithm: \(detail).",
        "Allow one for this host in ssh_config (KexAlgorithms, HostKeyAlgorithms, Ciphers)."
      )
    case .badConfiguration(let detail): ("ssh's configuration is wrong: \(detail).", "Mend that line.")
    case .tooManySessions:
      (
        "\(destination) allows no further session, on a new connection either.",
        "Close a session, or have MaxSessions raised in its sshd_config."
      )
    case .sshMissing(let detail):
      (
        "The ssh program cannot be started: \(detail.trimmingSuffix(".")).",
        "Install openssh-client, or put a working ssh first on this server's PATH."
      )
    case .connectionLost:
      (
        "The connection to \(destination) was lost.",
        "Try again. If it happens each time, the host's log says why: too many logins at once (MaxStartups), one that "
          + "took too long (LoginGraceTime), an address that it does not want."
      )
    case .cancelled: ("The login to \(destination) was cancelled.", "Nothing was left open.")
    case .other(let status):
      ("ssh could not connect to \(destination) (\(status)).", "Try by hand: \(byHand)")
    default: preconditionFailure("every reason has its words above")
    }
  }

  /// A question that only a person can answer.
  private static func question(_ prompt: String, _ destination: String) -> (sentence: String, remedy: String)
  {
    let byHand =
      "or have the user log in by hand with ControlMaster and ControlPath in ssh_config: that connection is then used."
    guard prompt.hasPrefix("Confirm user presence") else {
      return (
        "\(destination) asks something that has no stored answer: '\(line(prompt))'.",
        "Only the user can answer: use an MCP client that opens pages for secrets (URL elicitation), \(byHand)"
      )
    }
    return (
      "\(destination) needs a security key touched, and the user cannot be told: '\(line(prompt))'.",
      "Use an MCP client that shows progress, \(byHand)"
    )
  }

  /// A server's words on one line.
  private static func line(_ prompt: String) -> String {
    String(prompt.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(200))
  }

  /// At most twenty names, for a sentence.
  private static func list(_ names: [String]) -> String {
    guard !names.isEmpty else { return "none" }
    return names.prefix(20).joined(separator: ", ")
      + (names.count > 20 ? " and \(names.count - 20) more" : "")
  }
}
