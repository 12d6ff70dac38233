import Foundation
import MCP
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite(.timeLimit(.minutes(5)))
struct StdioTransportTests {
  /// A transport between two pipes, with the client's ends.
  struct Ends {
    let transport: StdioTransport
    let toServer: Int32
    let fromServer: Int32

    init(isNonBlocking: Bool = false) {
      signal(SIGPIPE) { _ in }
      var input: [Int32] = [-1, -1]
      var output: [Int32] = [-1, -1]
      precondition(pipe(&input) == 0 && pipe(&output) == 0)
      if isNonBlocking { _ = fcntl(output[1], F_SETFL, O_NONBLOCK) }
      transport = StdioTransport(input: input[0], output: output[1])
      toServer = input[1]
      fromServer = output[0]
    }

    /// Reads so many bytes and no more.
    func readBytes(exactly count: Int) -> Bool {
      var left = count
      var buffer = [UInt8](repeating: 0, count: 65536)
      while left > 0 {
        let got = read(fromServer, &buffer, min(left, buffer.count))
        guard got > 0 else { return false }
        left -= got
      }
      return true
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

  @Test func `a pipe that the client has made non-blocking carries everything`() async {
    let ends = Ends(isNonBlocking: true)
    ends.transport.start(receive: { _ in }, ended: {})
    let messages = (0..<200).map { [UInt8](repeating: UInt8($0), count: 5000) }
    for message in messages { ends.transport.send(message) }
    #expect(ends.readBytes(200 * 5000) == messages.flatMap { $0 })
    ends.transport.stop()
  }

  @Test func `a client that does not read its answers is not read, and loses none`() async {
    let ends = Ends()
    let chunk = 64 << 10
    let answer = 1 << 20
    let count = 16
    let outstanding = Mutex((now: 0, most: 0, received: 0))
    let (stream, full) = AsyncStream.makeStream(of: Void.self)
    ends.transport.start(
      receive: { bytes in
        // A read may bring any part of a chunk.
        let answers = outstanding.withLock { state in
          let before = state.received / chunk
          state.received += bytes.count
          let answers = state.received / chunk - before
          state.now += answers * answer
          state.most = max(state.most, state.now)
          if state.now > 8 << 20 { full.finish() }
          return answers
        }
        for _ in 0..<answers { ends.transport.send([UInt8](repeating: 7, count: answer)) }
      }, ended: {})
    let writer = Thread {
      let bytes = [UInt8](repeating: 1, count: chunk)
      for _ in 0..<count { _ = write(ends.toServer, bytes, bytes.count) }
    }
    writer.start()
    for await _ in stream {}
    for _ in 0..<count {
      #expect(ends.readBytes(exactly: answer))
      outstanding.withLock { $0.now -= answer }
    }
    // What waits at most, the answer that was too much, one that the writing thread holds, and the pipes.
    #expect(outstanding.withLock { $0.most } <= 12 << 20, "\(outstanding.withLock { $0.most })")
    ends.transport.stop()
  }

  @Test func `room is there at once, after a client that does not read has read, or when it never will`()
    async
  {
    let ends = Ends()
    ends.transport.start(receive: { _ in }, ended: {})
    await ends.transport.room()
    let answer = 9 << 20
    ends.transport.send([UInt8](repeating: 7, count: answer))
    let hasRead = Mutex(false)
    let waiting = Task {
      await ends.transport.room()
      return hasRead.withLock { $0 }
    }
    await Task.yield()
    hasRead.withLock { $0 = true }
    #expect(ends.readBytes(exactly: answer))
    #expect(await waiting.value)
    ends.transport.send([UInt8](repeating: 7, count: answer))
    let late = Task { await ends.transport.room() }
    await Task.yield()
    ends.transport.stop()
    await late.value
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
