/// Where ssh shall go: what stands on its command line, and what overrules ssh_config.
package struct Destination: Sendable, Hashable {
  /// ssh(1)'s destination: a host name, an address or an alias, passed verbatim.
  package var name: String
  /// Overrules `User`.
  package var user: String?
  /// Overrules `Port`.
  package var port: Int?
  /// Overrules `IdentityFile`, and then is the only identity; an absolute path.
  package var identityFile: String?
  /// Asks for agent forwarding although ssh_config does not.
  package var forwardsAgent: Bool
  /// Read instead of the user's and the system's configuration (ssh(1), -F).
  package var configurationFile: String?

  /// A destination; whatever is nil comes from ssh_config.
  package init(
    name: String, user: String? = nil, port: Int? = nil, identityFile: String? = nil,
    forwardsAgent: Bool = false,
    configurationFile: String? = nil
  ) {
    self.name = name
    self.user = user
    self.port = port
    self.identityFile = identityFile
    self.forwardsAgent = forwardsAgent
    self.configurationFile = configurationFile
  }

  /// The login as a command line to paste, as this program does it: without the agent's own options.
  ///
  /// - Parameter options: Options of ssh(1) that stand before all else.
  /// - Returns: The words, quoted for a shell.
  package func loginByHand(_ options: [String] = []) -> String {
    let words = SSHArguments.effectiveConfiguration(of: self).dropFirst().filter { $0 != "--" }
    return ShellWords.line(["ssh"] + options + words)
  }

  /// Whether the name can stand on a command line without being taken for something else.
  package static func isSafe(_ name: String) -> Bool {
    // A host that begins with a dash would be an option to a ProxyCommand with %h.
    !name.isEmpty && !name.hasPrefix("-") && !name.contains("@-") && !name.contains("/-")
      && name.utf8.count <= 1024
      && name.unicodeScalars.allSatisfy { scalar in
        !scalar.properties.isWhitespace && scalar.value >= 0x20 && scalar.value != 0x7F
          && !"'\"`$\\;&<>|(){}".unicodeScalars.contains(scalar)
      }
  }
}
