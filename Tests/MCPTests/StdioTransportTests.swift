import MCP
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(1)))
struct StdioTransportTests {
  /// A transport between two pipes, with the client's ends.
  struct Ends {
    let transport: StdioTransport
    let toServer: Int32
    let fromServer: Int32

    init() {
      signal(SIGPIPE) { _ in }
      var input: [Int32] = [-1, -1]
      var output: [Int32] = [-1, -1]
      precondition(pipe(&input) == 0 && pipe(&output) == 0)
      transport = StdioTransport(input: input[0], output: output[1])
      toServer = input[1]
      fromServer = output[0]
    }

    func readBytes(_ count: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65536)
      while bytes.count < count {
        let got = read(fromServer, &buffer, buffer.count)
        guard got > 0 else { break }
        bytes += buffer[..<got]
      }
      return bytes
    }
  }

  @Test func `what the client sends arrives, and its end is told once`() async {
    let ends = Ends()
    let received = Mutex<[UInt8]>([])
    let count = Mutex(0)
    await withCheckedContinuation { continuation in
      ends.transport.start(receive: { bytes in received.withLock { $0 += bytes } }) {
        count.withLock { $0 += 1 }
        continuation.resume()
      }
      write(ends.toServer, "hello\n", 6)
      close(ends.toServer)
    }
    #expect(received.withLock { $0 } == Array("hello\n".utf8))
    #expect(count.withLock { $0 } == 1)
  }

  @Test func `a client that reads late gets everything, whole and in order`() async {
    let ends = Ends()
    ends.transport.start(receive: { _ in }, ended: {})
    let messages = (0..<200).map { [UInt8](repeating: UInt8($0), count: 5000) }
    for message in messages { ends.transport.send(message) }
    #expect(ends.readBytes(200 * 5000) == messages.flatMap { $0 })
    ends.transport.stop()
  }

  @Test func `a client that has closed its side ends the transport and not the process`() async {
    let ends = Ends()
    close(ends.fromServer)
    await withCheckedContinuation { continuation in
      ends.transport.start(receive: { _ in }, ended: { continuation.resume() })
      ends.transport.send([1])
    }
  }

  @Test func `stop ends the reading although nothing comes`() async {
    let ends = Ends()
    await withCheckedContinuation { continuation in
      ends.transport.start(receive: { _ in }, ended: { continuation.resume() })
      ends.transport.stop()
    }
  }
}
