import ChildProcess
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The socket at which the askpass programs of one login ask; gone when the login has ended.
final class AskpassListener: Sendable {
  /// Bytes of one question.
  static let questionBytes = 16 << 10

  /// Where it listens.
  let path: String
  private let reactor: Reactor
  private let isOurs: @Sendable (_ process: Int32) -> Bool
  private let decide: @Sendable (Question) -> Void
  private let state: Mutex<State>

  /// What a helper asks.
  struct Question: Sendable {
    let prompt: AskpassPrompt
    /// Answers, at any time and from any thread; with nil there is no answer.
    let reply: @Sendable (Secret?) -> Void
    /// Whether the helper still waits: ssh ends it when a notice has become needless.
    let isOpen: @Sendable () -> Bool
  }

  private struct State {
    var listener: Int32
    var watch: Reactor.Watch?
    var connections: [Int32: Connection] = [:]
    var lastNumber = 0
  }

  private struct Connection {
    /// Tells it from a later one with the same descriptor.
    let number: Int
    let watch: Reactor.Watch
    var bytes: [UInt8] = []
    var isAsked = false
  }

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - path: In a directory that only this user can enter.
  ///   - reactor: Carries it.
  ///   - isOurs: Whether a process was started by this login's ssh; always asked where the kernel tells it.
  ///   - decide: Called on the reactor thread with a question.
  /// - Throws: `SystemFailure` when the socket cannot be made.
  init(
    path: String, reactor: Reactor, isOurs: @escaping @Sendable (_ process: Int32) -> Bool,
    decide: @escaping @Sendable (Question) -> Void
  ) throws(SystemFailure) {
    self.path = path
    self.reactor = reactor
    self.isOurs = isOurs
    self.decide = decide
    guard let listener = UnixSocket.listen(at: path) else { throw SystemFailure(call: "bind", code: errno) }
    Descriptor.setNonBlocking(listener)
    state = Mutex(State(listener: listener))
    let watch = reactor.onReadable(listener) { [weak self] in self?.accept() }
    state.withLock { $0.watch = watch }
  }

  /// Stops listening and removes the socket.
  func close() {
    state.withLock { state in
      guard state.listener >= 0 else { return }
      state.watch?.cancel()
      Descriptor.close(state.listener)
      state.listener = -1
      for (descriptor, connection) in state.connections {
        connection.watch.cancel()
        Descriptor.close(descriptor)
      }
      state.connections = [:]
    }
    unlink(path)
  }

  private func accept() {
    let listener = state.withLock { $0.listener }
    guard listener >= 0, let descriptor = Descriptor.accept(listener) else { return }
    guard let peer = UnixSocket.peer(of: descriptor), peer.user == getuid(),
      peer.process == 0 || isOurs(peer.process)
    else { return Descriptor.close(descriptor) }
    let watch = reactor.onReadable(descriptor) { [weak self] in self?.read(descriptor) }
    state.withLock { state in
      state.lastNumber += 1
      state.connections[descriptor] = Connection(number: state.lastNumber, watch: watch)
    }
  }

  /// A question is a hint and a text, each ended by NUL.
  private func read(_ descriptor: Int32) {
    var reading = Descriptor.Reading.nothing
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      reading = Descriptor.read(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
      if case .bytes(let read) = reading { count = read }
    }
    guard case .bytes = reading else {
      if reading != .nothing { end(descriptor) }
      return
    }
    let question = state.withLock { state -> [UInt8]? in
      state.connections[descriptor]?.bytes += bytes
      return state.connections[descriptor]?.bytes
    }
    guard let question else { return }
    let parts = question.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count >= 3 else {
      if question.count > Self.questionBytes { end(descriptor) }
      return
    }
    let number = state.withLock { state -> Int? in
      guard state.connections[descriptor]?.isAsked == false else { return nil }
      state.connections[descriptor]?.isAsked = true
      return state.connections[descriptor]?.number
    }
    guard let number else { return }
    let hint = String(decoding: parts[0], as: UTF8.self)
    let prompt = AskpassPrompt(String(decoding: parts[1], as: UTF8.self), hint: hint.isEmpty ? nil : hint)
    decide(
      Question(
        prompt: prompt, reply: { [weak self] secret in self?.reply(secret, to: descriptor, number) },
        isOpen: { [weak self] in
          self?.state.withLock { $0.connections[descriptor]?.number == number } ?? false
        }))
  }

  private func reply(_ secret: Secret?, to descriptor: Int32, _ number: Int) {
    state.withLock { state in
      guard state.connections[descriptor]?.number == number else { return }
      if let secret { _ = Descriptor.write(descriptor, ([UInt8(ascii: "+")] + secret.bytes)[...]) }
      end(descriptor, &state)
    }
  }

  private func end(_ descriptor: Int32) {
    state.withLock { end(descriptor, &$0) }
  }

  private func end(_ descriptor: Int32, _ state: inout State) {
    guard let connection = state.connections.removeValue(forKey: descriptor) else { return }
    connection.watch.cancel()
    Descriptor.close(descriptor)
  }
}
