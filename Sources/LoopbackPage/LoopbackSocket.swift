import ChildProcess

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A TCP socket on 127.0.0.1 (ip(7)), closed on exec and non-blocking.
enum LoopbackSocket {
  /// A listening socket on a port that the kernel chooses; nil with errno set when there is none.
  static func listen() -> (descriptor: Int32, port: Int)? {
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { return nil }
    Descriptor.closeOnExec(descriptor)
    Descriptor.setNonBlocking(descriptor)
    raisesNoSignal(descriptor)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && listenCall(descriptor, 8) == 0
          && getsockname(descriptor, pointer, &length) == 0
      }
    }
    if isBound { return (descriptor, Int(UInt16(bigEndian: address.sin_port))) }
    close(descriptor)
    return nil
  }

  /// Accepts a connection; nil when there is none.
  static func accept(_ listener: Int32) -> Int32? {
    guard let descriptor = Descriptor.accept(listener) else { return nil }
    raisesNoSignal(descriptor)
    return descriptor
  }

  /// Where send(2) has no flag for it.
  private static func raisesNoSignal(_ descriptor: Int32) {
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
  }

  /// Writes what fits, which is all of what we write; a closed other side raises no signal.
  static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
    #if canImport(Glibc)
      _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    #else
      _ = bytes.withUnsafeBytes { Darwin.send(descriptor, $0.baseAddress, $0.count, 0) }
    #endif
    // The rest of what the browser sent must not turn the answer into a reset.
    shutdown(descriptor, Int32(SHUT_WR))
  }
}

#if canImport(Glibc)
  private let listenCall = Glibc.listen
#else
  private let listenCall = Darwin.listen
#endif
