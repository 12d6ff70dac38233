import Foundation
import JSON
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension EndToEnd {
  /// Clients that do not read what they asked for.
  @Suite(.withServer) struct SlowReaderStories {
    private static let requests = 200
    private static let characters = 100_000

    /// A server whose output goes to a pipe that is read when the test wants to.
    private final class Unread: Sendable {
      let process: TestProcess
      let output: FileHandle

      init(_ sshd: LoopbackSSHD) throws {
        let home = sshd.directory
        let fifo = "\(home.path)/stdout"
        mkfifo(fifo, 0o600)
        // For both, so that neither the shell below waits for us nor we read an end before it has opened its side.
        output = FileHandle(fileDescriptor: open(fifo, O_RDWR | O_CLOEXEC), closeOnDealloc: true)
        let runtime = try home.makeDirectory("run")
        process = try TestProcess(
          "/bin/sh", ["-c", "exec \"$0\" >\"$1\"", ServerUnderTest.binaryPath, fifo],
          environment: [
            "HOME": home.path, "XDG_RUNTIME_DIR": runtime, "SSH_MCP_SSH_CONFIG": sshd.sshConfigPath,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
          ])
      }

      func send(_ id: Int, _ method: String, _ params: JSONValue) {
        process.write(
          JSONWriter.compact(["jsonrpc": "2.0", "id": .int(id), "method": .string(method), "params": params])
            + [0x0A])
      }

      func call(_ id: Int, _ tool: String, _ arguments: JSONValue) {
        send(id, "tools/call", ["name": .string(tool), "arguments": arguments])
      }

      /// Reads so many messages; blocks a thread of its own.
      func read(_ count: Int) async throws -> [JSONValue] {
        let output = output
        return try await withDeadline(.seconds(60), "\(count) messages") {
          await withCheckedContinuation { continuation in
            Thread.detachNewThread {
              var bytes: [UInt8] = []
              var buffer = [UInt8](repeating: 0, count: 65536)
              var lines = 0
              while lines < count {
                let got = Foundation.read(output.fileDescriptor, &buffer, buffer.count)
                guard got > 0 else { break }
                lines += buffer[..<got].count { $0 == 0x0A }
                bytes += buffer[..<got]
              }
              let messages = bytes.split(separator: 0x0A).map { (try? JSONParser.parse($0)) ?? .null }
              continuation.resume(returning: messages)
            }
          }
        }
      }

      /// A session "s" with so many characters of output.
      func begin(_ characters: Int) async throws {
        send(0, "initialize", ["protocolVersion": "2025-11-25", "capabilities": [:]])
        call(1, "start-session", ["host_id": "bash", "sessionId": "s"])
        #expect(try await read(2).last?["result"]?["isError"] == false)
        call(
          2, "exec",
          ["session_id": "s", "command": .string("head -c \(characters) /dev/zero | tr '\\0' x; echo")])
        #expect(try await read(1).last?["result"]?["isError"] == false)
      }

      func kilobytes(_ field: String) -> Int? { ProcessTree.kilobytes(field, of: process.identifier) }

      /// How much work it has done, in clock ticks.
      func ticks() -> String {
        let stat = (try? String(contentsOfFile: "/proc/\(process.identifier)/stat", encoding: .utf8)) ?? ""
        return stat.split(separator: " ").dropFirst(13).prefix(2).joined(separator: " ")
      }

      /// Waits until it does nothing any more.
      func rest() async throws {
        let looks = Watched((ticks: "", same: 0))
        try await eventually("the server to rest", within: .seconds(60)) { [self] in
          let now = ticks()
          looks.change { $0 = (now, now == $0.ticks ? $0.same + 1 : 0) }
          return looks.current.same >= 30
        }
      }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status"), "/proc is missing"))
    func `200 large answers that nobody reads are not all in memory, and come when they are read`()
      async throws
    {
      try await LoopbackSSHD.with { sshd in
        let server = try Unread(sshd)
        try await server.begin(Self.characters)
        let before = try #require(server.kilobytes("VmRSS:"))
        for number in 0..<Self.requests {
          server.call(
            100 + number, "read-output",
            ["session_id": "s", "offset": 0, "raw": true, "max_output_chars": .int(Self.characters + 1000)])
        }
        try await server.rest()
        let grown = try #require(server.kilobytes("VmHWM:")) - before
        // All of them are 20 MB.
        #expect(grown < 16 << 10, "\(grown) KiB more than before")
        let answers = try await server.read(Self.requests)
        #expect(Set(answers.compactMap { $0["id"]?.int }) == Set(100..<(100 + Self.requests)))
        for answer in answers {
          let text = answer["result"]?["content"]?.array?.first?["text"]?.string ?? ""
          #expect(
            text.utf8.count >= Self.characters
              && text.utf8.prefix(1000).allSatisfy { $0 == UInt8(ascii: "x") })
        }
        server.call(999, "exec", ["session_id": "s", "command": "echo after"])
        #expect(try await server.read(1).last?["result"]?["content"]?.array?.first?["text"] == "after")
        server.process.closeInput()
        #expect(try await server.process.end(within: .seconds(5)).ending == .exited(0))
      }
    }

    @Test(arguments: [false, true])
    func `a client that closes its reading end while calls run ends the server, and nothing is left`(
      isFull: Bool
    )
      async throws
    {
      let unique = "75\(UInt32.random(in: 1_000_000...9_999_999))"
      try await LoopbackSSHD.with { sshd in
        let server = try Unread(sshd)
        try await server.begin(10)
        let command = "head -c \(Self.characters) /dev/zero | tr '\\0' x; sleep \(unique)"
        server.call(3, "exec", ["session_id": "s", "command": .string(command)])
        try await eventually("the command to run") {
          !ProcessTree.now().processes(mentioning: unique).isEmpty
        }
        if isFull {
          // Answers wait in the queue, and the writing thread for the pipe.
          for number in 0..<40 {
            server.call(
              100 + number, "read-output",
              [
                "session_id": "s", "offset": 0, "raw": true, "wait_seconds": 0,
                "max_output_chars": .int(Self.characters + 1000),
              ])
          }
          try await server.rest()
        }
        try server.output.close()
        server.send(4, "ping", [:])
        #expect(try await server.process.end(within: .seconds(5)).ending == .exited(0))
        try await eventually("the command to be gone") {
          !ProcessTree.now().processes(mentioning: unique).contains { $0.state != "Z" }
        }
        try await eventually("the connection to close") { sshd.connections.isEmpty }
      }
    }
  }
}
