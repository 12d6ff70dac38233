import HostStore
import OpenSSH

/// What mends a host: commands of this program where it is stored, lines of ssh_config where it is not.
struct HostRemedy: Sendable {
  let hostID: String
  let isStored: Bool
  let destination: Destination
  let effective: EffectiveConfiguration
  /// The configuration file to edit.
  let configurationFile: String
  /// Makes a pasteable command line of this program.
  let command: @Sendable ([String]) -> String

  /// The login by hand, as this program does it.
  var ssh: String { destination.loginByHand() }

  /// The same where a new host key is a question; ssh_config may say that none is ever accepted.
  private var sshThatAsks: String {
    guard ["yes", "true"].contains(effective["stricthostkeychecking"] ?? "ask") else { return ssh }
    return destination.loginByHand(["-o", "StrictHostKeyChecking=ask"])
  }

  /// Sets a field of the host.
  ///
  /// - Parameters:
  ///   - option: The option of `hosts edit`, and its value.
  ///   - line: The same for ssh_config.
  /// - Returns: A command line.
  func set(_ option: [String], _ line: String) -> String {
    isStored
      ? command(["hosts", "edit", hostID] + option)
      : "\(Doctor.edit(configurationFile, nil))   # below 'Host \(hostID)': \(line)"
  }

  /// Stores a password, with a record for it where there is none.
  var setPassword: String {
    let ask = command(["hosts", "set-password", hostID])
    if isStored { return ask }
    let host = effective.hostName ?? destination.name
    let add = command([
      "hosts", "add", hostID, "--host", host, "--port", String(effective.port), "--user",
      effective.user ?? "USER",
    ])
    return "\(add) && \(ask)"
  }

  // MARK: - Before the login

  /// The name has no address.
  var unresolved: String {
    "Check the spelling, or give the address: \(set(["--host", "ADDRESS"], "HostName ADDRESS"))"
  }

  /// Nothing is to be reached at the port.
  func unconnected(isRefused: Bool) -> String {
    let port = set(["--port", "PORT"], "Port PORT")
    return isRefused
      ? "On the host, see that sshd runs and where it listens: ss -ltn\nThen give the right port: \(port)"
      : "Check the network, the VPN and firewalls; or give the right address or port: \(port)"
  }

  /// Something else listens there.
  var notSSH: String { "Give the port of its SSH server: \(set(["--port", "PORT"], "Port PORT"))" }

  // MARK: - Host keys

  /// The key is in no file.
  ///
  /// - Parameter fingerprint: The key's, if ssh has told it.
  /// - Returns: What to compare, then a command line.
  func unknownKey(_ fingerprint: String?) -> String {
    "Ask the host's administrator for its fingerprint and compare"
      + (fingerprint.map { " with \($0)" } ?? "") + ". If they are the same, accept it there:\n\(sshThatAsks)"
  }

  /// The key is another than before.
  func changedKey(_ known: KnownHosts, _ entries: [KnownHosts.Entry]) -> String {
    let file = entries.first?.file ?? known.files.first ?? "~/.ssh/known_hosts"
    let remove = ShellWords.line(["ssh-keygen", "-R", known.names.first ?? destination.name, "-f", file])
    return
      "This may be an attack: ask its administrator. Only if the key was changed on purpose:\n"
      + "\(remove) && \(sshThatAsks)"
  }

  // MARK: - The login

  /// What mends a login that failed.
  func login(_ reason: SSHFailure.Reason) -> String {
    switch reason {
    case .nameResolution: unresolved
    case .refused: unconnected(isRefused: true)
    case .unreachable, .timedOut: unconnected(isRefused: false)
    case .hostKeyUnknown(_, _, let fingerprint): unknownKey(fingerprint)
    case .permissionDenied: permissionDenied
    case .passwordWrong, .passwordMissing: setPassword
    case .passphraseWrong(let keyFile), .passphraseMissing(let keyFile):
      "ssh-add \(ShellWords.quoted(keyFile))   # or set SSH_MCP_KEY_PASSPHRASE in the MCP client's settings"
    case .keyFileMissing, .keyFileUnreadable: set(["--key-path", "FILE"], "IdentityFile FILE")
    case .keyFileTooOpen(let path, _): "chmod 600 \(ShellWords.quoted(path))"
    case .jumpHost(let hosts) where effective.proxyJump != nil:
      "Log in to the jump host first: ssh \(ShellWords.quoted(hosts))"
    case .noSharedAlgorithm:
      "\(Doctor.edit(configurationFile, nil))   # below 'Host \(destination.name)': allow one of those named"
    case .badConfiguration: Doctor.edit(configurationFile, nil)
    case .sshMissing: "apt-get install openssh-client"
    case .tooManySessions: "On the host, raise MaxSessions in sshd_config."
    case .hostKeyNotAccepted, .hostKeyChanged, .hostKeyRevoked, .jumpHost, .question, .answerWrong,
      .connectionLost,
      .cancelled,
      .other:
      destination.loginByHand(["-v"])
    }
  }

  private var permissionDenied: String {
    let user = effective.user ?? "USER"
    let other = set(["--key-path", "FILE"], "IdentityFile FILE")
    let key = (destination.identityFile ?? effective.all("identityfile").first { $0.lowercased() != "none" })
      .map { "\($0).pub" }
    var words = ["ssh-copy-id"] + (key.map { ["-i", $0] } ?? []) + ["-p", String(effective.port)]
    if let file = destination.configurationFile { words += ["-F", file] }
    words.append("\(user)@\(effective.hostName ?? destination.name)")
    return "Let the host know the key, from an account that can log in: \(ShellWords.line(words))\n"
      + "or name the key that it knows: \(other)\nor another user: \(set(["--user", "USER"], "User USER"))"
  }
}
