/// The text of a configuration file, and the changes that `setup` makes to it; never touches a file.
protocol Configuration {
  /// The entry of that name for a person to read, with values hidden that may be secrets; `nil` if there is none.
  func shown(_ name: String) -> String?

  /// Whether the entry of that name already says what it should.
  func has(_ entry: ServerEntry, named name: String) -> Bool

  /// The text with that entry, instead of one of the same name; all else is kept byte for byte.
  func setting(_ entry: ServerEntry, named name: String) -> [UInt8]

  /// The text without the entry of that name; all else is kept byte for byte.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - original: The text before the first change, if it is known.
  /// - Returns: The text; the same one if there is no such entry.
  func removing(_ name: String, original: [UInt8]?) -> [UInt8]
}

/// Why a text cannot be changed.
enum ConfigurationFault: Error, Sendable, Hashable {
  /// It is not what it should be, seen at that line and column (in bytes), both from 1.
  case damaged(line: Int, column: Int, reason: String)
  /// It is, but it says things in a way that this program does not change.
  case unsuited(reason: String)
}

/// What stands in place of a value that may be a secret.
let hiddenValue = "(hidden)"

/// Whether the value of that variable may be shown.
func isPublic(_ variable: String) -> Bool {
  variable == "SSH_AUTH_SOCK" || (variable.hasPrefix("SSH_MCP_") && !ServerEntry.isSecret(variable))
}
