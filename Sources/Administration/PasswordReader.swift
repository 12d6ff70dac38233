import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gets a password from whoever runs the command: never from its arguments, which others can see.
package enum PasswordReader {
  /// The most bytes that a line may have; the store's own limit is lower and tells more.
  private static let lineBytes = 8192

  /// Asks twice at the terminal, without echo; where standard input is none, its first line is the password.
  ///
  /// - Parameter name: Whose password it is, for the question.
  /// - Returns: The password; it may be empty.
  /// - Throws: `PasswordFailure`.
  package static func read(for name: String) throws(PasswordFailure) -> String {
    guard isatty(STDIN_FILENO) != 0 else { return try firstLine(of: STDIN_FILENO) }
    let terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard terminal >= 0 else { throw .noTerminal(reason: String(cString: strerror(errno))) }
    defer { close(terminal) }
    let first = try ask("Password for \(name) (empty for none): ", terminal)
    guard try ask("Once more: ", terminal) == first else { throw .different }
    return try text(first)
  }

  /// The bytes before the first line feed or the end.
  static func firstLine(of descriptor: Int32) throws(PasswordFailure) -> String {
    var line: [UInt8] = []
    while line.count < lineBytes {
      guard let byte = readByte(descriptor) else {
        guard !line.isEmpty else { throw .nothingRead }
        break
      }
      if byte == 0x0A { break }
      line.append(byte)
    }
    if line.last == 0x0D { line.removeLast() }
    return try text(line)
  }

  private static func ask(_ question: String, _ terminal: Int32) throws(PasswordFailure) -> [UInt8] {
    var before = termios()
    guard tcgetattr(terminal, &before) == 0 else {
      throw .noTerminal(reason: String(cString: strerror(errno)))
    }
    // Byte by byte and without signals, so that Control-C cannot leave a terminal without echo behind.
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    withUnsafeMutableBytes(of: &silent.c_cc) { characters in
      characters[Int(VMIN)] = 1
      characters[Int(VTIME)] = 0
    }
    guard tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else {
      throw .noTerminal(reason: String(cString: strerror(errno)))
    }
    defer {
      tcsetattr(terminal, TCSAFLUSH, &before)
      write("\n", terminal)
    }
    write(question, terminal)
    var line = PasswordLine()
    while line.bytes.count < lineBytes, let byte = readByte(terminal) {
      switch line.take(byte) {
      case .entered?: return line.bytes
      case .cancelled?: throw .cancelled
      case nil: continue
      }
    }
    throw .cancelled
  }

  private static func text(_ bytes: [UInt8]) throws(PasswordFailure) -> String {
    guard let text = String(bytes: bytes, encoding: .utf8) else { throw .notText }
    return text
  }

  private static func readByte(_ descriptor: Int32) -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let count = Foundation.read(descriptor, &byte, 1)
      if count < 0, errno == EINTR { continue }
      return count == 1 ? byte : nil
    }
  }

  private static func write(_ text: String, _ terminal: Int32) {
    FileHandle(fileDescriptor: terminal, closeOnDealloc: false).write(Data(text.utf8))
  }
}
