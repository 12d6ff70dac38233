#if os(Linux)
  import Foundation
  import Glibc
  import Synchronization

  /// A `Process` that keeps a copy of the descriptor by whose closing Foundation learns of the child's end.
  ///
  /// Foundation lets the child inherit one end of a socket pair and takes its closing for the end of the child:
  /// its only thread then sits in waitpid(2). ssh closes all descriptors but three first thing, so that thread
  /// would wait for the oldest ssh, and a socket and a `Process` of every child that ended meanwhile would stay
  /// (measured: one of each a session). While the copy is open, Foundation hears nothing.
  ///
  /// `Foundation.Process.run` reads `environment` before it makes the pair and `standardInput` between that and
  /// the spawn (swift-corelibs-foundation, Process.swift); a pair that is not found leaves all as it is without
  /// this class. To be run with `ProcessSpawner`'s lock held, so that there is one new pair at most.
  final class MonitoredProcess: Process, @unchecked Sendable {
    // Unchecked only because `Process` is; what is added here is locked.

    /// The highest descriptor looked at: the pair takes the lowest free ones.
    private let highestDescriptor: Int32
    private let search = Mutex(Search.before)

    private enum Search {
      case before
      /// With the sockets that this process has inherited itself.
      case running(Set<Int32>)
      /// With the copy of the child's end; -1 when none was found.
      case done(Int32)
    }

    init(highestDescriptor: Int32) {
      self.highestDescriptor = highestDescriptor
    }

    override var environment: [String: String]? {
      get {
        search.withLock { search in
          if case .before = search { search = .running(inheritableSockets()) }
        }
        return super.environment
      }
      set { super.environment = newValue }
    }

    override var standardInput: Any? {
      get {
        search.withLock { search in
          if case .running(let known) = search { search = .done(copyOfChildEnd(known: known)) }
        }
        return super.standardInput
      }
      set { super.standardInput = newValue }
    }

    /// Hands the copy over, to be closed when the child has ended; -1 when there is none.
    func takeMonitor() -> Int32 {
      search.withLock { search in
        guard case .done(let monitor) = search else { return -1 }
        search = .done(-1)
        return monitor
      }
    }

    private func copyOfChildEnd(known: Set<Int32>) -> Int32 {
      let pair = inheritableSockets().subtracting(known).sorted()
      guard pair.count == 2 else { return -1 }
      // socketpair(2) numbers its ends upwards; the first is Foundation's own, which no child is to have.
      Descriptor.closeOnExec(pair[0])
      return fcntl(pair[1], F_DUPFD_CLOEXEC, 3)
    }

    private func inheritableSockets() -> Set<Int32> {
      Set((3...max(3, highestDescriptor)).filter(Descriptor.isInheritableStreamSocket))
    }
  }
#endif
