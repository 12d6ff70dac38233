import MCP
import Testing

/// A text cut by characters and by bytes: never within a character, and never longer than either bound.
struct StringBoundsTests {
  static let pile = "x" + String(repeating: "\u{301}\u{323}", count: 50_000)
  static let flags = String(repeating: "\u{1F1E9}", count: 50_000)

  @Test(arguments: [
    ("", "", ""), ("abc", "abc", "abc"), ("abcdefghij", "abcde", "fghij"), ("äöüäöüäöü", "äöüä", "üäöü"),
    ("日本語日本語日本語", "日本", "本語"), ("👩‍👩‍👧ab👩‍👩‍👧", "👩‍👩", "👩‍👧"),
    (
      "e" + String(repeating: "\u{301}", count: 20), "e\u{301}\u{301}\u{301}\u{301}\u{301}",
      "\u{301}\u{301}\u{301}\u{301}\u{301}"
    ),
  ])
  func `a text is cut where either bound is met`(_ text: String, _ beginning: String, _ ending: String) {
    #expect(Array(text.beginning(characters: 5, bytes: 11).utf8) == Array(beginning.utf8))
    #expect(Array(text.ending(characters: 5, bytes: 11).utf8) == Array(ending.utf8))
  }

  @Test(arguments: [
    pile, flags, String(repeating: "x", count: 200_000), String(repeating: "\r\n", count: 100_000),
  ])
  func `what has no end has one here`(_ text: String) {
    for piece in [
      text.beginning(characters: 1000, bytes: 4000), text.ending(characters: 1000, bytes: 4000),
    ] {
      #expect((900...4000).contains(piece.utf8.count) && piece.count <= 1000)
    }
    #expect(text.utf8.starts(with: text.beginning(characters: 1000, bytes: 4000).utf8))
  }
}
