import ChildProcess
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ReactorTests {
  @Test func `timers run in the order of their deadlines, whatever the order of their making`() async throws {
    let reactor = try Reactor()
    let ran = Mutex<[Int]>([])
    await withCheckedContinuation { continuation in
      for number in [3, 1, 4, 2, 5] {
        _ = reactor.after(.milliseconds(10 * number)) {
          ran.withLock { $0.append(number) }
          if number == 5 { continuation.resume() }
        }
      }
    }
    #expect(ran.withLock { $0 } == [1, 2, 3, 4, 5])
    reactor.stop()
  }

  @Test func `a cancelled timer does not run`() async throws {
    let reactor = try Reactor()
    let ran = Mutex(false)
    let timer = reactor.after(.milliseconds(5)) { ran.withLock { $0 = true } }
    timer.cancel()
    await withCheckedContinuation { continuation in
      _ = reactor.after(.milliseconds(30)) { continuation.resume() }
    }
    #expect(!ran.withLock { $0 })
    reactor.stop()
  }

  @Test func `what a cancelled body held may cancel others as it goes`() throws {
    final class Owner: Sendable {
      let timer: Reactor.Timer
      let watch: Reactor.Watch
      init(_ reactor: Reactor, _ descriptor: Int32) {
        timer = reactor.after(.seconds(100)) {}
        watch = reactor.onReadable(descriptor) {}
      }
      deinit {
        timer.cancel()
        watch.cancel()
      }
    }
    let reactor = try Reactor()
    let pipe = try Descriptor.makePipe()
    do {
      let (first, second) = (Owner(reactor, pipe.reading), Owner(reactor, pipe.reading))
      let timer = reactor.after(.seconds(100)) { _ = first }
      let watch = reactor.onReadable(pipe.reading) { _ = second }
      _ = consume first
      _ = consume second
      timer.cancel()
      watch.cancel()
    }
    reactor.stop()
    Descriptor.close(pipe.reading)
    Descriptor.close(pipe.writing)
  }

  @Test func `a timer set while the reactor sleeps without end wakes it`() async throws {
    let reactor = try Reactor()
    for _ in 0..<200 {
      await withCheckedContinuation { continuation in
        _ = reactor.after(.microseconds(100)) { continuation.resume() }
      }
    }
    reactor.stop()
  }

  @Test func `a job runs at once from any thread`() async throws {
    let reactor = try Reactor()
    for _ in 0..<1000 {
      await withCheckedContinuation { continuation in reactor.perform { continuation.resume() } }
    }
    reactor.stop()
  }

  /// A task on the reactor as its executor that waits until it is let go.
  final class Waiting: Sendable {
    let words = Mutex<[String]>([])
    private let gate = Mutex<CheckedContinuation<Void, Never>?>(nil)

    func start(on reactor: Reactor) -> Task<Void, Never> {
      Task.immediate(executorPreference: reactor) {
        await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } }
        words.withLock { $0.append("task") }
      }
    }

    func letGo() {
      gate.withLock { $0.take() }?.resume()
      words.withLock { $0.append("let go") }
    }

    /// The same with a lock held that the task takes.
    func letGoUnderLock() {
      words.withLock { words in
        gate.withLock { $0.take() }?.resume()
        words.append("let go")
      }
    }
  }

  @Test func `a task that is let go inside runHere goes on at once on the reactor thread`() async throws {
    let reactor = try Reactor()
    let waiting = Waiting()
    let task = waiting.start(on: reactor)
    reactor.perform { reactor.runHere { waiting.letGo() } }
    await task.value
    #expect(waiting.words.withLock { $0 } == ["task", "let go"])
    reactor.stop()
  }

  @Test func `a task that is let go with a lock held, outside runHere, does not go on inside it`()
    async throws
  {
    let reactor = try Reactor()
    let waiting = Waiting()
    let task = waiting.start(on: reactor)
    reactor.perform { waiting.letGoUnderLock() }
    await task.value
    #expect(waiting.words.withLock { $0 } == ["let go", "task"])
    reactor.stop()
  }

  @Test func `a task that is let go on another thread runs, though runHere is called there`() async throws {
    let reactor = try Reactor()
    let waiting = Waiting()
    let task = waiting.start(on: reactor)
    reactor.runHere { waiting.letGo() }
    await task.value
    #expect(waiting.words.withLock { $0.count } == 2)
    reactor.stop()
  }

  @Test func `a watch that cancels itself in its body runs once, though the bytes stay unread`() async throws
  {
    let reactor = try Reactor()
    let pipe = try Descriptor.makePipe()
    defer {
      Descriptor.close(pipe.reading)
      Descriptor.close(pipe.writing)
    }
    let count = Mutex(0)
    let watch = Mutex<Reactor.Watch?>(nil)
    watch.withLock { slot in
      slot = reactor.onReadable(pipe.reading) {
        count.withLock { $0 += 1 }
        watch.withLock { $0 }?.cancel()
      }
    }
    _ = Descriptor.write(pipe.writing, [1])
    await withCheckedContinuation { continuation in
      _ = reactor.after(.milliseconds(20)) { continuation.resume() }
    }
    #expect(count.withLock { $0 } == 1)
    reactor.stop()
  }
}
