#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Separates a session's bytes into output and markers.
///
/// A value without clock, pipe or knowledge of commands. For every split of the same bytes the concatenated
/// events are the same; no byte is looked at more than a constant number of times; it keeps back at most
/// `limitBytes`; what it does not recognize, a marker with a foreign nonce included, is output.
package struct MarkerParser: Sendable {
  /// A piece of the stream.
  package enum Event: Sendable, Hashable {
    /// Bytes that programs wrote; never empty.
    case output(ArraySlice<UInt8>)
    case marker(Marker)
  }

  /// The longest marker: two nonces and a body with a directory of PATH_MAX (4,096) bytes and names besides.
  package static let limitBytes = 8192

  /// The levels whose markers count, outermost first.
  package var nonces: [Nonce]

  private var held: [UInt8] = []
  private var phase = Phase.text

  private static let introducer: [UInt8] = [0x1B] + Array("]7717;".utf8)
  private static let opening = introducer.count + 17

  private enum Phase {
    /// Nothing is held.
    case text
    /// The held bytes are a beginning of introducer, nonce and semicolon.
    case opening
    /// The held bytes begin with a complete opening; the second number counts how much of a further opening
    /// the last of them are (a marker that was broken off must not swallow the next, of whatever level).
    case body(Nonce, reopening: Int)
  }

  /// A parser that knows these levels.
  package init(nonces: [Nonce] = []) {
    self.nonces = nonces
  }

  /// Takes the next bytes of the stream.
  package mutating func consume(_ bytes: ArraySlice<UInt8>) -> [Event] {
    var events: [Event] = []
    var rest = bytes
    while let first = rest.first {
      switch phase {
      case .text:
        let escape = Self.firstEscape(in: rest) ?? rest.endIndex
        if escape > rest.startIndex { events.append(.output(rest[..<escape])) }
        rest = rest[escape...]
        if let (marker, end) = wholeMarker(at: rest) {
          events.append(.marker(marker))
          rest = rest[end...]
        } else if !rest.isEmpty {
          phase = .opening
        }
      case .opening:
        if accepts(first, after: held[...]) {
          held.append(first)
          rest = rest.dropFirst()
          if held.count == Self.opening, let nonce = nonce(ofOpening: held[...]) {
            phase = .body(nonce, reopening: 0)
          }
        } else {
          releaseHeld(into: &events)
        }
      case .body(let nonce, let reopening):
        rest = rest.dropFirst()
        consumeBody(first, nonce: nonce, reopening: reopening, into: &events)
      }
    }
    return events
  }

  /// The bytes still held back; to be shown as output when the stream has ended.
  package mutating func finish() -> [Event] {
    var events: [Event] = []
    releaseHeld(into: &events)
    return events
  }

  /// How many bytes are held back now.
  package var heldBytes: Int { held.count }

  private mutating func consumeBody(
    _ byte: UInt8, nonce: Nonce, reopening: Int, into events: inout [Event]
  ) {
    held.append(byte)
    if byte == 0x07, let marker = completeMarker(nonce) {
      held = []
      phase = .text
      events.append(.marker(marker))
      return
    }
    let again = reopeningLength(with: byte, after: reopening)
    if again == Self.opening, let nonce = self.nonce(ofOpening: held.suffix(Self.opening)) {
      // What was held before the new opening is a broken marker: output.
      events.append(.output(held[..<(held.count - Self.opening)]))
      held.removeFirst(held.count - Self.opening)
      phase = .body(nonce, reopening: 0)
    } else if held.count >= Self.limitBytes {
      // At most the length of an opening could still be part of a marker; it is looked at again.
      let kept = Array(held.suffix(again))
      held.removeLast(again)
      releaseHeld(into: &events)
      events += consume(kept[...])
    } else {
      phase = .body(nonce, reopening: again)
    }
  }

  private mutating func releaseHeld(into events: inout [Event]) {
    if !held.isEmpty { events.append(.output(held[...])) }
    held = []
    phase = .text
  }

  /// The marker that the bytes begin with, if all of it is there and no other escape is in it: the usual case, seen
  /// without holding a byte.
  private func wholeMarker(at bytes: ArraySlice<UInt8>) -> (Marker, end: Int)? {
    guard bytes.starts(with: Self.introducer) else { return nil }
    let named = bytes.dropFirst(Self.introducer.count)
    guard let nonce = nonces.first(where: { named.starts(with: $0.bytes) }) else { return nil }
    let rest = named.dropFirst(16)
    guard rest.first == UInt8(ascii: ";"),
      let bell = rest.prefix(Self.limitBytes - Self.opening + 1).firstIndex(of: 0x07)
    else { return nil }
    let body = rest[..<bell].dropFirst()
    guard body.count >= 17, body.suffix(16).elementsEqual(nonce.bytes), !body.contains(0x1B) else {
      return nil
    }
    let closing = body.dropLast(16)
    guard closing.last == UInt8(ascii: ";"), let marker = Marker(nonce: nonce, body: closing.dropLast())
    else { return nil }
    return (marker, bell + 1)
  }

  /// Whether the byte continues a beginning of an opening of any level.
  private func accepts(_ byte: UInt8, after beginning: ArraySlice<UInt8>) -> Bool {
    let index = beginning.count
    if index < Self.introducer.count { return byte == Self.introducer[index] }
    let digit = index - Self.introducer.count
    let digits = beginning.dropFirst(Self.introducer.count)
    return nonces.contains { nonce in
      (digit == 16 ? byte == UInt8(ascii: ";") : nonce.bytes[digit] == byte)
        && nonce.bytes.starts(with: digits)
    }
  }

  private func nonce(ofOpening bytes: ArraySlice<UInt8>) -> Nonce? {
    nonces.first { $0.bytes.elementsEqual(bytes.dropFirst(Self.introducer.count).prefix(16)) }
  }

  /// How much of an opening the held bytes end in, the last being this one and `count` before it.
  private func reopeningLength(with byte: UInt8, after count: Int) -> Int {
    if accepts(byte, after: held.dropLast().suffix(count)) { return count + 1 }
    return byte == 0x1B ? 1 : 0
  }

  /// The marker, if the held bytes end in `;NONCE BEL` and their body is one that we know.
  private func completeMarker(_ nonce: Nonce) -> Marker? {
    let end = held.count - 1 - 16 - 1
    guard end >= Self.opening, held[end] == UInt8(ascii: ";"),
      held[(end + 1)..<(held.count - 1)].elementsEqual(nonce.bytes)
    else { return nil }
    return Marker(nonce: nonce, body: held[Self.opening..<end])
  }

  static func firstEscape(in bytes: ArraySlice<UInt8>) -> Int? {
    bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress, let found = memchr(start, 0x1B, buffer.count) else { return nil }
      return bytes.startIndex + start.distance(to: UnsafeRawPointer(found))
    }
  }
}
