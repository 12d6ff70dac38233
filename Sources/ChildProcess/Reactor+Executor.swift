import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs the next piece of a task on the reactor thread that has made it ready, without waking another thread.
///
/// Waking one costs more than telling a short result (measured, see Speed). It happens only inside `runHere`: whoever
/// resumes a task elsewhere, be it on this thread, may hold a lock that the task wants, so those run on the usual
/// pool. What runs here keeps all sessions waiting: it must be short and must not block.
extension Reactor: TaskExecutor {
  /// Runs the tasks that the body makes ready at once, if this is the reactor thread.
  ///
  /// - Parameter body: Resumes tasks; whoever calls holds no lock.
  package func runHere(_ body: () -> Void) {
    guard isCurrentThread else { return body() }
    takesJobs.store(true, ordering: .relaxed)
    defer { takesJobs.store(false, ordering: .relaxed) }
    body()
  }

  /// Runs the job here and now inside `runHere`, and on the usual pool otherwise.
  package func enqueue(_ job: consuming ExecutorJob) {
    guard isCurrentThread, takesJobs.load(ordering: .relaxed) else {
      return globalConcurrentExecutor.enqueue(job)
    }
    // What the task itself makes ready must not run inside it.
    takesJobs.store(false, ordering: .relaxed)
    defer { takesJobs.store(true, ordering: .relaxed) }
    job.runSynchronously(on: asUnownedTaskExecutor())
  }

  private var isCurrentThread: Bool { thread.load(ordering: .relaxed) == Self.currentThread }

  /// The thread that calls, as pthread_self(3) names it.
  static var currentThread: UInt {
    #if canImport(Darwin)
      UInt(bitPattern: pthread_self())
    #else
      pthread_self()
    #endif
  }
}
