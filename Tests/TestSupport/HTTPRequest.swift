import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One HTTP request to a port of loopback, byte for byte as the test wants it.
package enum HTTPRequest {
  /// Sends the text and reads until the other side closes.
  ///
  /// - Returns: The whole answer; nil when nobody listens.
  package static func send(_ text: String, port: Int) async -> String? {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: exchange(Array(text.utf8), port: port)) }
    }
  }

  /// A GET as a browser sends it.
  package static func get(_ url: String) async -> String? {
    guard let (path, port) = parts(url) else { return nil }
    return await send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n", port: port)
  }

  /// A form sent as a browser sends it.
  package static func post(_ url: String, secret: String) async -> String? {
    guard let (path, port) = parts(url) else { return nil }
    let body =
      "secret="
      + secret.utf8.map { byte in
        let digits = String(byte, radix: 16)
        return "%" + (digits.count == 1 ? "0" : "") + digits
      }.joined()
    return await send(
      "POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nOrigin: http://127.0.0.1:\(port)\r\n"
        + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)",
      port: port)
  }

  /// The path and the port of a page of loopback; nil for any other address.
  package static func parts(_ url: String) -> (path: String, port: Int)? {
    guard let match = url.wholeMatch(of: /http:\/\/127\.0\.0\.1:(\d+)(\/[0-9a-f]{32})/),
      let port = Int(match.1)
    else { return nil }
    return (String(match.2), port)
  }

  private static func exchange(_ request: [UInt8], port: Int) -> String? {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    defer { close(descriptor) }
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected, write(descriptor, request, request.count) == request.count else { return nil }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      answer += buffer[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }
}
