import OpenSSH

/// Where ssh looks for a host's key, and under which names.
struct KnownHosts: Sendable, Hashable {
  /// The user's files, then the system's.
  let files: [String]
  /// The names, the more exact first.
  let names: [String]

  /// What the configuration comes to.
  init(_ effective: EffectiveConfiguration, fallbackName: String) {
    files = Self.paths(effective["userknownhostsfile"]) + Self.paths(effective["globalknownhostsfile"])
    if let alias = effective["hostkeyalias"] {
      names = [alias]
      return
    }
    let host = (effective.hostName ?? fallbackName).lowercased()
    // ssh looks under the bare name too when it finds none with the port (sshconnect.c, check_host_key).
    names = effective.port == 22 ? [host] : ["[\(host)]:\(effective.port)", host]
  }

  /// `ssh -G` separates paths by a space and quotes none; all of them are absolute or `none`.
  static func paths(_ line: String?) -> [String] {
    guard let line, line.lowercased() != "none" else { return [] }
    var paths: [String] = []
    for word in line.split(separator: " ", omittingEmptySubsequences: false) {
      if word.hasPrefix("/") || paths.isEmpty {
        paths.append(String(word))
      } else {
        paths[paths.count - 1] += " \(word)"
      }
    }
    return paths.filter { $0 != "/dev/null" }
  }

  /// A key that ssh-keygen has found.
  struct Entry: Sendable, Hashable {
    let file: String
    let line: Int
    /// Type and fingerprint: `ED25519 SHA256:...`.
    let key: String
  }

  /// Reads what `ssh-keygen -l -F NAME -f FILE` prints.
  static func entries(_ output: String, file: String) -> [Entry] {
    var entries: [Entry] = []
    var line = 0
    for text in output.split(separator: "\n") {
      if let match = text.firstMatch(of: /^# Host .* found: line (\d+)/) {
        line = Int(match.1) ?? 0
      } else if let match = text.firstMatch(of: /([A-Za-z0-9-]+) (SHA256:\S+)/) {
        entries.append(Entry(file: file, line: line, key: "\(match.1) \(match.2)"))
      }
    }
    return entries
  }
}
