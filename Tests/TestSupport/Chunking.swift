/// The ways in which a stream of bytes may arrive.
package enum Chunking {
  /// Every way to cut the bytes in two, the empty ones included.
  package static func everyTwoWaySplit(of bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    (0...bytes.count).map { [bytes[..<$0], bytes[$0...]] }
  }

  /// One random way, in pieces of 1 to `longest` bytes.
  package static func random(
    _ bytes: [UInt8], using generator: inout SeededGenerator, longest: Int
  ) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      pieces.append(rest.prefix(Int.random(in: 1...longest, using: &generator)))
      rest = rest.dropFirst(pieces.last?.count ?? 1)
    }
    return pieces
  }
}
