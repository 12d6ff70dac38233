import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One thread that waits in poll(2) for all descriptors and timers, and runs what was registered for them.
///
/// Bodies run on that thread, one after the other: they must be short and must not block. Measured against
/// other ways to read many pipes (decision 0004): lowest latency, bounded memory, no lost end of file.
package final class Reactor: Sendable {
  private let state = Mutex(State())
  private let wakeReading: Int32
  private let wakeWriting: Int32
  /// The thread as pthread_self(3) names it; 0 before it runs.
  let thread = Atomic<UInt>(0)
  /// Whether the thread is inside `runHere` and outside all tasks; of interest to itself only.
  let takesJobs = Atomic(false)

  /// Starts the thread.
  ///
  /// - Throws: `SystemFailure` when no pipe can be made.
  package init() throws(SystemFailure) {
    (wakeReading, wakeWriting) = try Descriptor.makePipe()
    Descriptor.setNonBlocking(wakeReading)
    Descriptor.setNonBlocking(wakeWriting)
    let thread = Thread { [self] in
      self.thread.store(Self.currentThread, ordering: .relaxed)
      var loop = Loop(wakeReading: wakeReading)
      while turn(&loop) {}
      // What waits here holds children and their descriptors.
      let forgotten = state.withLock { $0.forgetAll() }
      withExtendedLifetime(forgotten) {}
    }
    thread.name = "reactor"
    thread.stackSize = 512 << 10
    thread.start()
  }

  deinit {
    Descriptor.close(wakeReading)
    Descriptor.close(wakeWriting)
  }

  /// Ends the thread after the present turn; nothing registered runs any more.
  ///
  /// A reactor that nobody stops lives as long as the process.
  package func stop() {
    state.withLock { $0.isStopped = true }
    wake()
  }

  /// Runs the body on the reactor thread as soon as it can.
  package func perform(_ body: @escaping @Sendable () -> Void) {
    state.withLock { if !$0.isStopped { $0.jobs.append(body) } }
    wake()
  }

  /// Runs the body after the delay, unless it is cancelled before.
  package func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) -> Timer {
    let deadline = ContinuousClock.now.advanced(by: delay)
    let (id, mustWake) = state.withLock { state in
      let id = state.nextID()
      state.timers.insert(deadline, id: id, body: body)
      return (id, state.sleepsUntil.map { deadline < $0 } ?? true)
    }
    if mustWake { wake() }
    return Timer(reactor: self, id: id)
  }

  /// Runs the body whenever the descriptor has something to read or its other side has closed.
  package func onReadable(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) -> Watch {
    watch(descriptor, events: Int16(POLLIN), body)
  }

  /// Runs the body whenever the descriptor can be written to or its other side has closed.
  package func onWritable(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) -> Watch {
    watch(descriptor, events: Int16(POLLOUT), body)
  }

  /// A body that waits for its time; cancelling it twice, or after it ran, does nothing.
  package struct Timer: Sendable {
    fileprivate weak let reactor: Reactor?
    fileprivate let id: UInt64

    /// Takes the body back, if it has not begun.
    package func cancel() {
      guard let reactor else { return }
      // Let go outside the lock, as in forgetAll.
      withExtendedLifetime(reactor.state.withLock { $0.timers.remove(id) }) {}
    }
  }

  /// A body that waits for a descriptor; it must be cancelled before the descriptor is closed.
  package struct Watch: Sendable {
    fileprivate weak let reactor: Reactor?
    fileprivate let id: UInt64

    /// Takes the body back; called on the reactor thread, it does not run again.
    package func cancel() {
      guard let reactor else { return }
      let body = reactor.state.withLock { $0.removeWatch(id) }
      withExtendedLifetime(body) { if body != nil { reactor.wake() } }
    }
  }

  // MARK: - The loop

  /// What the reactor thread keeps for itself between two turns.
  private struct Loop {
    let wakeReading: Int32
    var descriptors: [pollfd] = []
    var ids: [UInt64] = []
    var generation: UInt64 = .max

    mutating func rebuild(from state: State) {
      descriptors = [pollfd(fd: wakeReading, events: Int16(POLLIN), revents: 0)]
      ids = [0]
      for (id, watch) in state.watches {
        descriptors.append(pollfd(fd: watch.descriptor, events: watch.events, revents: 0))
        ids.append(id)
      }
      generation = state.generation
    }
  }

  private struct State {
    var isStopped = false
    var lastID: UInt64 = 0
    var generation: UInt64 = 0
    var watches: [UInt64: (descriptor: Int32, events: Int16, body: @Sendable () -> Void)] = [:]
    var timers = TimerQueue()
    var jobs: [@Sendable () -> Void] = []
    /// When the thread's present poll(2) ends by itself; nil while it is awake or sleeps without end.
    var sleepsUntil: ContinuousClock.Instant?
    var isAwake = true

    mutating func nextID() -> UInt64 {
      lastID += 1
      return lastID
    }

    /// All that waits, to be let go outside the lock: bodies that go may have to cancel others.
    mutating func forgetAll() -> [@Sendable () -> Void] {
      defer {
        watches = [:]
        timers = TimerQueue()
        jobs = []
      }
      return watches.values.map(\.body) + timers.waiting + jobs
    }

    mutating func removeWatch(_ id: UInt64) -> (@Sendable () -> Void)? {
      guard let watch = watches.removeValue(forKey: id) else { return nil }
      generation += 1
      return watch.body
    }
  }

  private func watch(_ descriptor: Int32, events: Int16, _ body: @escaping @Sendable () -> Void) -> Watch {
    let id = state.withLock { state in
      let id = state.nextID()
      state.watches[id] = (descriptor, events, body)
      state.generation += 1
      return id
    }
    wake()
    return Watch(reactor: self, id: id)
  }

  /// Ends a sleeping poll(2); costs nothing on the reactor thread itself, which is awake.
  private func wake() {
    guard state.withLock({ !$0.isAwake }) else { return }
    _ = Descriptor.write(wakeWriting, [1])
  }

  /// One wait and what came of it; false when the reactor was stopped.
  private func turn(_ loop: inout Loop) -> Bool {
    let timeout = state.withLock { state -> Int32? in
      if state.isStopped { return nil }
      if state.generation != loop.generation { loop.rebuild(from: state) }
      if !state.jobs.isEmpty { return 0 }
      state.sleepsUntil = state.timers.earliest
      state.isAwake = false
      return state.timers.earliest.map { Self.milliseconds(until: $0) } ?? -1
    }
    guard let timeout else { return false }
    let ready = poll(&loop.descriptors, nfds_t(loop.descriptors.count), timeout)
    let (timers, jobs) = state.withLock { state in
      state.isAwake = true
      state.sleepsUntil = nil
      defer { state.jobs = [] }
      return (state.timers.due(at: .now), state.jobs)
    }
    if ready > 0 { serve(&loop) }
    for body in timers { body() }
    for body in jobs { body() }
    return true
  }

  private func serve(_ loop: inout Loop) {
    if loop.descriptors[0].revents != 0 {
      withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
        while case .bytes = Descriptor.read(loop.wakeReading, into: buffer) {}
      }
    }
    for index in 1..<loop.descriptors.count where loop.descriptors[index].revents != 0 {
      // Looked up now, not before: an earlier body of this turn may have cancelled it.
      let body = state.withLock { $0.watches[loop.ids[index]]?.body }
      body?()
    }
  }

  /// Rounded up, so that a timer is never found early and waited for in a spin.
  private static func milliseconds(until instant: ContinuousClock.Instant) -> Int32 {
    let (seconds, attoseconds) = ContinuousClock.now.duration(to: instant).components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    return Int32(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
