import MCP
import TestSupport
import Testing

struct LineFramerTests {
  @Test func `every split gives the same lines`() {
    let bytes = Array("one\r\n\n\rtwo\nlonger than ten\nthree\n".utf8)
    var whole = LineFramer(limitBytes: 10)
    let expected = whole.consume(bytes[...])
    #expect(expected.count == 4 && expected[2] == .tooLong && expected[3] == .complete(Array("three".utf8)))
    for split in Chunking.everyTwoWaySplit(of: bytes) {
      var framer = LineFramer(limitBytes: 10)
      #expect(split.flatMap { framer.consume($0) } == expected)
    }
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for _ in 0..<200 {
      var framer = LineFramer(limitBytes: 10)
      let lines = Chunking.random(bytes, using: &generator, longest: 5).flatMap { framer.consume($0) }
      #expect(lines == expected, "seed \(generator.seed)")
    }
  }
}
