#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension StringProtocol where SubSequence == Substring {
  /// What stands between the first `start` and the first `end` after it.
  ///
  /// In time proportional to the text, whatever it holds. Servers and proxy commands choose it, and a pattern that
  /// begins again at every place takes minutes for a few lines of eight kilobytes.
  ///
  /// - Parameters:
  ///   - start: What is before it, in ASCII.
  ///   - end: What is behind it, in ASCII; nil for the end of the text.
  /// - Returns: The text between; nil if there is none or it is empty.
  func between(_ start: String, _ end: String?) -> String? {
    guard let before = place(of: start) else { return nil }
    let rest = self[before.upperBound...]
    guard let end else { return rest.isEmpty ? nil : String(rest) }
    guard let after = rest.place(of: end), after.lowerBound > rest.startIndex else { return nil }
    return String(rest[..<after.lowerBound])
  }

  /// Whether it holds that text.
  func holds(_ text: String) -> Bool { place(of: text) != nil }

  /// Where that text stands first, byte for byte.
  func place(of text: String) -> Range<String.Index>? {
    var whole = self[...]
    let wanted = Array(text.utf8)
    guard let offset = whole.withUTF8({ Self.offset(of: wanted, in: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    let lower = utf8.index(startIndex, offsetBy: offset)
    return lower..<utf8.index(lower, offsetBy: wanted.count)
  }

  private static func offset(of wanted: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let first = wanted.first, let start = bytes.baseAddress else { return nil }
    var offset = 0
    while bytes.count - offset >= wanted.count {
      let room = bytes.count - offset - wanted.count + 1
      guard let found = memchr(start + offset, Int32(first), room) else { return nil }
      offset = start.distance(to: UnsafeRawPointer(found))
      if memcmp(start + offset, wanted, wanted.count) == 0 { return offset }
      offset += 1
    }
    return nil
  }

  /// Whether it speaks of a line of a file: `... line 7: ...`.
  var namesLine: Bool {
    var rest = self[...]
    while let found = rest.place(of: " line ") {
      let isInside = found.lowerBound > startIndex
      rest = rest[found.upperBound...]
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let after = rest[digits.endIndex...]
      if isInside, !digits.isEmpty, after.hasPrefix(": "), after.utf8.count > 2 { return true }
    }
    return false
  }

  /// The text with control characters shown as U+FFFD, but for tabs: it is meant for people and models.
  var withoutControls: String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 && scalar != "\t" || (0x7F..<0xA0).contains(scalar.value)
    }
    guard unicodeScalars.contains(where: isControl) else { return String(self) }
    return String(String.UnicodeScalarView(unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
  }
}
