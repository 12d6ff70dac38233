import ChildProcess
import Foundation
import RemoteShell
import TestSupport
import Testing

struct ShellDriverTests {
  @Test func `the remote command crosses any login shell: no newline, no bang, no backslash before a quote`()
  {
    for command in [ShellDriver.remoteCommand, ShellDriver.cleanRemoteCommand] {
      #expect(!command.contains("\n"))
      #expect(!command.contains("!"))
      #expect(!command.contains("\\\\"))
      #expect(!command.contains("\\'"))
    }
  }

  @Test(arguments: [Dialect.bash, .posix])
  func `any bytes but NUL, quoted, are read back by a shell`(_ dialect: Dialect) throws {
    let shell = dialect == .bash ? "/bin/bash" : "/bin/sh"
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    let samples =
      [Array(UInt8(1)...255), [], [0x27], [0x0A], Array("it's".utf8)]
      + (0..<20).map { _ in (0..<2000).map { _ in UInt8.random(in: 1...255, using: &generator) } }
    for sample in samples {
      let word = ShellDriver.quoted(sample, for: dialect, headBytes: 100)
      let process = Process()
      let output = Pipe()
      let input = Pipe()
      process.executableURL = URL(fileURLWithPath: shell)
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      try input.fileHandleForWriting.write(contentsOf: Data(Array("printf %s ".utf8) + word + [0x0A]))
      try input.fileHandleForWriting.close()
      let read = try output.fileHandleForReading.readToEnd() ?? Data()
      #expect(Array(read) == sample, "seed \(generator.seed)")
    }
  }

  @Test(arguments: Dialect.allCases)
  func `no line of a frame is longer than a terminal takes, and none has a control byte`(_ dialect: Dialect) {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    let command = (0..<50_000).map { _ in UInt8.random(in: 1...255, using: &generator) }
    let frame = ShellDriver.frame(command, sequence: 123_456, status: 255, dialect: dialect)
    for line in frame.split(separator: 0x0A, omittingEmptySubsequences: false) {
      #expect(line.count <= ShellDriver.lineLimitBytes)
      #expect(line.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, "seed \(generator.seed)")
    }
    #expect(frame.last == 0x0A)
  }
}
