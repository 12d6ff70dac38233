import RemoteShell
import TestSupport
import Testing

/// The contract of the parser, a test a clause.
struct MarkerParserTests {
  let nonce: Nonce
  let inner: Nonce

  init() {
    var generator = SeededGenerator(seed: 7717)
    nonce = Nonce(using: &generator)
    inner = Nonce(using: &generator)
  }

  func wire(_ body: String, _ nonce: Nonce) -> [UInt8] {
    Array("\u{1B}]7717;\(nonce.text);\(body);\(nonce.text)\u{07}".utf8)
  }

  /// Output and markers with neighbouring output joined, so that splits can be compared.
  func parse(_ pieces: [ArraySlice<UInt8>], nonces: [Nonce]) -> [Piece] {
    var parser = MarkerParser(nonces: nonces)
    var result: [Piece] = []
    for event in pieces.flatMap({ parser.consume($0) }) + parser.finish() {
      switch (event, result.last) {
      case (.output(let bytes), .output(let before)?):
        result[result.count - 1] = .output(before + bytes)
      case (.output(let bytes), _): result.append(.output(Array(bytes)))
      case (.marker(let marker), _): result.append(.marker(marker.body))
      }
    }
    return result
  }

  enum Piece: Equatable {
    case output([UInt8])
    case marker(Marker.Body)
  }

  var stream: [UInt8] {
    Array("login noise\r\n\u{1B}[0m".utf8)
      + wire("H;bash;4711;p;/dev/pts/3;root;/root;odd dir", nonce) + wire("P;0;0", nonce)
      + wire("B;1", nonce) + Array("hé\u{1B}]7717;not a marker\u{07}\u{1B}".utf8)
      + wire("E;1;42;hBx;/tmp/a;b\u{07}c", nonce) + wire("P;1;42", nonce)
      + Array("late".utf8) + wire("B;1", inner) + [0xFF, 0x1B, 0x1B] + wire("E;1;300;h;/", inner)
  }

  var pieces: [Piece] {
    [
      .output(Array("login noise\r\n\u{1B}[0m".utf8)),
      .marker(
        .hello(
          .init(
            dialect: .bash, processIdentifier: 4711, prompt: .always, terminal: "/dev/pts/3", user: "root",
            directory: Array("/root;odd dir".utf8)))),
      .marker(.prompt(sequence: 0, status: 0)), .marker(.begin(sequence: 1)),
      .output(Array("hé\u{1B}]7717;not a marker\u{07}\u{1B}".utf8)),
      .marker(.end(sequence: 1, status: 42, isTracing: true, directory: Array("/tmp/a;b\u{07}c".utf8))),
      .marker(.prompt(sequence: 1, status: 42)), .output(Array("late".utf8)),
      .marker(.begin(sequence: 1)), .output([0xFF, 0x1B, 0x1B]),
      .marker(.end(sequence: 1, status: 172, isTracing: false, directory: Array("/".utf8))),
    ]
  }

  @Test func `a stream in one piece gives output and markers in order`() {
    #expect(parse([stream[...]], nonces: [nonce, inner]) == pieces)
  }

  @Test func `every split in two gives the same`() {
    for split in Chunking.everyTwoWaySplit(of: stream) {
      #expect(parse(split, nonces: [nonce, inner]) == pieces, "split at \(split[0].count)")
    }
  }

  @Test func `random splits give the same`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for _ in 0..<500 {
      let split = Chunking.random(stream, using: &generator, longest: 9)
      #expect(parse(split, nonces: [nonce, inner]) == pieces, "seed \(generator.seed)")
    }
  }

  @Test func `a marker with a foreign nonce is output, byte for byte`() {
    let forged = wire("E;1;0;h;/", inner)
    #expect(parse([forged[...]], nonces: [nonce]) == [.output(forged)])
  }

  @Test func `a marker that ends with another nonce than it began with is output`() {
    let forged = Array("\u{1B}]7717;\(nonce.text);E;1;0;h;/;\(inner.text)\u{07}".utf8)
    #expect(parse([forged[...]], nonces: [nonce, inner]) == [.output(forged)])
  }

  @Test func `a broken-off marker does not swallow the next`() {
    let broken = Array(wire("E;1;0;h;/", nonce).dropLast(5))
    let next = wire("P;1;0", nonce)
    #expect(
      parse([(broken + next)[...]], nonces: [nonce])
        == [.output(broken), .marker(.prompt(sequence: 1, status: 0))])
  }

  @Test func `a marker that an inner shell broke off does not swallow the next of the outer one`() {
    let broken = Array(wire("E;1;0;h;/", inner).dropLast(5))
    let next = wire("E;1;0;h;/", nonce)
    #expect(
      parse([(broken + next)[...]], nonces: [nonce, inner])
        == [
          .output(broken),
          .marker(.end(sequence: 1, status: 0, isTracing: false, directory: Array("/".utf8))),
        ])
  }

  @Test func `what looks like a marker and never ends is given out at the limit`() {
    let opening = Array("\u{1B}]7717;\(nonce.text);E;1;0;".utf8)
    let flood = opening + [UInt8](repeating: 97, count: 3 * MarkerParser.limitBytes)
    var parser = MarkerParser(nonces: [nonce])
    var given = 0
    for byte in flood {
      for case .output(let bytes) in parser.consume([byte]) { given += bytes.count }
      #expect(parser.heldBytes <= MarkerParser.limitBytes)
    }
    #expect(given + parser.heldBytes == flood.count)
  }

  @Test func `a marker right after a flood at the limit is still seen`() {
    let opening = Array("\u{1B}]7717;\(nonce.text);E;1;0;".utf8)
    for padding in (MarkerParser.limitBytes - 60)...(MarkerParser.limitBytes + 10) {
      let flood = opening + [UInt8](repeating: 97, count: padding - opening.count)
      let events = parse([(flood + wire("P;1;0", nonce))[...]], nonces: [nonce])
      #expect(events == [.output(flood), .marker(.prompt(sequence: 1, status: 0))], "padding \(padding)")
    }
  }

  @Test func `random bytes never trap and come out whole`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    let alphabet = [0x1B, 0x5D, 0x37, 0x31, 0x3B, 0x07] + nonce.bytes
    for _ in 0..<300 {
      let bytes = (0..<400).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      var parser = MarkerParser(nonces: [nonce])
      var count = 0
      for event in Chunking.random(bytes, using: &generator, longest: 30).flatMap({ parser.consume($0) })
        + parser.finish()
      {
        if case .output(let output) = event { count += output.count }
      }
      #expect(count == bytes.count, "seed \(generator.seed)")
    }
  }

  @Test func `the markers that the driver could be made to print by dumping its variables are none`() {
    // The two halves stand apart in the shell's memory; joined only when printed.
    #expect(!ShellDriver.remoteCommand.contains("\u{1B}]7717;\(nonce.text)"))
  }
}
