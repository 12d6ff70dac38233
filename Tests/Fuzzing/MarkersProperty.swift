import RemoteShell

/// The bytes of a session, as a remote side that knows old nonces may send them.
enum MarkersProperty {
  /// A source of random numbers that are always the same, so that inputs can contain the nonces.
  private struct Constant: RandomNumberGenerator {
    let value: UInt64
    mutating func next() -> UInt64 { value }
  }

  private static func nonce(_ value: UInt64) -> Nonce {
    var generator = Constant(value: value)
    return Nonce(using: &generator)
  }

  /// `aaaaaaaaaaaaaaaa` and `bbbbbbbbbbbbbbbb`: an outer level and one inside it.
  static let known = [nonce(0xAAAA_AAAA_AAAA_AAAA), nonce(0xBBBB_BBBB_BBBB_BBBB)]
  /// `cccccccccccccccc`: a level that the input cannot have seen.
  static let fresh = nonce(0xCCCC_CCCC_CCCC_CCCC)

  static func violation(_ bytes: [UInt8]) -> String? {
    let whole = events([bytes[...]])
    guard events(Pieces.single(bytes)) == whole, events(Pieces.uneven(bytes)) == whole else {
      return "a split gives other events"
    }
    if let violation = accountViolation(whole, bytes) { return violation }
    guard !contains(bytes, fresh.bytes) else { return nil }
    // Whatever came before, a whole marker is seen: a command that has ended is never waited for.
    for nonce in known + [fresh] {
      let last = Array("\u{1B}]7717;\(nonce.text);P;7;0;\(nonce.text)\u{07}".utf8)
      guard events([bytes[...], last[...]]).last == .marker(nonce, .prompt(sequence: 7, status: 0)) else {
        return "a whole marker of \(nonce.text) at the end was not seen"
      }
    }
    return nil
  }

  private enum Event: Equatable {
    case output([UInt8])
    case marker(Nonce, Marker.Body)
  }

  /// Neighbouring output is joined, since pieces are no promise.
  private static func events(_ pieces: [ArraySlice<UInt8>]) -> [Event] {
    var parser = MarkerParser(nonces: known + [fresh])
    var result: [Event] = []
    func take(_ events: [MarkerParser.Event]) {
      for event in events {
        switch (event, result.last) {
        case (.output(let bytes), .output(let before)?): result[result.count - 1] = .output(before + bytes)
        case (.output(let bytes), _): result.append(.output(Array(bytes)))
        case (.marker(let marker), _): result.append(.marker(marker.nonce, marker.body))
        }
      }
    }
    for piece in pieces {
      take(parser.consume(piece))
      precondition(parser.heldBytes <= MarkerParser.limitBytes, "more is held than the limit")
    }
    take(parser.finish())
    return result
  }

  /// Output is the input without the markers: nothing is lost, moved or made up.
  private static func accountViolation(_ events: [Event], _ bytes: [UInt8]) -> String? {
    // A body may contain what looks like its end, so there may be several places where the next event begins.
    var places: Set<Int> = [0]
    for (index, event) in events.enumerated() {
      switch event {
      case .output(let output):
        places = Set(places.filter { bytes[$0...].starts(with: output) }.map { $0 + output.count })
      case .marker(let nonce, _):
        let opening = Array("\u{1B}]7717;\(nonce.text);".utf8)
        let closing = Array(";\(nonce.text)\u{07}".utf8)
        let starts = places.filter { bytes[$0...].starts(with: opening) }
        guard let first = starts.min() else { return "event \(index) is a marker without its opening" }
        places = Set(
          bytes.indices.dropFirst(first + opening.count)
            .filter { bytes[$0] == closing[0] && bytes[$0...].starts(with: closing) }
            .map { $0 + closing.count })
      }
      if places.isEmpty { return "event \(index) is not in the input" }
    }
    return places.contains(bytes.count) ? nil : "bytes at the end were lost"
  }

  private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.count >= part.count && (0...(bytes.count - part.count)).contains { bytes[$0...].starts(with: part) }
  }
}
