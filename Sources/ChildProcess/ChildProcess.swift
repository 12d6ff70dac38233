import CPlatform
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A running program whose standard streams are pipes held by the reactor.
///
/// Writing may be done from any thread and never blocks; what arrives is handed to one closure on the reactor
/// thread. `Foundation.Process` starts it, but its exit is learnt from a pidfd, since Foundation reports the
/// exit of no child while an older one that closed its descriptors (every ssh does) still lives.
package final class ChildProcess: Sendable {
  /// What a child did; handed over in order, on the reactor thread.
  package enum Event: Sendable {
    /// Bytes from its standard output.
    case output(ArraySlice<UInt8>)
    /// Bytes from its standard error.
    case errorOutput(ArraySlice<UInt8>)
    /// It ended; everything that it had written came before. Nothing follows.
    case exited(Termination)
  }

  /// The bounds of one child.
  package enum Limits {
    /// Bytes of input that wait for the child to read them; beyond it `write` refuses.
    package static let pendingInputBytes = 8 << 20
    /// Bytes taken from a stream at a time, so that one flood does not starve the others.
    static let readBytes = 64 << 10
    /// Reads after an exit, for a stream that a grandchild holds open and floods.
    static let readsAfterExit = 64
    /// How long a child that was told to end may take before it is killed.
    package static let grace: Duration = .seconds(2)
  }

  /// The process id; also the id of its process group.
  package let processIdentifier: Int32

  private let reactor: Reactor
  private let state: Mutex<State>

  /// A child that runs already; `monitor` is closed when it has ended, for Foundation to learn of it, -1 for none.
  init(
    processIdentifier: Int32, pipes: ParentPipes, monitor: Int32, reactor: Reactor,
    receive: @escaping @Sendable (Event) -> Void
  ) {
    self.processIdentifier = processIdentifier
    self.reactor = reactor
    self.state = Mutex(State(pipes: pipes, monitor: monitor, receive: receive))
  }

  /// Nobody listens to the child any more: its end is left to Foundation.
  deinit {
    state.withLock { state in
      state.closeInput()
      state.closeStream(isError: false)
      state.closeStream(isError: true)
      state.stopWatchingExit()
    }
  }

  /// Queues bytes for the child's standard input; writes what fits at once.
  ///
  /// - Returns: false when the child has ended, closed its input or has `Limits.pendingInputBytes` waiting;
  ///   nothing of these bytes is sent then.
  @discardableResult
  package func write(_ bytes: [UInt8]) -> Bool {
    state.withLock { state in
      guard state.input >= 0, !state.closesInput else { return false }
      guard state.pendingInput.count + bytes.count <= Limits.pendingInputBytes else { return false }
      if state.pendingInput.isEmpty {
        guard let written = Descriptor.write(state.input, bytes[...]) else {
          state.closeInput()
          return false
        }
        state.pendingInput = Array(bytes[written...])
      } else {
        state.pendingInput += bytes
      }
      if !state.pendingInput.isEmpty, state.inputWatch == nil {
        state.inputWatch = reactor.onWritable(state.input) { [weak self] in self?.inputIsWritable() }
      }
      return true
    }
  }

  /// Forgets the bytes that wait for the child to read what came before them.
  package func discardInput() {
    state.withLock { state in
      state.forgetInput()
      if state.closesInput { state.closeInput() }
    }
  }

  /// Closes the child's standard input once all that was queued is written.
  package func closeInput() {
    state.withLock { state in
      state.closesInput = true
      if state.pendingInput.isEmpty { state.closeInput() }
    }
  }

  /// Sends the signal to the child's whole process group, if the child has not ended.
  package func signal(_ number: Int32) {
    state.withLock { state in
      guard state.termination == nil else { return }
      if kill(-processIdentifier, number) != 0 { _ = kill(processIdentifier, number) }
    }
  }

  /// Ends the child: SIGTERM to its group, SIGKILL when it is still there after `grace`.
  package func terminate(grace: Duration = Limits.grace) {
    signal(SIGTERM)
    signal(SIGCONT)
    let timer = reactor.after(grace) { [weak self] in self?.signal(SIGKILL) }
    let previous = state.withLock { state in
      defer { state.killTimer = state.termination == nil ? timer : nil }
      return state.termination == nil ? state.killTimer : timer
    }
    previous?.cancel()
  }

  /// Leaves its standard output unread until `resumeOutput`: what writes to it comes to a stop.
  package func pauseOutput() {
    state.withLock { state in
      state.outputWatch?.cancel()
      state.outputWatch = nil
    }
  }

  /// Reads its standard output again.
  package func resumeOutput() {
    state.withLock { watchOutput(&$0) }
  }

  private func watchOutput(_ state: inout State) {
    guard state.outputWatch == nil, state.output >= 0 else { return }
    state.outputWatch = reactor.onReadable(state.output) { self.streamIsReadable(isError: false) }
  }

  /// How it ended; nil while it runs.
  package var termination: Termination? { state.withLock { $0.termination } }

  // MARK: - The reactor's side

  /// Begins to listen to the streams and for the exit; called once, by the spawner.
  ///
  /// - Returns: Whether the exit is surely seen without Foundation.
  func begin() -> Bool {
    let exitDescriptor = cplatform_pidfd_open(processIdentifier)
    if exitDescriptor >= 0 { Descriptor.closeOnExec(exitDescriptor) }
    return state.withLock { state in
      watchOutput(&state)
      state.errorWatch = reactor.onReadable(state.errorOutput) { self.streamIsReadable(isError: true) }
      guard exitDescriptor >= 0 else {
        state.stopWatchingExit()
        return false
      }
      state.exitDescriptor = exitDescriptor
      state.exitWatch = reactor.onReadable(exitDescriptor) { self.reap() }
      return state.monitor >= 0
    }
  }

  /// Foundation's report of the exit: the only one where there is no pidfd, else usually the later one.
  func foundationReported(_ termination: Termination) {
    reactor.perform { self.end(termination) }
  }

  /// Reads the status without taking it from Foundation, then takes the zombie away.
  private func reap() {
    var information = siginfo_t()
    let id = id_t(bitPattern: processIdentifier)
    guard waitid(P_PID, id, &information, WEXITED | WNOWAIT | WNOHANG) == 0 else {
      // Foundation was quicker; its report is on the way.
      state.withLock { $0.stopWatchingExit() }
      return
    }
    #if canImport(Glibc)
      let (pid, status) = (information._sifields._sigchld.si_pid, information._sifields._sigchld.si_status)
    #else
      let (pid, status) = (information.si_pid, information.si_status)
    #endif
    guard pid == processIdentifier else { return }
    let termination: Termination = information.si_code == CLD_EXITED ? .exited(status) : .signaled(status)
    end(termination, reaping: true)
  }

  private func end(_ termination: Termination, reaping: Bool = false) {
    let isFirst = state.withLock { state in
      if reaping {
        var status: Int32 = 0
        _ = waitpid(processIdentifier, &status, WNOHANG)
      }
      guard state.termination == nil else { return false }
      state.termination = termination
      state.stopWatchingExit()
      state.killTimer?.cancel()
      state.killTimer = nil
      state.closeInput()
      return true
    }
    guard isFirst else { return }
    for isError in [false, true] {
      for _ in 0..<Limits.readsAfterExit where !readStream(isError: isError) { break }
      state.withLock { $0.closeStream(isError: isError) }
    }
    // Whoever receives usually holds this child too.
    let receive = state.withLock { $0.receive.take() }
    receive?(.exited(termination))
  }

  private func streamIsReadable(isError: Bool) {
    _ = readStream(isError: isError)
  }

  /// Reads once and hands it over; false when there is nothing or the stream has ended.
  private func readStream(isError: Bool) -> Bool {
    let (descriptor, receive) = state.withLock { (isError ? $0.errorOutput : $0.output, $0.receive) }
    guard descriptor >= 0, let receive else { return false }
    var reading = Descriptor.Reading.nothing
    let bytes = [UInt8](unsafeUninitializedCapacity: Limits.readBytes) { buffer, count in
      reading = Descriptor.read(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
      if case .bytes(let read) = reading { count = read }
    }
    switch reading {
    case .bytes:
      receive(isError ? .errorOutput(bytes[...]) : .output(bytes[...]))
      return true
    case .nothing: return false
    case .end, .failed:
      state.withLock { $0.closeStream(isError: isError) }
      return false
    }
  }

  private func inputIsWritable() {
    state.withLock { state in
      guard state.input >= 0 else { return }
      guard let written = Descriptor.write(state.input, state.pendingInput[...]) else {
        return state.closeInput()
      }
      state.pendingInput.removeFirst(written)
      guard state.pendingInput.isEmpty else { return }
      state.inputWatch?.cancel()
      state.inputWatch = nil
      if state.closesInput { state.closeInput() }
    }
  }

  private struct State {
    var input: Int32
    var output: Int32
    var errorOutput: Int32
    var exitDescriptor: Int32 = -1
    var monitor: Int32
    /// nil once the end is told.
    var receive: (@Sendable (Event) -> Void)?
    var pendingInput: [UInt8] = []
    var closesInput = false
    var termination: Termination?
    var killTimer: Reactor.Timer?
    var inputWatch, outputWatch, errorWatch, exitWatch: Reactor.Watch?

    init(pipes: ParentPipes, monitor: Int32, receive: @escaping @Sendable (Event) -> Void) {
      self.monitor = monitor
      self.receive = receive
      input = pipes.input
      output = pipes.output
      errorOutput = pipes.errorOutput
    }

    mutating func forgetInput() {
      inputWatch?.cancel()
      inputWatch = nil
      pendingInput = []
    }

    mutating func closeInput() {
      forgetInput()
      if input >= 0 { Descriptor.close(input) }
      input = -1
    }

    mutating func closeStream(isError: Bool) {
      if isError {
        errorWatch?.cancel()
        errorWatch = nil
        if errorOutput >= 0 { Descriptor.close(errorOutput) }
        errorOutput = -1
      } else {
        outputWatch?.cancel()
        outputWatch = nil
        if output >= 0 { Descriptor.close(output) }
        output = -1
      }
    }

    mutating func stopWatchingExit() {
      exitWatch?.cancel()
      exitWatch = nil
      if exitDescriptor >= 0 { Descriptor.close(exitDescriptor) }
      exitDescriptor = -1
      if monitor >= 0 { Descriptor.close(monitor) }
      monitor = -1
    }
  }
}

/// The server's ends of a child's three pipes.
struct ParentPipes: Sendable {
  let input: Int32
  let output: Int32
  let errorOutput: Int32
}
