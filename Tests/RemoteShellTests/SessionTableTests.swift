import RemoteShell
import Testing

struct SessionTableTests {
  @Test func `names that only look the same are two sessions`() throws {
    let table = SessionTable<Int>(limit: 3)
    try table.reserve("é")
    try table.reserve("e\u{301}")
    #expect(throws: SessionTable<Int>.Refusal.nameTaken) { try table.reserve("é") }
    #expect(table.put(1, at: "é") && table.put(2, at: "e\u{301}") && !table.put(3, at: "e"))
    #expect(table["é"] == 1 && table["e\u{301}"] == 2)
    #expect(table.all.map { Array($0.name.utf8) } == [Array("é".utf8), Array("e\u{301}".utf8)])
    #expect(table.remove("é") == 1 && table["é"] == nil && table["e\u{301}"] == 2)
    #expect(table.removeAll() == [2])
  }
}
