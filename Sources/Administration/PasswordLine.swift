/// A line that is typed without being shown: the terminal's usual editing keys, on bytes.
struct PasswordLine: Sendable, Hashable {
  /// How the line ended.
  enum End: Sendable, Hashable {
    /// With Return, or with Control-D.
    case entered
    /// With Control-C.
    case cancelled
  }

  private(set) var bytes: [UInt8] = []

  /// Takes one byte.
  ///
  /// - Parameter byte: What the terminal sent, in raw mode.
  /// - Returns: How the line ended, once it has.
  mutating func take(_ byte: UInt8) -> End? {
    switch byte {
    case 0x0A, 0x0D, 0x04: return .entered
    case 0x03: return .cancelled
    case 0x08, 0x7F:
      // A character is a leading byte and what follows it (RFC 3629): 10xxxxxx.
      while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    case 0x15: bytes = []
    default: bytes.append(byte)
    }
    return nil
  }
}

/// Why there is no password.
package enum PasswordFailure: Error, Sendable, Hashable, CustomStringConvertible {
  case noTerminal(reason: String)
  case nothingRead
  case notText
  case different
  case cancelled

  package var description: String {
    switch self {
    case .noTerminal(let reason):
      "The terminal cannot be asked (/dev/tty: \(reason)). Nothing was changed; give the password on standard input."
    case .nothingRead: "No password came on standard input. Nothing was changed."
    case .notText: "The password is not UTF-8. Nothing was changed."
    case .different: "The two passwords differ. Nothing was changed."
    case .cancelled: "Cancelled. Nothing was changed."
    }
  }
}
