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

/// A text that has the grammar of JSON.
package struct JSONReading: Sendable {
  /// What it holds.
  ///
  /// With a fault it is for telling whom to answer, and no more: `null` stands where a name came again or where it is
  /// nested too deep.
  package let value: JSONValue
  /// The first thing in it that the grammar allows and we do not take: an unpaired surrogate, a name that comes twice,
  /// a nesting beyond the limit.
  package let fault: JSONSyntaxError?
}

/// Reads one JSON text (RFC 8259), strictly: no trailing commas, no comments, no byte order mark, valid
/// UTF-8, no repeated names, nothing but white space after the value.
package struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let depthLimit: Int
  private var position = 0
  /// The first fault that is none of the grammar, strings that are no text aside.
  private var fault: JSONSyntaxError?
  /// The first string that is no text.
  private var firstUnpaired: JSONSyntaxError?
  /// Where the string that was read last has an unpaired surrogate, until somebody has taken note of it.
  private var unpaired: Int?

  /// The nesting that is accepted unless a caller says otherwise; protects the stack.
  package static let defaultDepthLimit = 64

  /// The value of a JSON text; strings that are no text are in it as they were (`JSONValue.unpaired`).
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - depthLimit: How deep arrays and objects may nest.
  /// - Returns: The value.
  /// - Throws: `JSONSyntaxError` with the place of the first fault.
  package static func parse(
    _ bytes: some Collection<UInt8>, depthLimit: Int = defaultDepthLimit
  ) throws(JSONSyntaxError) -> JSONValue {
    try parsed(bytes, depthLimit: depthLimit) { parser throws(JSONSyntaxError) in
      let value: JSONValue
      do throws(JSONSyntaxError) {
        value = try parser.document()
      } catch {
        throw parser.fault ?? error
      }
      if let fault = parser.fault { throw fault }
      return value
    }
  }

  /// The value of a JSON text held in a string.
  package static func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  /// Reads a text to its end, whatever it holds, as long as it has the grammar of JSON.
  ///
  /// - Parameters:
  ///   - bytes: The text in UTF-8.
  ///   - depthLimit: How deep arrays and objects may nest without a fault.
  /// - Returns: The value, and the first fault in it.
  /// - Throws: `JSONSyntaxError` with the place where the text leaves the grammar.
  package static func read(
    _ bytes: some Collection<UInt8>, depthLimit: Int = defaultDepthLimit
  ) throws(JSONSyntaxError) -> JSONReading {
    try parsed(bytes, depthLimit: depthLimit) { parser throws(JSONSyntaxError) in
      let value = try parser.document()
      let faults = [parser.fault, parser.firstUnpaired].compactMap(\.self)
      return JSONReading(value: value, fault: faults.min { $0.offset < $1.offset })
    }
  }

  private static func parsed<Outcome>(
    _ bytes: some Collection<UInt8>, depthLimit: Int,
    _ read: (inout JSONParser) throws(JSONSyntaxError) -> Outcome
  ) throws(JSONSyntaxError) -> Outcome {
    func outcome(of bytes: UnsafeBufferPointer<UInt8>) -> Result<Outcome, JSONSyntaxError> {
      var parser = JSONParser(bytes: bytes, depthLimit: depthLimit)
      do throws(JSONSyntaxError) {
        return .success(try read(&parser))
      } catch {
        return .failure(error)
      }
    }
    let result = bytes.withContiguousStorageIfAvailable(outcome)
    return try (result ?? Array(bytes).withUnsafeBufferPointer(outcome)).get()
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
    case UInt8(ascii: "{"): return depth < depthLimit ? try object(depth: depth + 1) : try tooDeep()
    case UInt8(ascii: "["): return depth < depthLimit ? try array(depth: depth + 1) : try tooDeep()
    default: return try scalar()
    }
  }

  /// A value that holds no others.
  private mutating func scalar() throws(JSONSyntaxError) -> JSONValue {
    switch peek() {
    case UInt8(ascii: "\""):
      let start = position
      let text = try string()
      guard let place = unpaired else { return .string(text) }
      if firstUnpaired == nil { firstUnpaired = failure("an unpaired surrogate", at: place) }
      unpaired = nil
      let literal = bytes[(start + 1)..<(position - 1)]
      return .unpaired(JSONUnpaired(literal: String(decoding: literal, as: UTF8.self)))
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
    position += 1
    var members: [(name: String, value: JSONValue)] = []
    var index = NameIndex()
    skipWhiteSpace()
    if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: members)) }
    while true {
      skipWhiteSpace()
      let start = position
      let name = try memberName()
      let earlier = index.place(of: name, in: members)
      if earlier != nil { note("the member \"\(name)\" is repeated", at: start) }
      let value = try value(depth: depth)
      if let earlier {
        // Nobody can say which of them was meant.
        members[earlier].value = .null
      } else {
        members.append((name, value))
      }
      skipWhiteSpace()
      if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: members)) }
      guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or '}'") }
    }
  }

  /// A name in quotes, and the colon behind it.
  private mutating func memberName() throws(JSONSyntaxError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw failure("expected a member name in quotes") }
    let name = try string()
    if let place = unpaired {
      note("an unpaired surrogate in a name", at: place)
      unpaired = nil
    }
    skipWhiteSpace()
    guard take(UInt8(ascii: ":")) else { throw failure("expected ':'") }
    return name
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
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

  /// Passes over an array or object beyond the limit, without recursion: its grammar is looked at, nothing is kept.
  private mutating func tooDeep() throws(JSONSyntaxError) -> JSONValue {
    note("nested deeper than \(depthLimit)", at: position)
    var closings: [UInt8] = []
    repeat {
      skipWhiteSpace()
      if let byte = peek(), byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
        position += 1
        let closing = byte == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")
        skipWhiteSpace()
        if !take(closing) {
          closings.append(closing)
          if closing == UInt8(ascii: "}") { _ = try memberName() }
          continue
        }
      } else {
        _ = try scalar()
      }
      try endValue(of: &closings)
    } while !closings.isEmpty
    return .null
  }

  /// After a value: closes what ends there, and goes on to the value behind the comma if there is one.
  private mutating func endValue(of closings: inout [UInt8]) throws(JSONSyntaxError) {
    while let closing = closings.last {
      skipWhiteSpace()
      if take(closing) {
        closings.removeLast()
        continue
      }
      guard take(UInt8(ascii: ",")) else {
        throw failure("expected ',' or '\(Character(Unicode.Scalar(closing)))'")
      }
      skipWhiteSpace()
      if closing == UInt8(ascii: "}") { _ = try memberName() }
      return
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
      let scalar = try escapedScalar()
      if scalar == nil { unpaired = unpaired ?? start }
      content.append(contentsOf: scalar.flatMap { UTF8.encode($0) } ?? UTF8.encodedReplacementCharacter)
    default: throw failure("an unknown escape in a string", at: start)
    }
  }

  /// What comes after `\u`, with the second half of a pair; nil for a half without the other.
  private mutating func escapedScalar() throws(JSONSyntaxError) -> Unicode.Scalar? {
    let code = UInt32(try hexadecimalUnit())
    guard (0xD800..<0xDC00).contains(code) else { return Unicode.Scalar(code) }
    let end = position
    if take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
      let low = UInt32(try hexadecimalUnit())
      if (0xDC00..<0xE000).contains(low) {
        return Unicode.Scalar(0x10000 + (code - 0xD800) << 10 + (low - 0xDC00))
      }
    }
    // What follows is an escape of its own, or none.
    position = end
    return nil
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

  /// Keeps the first fault, and goes on.
  private mutating func note(_ reason: String, at offset: Int) {
    // Counting lines takes as long as reading them, so it is done once.
    if fault == nil { fault = failure(reason, at: offset) }
  }

  private func failure(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
    let offset = offset ?? position
    let before = bytes[..<offset]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONSyntaxError(reason: reason, offset: offset, line: line, column: offset - lineStart + 1)
  }
}
