#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The askpass program: the same executable, told by one environment variable that ssh has started it.
///
/// It hands the question to the server over the login's socket and prints the answer. Plain system calls, since
/// it runs before anything else of the program.
package enum AskpassClient {
  /// Names the socket of the login; only ssh processes of a login have it.
  package static let socketVariable = "SSH_MCP_ASKPASS_SOCKET"

  /// Asks, if this process was started by ssh for that.
  ///
  /// - Returns: The exit status; nil if this is an ordinary start.
  package static func runIfAsked() -> Int32? {
    guard let path = getenv(socketVariable) else { return nil }
    let question = CommandLine.argc > 1 ? CommandLine.unsafeArgv[1].map { String(cString: $0) } : nil
    let hint = getenv("SSH_ASKPASS_PROMPT").map { String(cString: $0) } ?? ""
    return ask(question ?? "", hint: hint, socket: String(cString: path))
  }

  private static func ask(_ question: String, hint: String, socket path: String) -> Int32 {
    guard let descriptor = UnixSocket.connect(to: path) else { return 1 }
    defer { close(descriptor) }
    let request = Array(hint.utf8) + [0] + Array(question.utf8) + [0]
    guard writeAll(descriptor, request) else { return 1 }
    var answer = [UInt8](repeating: 0, count: 2048)
    var count = 0
    while count < answer.count {
      let room = answer.count - count
      let read = answer.withUnsafeMutableBytes { buffer in
        #if canImport(Glibc)
          Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, room)
        #else
          Darwin.read(descriptor, buffer.baseAddress.map { $0 + count }, room)
        #endif
      }
      if read > 0 { count += read } else if read == 0 || errno != EINTR { break }
    }
    // One byte says that there is an answer, even an empty one.
    guard count > 0, answer[0] == UInt8(ascii: "+") else { return 1 }
    let isPrinted = writeAll(STDOUT_FILENO, Array(answer[1..<count]) + [0x0A])
    for index in answer.indices { answer[index] = 0 }
    return isPrinted ? 0 : 1
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #else
          Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return false }
    }
    return true
  }
}
