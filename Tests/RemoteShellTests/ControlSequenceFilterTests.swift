import RemoteShell
import TestSupport
import Testing

struct ControlSequenceFilterTests {
  @Test(
    arguments: [
      ("plain\n", "plain\n"),
      ("a\r\nb\r\n", "a\nb\n"),
      ("\u{1B}[1;31mred\u{1B}[0m\n", "red\n"),
      ("\u{1B}]0;title\u{07}text", "text"),
      ("\u{1B}]8;;http://x\u{1B}\\link\u{1B}]8;;\u{1B}\\", "link"),
      ("10%\r50%\r100%\n", "100%\n"),
      ("100%\rok\n", "ok0%\n"),
      ("100%\r\u{1B}[Kok\n", "ok\n"),
      ("long line\u{1B}[2K\rnew\n", "new\n"),
      ("a\u{08}b\n", "b\n"),
      ("m\u{08}man\n", "man\n"),
      ("\u{1B}(Btext\u{1B}=", "text"),
      ("\u{1B}[?1049hscreen\u{1B}[?1049l", "screen"),
      ("bell\u{07}\n", "bell\n"),
      ("\u{1B}P1;2qsixel\u{1B}\\after", "after"),
      ("tab\there", "tab\there"),
      ("nul\0here", "nul\u{FFFD}here"),
      ("a\u{9B}31mb\u{9D}c\u{A0}", "a\u{FFFD}31mb\u{FFFD}c\u{A0}"),
      ("héllo wörld ✓ 🙂\n", "héllo wörld ✓ 🙂\n"),
      ("über\rÜ\n", "Über\n"),
      ("unfinished\u{1B}[3", "unfinished"),
      ("\u{1B}P1;2q\nsixel\n\u{1B}\\after", "after"),
      ("\u{1B}Ptmux;\u{1B}\u{1B}]0;title\u{07}\u{1B}\\after", "after"),
      ("\u{1B}Pno end", ""),
      ("\u{1B}Pno end\nEND", "\nEND"),
      ("a\u{1B}]0;no end\n1\u{1B}[1m2\n", "a\n12\n"),
      ("a\u{1B}_broken off\u{18}b", "ab"),
      ("spin |\rspin /\rspin -\rdone  \n", "done  \n"),
    ])
  func `terminal output becomes the text that a person would be left with`(_ output: String, _ text: String) {
    #expect(ControlSequenceFilter.text(of: output.utf8) == text)
  }

  @Test func `bytes that are not UTF-8 become replacement characters`() {
    #expect(ControlSequenceFilter.text(of: [0x61, 0xFF, 0x62, 0xC3]) == "a\u{FFFD}b\u{FFFD}")
  }

  @Test func `every split gives the same text`() {
    let bytes = Array(
      "a\u{1B}[1mb\u{1B}[0m\r\nß\r10%\r20%\n\u{1B}]0;t\u{1B}\\x\u{08}y\u{1B}[2Kz\r\u{1B}(B✓\n\u{1B}Px\ny\u{1B}[1mz\n\u{1B}]no end\nEND"
        .utf8)
    let whole = ControlSequenceFilter.text(of: bytes)
    for split in Chunking.everyTwoWaySplit(of: bytes) {
      var filter = ControlSequenceFilter()
      for piece in split { filter.consume(piece) }
      #expect(filter.finish() == whole, "split at \(split[0].count)")
    }
  }

  @Test func `plain output is its own text, whether it is taken at once or in pieces`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    let plain: [UInt8] = [0x09, 0x0A] + Array(0x20...0x7E)
    for _ in 0..<100 {
      let bytes = (0..<500).map { _ in plain.randomElement(using: &generator) ?? 0 }
      var filter = ControlSequenceFilter()
      filter.consume(bytes)
      let text = ControlSequenceFilter.text(of: bytes)
      #expect(text == filter.finish(), "seed \(generator.seed)")
      #expect(text == String(decoding: bytes, as: UTF8.self), "seed \(generator.seed)")
    }
  }

  @Test func `random bytes never trap and leave no control character but tab and line feed`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for _ in 0..<300 {
      let bytes = (0..<500).map { _ in
        Bool.random(using: &generator)
          ? UInt8.random(in: 0...255, using: &generator)
          : Array("\u{1B}[]K;?0\r\n\u{08}P\\".utf8).randomElement(using: &generator) ?? 0
      }
      let text = ControlSequenceFilter.text(of: bytes)
      #expect(
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" || $0 == "\t" },
        "seed \(generator.seed)")
    }
  }

  @Test func `a line without end stays in bounds`() {
    var filter = ControlSequenceFilter()
    filter.consume([UInt8](repeating: 97, count: 1 << 20))
    #expect(filter.finish().utf8.count == 1 << 20)
  }
}
