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
      id, "host_id", !id.isEmpty && id.count <= Limits.idCharacters && !id.startsWithDash && id.isOneLine,
      "1 to \(Limits.idCharacters) characters without control characters, not beginning with '-'")
    var all = HostEdit()
    all.host = host
    all.username = username
    all.port = port
    all.keyPath = keyPath
    all.password = password
    all.passwordCommand = passwordCommand
    try all.validate()
  }

  fileprivate static func check(
    _ value: String?, _ field: String, _ holds: Bool, _ demand: String
  ) throws(HostStoreFailure) {
    guard holds else { throw .invalid(field: field, value: value, demand: demand) }
  }

  /// What ssh accepts in a destination since 9.6 (ssh.c, valid_hostname), and not an option.
  static func isHostName(_ text: String) -> Bool {
    !text.isEmpty && !text.startsWithDash && text.utf8.count <= Limits.nameBytes
      && text.unicodeScalars.allSatisfy { scalar in
        !scalar.properties.isWhitespace && scalar.value >= 0x20 && scalar.value != 0x7F
          && !"'\"`$\\;&<>|(){}".unicodeScalars.contains(scalar)
      }
  }

  /// What ssh accepts as a user name (ssh.c, valid_ruser): `CORP\alice` and `svc$` are some.
  static func isUserName(_ text: String) -> Bool {
    guard !text.isEmpty, !text.startsWithDash, text.utf8.last != UInt8(ascii: "\\"), text.isOneLine,
      text.utf8.count <= Limits.nameBytes
    else { return false }
    var isAfterSpace = false
    return text.unicodeScalars.allSatisfy { scalar in
      defer { isAfterSpace = scalar.properties.isWhitespace }
      return !"'\"`;&<>|(){}".unicodeScalars.contains(scalar) && !(isAfterSpace && scalar == "-")
    }
  }

  /// A path with `~` and `~/` replaced by the home directory; other paths stay as they are.
  package static func expandingTilde(_ path: String, home: String) -> String {
    if path == "~" { return home }
    return path.hasPrefix("~/") ? home + path.dropFirst(1) : path
  }
}

extension HostEdit {
  /// Checks the fields that it names; what stands in the record is not its matter.
  ///
  /// - Throws: As `StoredHost.validate`.
  func validate() throws(HostStoreFailure) {
    if let host {
      try StoredHost.check(
        host, "host", StoredHost.isHostName(host),
        "a host name, an address or an alias of ssh_config: no white space, no '-' in front, none of '\"`$\\;&<>|(){}"
      )
    }
    if let username {
      try StoredHost.check(
        username, "username", StoredHost.isUserName(username),
        "a user name as ssh takes it: no '-' in front or after a blank, no '\\' at the end, no control characters, none "
          + "of '\"`;&<>|(){}")
    }
    if let port { try StoredHost.check(String(port), "port", (1...65535).contains(port), "from 1 to 65535") }
    if let keyPath {
      try StoredHost.check(
        keyPath, "keyPath", keyPath.isOneLine && !keyPath.startsWithDash,
        "a path without control characters, not beginning with '-'")
    }
    if let password {
      try StoredHost.check(
        nil, "password", password.isOneLine && password.utf8.count <= StoredHost.Limits.passwordBytes,
        "at most \(StoredHost.Limits.passwordBytes) bytes without line breaks or other control characters, "
          + "since ssh would cut it there")
    }
    if let passwordCommand {
      try StoredHost.check(
        nil, "passwordCommand", passwordCommand.isOneLine, "one line without control characters")
    }
  }
}

extension String {
  fileprivate var isOneLine: Bool { unicodeScalars.allSatisfy(Self.staysOnLine) }

  /// The text with U+FFFD for whatever would break a line or steer a terminal.
  var onOneLine: String {
    String(String.UnicodeScalarView(unicodeScalars.map { Self.staysOnLine($0) ? $0 : "\u{FFFD}" }))
  }

  private static func staysOnLine(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && scalar.value != 0x7F && scalar.value != 0x2028 && scalar.value != 0x2029
  }

  /// By bytes: a combining character behind a dash makes another character of it, and not for ssh.
  fileprivate var startsWithDash: Bool { utf8.first == UInt8(ascii: "-") }
}
