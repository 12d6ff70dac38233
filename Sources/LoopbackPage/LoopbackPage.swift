package import ChildProcess
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A page on this machine that takes one secret from a person, once: `http://127.0.0.1:PORT/TOKEN`.
///
/// Only who knows the 128 bits of its path can see it or send to it; nothing of what is entered is kept here.
package final class LoopbackPage: Sendable {
  /// What the page says.
  package struct Words: Sendable, Hashable {
    /// The heading.
    package let title: String
    /// Under it, a paragraph each.
    package let paragraphs: [String]
    /// Beside the field.
    package let label: String

    /// Plain text; it is escaped.
    package init(title: String, paragraphs: [String], label: String) {
      self.title = title
      self.paragraphs = paragraphs
      self.label = label
    }
  }

  private static let connectionLimit = 16
  private static let requestSeconds = 10

  /// Where the page is.
  package let url: String
  private let port: Int
  private let token: String
  private let words: Words
  private let reactor: Reactor
  private let state: Mutex<State>

  private struct State {
    var listener: Int32
    var watch: Reactor.Watch?
    var connections: [Int32: Connection] = [:]
    var lastNumber = 0
    var isUsed = false
    /// What came before anybody waited for it; empty again at once when they do.
    var outcome: [UInt8]??
    var waiter: CheckedContinuation<[UInt8]?, Never>?
  }

  private struct Connection {
    let number: Int
    let watch: Reactor.Watch
    let timer: Reactor.Timer
    var bytes: [UInt8] = []
    var isAnswered = false
  }

  /// Begins to listen.
  ///
  /// - Throws: `SystemFailure` when there is no port.
  package init(_ words: Words, reactor: Reactor) throws(SystemFailure) {
    guard let (listener, port) = LoopbackSocket.listen() else {
      throw SystemFailure(call: "bind", code: errno)
    }
    var generator = SystemRandomNumberGenerator()
    token = (0..<16).map { _ in
      let byte = UInt8.random(in: 0...255, using: &generator)
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    self.port = port
    self.words = words
    self.reactor = reactor
    url = "http://127.0.0.1:\(port)/\(token)"
    state = Mutex(State(listener: listener))
    let watch = reactor.onReadable(listener) { [weak self] in self?.accept() }
    state.withLock { $0.watch = watch }
  }

  /// Waits for what a person enters; to be called once.
  ///
  /// - Returns: The bytes; nil when the page was closed or the task cancelled before.
  package func secret() async -> [UInt8]? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let outcome = state.withLock { state -> [UInt8]?? in
          if let outcome = state.outcome {
            state.outcome = .some(nil)
            return outcome
          }
          state.waiter = continuation
          return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      close()
    }
  }

  /// Takes the page away; whoever waits is told that nothing comes.
  package func close() {
    settle(nil)
    reactor.perform { [self] in
      state.withLock { state in
        guard state.listener >= 0 else { return }
        state.watch?.cancel()
        Descriptor.close(state.listener)
        state.listener = -1
        for descriptor in Array(state.connections.keys) { end(descriptor, &state) }
      }
    }
  }

  private func settle(_ secret: [UInt8]?) {
    let waiter = state.withLock { state in
      if state.outcome == nil { state.outcome = .some(state.waiter == nil ? secret : nil) }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: secret)
  }

  // MARK: - Connections, all on the reactor thread

  private func accept() {
    state.withLock { state in
      guard state.listener >= 0, let descriptor = LoopbackSocket.accept(state.listener) else { return }
      guard state.connections.count < Self.connectionLimit else { return Descriptor.close(descriptor) }
      state.lastNumber += 1
      let number = state.lastNumber
      let watch = reactor.onReadable(descriptor) { [weak self] in self?.read(descriptor) }
      let timer = reactor.after(.seconds(Self.requestSeconds)) { [weak self] in
        self?.state.withLock { state in
          if state.connections[descriptor]?.number == number { self?.end(descriptor, &state) }
        }
      }
      state.connections[descriptor] = Connection(number: number, watch: watch, timer: timer)
    }
  }

  private func read(_ descriptor: Int32) {
    var reading = Descriptor.Reading.nothing
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      reading = Descriptor.read(descriptor, into: UnsafeMutableRawBufferPointer(buffer))
      if case .bytes(let read) = reading { count = read }
    }
    let secret = state.withLock { state -> [UInt8]? in
      guard var connection = state.connections[descriptor] else { return nil }
      guard case .bytes = reading else {
        if reading != .nothing { end(descriptor, &state) }
        return nil
      }
      guard !connection.isAnswered else { return nil }
      connection.bytes += bytes
      let step = PageExchange(port: port, token: token, isUsed: state.isUsed).step(connection.bytes)
      connection.isAnswered = step != .wait
      if connection.isAnswered { connection.bytes = [] }
      state.connections[descriptor] = connection
      switch step {
      case .wait: return nil
      case .form: write(descriptor, "200 OK", words.title, formBody)
      case .answer(let status, let title, let text): write(descriptor, status, title, "<p>\(text)</p>")
      case .secret(let secret):
        state.isUsed = true
        write(descriptor, "200 OK", "Thank you", "<p>ssh has got it. You can close this page.</p>")
        return secret
      }
      return nil
    }
    if let secret { settle(secret) }
  }

  private var formBody: String {
    let paragraphs = words.paragraphs.map { "<p>\(PageExchange.escaped($0))</p>" }.joined()
    let label = PageExchange.escaped(words.label)
    return """
      \(paragraphs)<form method="post" autocomplete="off"><label>\(label)
      <input type="password" name="secret" autocomplete="off" autofocus></label>
      <button>Send to ssh</button></form>
      """
  }

  private func write(_ descriptor: Int32, _ status: String, _ title: String, _ body: String) {
    LoopbackSocket.write(
      descriptor, PageExchange.response(status, body: PageExchange.page(title: title, body: body)))
  }

  private func end(_ descriptor: Int32, _ state: inout State) {
    guard let connection = state.connections.removeValue(forKey: descriptor) else { return }
    connection.watch.cancel()
    connection.timer.cancel()
    Descriptor.close(descriptor)
  }
}
