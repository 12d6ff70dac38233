/// The argument lists for ssh(1): pure functions of where to go.
///
/// Everything that ssh_config says stays in force but for what would break a connection of ours or its silence;
/// each exception has its reason here.
package struct SSHArguments: Sendable, Hashable {
  let destination: Destination
  let controlPath: String

  /// The arguments for a destination, over the socket at that path.
  package init(destination: Destination, controlPath: String) {
    self.destination = destination
    self.controlPath = controlPath
  }

  /// The connection itself: no session, a socket for them, everything that it does told on standard error.
  ///
  /// - Parameters:
  ///   - connectSeconds: How long one TCP connection may take.
  ///   - effective: What ssh_config says; decides what must be overruled.
  /// - Returns: Arguments after the program's name.
  package func master(connectSeconds: Int, effective: EffectiveConfiguration) -> [String] {
    var options = [
      // Its own child of ours, never a process that ssh leaves behind.
      "ControlMaster=yes", "ControlPersist=no", controlPathOption,
      // The user's forwards may be in use by a connection of theirs (ssh would end), and commands are ours.
      "ClearAllForwardings=yes", "RemoteCommand=none", "PermitLocalCommand=no", "ForkAfterAuthentication=no",
      // A wrong secret costs one attempt, not three.
      // Questions go to askpass and are never left unasked; a fingerprint is compared in the one form we show.
      "BatchMode=no", "FingerprintHash=sha256", "NumberOfPasswordPrompts=1",
      "ConnectTimeout=\(connectSeconds)",
      // Diagnosis: methods, identities, host keys and the moment when the socket is there.
      "LogLevel=DEBUG1",
    ]
    // Since 9.5 a client delays keystrokes to hide their rhythm: 19 ms a command (measured), and no one types.
    // Named only to a client that knows it: IgnoreUnknown on our command line would replace the user's own.
    if effective["obscurekeystroketiming"] != nil { options.append("ObscureKeystrokeTiming=no") }
    // A question that is no part of the login, and nobody is there to answer it.
    if effective["addkeystoagent"]?.hasPrefix("ask") == true { options.append("AddKeysToAgent=no") }
    if effective.serverAliveInterval == 0 { options += ["ServerAliveInterval=15", "ServerAliveCountMax=3"] }
    // A changed key is always refused: `no` would go on with it.
    if effective.acceptsChangedHostKeys { options.append("StrictHostKeyChecking=accept-new") }
    return ["-M", "-N", "-T"] + common(options)
  }

  /// A session with a terminal over the connection.
  package func session(_ remoteCommand: String) -> [String] {
    ["-tt", "-e", "none"] + passenger(remoteCommand)
  }

  /// A command without a terminal over the connection.
  package func command(_ remoteCommand: String) -> [String] {
    ["-T"] + passenger(remoteCommand)
  }

  /// Asks the connection whether it is there, or tells it to end (`check`, `exit`).
  package func control(_ word: String) -> [String] {
    ["-O", word] + common([controlPathOption, "LogLevel=ERROR"])
  }

  /// Asks ssh what its configuration comes to.
  package static func effectiveConfiguration(of destination: Destination) -> [String] {
    // Without a ControlPath of ours: the user's is one of the answers.
    let arguments = SSHArguments(destination: destination, controlPath: "none")
    return ["-G"] + arguments.common([])
  }

  private func passenger(_ remoteCommand: String) -> [String] {
    common([
      "ControlMaster=no", controlPathOption, "BatchMode=yes", "LogLevel=ERROR",
      "ClearAllForwardings=yes", "RemoteCommand=none", "PermitLocalCommand=no", "ForkAfterAuthentication=no",
      // Where the connection refuses, ssh would make one of its own, with a login; this makes that fail at once.
      "ProxyJump=none", "ProxyCommand=false",
    ]) + [remoteCommand]
  }

  /// The option for the socket; `%` would begin one of ssh's tokens (ssh_config(5), ControlPath).
  private var controlPathOption: String {
    "ControlPath="
      + controlPath.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
  }

  private func common(_ options: [String]) -> [String] {
    var arguments: [String] = []
    if let file = destination.configurationFile { arguments += ["-F", file] }
    arguments += options.flatMap { ["-o", $0] }
    if let user = destination.user { arguments += ["-l", user] }
    if let port = destination.port { arguments += ["-p", String(port)] }
    if let file = destination.identityFile {
      arguments += ["-i", file, "-o", "IdentitiesOnly=yes"]
    }
    if destination.forwardsAgent { arguments += ["-o", "ForwardAgent=yes"] }
    return arguments + ["--", destination.name]
  }
}
