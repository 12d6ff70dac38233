import Foundation
import TestSupport
import Testing

@testable import RemoteShell

/// A session's transcript: a text that only grows, and whose addresses stay what they were.
struct TranscriptTests {
  /// A session without a shell: what happens is said.
  struct Told {
    var state: ShellSession.State
    /// The whole text from the first byte on, kept beside.
    var whole: [UInt8] = []

    init(retained: Int = 1 << 20, kept: Int = 3) {
      var limits = ShellSession.Limits()
      limits.keptCommands = kept
      limits.output.retainedBytes = retained
      limits.output.memoryBytes = 64
      state = ShellSession.State(
        machine: SessionMachine(hasSideChannel: false),
        spoolDirectory: FileManager.default.temporaryDirectory.path, limits: limits)
    }

    mutating func begin(_ text: String) {
      state.lastNumber += 1
      let record = OutputRecord(
        directory: FileManager.default.temporaryDirectory.path, limits: state.limits.output)
      state.commands[state.lastNumber] = ShellSession.Command(text: text, timeout: nil, output: record)
      state.forgetOldCommands()
      state.current = state.lastNumber
      state.commands[state.lastNumber]?.started = .now
      state.noteBegin(of: state.lastNumber)
      whole += Array("$ \(text)\n".utf8)
    }

    mutating func write(_ text: String) {
      state.noteOutput(Array(text.utf8)[...])
      whole += Array(text.utf8)
    }

    mutating func writeBehind(_ text: String) {
      state.noteBackground(Array(text.utf8)[...])
      whole += Array(text.utf8)
    }

    mutating func end(_ status: Int = 0) {
      let output = state.current.flatMap { state.commands[$0]?.output }
      let last = output.map { $0.read(max(0, $0.total - 1)..<$0.total).bytes } ?? []
      _ = state.finishCurrent(.init(status: status, manner: .completed, directory: []))
      if !last.isEmpty, last != [0x0A] { whole.append(0x0A) }
      if status != 0 { whole += Array("[exit status \(status)]\n".utf8) }
    }

    var transcript: Transcript { Transcript(state) }

    var text: String {
      let transcript = transcript
      return String(decoding: transcript.read(transcript.start..<transcript.end).bytes, as: UTF8.self)
    }
  }

