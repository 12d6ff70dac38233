extension StoredHost {
  /// The bounds of a record.
  package enum Limits {
    /// Characters of an id.
    package static let idCharacters = 128
    /// Bytes of a host's or a user's name: no resolver takes more (NI_MAXHOST).
    package static let nameBytes = 1024
    /// Bytes of a password: ssh cuts an askpass answer there (OpenSSH, readpass.c).
    package static let passwordBytes = 1023
  }

  /// Checks that no field can be taken for an option or break a line.
  ///
  /// - Throws: `HostStoreFailure.invalid` that names the field and what it must be.
  package func validate() throws(HostStoreFailure) {
    try Self.check(
      id, "host_id", !id.isEmpty && id.count <= Limits.idCharacters && !id.hasPrefix("-") && id.isOneLine,
      "1 to \(Limits.idCharacters) characters without control characters, not beginning with '-'")
    try Self.check(
      host, "host", Self.isHostName(host),
      "a host name, an address or an alias of ssh_config: no white space, no '-' in front, none of '\"`$\\;&<>|(){}"
    )
    try Self.check(
      username, "username", Self.isUserName(username),
      "a user name: no white space, no '-' in front, none of '\"`$\\;&<>|(){}")
    try Self.check(String(port), "port", (1...65535).contains(port), "from 1 to 65535")
    if let keyPath {
      try Self.check(
        keyPath, "keyPath", keyPath.isOneLine && !keyPath.hasPrefix("-"),
        "a path without control characters, not beginning with '-'")
    }
    if let password {
      try Self.check(
        nil, "password", password.isOneLine && password.utf8.count <= Limits.passwordBytes,
        "at most \(Limits.passwordBytes) bytes without line breaks or other control characters, "
          + "since ssh would cut it there")
    }
    if let passwordCommand {
      try Self.check(nil, "passwordCommand", passwordCommand.isOneLine, "one line without control characters")
    }
  }

  private static func check(
    _ value: String?, _ field: String, _ holds: Bool, _ demand: String
  ) throws(HostStoreFailure) {
    guard holds else { throw .invalid(field: field, value: value, demand: demand) }
  }

  /// What ssh accepts in a destination since 9.6 (ssh.c, valid_hostname), and not an option.
  static func isHostName(_ text: String) -> Bool {
    isPlain(text) && !text.isEmpty && !text.hasPrefix("-")
  }

  /// What ssh accepts as a user name (ssh.c, valid_ruser), and not an option.
  static func isUserName(_ text: String) -> Bool {
    isPlain(text) && !text.isEmpty && !text.hasPrefix("-")
  }

  private static func isPlain(_ text: String) -> Bool {
    text.utf8.count <= Limits.nameBytes
      && text.unicodeScalars.allSatisfy { scalar in
        !scalar.properties.isWhitespace && scalar.value >= 0x20 && scalar.value != 0x7F
          && !"'\"`$\\;&<>|(){}".unicodeScalars.contains(scalar)
      }
  }

  /// A path with `~` and `~/` replaced by the home directory; other paths stay as they are.
  package static func expandingTilde(_ path: String, home: String) -> String {
    if path == "~" { return home }
    return path.hasPrefix("~/") ? home + path.dropFirst(1) : path
  }
}

extension String {
  fileprivate var isOneLine: Bool {
    unicodeScalars.allSatisfy {
      $0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x2028 && $0.value != 0x2029
    }
  }
}
