import Foundation
import Fuzzing
import Testing

/// The fuzzer's kept inputs: beginnings that reach far, and what was once found.
@Suite(.timeLimit(.minutes(5)))
struct CorpusTests {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/fuzz")

  static func inputs(of target: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: directory.appending(path: target), includingPropertiesForKeys: nil
    ).sorted { $0.path < $1.path }
  }

  @Test(arguments: FuzzTarget.all.map(\.name))
  func `every kept input keeps its properties, whole and cut short`(name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let inputs = try Self.inputs(of: name)
    #expect(inputs.count >= 3)
    for input in inputs {
      let bytes = try [UInt8](Data(contentsOf: input))
      for length in [0, 1, bytes.count / 3, bytes.count / 2, max(0, bytes.count - 1), bytes.count] {
        let violation = target.violation(Array(bytes.prefix(length)))
        #expect(violation == nil, "\(name)/\(input.lastPathComponent), first \(length) bytes")
      }
    }
  }

  @Test func `every directory of kept inputs has its target`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(Set(names) == Set(FuzzTarget.all.map(\.name)))
  }
}
