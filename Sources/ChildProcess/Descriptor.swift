#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Plain POSIX calls on file descriptors, with EINTR handled: the one place where they are spelled.
package enum Descriptor {
  /// What a read brought.
  package enum Reading: Sendable, Hashable {
    /// That many bytes are in the buffer.
    case bytes(Int)
    /// The other side has closed.
    case end
    /// Nothing there at the moment (EAGAIN).
    case nothing
    /// read(2) failed with that errno; treat it as the end.
    case failed(Int32)
  }

  /// A pipe whose ends are closed on exec.
  ///
  /// - Throws: `SystemFailure` when descriptors have run out.
  package static func makePipe() throws(SystemFailure) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(call: "pipe", code: errno) }
    closeOnExec(ends[0])
    closeOnExec(ends[1])
    return (ends[0], ends[1])
  }

  /// Sets FD_CLOEXEC, so that no child inherits the descriptor.
  package static func closeOnExec(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// Makes reads and writes return at once; only for descriptors that are ours alone.
  package static func setNonBlocking(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  /// Accepts a connection, closed on exec and non-blocking; nil when there is none.
  package static func accept(_ listener: Int32) -> Int32? {
    #if canImport(Glibc)
      let descriptor = Glibc.accept(listener, nil, nil)
    #else
      let descriptor = Darwin.accept(listener, nil, nil)
    #endif
    guard descriptor >= 0 else { return nil }
    closeOnExec(descriptor)
    setNonBlocking(descriptor)
    return descriptor
  }

  #if os(Linux)
    /// The inode of a socket that children would inherit; nil for anything else.
    static func inodeOfInheritableSocket(_ descriptor: Int32) -> ino_t? {
      var status = stat()
      guard fcntl(descriptor, F_GETFD) == 0, fstat(descriptor, &status) == 0,
        status.st_mode & S_IFMT == S_IFSOCK
      else { return nil }
      return status.st_ino
    }
  #endif

  /// Reads once into the buffer.
  package static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Reading {
    while true {
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .nothing
      default: return .failed(errno)
      }
    }
  }

  /// Writes once; how many bytes went, 0 when it would block, nil when the other side is gone.
  package static func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
    while true {
      let count = bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
          Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return 0
      default: return nil
      }
    }
  }

  /// Closes the descriptor; errors of close(2) tell nothing that we could act on.
  package static func close(_ descriptor: Int32) {
    #if canImport(Glibc)
      _ = Glibc.close(descriptor)
    #else
      _ = Darwin.close(descriptor)
    #endif
  }
}

/// A system call that failed, with its errno.
package struct SystemFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// The call's name: "pipe".
  package let call: String
  /// The value of errno.
  package let code: Int32

  /// A failure of that call with that errno.
  package init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The system's words for the errno, as strerror(3) gives them.
  package var reason: String { String(cString: strerror(code)) }

  package var description: String { "\(call): \(reason)" }
}
