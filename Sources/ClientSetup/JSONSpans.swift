import JSON

/// Where the members of an object stand in a text that is known to be JSON.
///
/// The parser proves the text; this finds places in it, so that all other bytes can be kept.
struct JSONSpans {
  /// One member.
  struct Member {
    let name: String
    /// From the quote of the name to the end of the value.
    let range: Range<Int>
    /// The value alone.
    let value: Range<Int>
  }

  /// The members in order.
  let members: [Member]
  /// From `{` to `}`, both included.
  let range: Range<Int>

  /// Finds the members of the object that begins at `start`, after white space.
  ///
  /// - Returns: `nil` if there is no object.
  init?(of bytes: [UInt8], at start: Int) {
    var position = Self.skippingSpace(bytes, from: start)
    guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else { return nil }
    let open = position
    var members: [Member] = []
    position = Self.skippingSpace(bytes, from: position + 1)
    while position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      let nameStart = position
      position = Self.skippingString(bytes, from: position)
      let name = (try? JSONParser.parse(bytes[nameStart..<position]))?.string ?? ""
      let colon = Self.skippingSpace(bytes, from: position)
      let valueStart = Self.skippingSpace(bytes, from: colon + 1)
      let valueEnd = Self.skippingValue(bytes, from: valueStart)
      members.append(Member(name: name, range: nameStart..<valueEnd, value: valueStart..<valueEnd))
      position = Self.skippingSpace(bytes, from: valueEnd)
      if position < bytes.count, bytes[position] == UInt8(ascii: ",") {
        position = Self.skippingSpace(bytes, from: position + 1)
      }
    }
    self.members = members
    range = open..<min(position + 1, bytes.count)
  }

  /// The index of the member of that name.
  func index(of name: String) -> Int? {
    members.firstIndex { $0.name == name }
  }

  private static func skippingSpace(_ bytes: [UInt8], from start: Int) -> Int {
    var position = start
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    return position
  }

  private static func skippingString(_ bytes: [UInt8], from start: Int) -> Int {
    var position = start + 1
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(position + 1, bytes.count)
  }

  /// From the first byte of a value to the byte after it.
  private static func skippingValue(_ bytes: [UInt8], from start: Int) -> Int {
    var position = start
    var depth = 0
    repeat {
      guard position < bytes.count else { return bytes.count }
      switch bytes[position] {
      case UInt8(ascii: "\""): position = skippingString(bytes, from: position)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      default: position = skippingWord(bytes, from: position)
      }
    } while depth > 0
    return position
  }

  /// A number, `true`, `false` or `null`; within a list also what stands between its values.
  private static func skippingWord(_ bytes: [UInt8], from start: Int) -> Int {
    var position = start + 1
    while position < bytes.count, !",:{}[]\" \t\r\n".utf8.contains(bytes[position]) { position += 1 }
    return position
  }
}
