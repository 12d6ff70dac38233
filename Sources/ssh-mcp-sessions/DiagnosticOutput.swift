import ChildProcess
import Foundation
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard error of a server, written without waiting: a client may leave it unread or close it, and is served all
/// the same.
///
/// A line for which there is no room is left out; the next one that has room says how many were.
final class DiagnosticOutput: Sendable {
  private let leftOut = Mutex(0)

  /// Opens /dev/null for whichever of the three standard streams is closed, or files of ours would take their numbers.
  static func openMissingStreams() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Writes a line; cut to PIPE_BUF bytes, for which poll(2) promises room.
  func write(_ line: String) {
    leftOut.withLock { leftOut in
      let note = leftOut > 0 ? "(\(leftOut) lines left out: nobody read them)\n" : ""
      let bytes = Array("\(note)\(line)\n".utf8.prefix(Int(PIPE_BUF)))
      leftOut = Self.writeNow(bytes) ? 0 : leftOut + 1
    }
  }

  private static func writeNow(_ line: [UInt8]) -> Bool {
    var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    guard poll(&descriptor, 1, 0) == 1, descriptor.revents & Int16(POLLOUT) != 0 else { return false }
    return line.withUnsafeBytes { bytes in
      #if canImport(Glibc)
        let count = send(
          STDERR_FILENO, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      #else
        let count = send(STDERR_FILENO, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
      #endif
      // A socket is sent what fits; of anything else the answer of poll holds.
      if count >= 0 || errno != ENOTSOCK { return count == bytes.count }
      return Descriptor.write(STDERR_FILENO, line[...]) == bytes.count
    }
  }
}

/// The log: a line an event, as swift-log's own handler writes it.
struct DiagnosticLogHandler: LogHandler {
  let label: String
  let output: DiagnosticOutput
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let facts = metadata.merging(event.metadata ?? [:]) { $1 }
      .sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let time = Date.now.formatted(.iso8601)
    output.write("\(time) \(event.level) \(label):\(facts) [\(event.source)] \(event.message)")
  }
}
