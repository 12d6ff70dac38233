/// Turns terminal output into text: what a person would see scrolling by, without what only a screen can use.
///
/// Control sequences, control strings and private escapes (ECMA-48) are removed. A control string that has no end (bytes
/// of a binary file that look like its beginning) takes no more than its own line with it: what stands behind that line's
/// end is text. A carriage return goes back to
/// the beginning of the line, as on a terminal, so that a progress bar is left in its last state; a backspace
/// goes back one character; CR LF is a line end. NUL, bytes that are not UTF-8 and the controls of eight bits
/// (U+0080 to U+009F, which some terminals act upon) become U+FFFD.
/// The same text comes out for every split of the same bytes.
package struct ControlSequenceFilter: Sendable {
  /// A line is held back until it is complete, since a carriage return may change all of it; beyond this many
  /// bytes it is taken as it stands.
  static let heldLineBytes = 64 << 10
  /// Control strings without an end (a binary file on the terminal) are given up after so many bytes.
  static let controlStringBytes = 64 << 10

  private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  private var line: [UInt8] = []
  private var isPlain = true
  private var state = State.ground
  /// Of the control string so far: what is text if it turns out to have no end.
  private var pending: [UInt8] = []
  private var text: [UInt8] = []

  private enum State {
    case ground
    case escape
    /// ESC with an intermediate byte: one final byte follows (character sets and the like).
    case escapeIntermediate
    /// The parameters of a control sequence so far, for the one that we act upon.
    case controlSequence(parameters: [UInt8])
    /// OSC, DCS, SOS, PM, APC: up to BEL or ST; CAN, SUB and any other escape break it off.
    case controlString(length: Int)
    case controlStringEscape
  }

  /// A filter at the beginning of a text.
  package init() {}

  /// The text of these bytes, all at once.
  package static func text(of bytes: some Sequence<UInt8>) -> String {
    // Nearly all output is plain, and then it is its own text.
    let plain = bytes.withContiguousStorageIfAvailable { buffer in
      buffer.allSatisfy(isPlain) ? String(decoding: buffer, as: UTF8.self) : nil
    }
    if let plain, let text = plain { return text }
    var filter = ControlSequenceFilter()
    filter.consume(bytes)
    return filter.finish()
  }

  /// Whether the byte is ASCII that a terminal shows, or goes to the next line or column for.
  private static func isPlain(_ byte: UInt8) -> Bool {
    0x20...0x7E ~= byte || byte == 0x0A || byte == 0x09
  }

  /// Takes the next bytes.
  package mutating func consume(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { consume(byte) }
  }

  /// The whole text, an incomplete last line included.
  package mutating func finish() -> String {
    breakOffControlString()
    endLine(with: nil)
    defer { text = [] }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func consume(_ byte: UInt8) {
    switch state {
    case .ground: ground(byte)
    case .escape: escape(byte)
    case .escapeIntermediate: if !(0x20...0x2F).contains(byte) { state = .ground }
    case .controlSequence(let parameters): controlSequence(byte, parameters)
    case .controlString(let length): controlString(byte, length)
    case .controlStringEscape:
      if byte == UInt8(ascii: "\\") {
        endControlString()
      } else {
        breakOffControlString()
        state = .escape
        escape(byte)
      }
    }
  }

  private mutating func controlString(_ byte: UInt8, _ length: Int) {
    switch byte {
    case 0x07: endControlString()
    case 0x1B: state = .controlStringEscape
    case 0x18, 0x1A: breakOffControlString()
    default:
      if byte == 0x0A || !pending.isEmpty { pending.append(byte) }
      state = .controlString(length: length + 1)
      if length >= Self.controlStringBytes { breakOffControlString() }
    }
  }

  private mutating func endControlString() {
    pending = []
    state = .ground
  }

  /// The string had no end, so its further lines are none of its own.
  private mutating func breakOffControlString() {
    let lines = pending
    endControlString()
    for byte in lines { ground(byte) }
  }

  private mutating func ground(_ byte: UInt8) {
    switch byte {
    case 0x1B: state = .escape
    case 0x0A: endLine(with: byte)
    case 0x0D, 0x08:
      line.append(byte)
      isPlain = false
    case 0x00: line += Self.replacement
    case 0x80...0x9F where line.last == 0xC2:
      line.removeLast()
      line += Self.replacement
    case 0x09, 0x20...0x7E, 0x80...0xFF: line.append(byte)
    case 0x0B, 0x0C: endLine(with: 0x0A)
    default: break
    }
    if line.count > Self.heldLineBytes, byte < 0x80 { commitLine() }
  }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "["): state = .controlSequence(parameters: [])
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"):
      state = .controlString(length: 0)
    case 0x20...0x2F: state = .escapeIntermediate
    case 0x1B: break
    case 0x0A, 0x0D:
      state = .ground
      ground(byte)
    default: state = .ground
    }
  }

  private mutating func controlSequence(_ byte: UInt8, _ parameters: [UInt8]) {
    switch byte {
    case 0x20...0x3F where parameters.count < 64: state = .controlSequence(parameters: parameters + [byte])
    case 0x40...0x7E:
      state = .ground
      applyControlSequence(final: byte, parameters)
    case 0x0A, 0x0D, 0x08:
      // C0 controls act in the middle of a sequence (ECMA-48 does not forbid it, terminals do it).
      ground(byte)
    case 0x1B: state = .escape
    default: state = .ground
    }
  }

  /// Of all control sequences only two change what a line shows in the end: erasing it, and the column.
  private mutating func applyControlSequence(final: UInt8, _ parameters: [UInt8]) {
    switch (final, String(decoding: parameters, as: UTF8.self)) {
    case (UInt8(ascii: "K"), ""), (UInt8(ascii: "K"), "0"): append(mark: .eraseToEnd)
    case (UInt8(ascii: "K"), "2"): append(mark: .eraseAll)
    case (UInt8(ascii: "G"), ""), (UInt8(ascii: "G"), "1"):
      line.append(0x0D)
      isPlain = false
    default: break
    }
  }

  /// Stands in the held line for a control sequence; bytes that never occur there otherwise.
  private enum Mark: UInt8 {
    case eraseToEnd = 0x01
    case eraseAll = 0x02
  }

  private mutating func append(mark: Mark) {
    line.append(mark.rawValue)
    isPlain = false
  }

  private mutating func endLine(with byte: UInt8?) {
    if line.last == 0x0D, byte != nil { line.removeLast() }
    commitLine()
    if let byte { text.append(byte) }
  }

  private mutating func commitLine() {
    text += isPlain ? line : Self.folded(line)
    line = []
    isPlain = true
  }

  /// Plays the line as a terminal would, one cell a scalar.
  private static func folded(_ line: [UInt8]) -> [UInt8] {
    var cells: [Unicode.Scalar] = []
    var column = 0
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x0D: column = 0
      case 0x08: column = max(0, column - 1)
      case UInt32(Mark.eraseToEnd.rawValue): cells.removeLast(max(0, cells.count - column))
      case UInt32(Mark.eraseAll.rawValue): for index in cells.indices { cells[index] = " " }
      default:
        while cells.count < column { cells.append(" ") }
        if column < cells.count { cells[column] = scalar } else { cells.append(scalar) }
        column += 1
      }
    }
    while cells.last == " ", column < cells.count { cells.removeLast() }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: cells)
    return Array(String(text).utf8)
  }
}
