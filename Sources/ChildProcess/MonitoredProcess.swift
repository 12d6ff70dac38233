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
  /// the spawn (swift-corelibs-foundation, Process.swift). Two new sockets are that pair. More of them are others' too,
  /// who start processes at the same time: then only the one is kept that the child is seen to have. Where none is found,
  /// all is as without this class.
  final class MonitoredProcess: Process, @unchecked Sendable {
    // Unchecked only because `Process` is; what is added here is locked.

    /// A socket that a child may inherit.
    private struct Candidate: Sendable {
      let descriptor: Int32
      let inode: ino_t
      /// Ours, closed on exec.
      let copy: Int32
    }

    private enum Search {
      case before
      /// With the sockets that were there before.
      case running(Set<ino_t>)
      case done([Candidate])
    }

    /// The highest descriptor looked at: the pair takes the lowest free ones.
    private let highestDescriptor: Int32
    private let search = Mutex(Search.before)

    init(highestDescriptor: Int32) {
      self.highestDescriptor = highestDescriptor
    }

    override var environment: [String: String]? {
      get {
        search.withLock { search in
          if case .before = search { search = .running(Set(inheritableSockets().map(\.inode))) }
        }
        return super.environment
      }
      set { super.environment = newValue }
    }

    override var standardInput: Any? {
      get {
        search.withLock { search in
          guard case .running(let known) = search else { return }
          search = .done(
            inheritableSockets().filter { !known.contains($0.inode) }
              .map { ($0, $1, fcntl($0, F_DUPFD_CLOEXEC, 3)) }.map(Candidate.init))
        }
        return super.standardInput
      }
      set { super.standardInput = newValue }
    }

    /// Hands over the copy of the child's end, to be closed when the child has ended; once, after `run`.
    ///
    /// - Returns: A descriptor, -1 when `run` failed or the child has closed its end already.
    func takeMonitor() -> Int32 {
      let candidates = search.withLock { search in
        guard case .done(let candidates) = search else { return [Candidate]() }
        search = .done([])
        return candidates
      }
      let monitor = processIdentifier > 0 ? childEnd(of: candidates) : nil
      for candidate in candidates where candidate.copy != monitor?.copy { Descriptor.close(candidate.copy) }
      return monitor?.copy ?? -1
    }

    private func childEnd(of candidates: [Candidate]) -> Candidate? {
      // socketpair(2) numbers its ends upwards; the first is Foundation's own.
      candidates.count == 2 ? candidates.last : candidates.first(where: isInherited)
    }

    /// Whether the child has the socket too, and has not closed it yet.
    private func isInherited(_ candidate: Candidate) -> Bool {
      let link = "/proc/\(processIdentifier)/fd/\(candidate.descriptor)"
      return (try? FileManager.default.destinationOfSymbolicLink(atPath: link))
        == "socket:[\(candidate.inode)]"
    }

    private func inheritableSockets() -> [(descriptor: Int32, inode: ino_t)] {
      (3...max(3, highestDescriptor)).compactMap { descriptor in
        Descriptor.inodeOfInheritableSocket(descriptor).map { (descriptor, $0) }
      }
    }
  }
#endif
