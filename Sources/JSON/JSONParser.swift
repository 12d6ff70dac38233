/// Why a text is not JSON, and where.
package struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was wrong, as the end of a sentence: "expected ',' or '}'".
  package let reason: String
  /// The offset of the byte at which it was seen, from 0.
  package let offset: Int
  /// The line of that byte, from 1.
  package let line: Int
  /// The column of that byte on its line, in bytes, from 1.
  package let column: Int

  package var description: String { "line \(line), column \(column): \(reason)" }
}

/// Reads one JSON text (RFC 8259), strictly: no trailing commas, no comments, no byte order mark, valid
/// UTF-8, no unpaired surrogates, no repeated names, nothing but white space after the value.
package struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let depthLimit: Int
  private var position = 0

  /// The nesting that is accepted unless a caller says otherwise; protects the stack.
  package static let defaultDepthLimit = 64

  /// The value of a JSON text.
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - depthLimit: How deep arrays and objects may nest.
  /// - Returns: The value.
  /// - Throws: `JSONSyntaxError` with the place of the first fault.
  package static func parse(
    _ bytes: some Collection<UInt8>, depthLimit: Int = defaultDepthLimit
  ) throws(JSONSyntaxError) -> JSONValue {
    let result: Result<JSONValue, JSONSyntaxError>? = bytes.withContiguousStorageIfAvailable {
      outcome(of: $0, depthLimit: depthLimit)
    }
    return try (result ?? Array(bytes).withUnsafeBufferPointer { outcome(of: $0, depthLimit: depthLimit) })
      .get()
  }

  /// The value of a JSON text held in a string.
  package static func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  private static func outcome(
    of bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int
  ) -> Result<JSONValue, JSONSyntaxError> {
    var parser = JSONParser(bytes: bytes, depthLimit: depthLimit)
    do throws(JSONSyntaxError) {
      return .success(try parser.document())
    } catch {
      return .failure(error)
    }
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  private mutating func document() throws(JSONSyntaxError) -> JSONValue {
    let value = try value(depth: 0)
    skipWhiteSpace()
    guard position == bytes.count else { throw failure("unexpected text after the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    skipWhiteSpace()
    switch peek() {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
      return .number(try number())
    case nil: throw failure("the text ended where a value was expected")
    default: throw failure("expected a value")
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= depthLimit else { throw failure("nested deeper than \(depthLimit)") }
    position += 1
    var members: [(name: String, value: JSONValue)] = []
    var names: Set<String> = []
    skipWhiteSpace()
    if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: members)) }
    while true {
      skipWhiteSpace()
      guard peek() == UInt8(ascii: "\"") else { throw failure("expected a member name in quotes") }
      let start = position
      let name = try string()
      guard names.insert(name).inserted else {
        throw failure("the member \"\(name)\" is repeated", at: start)
      }
      skipWhiteSpace()
      guard take(UInt8(ascii: ":")) else { throw failure("expected ':'") }
      members.append((name, try value(depth: depth)))
      skipWhiteSpace()
      if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: members)) }
      guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= depthLimit else { throw failure("nested deeper than \(depthLimit)") }
    position += 1
    var elements: [JSONValue] = []
    skipWhiteSpace()
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value(depth: depth))
      skipWhiteSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or ']'") }
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue
  {
    let start = position
    for index in 0..<word.utf8CodeUnitCount {
      guard peek() == word.utf8Start[index] else { throw failure("expected a value", at: start) }
      position += 1
    }
    return value
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONNumber {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    return JSONNumber(literal: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func digits() throws(JSONSyntaxError) {
    let start = position
    while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw failure("expected a digit") }
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if peek() == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try text(of: bytes[start..<position], startingAt: start)
    }
    return try stringWithEscapes(from: start)
  }

  private mutating func stringWithEscapes(from start: Int) throws(JSONSyntaxError) -> String {
    var content = [UInt8](bytes[start..<position])
    while true {
      guard let byte = peek() else { throw failure("the text ended inside a string") }
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return try content.withUnsafeBufferPointer { content throws(JSONSyntaxError) in
          try text(of: content[...], startingAt: start)
        }
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20: throw failure("a control character must be escaped in a string")
      default:
        content.append(byte)
        position += 1
      }
    }
  }

  private func text(
    of slice: Slice<UnsafeBufferPointer<UInt8>>, startingAt start: Int
  ) throws(JSONSyntaxError) -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw failure("the string is not valid UTF-8", at: start)
    }
    return text
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONSyntaxError) {
    let start = position
    position += 1
    guard let kind = peek() else { throw failure("the text ended inside a string") }
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(kind)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try hexadecimalUnit())
      if (0xD800..<0xDC00).contains(code) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
          throw failure("an unpaired surrogate", at: start)
        }
        let low = UInt32(try hexadecimalUnit())
        guard (0xDC00..<0xE000).contains(low) else { throw failure("an unpaired surrogate", at: start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("an unpaired surrogate", at: start) }
      content.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw failure("an unknown escape in a string", at: start)
    }
  }

  private mutating func hexadecimalUnit() throws(JSONSyntaxError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek(), let digit = Self.hexadecimalDigit(byte) else {
        throw failure("expected four hexadecimal digits after \\u")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  private func peek() -> UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipWhiteSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private func failure(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
    let offset = offset ?? position
    let before = bytes[..<offset]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONSyntaxError(reason: reason, offset: offset, line: line, column: offset - lineStart + 1)
  }
}
