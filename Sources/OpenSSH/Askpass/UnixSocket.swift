#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Stream sockets in the file system (unix(7)), with descriptors closed on exec.
enum UnixSocket {
  /// A listening socket at the path, which must not exist; nil with errno set when it cannot be made.
  static func listen(at path: String) -> Int32? {
    open { descriptor, address, length in
      bindCall(descriptor, address, length) == 0 && listenCall(descriptor, 8) == 0
    } at: {
      path
    }
  }

  /// A connected socket; nil when nobody listens there.
  static func connect(to path: String) -> Int32? {
    open { descriptor, address, length in
      connectCall(descriptor, address, length) == 0
    } at: {
      path
    }
  }

  /// The user and the process at the other end, as the kernel tells it; the process is 0 where it does not.
  static func peer(of descriptor: Int32) -> (user: UInt32, process: Int32)? {
    #if os(Linux)
      // struct ucred of unix(7), which the Glibc module does not show: pid, uid, gid.
      var credentials: (process: Int32, user: UInt32, group: UInt32) = (0, 0, 0)
      var length = socklen_t(MemoryLayout.size(ofValue: credentials))
      guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
      return (credentials.user, credentials.process)
    #else
      var user: uid_t = 0
      var group: gid_t = 0
      return getpeereid(descriptor, &user, &group) == 0 ? (user, 0) : nil
    #endif
  }

  private static func open(
    _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool, at path: () -> String
  ) -> Int32? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path().utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    #if canImport(Glibc)
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    #endif
    guard descriptor >= 0 else { return nil }
    let isUsed = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if isUsed { return descriptor }
    close(descriptor)
    return nil
  }
}

#if canImport(Glibc)
  private let bindCall = Glibc.bind
  private let listenCall = Glibc.listen
  private let connectCall = Glibc.connect
#else
  private let bindCall = Darwin.bind
  private let listenCall = Darwin.listen
  private let connectCall = Darwin.connect
#endif
