import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Starts children, one at a time, and sees to it that none outlives the server.
///
/// One at a time because descriptors that another thread opens between Foundation's scan and its spawn would
/// leak into the child, and with an empty signal mask because a child of a task or a queue would otherwise
/// inherit a mask that blocks SIGTERM (both measured; swift-corelibs-foundation issues 4772 and 5409).
package final class ProcessSpawner: Sendable {
  private let reactor: Reactor
  private let watchdog: Watchdog?
  private let spawning = Mutex<Void>(())
  private let living = Mutex(Living())

  private struct Living {
    var children: [Int32: ChildProcess] = [:]
    /// Signalled when the last child has ended.
    var noneLeft: DispatchSemaphore?
  }

  /// A spawner on that reactor; takes SIGPIPE in this process, so that a child that closes its input is an
  /// error of write(2) and not the end of the server.
  ///
  /// - Parameters:
  ///   - reactor: Reads and writes the children's pipes.
  ///   - isGuarded: Whether a small process ends the children when this one dies without a word.
  package init(reactor: Reactor, isGuarded: Bool = true) {
    // A handler and not SIG_IGN, which children would inherit.
    signal(SIGPIPE) { _ in }
    self.reactor = reactor
    self.watchdog = isGuarded ? Watchdog() : nil
  }

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - launch: What to run.
  ///   - receive: Gets everything that the child does, on the reactor thread; must not block.
  /// - Returns: The running child.
  /// - Throws: `SpawnFailure` when the program is not there or the system has run out of something.
  package func spawn(
    _ launch: Launch, _ receive: @escaping @Sendable (ChildProcess.Event) -> Void
  ) throws(SpawnFailure) -> ChildProcess {
    try watchdog?.start(self)
    let child = try spawnUnguarded(launch) { [weak self] child, event in
      if case .exited = event { self?.forget(child) }
      receive(event)
    }
    living.withLock { $0.children[child.processIdentifier] = child }
    watchdog?.protect(child)
    // It may have ended before it was known here.
    if child.termination != nil { forget(child.processIdentifier) }
    return child
  }

  /// Ends all children and waits for that; blocks, so not for a thread that must not.
  ///
  /// - Parameter grace: Seconds between SIGTERM and SIGKILL; half a second more is waited after that.
  package func endAll(grace: Double) {
    for child in living.withLock({ Array($0.children.values) }) {
      child.signal(SIGTERM)
      child.signal(SIGCONT)
    }
    if waitUntilNoneLives(seconds: grace) { return }
    for child in living.withLock({ Array($0.children.values) }) { child.signal(SIGKILL) }
    _ = waitUntilNoneLives(seconds: 0.5)
  }

  private func waitUntilNoneLives(seconds: Double) -> Bool {
    // Not a condition with a date: somebody may set the clock.
    let noneLeft = DispatchSemaphore(value: 0)
    let isOver = living.withLock { living in
      living.noneLeft = noneLeft
      return living.children.isEmpty
    }
    return isOver || noneLeft.wait(timeout: .now() + seconds) == .success
  }

  private func forget(_ child: Int32) {
    watchdog?.forget(child)
    living.withLock { living in
      living.children[child] = nil
      if living.children.isEmpty { living.noneLeft?.signal() }
    }
  }

  /// Has the directory removed, with all in it, when this process dies without a word.
  ///
  /// The guard process is started with the first child: before that there is nothing to end, and a process that
  /// never has a child, as most servers of a client, stays alone.
  package func removeOnDeath(_ directory: String) {
    watchdog?.removeOnDeath(directory)
  }

  /// Ends the guard process; to be called when all children have ended.
  package func stop() {
    watchdog?.stop()
  }

  /// A timer on the reactor that carries the children.
  func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) -> Reactor.Timer {
    reactor.after(delay, body)
  }

  func spawnUnguarded(
    _ launch: Launch, _ receive: @escaping @Sendable (Int32, ChildProcess.Event) -> Void
  ) throws(SpawnFailure) -> ChildProcess {
    guard access(launch.executable, X_OK) == 0 else {
      throw SpawnFailure(executable: launch.executable, reason: String(cString: strerror(errno)))
    }
    let result: Result<ChildProcess, SpawnFailure> = spawning.withLock { _ in
      do throws(SystemFailure) {
        return run(launch, pipes: try Pipes(), receive)
      } catch {
        return .failure(SpawnFailure(executable: launch.executable, reason: "\(error)"))
      }
    }
    return try result.get()
  }

  private func run(
    _ launch: Launch, pipes: Pipes, _ receive: @escaping @Sendable (Int32, ChildProcess.Event) -> Void
  ) -> Result<ChildProcess, SpawnFailure> {
    #if os(Linux)
      let process = MonitoredProcess(highestDescriptor: pipes.highestDescriptor)
    #else
      let process = Process()
    #endif
    process.executableURL = URL(fileURLWithPath: launch.executable)
    process.arguments = launch.arguments
    process.environment = launch.environment
    process.standardInput = FileHandle(fileDescriptor: pipes.childInput, closeOnDealloc: false)
    process.standardOutput = FileHandle(fileDescriptor: pipes.childOutput, closeOnDealloc: false)
    process.standardError = FileHandle(fileDescriptor: pipes.childErrorOutput, closeOnDealloc: false)
    let born = Born()
    process.terminationHandler = { process in
      // The handler may run before run() has returned here; `spawning` is held until the child is known.
      born.child(after: self.spawning)?.foundationReported(
        process.terminationReason == .exit
          ? .exited(process.terminationStatus) : .signaled(process.terminationStatus))
      // Without this call the Process object is never freed (measured); the child has ended already.
      process.waitUntilExit()
    }
    var none = sigset_t()
    var previous = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &previous)
    defer {
      pthread_sigmask(SIG_SETMASK, &previous, nil)
      pipes.closeChildEnds()
    }
    func takeMonitor() -> Int32 {
      #if os(Linux)
        process.takeMonitor()
      #else
        -1
      #endif
    }
    do {
      try process.run()
    } catch {
      pipes.closeParentEnds()
      Descriptor.close(takeMonitor())
      return .failure(
        SpawnFailure(executable: launch.executable, reason: (error as NSError).localizedDescription))
    }
    let pid = process.processIdentifier
    let child = ChildProcess(
      processIdentifier: pid, pipes: pipes.parent, monitor: takeMonitor(), reactor: reactor,
      receive: { receive(pid, $0) })
    // Foundation would keep the child for as long as the child keeps the news of its end from it.
    if !child.begin() { born.set(child) }
    return .success(child)
  }

  /// Hands the child to a termination handler that was made before it.
  private final class Born: Sendable {
    private let slot = Mutex<ChildProcess?>(nil)

    func set(_ child: ChildProcess) {
      slot.withLock { $0 = child }
    }

    func child(after spawning: borrowing Mutex<Void>) -> ChildProcess? {
      spawning.withLock { _ in }
      return slot.withLock { child in
        defer { child = nil }
        return child
      }
    }
  }

  private struct Pipes {
    let childInput, childOutput, childErrorOutput: Int32
    let parent: ParentPipes
    /// What Foundation opens for the child takes a lower number, or one a little higher.
    let highestDescriptor: Int32

    init() throws(SystemFailure) {
      var open: [Int32] = []
      do throws(SystemFailure) {
        // Two pipes more than are kept: Foundation opens some descriptors too, and words their lack badly.
        for _ in 0..<5 {
          let pipe = try Descriptor.makePipe()
          open += [pipe.reading, pipe.writing]
        }
      } catch {
        open.forEach(Descriptor.close)
        throw error
      }
      open[6...].forEach(Descriptor.close)
      highestDescriptor = (open.max() ?? 0) + 64
      (childInput, childOutput, childErrorOutput) = (open[0], open[3], open[5])
      parent = ParentPipes(input: open[1], output: open[2], errorOutput: open[4])
      for descriptor in [parent.input, parent.output, parent.errorOutput] {
        Descriptor.setNonBlocking(descriptor)
      }
    }

    func closeChildEnds() {
      [childInput, childOutput, childErrorOutput].forEach(Descriptor.close)
    }

    func closeParentEnds() {
      [parent.input, parent.output, parent.errorOutput].forEach(Descriptor.close)
    }
  }
}
