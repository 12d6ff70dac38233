import Foundation
import RemoteShell
import TestSupport
import Testing

struct OutputTests {
  let directory = FileManager.default.temporaryDirectory.path

  func record(memory: Int = 100, retained: Int = 1000) -> OutputRecord {
    var limits = OutputRecord.Limits()
    limits.memoryBytes = memory
    limits.retainedBytes = retained
    return OutputRecord(directory: directory, limits: limits)
  }

  func bytes(_ range: Range<Int>) -> [UInt8] { range.map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) } }

  @Test func `any range that is kept is read back, in memory, on disk and around the ring`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for total in [0, 1, 99, 100, 101, 500, 999, 1000, 1001, 1499, 1500, 1501, 2600] {
      let record = record()
      for chunk in Chunking.random(bytes(0..<total), using: &generator, longest: 333) { record.append(chunk) }
      #expect(record.total == total)
      let lost = record.lost
      #expect(lost.count == max(0, total - 1000))
      for _ in 0..<50 {
        let lower = Int.random(in: 0...total, using: &generator)
        let upper = Int.random(in: lower...total, using: &generator)
        let part = record.read(lower..<upper)
        #expect(part.bytes == bytes(part.offset..<part.end), "seed \(generator.seed), total \(total)")
        #expect(!lost.overlaps(part.offset..<part.end))
        if lower < upper, !lost.overlaps(lower..<upper) { #expect(part.offset == lower && part.end == upper) }
      }
    }
  }

  @Test func `without a place for a file the newest output is kept and the failure is told`() {
    var limits = OutputRecord.Limits()
    limits.memoryBytes = 100
    let record = OutputRecord(directory: "/nonexistent", limits: limits)
    record.append(bytes(0..<5000)[...])
    #expect(record.failure != nil)
    let lost = record.lost
    #expect(lost.lowerBound == 0 && lost.upperBound >= 4800 && lost.upperBound <= 4900)
    let part = record.read(0..<5000)
    #expect(part.bytes == bytes(lost.upperBound..<5000))
  }

  @Test func `no file is left in the directory while the record lives`() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "output-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let record = OutputRecord(directory: directory)
    record.append(bytes(0..<200_000)[...])
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    #expect(record.read(0..<200_000).bytes == bytes(0..<200_000))
  }

  func window(_ text: String, limit: Int) -> OutputWindow {
    let record = record(memory: 1 << 20, retained: 1 << 21)
    record.append(Array(text.utf8)[...])
    return OutputWindow(of: record, range: 0..<record.total, limit: limit) { omitted, _ in
      "[\(omitted.lowerBound)-\(omitted.upperBound)]"
    }
  }

  @Test func `what fits is shown whole`() {
    #expect(window("a\nb\n", limit: 4).text == "a\nb\n")
    #expect(window("a\nb\n", limit: 4).omitted == nil)
  }

  @Test func `what does not fit is cut at line ends and the cut names exactly what is missing`() throws {
    let lines = (0..<1000).map { "line \($0)\n" }.joined()
    let window = window(lines, limit: 1000)
    let omitted = try #require(window.omitted)
    let all = Array(lines.utf8)
    let expected =
      String(decoding: all[..<omitted.lowerBound], as: UTF8.self)
      + "[\(omitted.lowerBound)-\(omitted.upperBound)]\n"
      + String(decoding: all[omitted.upperBound...], as: UTF8.self)
    #expect(window.text == expected)
    #expect(window.text.count < 1100)
    #expect(all[omitted.lowerBound - 1] == 0x0A && all[omitted.upperBound - 1] == 0x0A)
  }

  @Test func `a cut never splits a character`() {
    let window = window(String(repeating: "é🙂", count: 2000), limit: 1001)
    #expect(!window.text.contains("\u{FFFD}"))
  }
}
