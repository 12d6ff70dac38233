package import ChildProcess
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The bytes that one command has written, kept for reading any part of them again.
///
/// Small outputs stay in memory. A larger one moves to a file (mode 0600) that is unlinked as soon as it is
/// open, so that nothing is left whatever happens. Beyond the retention limit the first half and the last half
/// are kept and what lies between is counted.
package final class OutputRecord: Sendable {
  /// The bounds of one record.
  package struct Limits: Sendable {
    /// Bytes kept at most: the first and the last half of it.
    package var retainedBytes = 64 << 20
    /// Bytes kept in memory before a file is made.
    package var memoryBytes = 64 << 10

    /// The defaults.
    package init() {}
  }

  /// A part of the record.
  package struct Part: Sendable, Hashable {
    /// Where the bytes begin, counted from the command's first byte.
    package let offset: Int
    /// The bytes.
    package let bytes: [UInt8]
    /// The offset after the last of them.
    package var end: Int { offset + bytes.count }
  }

  private let limits: Limits
  private let directory: String
  private let state = Mutex(State())

  private struct State {
    var total = 0
    var memory: [UInt8] = []
    var file: Int32 = -1
    /// Where a file could not be written, what follows is kept in a ring of this size in memory.
    var fileEnd = Int.max
    var failure: SystemFailure?
  }

  /// An empty record.
  ///
  /// - Parameters:
  ///   - directory: Where a file is made when the output is large; private to this user.
  ///   - limits: The bounds.
  package init(directory: String, limits: Limits = Limits()) {
    self.directory = directory
    self.limits = limits
  }

  deinit {
    let file = state.withLock { $0.file }
    if file >= 0 { Descriptor.close(file) }
  }

  /// How many bytes have come in all.
  package var total: Int { state.withLock { $0.total } }

  /// Why large output could not be kept on disk; it is kept in part then.
  package var failure: SystemFailure? { state.withLock { $0.failure } }

  /// The offsets that are not kept any more; empty unless the limit was reached.
  package var lost: Range<Int> { state.withLock { lost(in: $0) } }

  /// Adds bytes.
  package func append(_ bytes: ArraySlice<UInt8>) {
    state.withLock { state in
      if state.file < 0, state.failure == nil, state.total + bytes.count > limits.memoryBytes {
        moveToFile(&state)
      }
      if state.file >= 0, state.failure == nil {
        write(bytes, to: &state)
      } else {
        keepInMemory(bytes, &state)
      }
      state.total += bytes.count
    }
  }

  /// What is kept of a range, from its first kept byte to the next gap or the end.
  package func read(_ range: Range<Int>) -> Part {
    state.withLock { state in
      let lost = lost(in: state)
      var lower = min(max(range.lowerBound, 0), state.total)
      var upper = min(range.upperBound, state.total)
      if lost.contains(lower) { lower = lost.upperBound }
      if !lost.isEmpty, lower < lost.lowerBound { upper = min(upper, lost.lowerBound) }
      guard lower < upper else { return Part(offset: lower, bytes: []) }
      return Part(offset: lower, bytes: bytes(of: lower..<upper, state))
    }
  }

  // MARK: - Layout

  private var half: Int { limits.retainedBytes / 2 }

  private func lost(in state: borrowing State) -> Range<Int> {
    if state.failure != nil {
      let kept = min(state.fileEnd, state.total)
      return kept..<max(kept, state.total - state.memory.count)
    }
    return state.total > limits.retainedBytes ? half..<(state.total - half) : half..<half
  }

  /// The place in the file of the byte at this offset: the first half stands still, the second is a ring.
  private func place(of offset: Int) -> Int {
    offset < half ? offset : half + (offset - half) % half
  }

  /// The contiguous pieces of a range as (place in the file, length).
  private func pieces(of range: Range<Int>) -> [(place: Int, count: Int)] {
    var pieces: [(Int, Int)] = []
    var offset = range.lowerBound
    while offset < range.upperBound {
      let start = place(of: offset)
      let room = offset < half ? half - start : limits.retainedBytes - start
      let count = min(room, range.upperBound - offset)
      pieces.append((start, count))
      offset += count
    }
    return pieces
  }

  private func bytes(of range: Range<Int>, _ state: borrowing State) -> [UInt8] {
    if state.file < 0 || state.failure != nil && range.lowerBound >= state.fileEnd {
      let start = state.total - state.memory.count
      return Array(state.memory[(range.lowerBound - start)..<(range.upperBound - start)])
    }
    let file = state.file
    return [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      for piece in pieces(of: range) {
        let target = UnsafeMutableRawPointer(buffer.baseAddress.map { $0 + count })
        let read = pread(file, target, piece.count, off_t(piece.place))
        guard read > 0 else { break }
        count += read
        if read < piece.count { break }
      }
    }
  }

  // MARK: - Writing

  private func moveToFile(_ state: inout State) {
    var template = Array("\(directory)/output.XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else {
      return fail(SystemFailure(call: "mkstemp", code: errno), &state)
    }
    unlink(template)
    Descriptor.closeOnExec(file)
    state.file = file
    let memory = state.memory
    let total = state.total
    state.memory = []
    state.total = 0
    write(memory[...], to: &state)
    state.total = total
  }

  private func write(_ bytes: ArraySlice<UInt8>, to state: inout State) {
    var rest = bytes
    for piece in pieces(of: state.total..<(state.total + bytes.count)) {
      let chunk = rest.prefix(piece.count)
      var done = 0
      while done < chunk.count {
        let written = chunk.dropFirst(done).withUnsafeBytes {
          pwrite(state.file, $0.baseAddress, $0.count, off_t(piece.place + done))
        }
        guard written > 0 else {
          if written < 0, errno == EINTR { continue }
          state.fileEnd = min(state.total, half)
          fail(SystemFailure(call: "write", code: errno), &state)
          return keepInMemory(bytes, &state)
        }
        done += written
      }
      rest = rest.dropFirst(piece.count)
    }
  }

  /// From here on only the newest bytes are kept.
  private func fail(_ failure: SystemFailure, _ state: inout State) {
    state.failure = failure
    if state.file < 0 { state.fileEnd = 0 }
  }

  private func keepInMemory(_ bytes: ArraySlice<UInt8>, _ state: inout State) {
    state.memory += bytes
    guard state.failure != nil, state.memory.count > 2 * limits.memoryBytes else { return }
    state.memory.removeFirst(state.memory.count - limits.memoryBytes)
  }
}
