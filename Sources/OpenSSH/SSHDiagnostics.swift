/// Reads what `ssh -v` writes to standard error, as it comes: the facts of a login, and ssh's own words to the user.
///
/// A value; keeps a bounded part of what it reads, for as long as the connection lives.
package struct SSHDiagnostics: Sendable, Hashable {
  /// The bounds of what is kept.
  package enum Limits {
    /// Bytes of one line.
    package static let lineBytes = 8192
    /// Lines of ssh's own words.
    package static let wordLines = 40
    /// Names in one list.
    package static let names = 64
    /// Characters of one line, or of a part of it, in a sentence.
    static let quotedCharacters = 500
  }

  /// Whether sessions can be opened: the line comes after the control socket has been made (mux.c, clientloop.c).
  package private(set) var isReady = false
  /// Whether the TCP connection or the proxy command stands.
  package private(set) var isConnected = false
  /// The server's host key: type and SHA256 fingerprint.
  package private(set) var hostKey: (type: String, fingerprint: String)?
  /// The methods that the server last said it would take.
  package private(set) var methods: [String] = []
  /// The methods that ssh went on with, in order.
  package private(set) var triedMethods: [String] = []
  /// The identities that were offered, as ssh names them.
  package private(set) var offeredIdentities: [String] = []
  /// How often the server accepted a method and asked for one more.
  package private(set) var partialSuccesses = 0
  /// The address that was connected to: `10.0.0.5 port 22`.
  package private(set) var address: String?
  /// Lines that are meant for the user, oldest first.
  package private(set) var words: [String] = []

  private var held: [UInt8] = []

  /// Diagnostics of a process that has not said anything.
  package init() {}

  package static func == (left: SSHDiagnostics, right: SSHDiagnostics) -> Bool {
    left.words == right.words && left.isReady == right.isReady && left.methods == right.methods
      && left.offeredIdentities == right.offeredIdentities && left.held == right.held
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words)
  }

  /// Takes the next bytes.
  package mutating func consume(_ bytes: ArraySlice<UInt8>) {
    for byte in bytes {
      if byte == 0x0A {
        read(line: String(decoding: held, as: UTF8.self).trimmingSuffix("\r"))
        held.removeAll(keepingCapacity: true)
      } else if held.count < Limits.lineBytes {
        held.append(byte)
      }
    }
  }

  /// Forgets ssh's own words: those of a login that is over explain nothing that comes later.
  package mutating func forgetWords() { words = [] }

  /// The last line, if it did not end.
  package mutating func finish() {
    if !held.isEmpty { read(line: String(decoding: held, as: UTF8.self)) }
    held = []
  }

  /// An identity without where ssh had it from.
  private static func withoutSource(_ identity: Substring) -> Substring {
    var identity = identity
    while let end = [" explicit", " agent"].first(where: { identity.hasSuffix($0) }) {
      identity = identity.dropLast(end.count)
    }
    return identity
  }

  private mutating func read(line: String) {
    // A server's banner and a proxy command may say anything.
    let line = line.withoutControls
    // One level above debugging, so without its prefix (sshconnect2.c, input_userauth_failure).
    if line.hasPrefix("Authenticated using "), line.hasSuffix(" with partial success.") {
      partialSuccesses += 1
      return
    }
    guard line.hasPrefix("debug1: ") else {
      if line.hasPrefix("Authenticated to ") || line.isEmpty || line.hasPrefix("OpenSSH_") { return }
      words.append(line)
      if words.count > Limits.wordLines { words.removeFirst(words.count - Limits.wordLines) }
      return
    }
    let text = line.dropFirst(8)
    if text.hasPrefix("Entering interactive session") {
      isReady = true
    } else if text.hasPrefix("Connection established") {
      isConnected = true
    } else if let match = text.prefixMatch(of: /Connecting to \S+ \[(.+?)\] port (\d+)/) {
      address = "\(match.1) port \(match.2)"
    } else if let match = text.prefixMatch(of: /Server host key: (\S+) (SHA256:\S+)/) {
      hostKey = (String(match.1), String(match.2))
    } else if let match = text.prefixMatch(of: /Authentications that can continue: (\S+)/) {
      methods = match.1.split(separator: ",").prefix(Limits.names).map(String.init)
    } else if let match = text.prefixMatch(of: /Next authentication method: (\S+)/) {
      let method = String(match.1.prefix(Limits.quotedCharacters))
      if !triedMethods.contains(method), triedMethods.count < Limits.names { triedMethods.append(method) }
    } else if text.hasPrefix("Offering public key: "), offeredIdentities.count < Limits.names {
      let identity = Self.withoutSource(text.dropFirst("Offering public key: ".count))
      if !identity.isEmpty { offeredIdentities.append(String(identity.prefix(Limits.quotedCharacters))) }
    }
  }
}

extension String {
  /// Without that end, where it has it.
  func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
