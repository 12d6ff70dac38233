/// The text of a stretch of output that is shown in one result: all of it, or its beginning and its end.
package struct OutputWindow: Sendable, Hashable {
  /// The text, with a line in the middle that names what was left out.
  package let text: String
  /// The offset of the first byte that it speaks of.
  package let offset: Int
  /// The offset after the last one.
  package let end: Int
  /// The offsets that are not shown.
  package let omitted: Range<Int>?

  /// Shows a range of a record in at most about `limit` characters.
  ///
  /// - Parameters:
  ///   - record: The command's output.
  ///   - range: Offsets in bytes of the output as it came, before cleaning.
  ///   - limit: Characters of text.
  ///   - isRaw: Whether control sequences are left in.
  ///   - describeOmission: The line for what is left out.
  package init(
    of record: OutputRecord, range: Range<Int>, limit: Int, isRaw: Bool = false,
    describeOmission: (_ omitted: Range<Int>, _ lost: Range<Int>) -> String
  ) {
    let range = range.clamped(to: 0..<record.total)
    offset = range.lowerBound
    end = range.upperBound
    let lost = record.lost.clamped(to: range)
    // Cleaning can only shorten; so much may be read in one piece in the hope that it fits.
    let whole = lost.isEmpty && range.count <= 4 * limit ? record.read(range).bytes : nil
    if let whole {
      let text = Self.text(of: whole, isRaw: isRaw)
      // Bytes are counted first: that costs nothing, and there are never fewer than characters.
      if text.utf8.count <= limit || text.count <= limit {
        self.text = text
        omitted = nil
        return
      }
    }
    let head = Self.head(of: record, range, characters: limit / 2, isRaw: isRaw)
    let tail = Self.tail(of: record, range, characters: limit - limit / 2, isRaw: isRaw)
    let gap = head.end..<max(head.end, tail.start)
    omitted = gap
    let join = head.text.isEmpty || head.text.hasSuffix("\n") ? "" : "\n"
    text = head.text + join + describeOmission(gap, lost) + "\n" + tail.text
  }

  /// The bytes as text, cleaned or as they are.
  static func text(of bytes: some Sequence<UInt8>, isRaw: Bool) -> String {
    guard isRaw else { return ControlSequenceFilter.text(of: bytes) }
    return String(decoding: Array(bytes), as: UTF8.self)
  }

  /// Whole lines from the beginning where there are lines, else a part of the first.
  private static func head(
    of record: OutputRecord, _ range: Range<Int>, characters: Int, isRaw: Bool
  ) -> (text: String, end: Int) {
    var bytes = record.read(range.lowerBound..<min(range.upperBound, range.lowerBound + characters)).bytes
    if let lineEnd = bytes.lastIndex(of: 0x0A), lineEnd > bytes.count / 2 {
      bytes.removeLast(bytes.count - lineEnd - 1)
    } else {
      bytes.removeLast(incompleteSuffix(of: bytes))
    }
    return (text(of: bytes, isRaw: isRaw), range.lowerBound + bytes.count)
  }

  /// The end, from the beginning of a line where there is one.
  private static func tail(
    of record: OutputRecord, _ range: Range<Int>, characters: Int, isRaw: Bool
  ) -> (text: String, start: Int) {
    let part = record.read(max(range.lowerBound, range.upperBound - characters)..<range.upperBound)
    var bytes = part.bytes[...]
    if let lineEnd = bytes.firstIndex(of: 0x0A), lineEnd < bytes.count / 2 {
      bytes = bytes[(lineEnd + 1)...]
    } else {
      bytes = bytes.drop { $0 & 0xC0 == 0x80 }
    }
    return (text(of: bytes, isRaw: isRaw), part.offset + bytes.startIndex)
  }

  /// How many of the last bytes begin a UTF-8 sequence (RFC 3629) that is cut off.
  static func incompleteSuffix(of bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}
