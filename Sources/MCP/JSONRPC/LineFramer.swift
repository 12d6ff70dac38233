/// Cuts a stream of bytes into lines (MCP, stdio transport: one message a line).
///
/// A value: any split of the same bytes gives the same lines. CR before LF is dropped, blank lines are skipped.
package struct LineFramer: Sendable {
  /// A line without its end, or the news that one was too long.
  package enum Line: Sendable, Hashable {
    case complete([UInt8])
    /// A line over the limit; its bytes were thrown away.
    case tooLong
  }

  /// The longest line unless a caller says otherwise.
  package static let defaultLimitBytes = 16 << 20

  private let limitBytes: Int
  private var held: [UInt8] = []
  private var isSkipping = false

  /// A framer at the beginning of a stream.
  package init(limitBytes: Int = defaultLimitBytes) {
    self.limitBytes = limitBytes
  }

  /// Takes the next bytes.
  package mutating func consume(_ bytes: ArraySlice<UInt8>) -> [Line] {
    var lines: [Line] = []
    var rest = bytes
    while let end = rest.firstIndex(of: 0x0A) {
      take(rest[..<end])
      rest = rest[(end + 1)...]
      if let line = endLine() { lines.append(line) }
    }
    take(rest)
    return lines
  }

  private mutating func take(_ bytes: ArraySlice<UInt8>) {
    guard !isSkipping else { return }
    if held.count + bytes.count > limitBytes {
      held = []
      isSkipping = true
    } else {
      held += bytes
    }
  }

  private mutating func endLine() -> Line? {
    defer {
      held = []
      isSkipping = false
    }
    if isSkipping { return .tooLong }
    if held.last == 0x0D { held.removeLast() }
    return held.isEmpty ? nil : .complete(held)
  }
}
