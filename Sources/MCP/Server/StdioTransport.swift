import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Carries a connection over two descriptors: one thread reads, another writes what cannot be written at once.
///
/// The descriptors' flags are never changed, since the client may share them. A client that does not read its
/// answers stops being read itself: memory stays bounded and nothing is lost.
package final class StdioTransport: Sendable {
  /// The bounds of a transport.
  package enum Limits {
    /// Bytes of answers that wait for the client; beyond them nothing more is read from it.
    static let queuedBytes = 8 << 20
    /// Bytes taken from the client at a time.
    static let readBytes = 64 << 10
  }

  private let input: Int32
  private let output: Int32
  private let outputKind: OutputKind
  private let wake: (reading: Int32, writing: Int32)
  private let condition = NSCondition()
  private let state = Mutex(State())

  private struct State {
    var queue: [[UInt8]] = []
    var queuedBytes = 0
    /// Whether the writing thread has something in its hands.
    var isWriting = false
    var isStopped = false
    var isBroken = false
    /// Who waits until there is room.
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// Who waits until everything is written.
    var flushers: [DispatchSemaphore] = []

    var isDrained: Bool { !isWriting && queue.isEmpty || isBroken }
    var hasRoom: Bool { queuedBytes <= Limits.queuedBytes || isStopped || isBroken }
  }

  /// How much can be written without blocking a thread that must not block.
  private enum OutputKind {
    /// poll(2) promises PIPE_BUF bytes of room.
    case pipe
    /// send(2) takes what fits.
    case socket
    /// A file or a terminal: always the writing thread.
    case other
  }

  /// A transport over descriptors that stay open for its life.
  package init(input: Int32, output: Int32) {
    self.input = input
    self.output = output
    var status = stat()
    fstat(output, &status)
    switch status.st_mode & S_IFMT {
    case S_IFIFO: outputKind = .pipe
    case S_IFSOCK: outputKind = .socket
    default: outputKind = .other
    }
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no descriptors are left at start")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    wake = (ends[0], ends[1])
  }

  /// Takes standard input and output for the protocol: whatever else is printed goes to standard error.
  package static func standard() -> StdioTransport {
    let output = dup(STDOUT_FILENO)
    _ = fcntl(output, F_SETFD, FD_CLOEXEC)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    return StdioTransport(input: STDIN_FILENO, output: output)
  }

  /// Starts both threads.
  ///
  /// - Parameters:
  ///   - receive: Gets what the client sends, on the reading thread.
  ///   - ended: Called once, when the client has closed its side, does not take answers any more, or `stop` was
  ///     called.
  package func start(
    receive: @escaping @Sendable (ArraySlice<UInt8>) -> Void, ended: @escaping @Sendable () -> Void
  ) {
    let reader = Thread { [self] in
      read(receive)
      ended()
    }
    reader.name = "stdin"
    reader.stackSize = 1 << 20
    reader.start()
    let writer = Thread { [self] in write() }
    writer.name = "stdout"
    writer.stackSize = 256 << 10
    writer.start()
  }

  /// Ends the reading thread; safe to call from a signal's queue and twice.
  package func stop() {
    state.withLock { $0.isStopped = true }
    var byte: UInt8 = 1
    _ = writeBytes(wake.writing, &byte, 1)
    announceChange()
  }

  /// Sends a whole message; never blocks.
  package func send(_ message: [UInt8]) {
    let mustQueue = state.withLock { state in
      guard !state.isBroken else { return false }
      var rest = message[...]
      if state.queue.isEmpty, !state.isWriting { writeAtOnce(&rest, &state) }
      guard !rest.isEmpty, !state.isBroken else { return false }
      state.queue.append(Array(rest))
      state.queuedBytes += rest.count
      return true
    }
    if mustQueue { announceChange() }
  }

  /// Waits until the client has taken what is too much for it; at once when it takes nothing any more.
  package func room() async {
    // Many are let go at once, and the first of them may fill the room again.
    while !state.withLock({ $0.hasRoom }) {
      await withCheckedContinuation { continuation in
        let hasRoom = state.withLock { state in
          if !state.hasRoom { state.waiters.append(continuation) }
          return state.hasRoom
        }
        if hasRoom { continuation.resume() }
      }
    }
  }

  /// Waits until everything is written, at most for so long; blocks.
  package func flush(within seconds: Double) {
    // Not a condition with a date: somebody may set the clock.
    let drained = DispatchSemaphore(value: 0)
    let mustWait = state.withLock { state in
      if !state.isDrained { state.flushers.append(drained) }
      return !state.isDrained
    }
    if mustWait { _ = drained.wait(timeout: .now() + seconds) }
  }

  // MARK: - Reading

  private func read(_ receive: (ArraySlice<UInt8>) -> Void) {
    while waitForInput() {
      var failure: Int32 = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: Limits.readBytes) { buffer, count in
        let result = readBytes(input, buffer.baseAddress, buffer.count)
        if result < 0 { failure = errno }
        count = max(result, 0)
      }
      if !bytes.isEmpty {
        receive(bytes[...])
        waitForRoom()
      } else if failure != EINTR, failure != EAGAIN {
        return
      }
    }
  }

  private func waitForInput() -> Bool {
    while !state.withLock({ $0.isStopped || $0.isBroken }) {
      var descriptors = [
        pollfd(fd: input, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wake.reading, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&descriptors, 2, -1) >= 0 || errno == EINTR else { return false }
      if descriptors[1].revents != 0 { return false }
      if descriptors[0].revents != 0 { return true }
    }
    return false
  }

  private func waitForRoom() {
    condition.lock()
    defer { condition.unlock() }
    while !state.withLock({ $0.hasRoom }) {
      condition.wait()
    }
  }

  // MARK: - Writing

  /// Writes without blocking, as far as the kind of descriptor can promise that.
  private func writeAtOnce(_ rest: inout ArraySlice<UInt8>, _ state: inout State) {
    while !rest.isEmpty {
      let count: Int
      switch outputKind {
      case .pipe:
        var descriptor = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        guard poll(&descriptor, 1, 0) == 1, descriptor.revents & Int16(POLLOUT) != 0 else { return }
        count = rest.prefix(Int(PIPE_BUF)).withUnsafeBytes { writeBytes(output, $0.baseAddress, $0.count) }
      case .socket:
        count = rest.withUnsafeBytes { bytes in
          #if canImport(Glibc)
            Glibc.send(output, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
          #else
            Darwin.send(output, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
          #endif
        }
      case .other: return
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        if errno != EAGAIN, errno != EWOULDBLOCK { fail(&state) }
        return
      }
    }
  }

  private func write() {
    while let messages = nextMessages() {
      for message in messages {
        guard writeWhole(message) else {
          state.withLock { fail(&$0) }
          return stop()
        }
        state.withLock { $0.queuedBytes -= message.count }
        announceChange()
      }
      state.withLock { $0.isWriting = false }
      announceChange()
    }
  }

  /// Blocks until the client has taken it; false when it takes nothing any more.
  private func writeWhole(_ message: [UInt8]) -> Bool {
    var rest = message[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { writeBytes(output, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        // The client shares the descriptor and has made it non-blocking.
        var descriptor = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        _ = poll(&descriptor, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Wakes those who wait for the state to change; the lock is held, or a waiter between its look and its wait
  /// would miss it.
  private func announceChange() {
    let (ready, drained) = state.withLock { state in
      let (waiters, flushers) = (state.hasRoom ? state.waiters : [], state.isDrained ? state.flushers : [])
      if state.hasRoom { state.waiters = [] }
      if state.isDrained { state.flushers = [] }
      return (waiters, flushers)
    }
    for waiter in ready { waiter.resume() }
    for flusher in drained { flusher.signal() }
    condition.lock()
    condition.broadcast()
    condition.unlock()
  }

  /// What waits, all at once: taken one by one, each would move those behind it.
  private func nextMessages() -> [[UInt8]]? {
    condition.lock()
    defer { condition.unlock() }
    while true {
      let (messages, isBroken) = state.withLock { state -> ([[UInt8]]?, Bool) in
        guard !state.isBroken, !state.queue.isEmpty else { return (nil, state.isBroken) }
        state.isWriting = true
        defer { state.queue = [] }
        return (state.queue, false)
      }
      if let messages { return messages }
      if isBroken { return nil }
      condition.wait()
    }
  }

  /// The client does not take answers any more (EPIPE): there is nobody to talk to.
  private func fail(_ state: inout State) {
    state.isBroken = true
    state.queue = []
    var byte: UInt8 = 1
    _ = writeBytes(wake.writing, &byte, 1)
  }
}

private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  #if canImport(Glibc)
    Glibc.read(descriptor, buffer, count)
  #else
    Darwin.read(descriptor, buffer, count)
  #endif
}

private func writeBytes(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
  #if canImport(Glibc)
    Glibc.write(descriptor, buffer, count)
  #else
    Darwin.write(descriptor, buffer, count)
  #endif
}
