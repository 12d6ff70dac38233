import ChildProcess

/// The ssh of this machine, and all that every login and every session is given.
package struct SSHProgram: Sendable {
  /// The absolute path of ssh(1).
  package var executable: String
  /// The program that ssh asks, by its absolute path: this one.
  package var askpass: String
  /// What children inherit, without what is ours.
  package var environment: [String: String]
  /// How long a login may take in all, in seconds.
  package var connectSeconds: Int
  /// How long a person may take for one answer, in seconds; the login's own time does not run meanwhile.
  package var personSeconds = 300
  /// Where sockets are made.
  package var runtimeDirectory: String
  /// Makes that directory if it is not there; called before each login.
  package var makeDirectory: @Sendable () throws -> Void = {}

  /// An ssh.
  ///
  /// - Parameters:
  ///   - executable: The absolute path of ssh(1).
  ///   - askpass: The absolute path of the askpass program.
  ///   - environment: This process's; what begins with `SSH_MCP_` stays here, the passphrase above all.
  ///   - connectSeconds: How long a login may take in all.
  ///   - runtimeDirectory: Where sockets are made.
  package init(
    executable: String, askpass: String, environment: [String: String], connectSeconds: Int = 15,
    runtimeDirectory: String
  ) {
    self.executable = executable
    self.askpass = askpass
    self.environment = environment.filter {
      !$0.key.hasPrefix("SSH_MCP_") && !$0.key.hasPrefix("SSH_ASKPASS")
    }
    // Programs that ask what the terminal can do shall print plainly; rc files shall not start a multiplexer.
    self.environment["TERM"] = "dumb"
    self.connectSeconds = connectSeconds
    self.runtimeDirectory = runtimeDirectory
  }

  /// A start of ssh that asks nobody.
  func launch(_ arguments: [String]) -> Launch {
    Launch(executable: executable, arguments: arguments, environment: environment)
  }

  /// A start of ssh that asks at that socket, with that agent instead of the environment's.
  func launch(_ arguments: [String], askpassSocket: String, agentSocket: String? = nil) -> Launch {
    var launch = launch(arguments)
    if let agentSocket { launch.environment["SSH_AUTH_SOCK"] = agentSocket }
    launch.environment["SSH_ASKPASS"] = askpass
    // Even with a terminal at hand: the user's own must not be asked behind their back.
    launch.environment["SSH_ASKPASS_REQUIRE"] = "force"
    launch.environment[AskpassClient.socketVariable] = askpassSocket
    return launch
  }
}

/// What may be told to ssh during one login.
package struct Credentials: Sendable, Hashable {
  /// For the host itself, never for a jump host.
  package var password: Secret?
  /// For private keys.
  package var passphrase: Secret?
  /// A host key that may be accepted: `SHA256:...`.
  package var acceptedFingerprint: String?

  /// Credentials.
  package init(password: Secret? = nil, passphrase: Secret? = nil, acceptedFingerprint: String? = nil) {
    self.password = password
    self.passphrase = passphrase
    self.acceptedFingerprint = acceptedFingerprint
  }
}
