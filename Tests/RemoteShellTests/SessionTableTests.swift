import RemoteShell
import Testing

struct SessionTableTests {
  @Test func `names that only look the same are two sessions`() throws {
    let table = SessionTable<Int>(limit: 3)
    let composed = try table.reserve("é")
    let decomposed = try table.reserve("e\u{301}")
    #expect(throws: SessionTable<Int>.Refusal.nameTaken(isBeingOpened: true)) { try table.reserve("é") }
    #expect(table.put(1, at: composed) && table.put(2, at: decomposed))
    #expect(table["é"] == 1 && table["e\u{301}"] == 2)
    #expect(table.all.map { Array($0.name.utf8) } == [Array("é".utf8), Array("e\u{301}".utf8)])
    #expect(table.remove("é", where: { $0 == 1 }) && table["é"] == nil && table["e\u{301}"] == 2)
    #expect(table.removeAll() == [2])
  }
}
