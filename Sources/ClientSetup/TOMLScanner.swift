/// Reads TOML 1.0 line by line, as far as finding headers and keys needs it.
struct TOMLScanner {
  /// What a line is.
  enum Line: Sendable, Hashable {
    /// Empty, a comment, or the rest of a value.
    case nothing
    /// `[path]`, or `[[path]]` for a list.
    case header(path: [String], isList: Bool)
    /// `key = value`; a dotted key has several parts.
    case key([String])
  }

  /// How many brackets of a value are open.
  private var depth = 0
  private var bytes: [UInt8] = []
  private var position = 0
  private var number = 0

  /// Reads one line, its end included.
  ///
  /// - Parameters:
  ///   - line: The line.
  ///   - number: Its number, from 1.
  /// - Returns: What it is.
  /// - Throws: `ConfigurationFault`.
  mutating func read(_ line: ArraySlice<UInt8>, number: Int) throws(ConfigurationFault) -> Line {
    bytes = Array(line)
    self.number = number
    position = 0
    while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw damaged("the line is not valid UTF-8")
    }
    if depth > 0 {
      try value()
      return .nothing
    }
    skipSpace()
    guard let first = peek(), first != UInt8(ascii: "#") else { return .nothing }
    if first == UInt8(ascii: "[") { return try header() }
    let key = try keyPath()
    guard take(UInt8(ascii: "=")) else { throw damaged("expected '=' after a key") }
    skipSpace()
    guard let first = peek(), first != UInt8(ascii: "#") else { throw damaged("expected a value") }
    try value()
    return .key(key)
  }

  /// Says that there are no more lines.
  func finish(line: Int) throws(ConfigurationFault) {
    guard depth == 0 else {
      throw .damaged(line: max(1, line), column: 1, reason: "the file ended inside a value")
    }
  }

  private mutating func header() throws(ConfigurationFault) -> Line {
    position += 1
    let isList = take(UInt8(ascii: "["))
    let path = try keyPath()
    guard take(UInt8(ascii: "]")), !isList || take(UInt8(ascii: "]")) else { throw damaged("expected ']'") }
    skipSpace()
    guard peek() == nil || peek() == UInt8(ascii: "#") else {
      throw damaged("unexpected text after a header")
    }
    return .header(path: path, isList: isList)
  }

  /// Bare and quoted keys with dots between them; white space around each is skipped.
  private mutating func keyPath() throws(ConfigurationFault) -> [String] {
    var path: [String] = []
    repeat {
      skipSpace()
      if let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
        path.append(try string())
      } else {
        let start = position
        while let byte = peek(), Self.isBare(byte) { position += 1 }
        guard position > start else { throw damaged("expected a key") }
        path.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      skipSpace()
    } while take(UInt8(ascii: "."))
    return path
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// The rest of a line as part of a value: strings are skipped, brackets counted.
  private mutating func value() throws(ConfigurationFault) {
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = try string()
      case UInt8(ascii: "#"): return
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        position += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard depth > 0 else { throw damaged("a bracket that nothing opened") }
        depth -= 1
        position += 1
      default: position += 1
      }
    }
  }

  /// One quoted string of one line; escapes are kept as they stand, but for those of a quote and a backslash.
  private mutating func string() throws(ConfigurationFault) -> String {
    let quote = bytes[position]
    if bytes[position...].starts(with: [quote, quote, quote]) {
      throw .unsuited(reason: "line \(number) has a string in three quotes, which may hide a table")
    }
    position += 1
    var content: [UInt8] = []
    while let byte = peek(), byte != quote {
      let isEscape = byte == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"")
      if isEscape {
        position += 1
        guard let escaped = peek() else { break }
        if escaped != quote, escaped != byte { content.append(byte) }
        content.append(escaped)
      } else {
        content.append(byte)
      }
      position += 1
    }
    guard take(quote) else { throw damaged("the line ended inside a string") }
    return String(decoding: content, as: UTF8.self)
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 { position += 1 }
  }

  private func damaged(_ reason: String) -> ConfigurationFault {
    .damaged(line: number, column: position + 1, reason: reason)
  }
}
