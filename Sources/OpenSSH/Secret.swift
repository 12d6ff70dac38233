/// A password or passphrase: it has no text form and leaves the process through askpass alone.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
  /// The bytes, for the askpass answer and for the terminal of a program that asks.
  package let bytes: [UInt8]

  /// A secret with that text.
  package init(_ text: String) {
    bytes = Array(text.utf8)
  }

  package var description: String { "<redacted>" }
  package var debugDescription: String { "<redacted>" }
}
