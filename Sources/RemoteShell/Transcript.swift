import Synchronization

/// What a session's commands were and wrote, in order, as one text that only grows: what was at an address stays there.
///
/// A command is `$ ` and its text on a line, its output, and a line in brackets if it did not end with status 0;
/// output of background jobs stands where it came. Old commands are forgotten as a whole; their addresses
/// are not given again. Reading never holds up the session: the parts are gathered at once and read afterwards.
package struct Transcript: Sendable {
  /// The address of the first byte that is kept.
  package let start: Int
  /// The address after the last byte.
  package let end: Int
  private let pieces: [Piece]

  /// A stretch of the text: bytes that are known, or a part of what a command wrote.
  private struct Piece {
    let address: Int
    let source: Source
    let count: Int
  }

  private enum Source {
    case text([UInt8])
    case output(OutputRecord, from: Int)
  }

  /// A part of the text.
  package struct Part: Sendable, Hashable {
    /// The address of its first byte.
    package let offset: Int
    /// The bytes.
    package let bytes: [UInt8]
    /// The address after its last byte.
    package let end: Int
    /// The addresses in it that are beyond the retention limit of a command's output; their bytes are missing.
    package let lost: [Range<Int>]
  }

  init(_ state: borrowing ShellSession.State) {
    start = state.forgottenBytes
    var address = start
    var pieces: [Piece] = []
    func add(_ source: Source, _ count: Int) {
      guard count > 0 else { return }
      pieces.append(Piece(address: address, source: source, count: count))
      address += count
    }
    for entry in state.story {
      switch entry {
      case .command(let number):
        guard let command = state.commands[number] else { continue }
        add(.text(command.transcriptHead), command.transcriptHead.count)
      case .output(let number, let range):
        guard let command = state.commands[number] else { continue }
        add(.output(command.output, from: range.lowerBound), range.count)
      case .end(let number):
        guard let command = state.commands[number] else { continue }
        add(.text(command.transcriptFoot), command.transcriptFoot.count)
      case .background(let range): add(.output(state.background, from: range.lowerBound), range.count)
      }
    }
    // What has come since the last entry: the one or the other.
    if let output = state.openOutput {
      add(.output(output, from: state.toldOutput), output.total - state.toldOutput)
    }
    add(.output(state.background, from: state.toldBackground), state.background.total - state.toldBackground)
    end = address
    self.pieces = pieces
  }

  /// Reads a range of addresses, as far as it is kept.
  ///
  /// A character at its end that goes on behind it is left to the next part, unless there is nothing else.
  package func read(_ range: Range<Int>) -> Part {
    let range = range.clamped(to: start..<end)
    var bytes: [UInt8] = []
    var lost: [Range<Int>] = []
    for piece in pieces {
      let wanted = range.clamped(to: piece.address..<(piece.address + piece.count))
      guard !wanted.isEmpty else { continue }
      switch piece.source {
      case .text(let text):
        bytes += text[(wanted.lowerBound - piece.address)..<(wanted.upperBound - piece.address)]
      case .output(let record, let from):
        // An offset in the record is an address less this.
        let base = piece.address - from
        var next = wanted.lowerBound
        while next < wanted.upperBound {
          let part = record.read((next - base)..<(wanted.upperBound - base))
          let found = part.bytes.isEmpty ? wanted.upperBound : part.offset + base
          if found > next { lost.append(next..<found) }
          bytes += part.bytes
          next = found + part.bytes.count
        }
      }
    }
    let cut = OutputWindow.incompleteSuffix(of: bytes)
    guard range.upperBound < end, cut < bytes.count, lost.last?.upperBound != range.upperBound else {
      return Part(offset: range.lowerBound, bytes: bytes, end: range.upperBound, lost: lost)
    }
    bytes.removeLast(cut)
    return Part(offset: range.lowerBound, bytes: bytes, end: range.upperBound - cut, lost: lost)
  }
}

extension ShellSession {
  /// What the session's commands were and wrote until now.
  package var transcript: Transcript { state.withLock { Transcript($0) } }

  /// One part of the transcript.
  enum StoryEntry {
    /// A command's text.
    case command(Int)
    /// Offsets in its output.
    case output(Int, Range<Int>)
    /// How it ended.
    case end(Int)
    /// Offsets in the background output.
    case background(Range<Int>)
  }
}

extension ShellSession.State {
  mutating func noteBegin(of number: Int) {
    tellOutput()
    tellBackground()
    story.append(.command(number))
    openCommand = number
    toldOutput = 0
  }

  mutating func noteEnd(of number: Int) {
    tellOutput()
    tellBackground()
    story.append(.end(number))
    openCommand = nil
  }

  /// Before a command's output grows: what the background has written since stands before that.
  ///
  /// Only what stands last may grow, or what stands behind it would get another address.
  mutating func tellBackground() {
    guard background.total > toldBackground else { return }
    story.append(.background(toldBackground..<background.total))
    toldBackground = background.total
  }

  /// The same before the background's output grows; a job may write before a command that was sent has begun.
  mutating func tellOutput() {
    guard let openCommand, let output = openOutput, output.total > toldOutput else { return }
    story.append(.output(openCommand, toldOutput..<output.total))
    toldOutput = output.total
  }

  /// The output of the command that has begun and not ended.
  var openOutput: OutputRecord? { openCommand.flatMap { commands[$0]?.output } }

  /// A command is forgotten, and with it all that stands before it in the transcript.
  mutating func noteForgetting(of number: Int) {
    guard let place = story.firstIndex(where: { if case .end(number) = $0 { true } else { false } }) else {
      return
    }
    for entry in story[...place] {
      switch entry {
      case .command(let number): forgottenBytes += commands[number]?.transcriptHead.count ?? 0
      case .output(_, let range): forgottenBytes += range.count
      case .end(let number): forgottenBytes += commands[number]?.transcriptFoot.count ?? 0
      case .background(let range): forgottenBytes += range.count
      }
    }
    story.removeFirst(place + 1)
  }
}

extension ShellSession.Command {
  /// The line before its output.
  var transcriptHead: [UInt8] { Array("$ \(text)\n".utf8) }

  /// What stands after its output once it has ended: a line feed where the output has none at its end, and how it
  /// ended if not with status 0.
  var transcriptFoot: [UInt8] {
    guard let final else { return [] }
    let last = output.read(max(0, output.total - 1)..<output.total).bytes
    let lineEnd = last.isEmpty || last == [0x0A] ? "" : "\n"
    let words: String =
      switch final {
      case .finished(let end) where end.status == 0: ""
      case .finished(let end): "[exit status \(end.status)]\n"
      case .timedOut(_, let end): "[timed out, exit status \(end.status)]\n"
      case .sessionEnded: "[session ended]\n"
      case .neverStarted: "[not started: session ended]\n"
      case .queued, .running, .waitingForInput: ""
      }
    return Array((lineEnd + words).utf8)
  }
}
