extension String {
  /// Whether both are the same bytes in UTF-8.
  ///
  /// `==` takes "é" for "e\u{301}", which are two names to everybody else, and its time is quadratic in the marks that
  /// stand on one letter.
  package func hasBytes(of other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    let same = utf8.withContiguousStorageIfAvailable { left in
      other.utf8.withContiguousStorageIfAvailable { right in left.elementsEqual(right) }
    }
    return (same ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Hashes what `hasBytes` compares.
  package func hashBytes(into hasher: inout Hasher) {
    let isDone: Void? = utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isDone == nil { for byte in utf8 { hasher.combine(byte) } }
    // No text in UTF-8 has this byte, so it parts one from the next.
    hasher.combine(0xFF as UInt8)
  }
}

/// A text as a key: equal where the bytes are.
package struct ByteKey: Hashable, Sendable {
  /// The text itself.
  package let text: String

  /// The key of that text.
  package init(_ text: String) {
    self.text = text
  }

  package static func == (left: ByteKey, right: ByteKey) -> Bool { left.text.hasBytes(of: right.text) }

  package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}
