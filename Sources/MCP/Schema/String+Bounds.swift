extension String {
  /// The beginning of at most so many characters and so many bytes; time and memory depend on the bytes alone.
  ///
  /// Both, since a single character may be as long as a text: marks pile up on a letter without end.
  package func beginning(characters: Int, bytes: Int) -> String {
    guard var end = utf8.index(startIndex, offsetBy: bytes, limitedBy: endIndex), end < endIndex else {
      return String(prefix(characters))
    }
    while String.Index(end, within: unicodeScalars) == nil { end = utf8.index(before: end) }
    let piece = String(self[..<end])
    // The last character may go on behind the cut.
    let whole = piece.dropLast()
    return String((whole.isEmpty ? piece[...] : whole).prefix(characters))
  }

  /// The end of at most so many characters and so many bytes; time and memory depend on the bytes alone.
  package func ending(characters: Int, bytes: Int) -> String {
    guard var start = utf8.index(endIndex, offsetBy: -bytes, limitedBy: startIndex), start > startIndex else {
      return String(suffix(characters))
    }
    while String.Index(start, within: unicodeScalars) == nil { start = utf8.index(after: start) }
    // From front to back, since the way back from the end is quadratic in flags. The first may begin before the cut.
    let piece = Array(String(self[start...]))
    return String((piece.count > 1 ? piece.dropFirst() : piece[...]).suffix(characters))
  }
}
