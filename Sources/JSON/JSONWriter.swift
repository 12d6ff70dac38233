/// Writes JSON values as text (RFC 8259).
package struct JSONWriter {
  private let indentation: Int?
  private var output: [UInt8] = []

  /// The value on one line, without spaces, as JSON-RPC over stdio wants it.
  package static func compact(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter(indentation: nil)
    writer.write(value, depth: 0)
    return writer.output
  }

  /// The value on several lines, for a file that people read; `indentation` is in spaces a level.
  package static func pretty(_ value: JSONValue, indentation: Int = 2) -> [UInt8] {
    var writer = JSONWriter(indentation: indentation)
    writer.write(value, depth: 0)
    writer.output.append(0x0A)
    return writer.output
  }

  private init(indentation: Int?) {
    self.indentation = indentation
  }

  private mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let bool): output.append(contentsOf: (bool ? "true" : "false").utf8)
    case .number(let number): output.append(contentsOf: number.literal.utf8)
    case .string(let string): write(string)
    case .unpaired(let string): write(string)
    case .array(let elements):
      writeList(elements, open: UInt8(ascii: "["), close: UInt8(ascii: "]"), depth: depth) {
        writer, element in
        writer.write(element, depth: depth + 1)
      }
    case .object(let object):
      writeList(object.members, open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), depth: depth) {
        writer, member in
        writer.write(member.name)
        writer.output.append(UInt8(ascii: ":"))
        if writer.indentation != nil { writer.output.append(0x20) }
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func writeList<Element>(
    _ elements: [Element], open: UInt8, close: UInt8, depth: Int,
    element writeElement: (inout JSONWriter, Element) -> Void
  ) {
    output.append(open)
    for (index, element) in elements.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      breakLine(depth: depth + 1)
      writeElement(&self, element)
    }
    if !elements.isEmpty { breakLine(depth: depth) }
    output.append(close)
  }

  private mutating func breakLine(depth: Int) {
    guard let indentation else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: indentation * depth))
  }

  /// Escapes what RFC 8259 section 7 demands, and DEL besides; everything else stays as it is.
  private mutating func write(_ string: String) {
    output.append(UInt8(ascii: "\""))
    var string = string
    string.withUTF8 { utf8 in
      var clean = 0
      for (index, byte) in utf8.enumerated() {
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F else {
          continue
        }
        output.append(contentsOf: utf8[clean..<index])
        writeEscape(of: byte)
        clean = index + 1
      }
      output.append(contentsOf: utf8[clean...])
    }
    output.append(UInt8(ascii: "\""))
  }

  /// As it was, since its escapes stand for what no text can hold.
  private mutating func write(_ string: JSONUnpaired) {
    output.append(UInt8(ascii: "\""))
    for byte in string.literal.utf8 {
      if byte == 0x7F { writeEscape(of: byte) } else { output.append(byte) }
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscape(of byte: UInt8) {
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0C: output.append(UInt8(ascii: "f"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    default:
      let digits = Array("0123456789abcdef".utf8)
      output.append(contentsOf: [
        UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), digits[Int(byte >> 4)],
        digits[Int(byte & 15)],
      ])
    }
  }
}