  @Test func `commands, their output and how they ended stand in order`() {
    var told = Told(kept: 16)
    #expect(told.text.isEmpty)
    told.begin("ls")
    told.write("a\nb\n")
    told.end()
    told.writeBehind("job\n")
    told.begin("false")
    told.end(1)
    told.begin("printf x; exit 3")
    told.write("x")
    told.end(3)
    told.begin("true")
    told.end()
    #expect(
      told.text
        == "$ ls\na\nb\njob\n$ false\n[exit status 1]\n$ printf x; exit 3\nx\n[exit status 3]\n$ true\n")
  }

  @Test func `what a job writes before a command has begun keeps its address`() {
    var told = Told()
    told.begin("make")
    told.writeBehind("job\n")
    let before = told.transcript
    told.write("made\n")
    told.writeBehind("late\n")
    told.write("more\n")
    told.end()
    #expect(told.text == "$ make\njob\nmade\nlate\nmore\n")
    #expect(told.transcript.read(0..<before.end) == before.read(0..<before.end))
  }

  @Test func `what a job writes while a stopped command's end is proved keeps its address`() {
    var told = Told()
    told.begin("sleep 9")
    told.write("^C")
    told.state.commands[1]?.stopTarget = StopTarget(answer: "G 5")
    let proof = told.state.finishCurrent(
      .init(status: 130, manner: .interrupted(by: .interruptCharacter), directory: []))
    #expect(proof != nil)
    told.writeBehind("job\n")
    let before = told.transcript
    told.state.finishProof(.unproven, of: 1)
    #expect(told.transcript.read(0..<before.end).bytes == before.read(0..<before.end).bytes)
    #expect(told.text.hasPrefix("$ sleep 9\n^Cjob\n") && told.text.hasSuffix("[exit status 130]\n"))
  }

  /// Anything in any order: what was once at an address is there as long as it is kept, and the parts are the whole.
  @Test func `addresses stay, whatever happens`() {
    var generator = SeededGenerator(seed: .random(in: .min ... .max))
    for _ in 0..<60 {
      var told = Told()
      var isRunning = false
      for step in 0..<80 {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0 where !isRunning:
          told.begin("c\(step)")
          isRunning = true
        case 1 where isRunning:
          told.end(Int.random(in: 0...1, using: &generator))
          isRunning = false
        case 2...4 where isRunning: told.write(Self.words(step, using: &generator))
        case 5: told.writeBehind(Self.words(step, using: &generator))
        default: break
        }
        let transcript = told.transcript
        #expect(transcript.end == told.whole.count, "seed \(generator.seed)")
        let lower = Int.random(in: 0...transcript.end, using: &generator)
        let upper = Int.random(in: lower...transcript.end, using: &generator)
        let part = transcript.read(lower..<upper)
        #expect(part.bytes == Array(told.whole[part.offset..<part.end]), "seed \(generator.seed)")
        #expect(part.lost.isEmpty)
      }
      #expect(told.transcript.start > 0 || told.state.lastNumber <= 4)
    }
  }

  private static func words(_ step: Int, using generator: inout SeededGenerator) -> String {
    let words = ["x", "line\n", "é", "日本語\n", "👩‍👩‍👧", String(repeating: "y", count: 100), "\u{1B}[31m"]
    return (0..<Int.random(in: 0..<4, using: &generator)).map { _ in
      words.randomElement(using: &generator) ?? ""
    }
    .joined()
  }

  @Test func `following the ends gives the whole, and never half a character`() {
    var told = Told()
    told.begin("cat ü")
    for _ in 0..<40 { told.write("aé日👩‍👩‍👧\n") }
    told.end()
    let transcript = told.transcript
    for length in [1, 2, 3, 4, 5, 7, 64, 1000, 100_000] {
      var next = 0
      var bytes: [UInt8] = []
      while next < transcript.end {
        let part = transcript.read(next..<(next + length))
        #expect(part.offset == next && part.end > next && part.end == next + part.bytes.count)
        if length >= 4 {
          #expect(String(validating: part.bytes, as: UTF8.self) != nil, "\(length) at \(next)")
        }
        bytes += part.bytes
        next = part.end
      }
      #expect(bytes == told.whole)
    }
  }

  @Test func `old commands are forgotten with all that stands before their ends, and addresses go on`() {
    var told = Told(kept: 2)
    for number in 0..<5 {
      told.writeBehind("before \(number)\n")
      told.begin("c\(number)")
      told.write("out \(number)\n")
      told.end()
    }
    told.begin("last")
    let transcript = told.transcript
    #expect(transcript.start > 0 && transcript.end == told.whole.count)
    #expect(told.text == "before 3\n$ c3\nout 3\nbefore 4\n$ c4\nout 4\n$ last\n")
    // Below the first byte there is nothing, and a range that begins there begins where it can.
    #expect(transcript.read(0..<5).bytes.isEmpty)
    #expect(transcript.read(0..<transcript.end).offset == transcript.start)
  }

  @Test func `what is beyond the retention limit is named, and the rest keeps its address`() {
    var told = Told(retained: 1000)
    told.begin("flood")
    let before = told.transcript.end
    for number in 0..<1000 { told.write("\(1000 + number)") }
    told.end()
    let transcript = told.transcript
    let part = transcript.read(0..<transcript.end)
    #expect(part.lost == [(before + 500)..<(before + 3500)])
    #expect(part.bytes == Array(told.whole[..<(before + 500)] + told.whole[(before + 3500)...]))
    #expect(transcript.read((before + 500)..<(before + 3500)).bytes.isEmpty)
    #expect(transcript.read((before + 600)..<(before + 700)).lost == [(before + 600)..<(before + 700)])
    let tail = transcript.read((before + 3496)..<(before + 3504))
    #expect(tail.bytes == Array("1875".utf8) && tail.lost == [(before + 3496)..<(before + 3500)])
  }
}
