import RemoteShell

/// Terminal output on its way to text.
enum FilterProperty {
  static func violation(_ bytes: [UInt8]) -> String? {
    let text = ControlSequenceFilter.text(of: bytes)
    for pieces in [Pieces.single(bytes), Pieces.uneven(bytes)] {
      var filter = ControlSequenceFilter()
      for piece in pieces { filter.consume(piece) }
      guard filter.finish().utf8.elementsEqual(text.utf8) else { return "a split gives another text" }
    }
    if let control = text.unicodeScalars.first(where: isControl) {
      return "U+\(String(control.value, radix: 16)) is left in the text"
    }
    let isPlain = bytes.allSatisfy { $0 == 0x09 || $0 == 0x0A || (0x20...0x7E).contains($0) }
    if isPlain, !text.utf8.elementsEqual(bytes) { return "plain text was changed" }
    guard ControlSequenceFilter.text(of: Array(text.utf8)).utf8.elementsEqual(text.utf8) else {
      return "text is not left alone the second time"
    }
    // A line's cells: each byte makes at most one, and each NUL or wrong byte three bytes of text.
    return text.utf8.count > 3 * bytes.count + maximalColumns(bytes)
      ? "the text is larger than its cause" : nil
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0..<0x20, 0x7F..<0xA0: true
    default: false
    }
  }

  /// Cells that a column may leave empty before it is written to.
  private static func maximalColumns(_ bytes: [UInt8]) -> Int { 4 * bytes.count }
}
