import ChildProcess
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What ssh does before it speaks: the name's addresses, and a connection to one of them.
///
/// The calls block, so each probe has a thread of its own.
struct NetworkProbe: Sendable {
  /// An address as getaddrinfo(3) gives it.
  struct Address: Sendable, Hashable {
    /// For people: `10.0.0.5`.
    let text: String
    fileprivate let family: Int32
    fileprivate let bytes: [UInt8]
  }

  /// What a connection came to.
  enum Connection: Sendable, Hashable {
    /// It stands; the first line that the server said, if it said one.
    case open(Address, milliseconds: Int, greeting: String?)
    /// No address took it; each with the system's reason.
    case none([Refusal])
  }

  /// One address that took no connection.
  struct Refusal: Sendable, Hashable {
    let address: String
    let code: Int32
    /// The system's words.
    var reason: String { code == ETIMEDOUT ? "no answer within 5 s" : String(cString: strerror(code)) }
  }

  /// Milliseconds for one address, and for the greeting.
  private static let limitMilliseconds = 5000

  // MARK: - Names

  /// Why a name has no address.
  struct Unresolved: Error, Sendable, Hashable {
    /// The resolver's words.
    let reason: String
  }

  /// The addresses of a name.
  ///
  /// - Parameters:
  ///   - name: A name or an address.
  ///   - port: The port to connect to.
  ///   - family: `any`, `inet` or `inet6` (ssh_config(5), AddressFamily).
  /// - Returns: The addresses in the order in which ssh tries them.
  static func addresses(
    of name: String, port: Int, family: String
  ) async -> Result<[Address], Unresolved> {
    await inThread { resolve(name, port, family) }
  }

  private static func resolve(_ name: String, _ port: Int, _ family: String) -> Result<[Address], Unresolved>
  {
    var hints = addrinfo()
    hints.ai_family = family == "inet" ? AF_INET : family == "inet6" ? AF_INET6 : AF_UNSPEC
    hints.ai_socktype = stream
    var first: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(name, String(port), &hints, &first)
    guard status == 0 else {
      let reason =
        status == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(status))
      return .failure(Unresolved(reason: reason))
    }
    defer { freeaddrinfo(first) }
    var addresses: [Address] = []
    var next = first
    while let entry = next?.pointee {
      if let address = address(entry) { addresses.append(address) }
      next = entry.ai_next
    }
    return .success(addresses)
  }

  private static func address(_ entry: addrinfo) -> Address? {
    guard let pointer = entry.ai_addr else { return nil }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard
      getnameinfo(
        pointer, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
    else { return nil }
    let bytes = [UInt8](UnsafeRawBufferPointer(start: pointer, count: Int(entry.ai_addrlen)))
    let end = text.firstIndex(of: 0) ?? text.endIndex
    return Address(
      text: String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self),
      family: entry.ai_family, bytes: bytes)
  }

  // MARK: - Connections

  /// Connects to the addresses in their order until one takes it, and reads what the server says first.
  static func connect(to addresses: [Address]) async -> Connection {
    await inThread {
      var refusals: [Refusal] = []
      for address in addresses {
        let start = ContinuousClock.now
        switch open(address) {
        case .failure(let refusal): refusals.append(refusal)
        case .success(let descriptor):
          defer { close(descriptor) }
          let milliseconds = Int(start.duration(to: .now) / .milliseconds(1))
          return .open(address, milliseconds: milliseconds, greeting: greeting(descriptor))
        }
      }
      return .none(refusals)
    }
  }

  private static func open(_ address: Address) -> Result<Int32, Refusal> {
    func refused(_ code: Int32) -> Result<Int32, Refusal> {
      .failure(Refusal(address: address.text, code: code))
    }
    let descriptor = socket(address.family, stream, 0)
    guard descriptor >= 0 else { return refused(errno) }
    Descriptor.closeOnExec(descriptor)
    Descriptor.setNonBlocking(descriptor)
    let status = address.bytes.withUnsafeBytes { bytes -> Int32 in
      guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
      return systemConnect(descriptor, pointer, socklen_t(bytes.count))
    }
    var code = status == 0 ? 0 : errno
    if code == EINPROGRESS {
      var length = socklen_t(MemoryLayout<Int32>.size)
      if !wait(descriptor, for: POLLOUT, milliseconds: limitMilliseconds) {
        code = ETIMEDOUT
      } else if getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) != 0 {
        code = errno
      }
    }
    guard code == 0 else {
      close(descriptor)
      return refused(code)
    }
    return .success(descriptor)
  }

  /// The server's identification, or the first line that it says instead (RFC 4253, 4.2: others may come before).
  private static func greeting(_ descriptor: Int32) -> String? {
    var bytes: [UInt8] = []
    let deadline = ContinuousClock.now.advanced(by: .milliseconds(limitMilliseconds))
    while bytes.count < 8192 {
      let left = Int(ContinuousClock.now.duration(to: deadline) / .milliseconds(1))
      guard left > 0, wait(descriptor, for: POLLIN, milliseconds: left) else { break }
      var buffer = [UInt8](repeating: 0, count: 1024)
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
      if let line = identification(bytes) { return line }
    }
    let first = String(decoding: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
    return first.isEmpty ? nil : printable(first)
  }

  /// The line that begins with `SSH-`, once it is whole.
  static func identification(_ bytes: [UInt8]) -> String? {
    guard let end = bytes.lastIndex(of: 0x0A) else { return nil }
    return String(decoding: bytes[..<end], as: UTF8.self).split(whereSeparator: \.isNewline)
      .first { $0.hasPrefix("SSH-") }.map { printable(String($0)) }
  }

  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }).prefix(
        120))
  }

  private static func wait(_ descriptor: Int32, for events: Int32, milliseconds: Int) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    while true {
      let count = poll(&request, 1, Int32(milliseconds))
      if count < 0, errno == EINTR { continue }
      return count > 0
    }
  }

  // MARK: - The system

  #if canImport(Glibc)
    private static var stream: Int32 { Int32(SOCK_STREAM.rawValue) }
  #else
    private static var stream: Int32 { SOCK_STREAM }
  #endif

  private static func systemConnect(
    _ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) -> Int32 {
    #if canImport(Glibc)
      Glibc.connect(descriptor, address, length)
    #else
      Darwin.connect(descriptor, address, length)
    #endif
  }

  private static func inThread<Success: Sendable>(_ body: @escaping @Sendable () -> Success) async -> Success
  {
    await withCheckedContinuation { continuation in
      Thread { continuation.resume(returning: body()) }.start()
    }
  }
}

extension NetworkProbe.Refusal: Error {}
