import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// What a session's commands were and wrote, read as a resource.
  @Suite(.withServer) struct TranscriptStories {
    /// What one read has shown.
    struct Shown: Sendable {
      let text: String
      let facts: JSONValue

      var offset: Int { facts["offset"]?.int ?? -1 }
      var next: Int { facts["nextOffset"]?.int ?? -1 }
      var firstKept: Int { facts["firstKept"]?.int ?? -1 }
      var total: Int { facts["totalBytes"]?.int ?? -1 }

      /// The text without the line that names what follows.
      var body: String {
        guard next < total, let line = text.range(of: "\n[bytes \(next) to ", options: .backwards) else {
          return text
        }
        return String(text[..<line.lowerBound])
      }
    }

    static func read(_ server: ServerUnderTest, _ query: String = "", of session: String = "s") async throws
      -> Shown
    {
      let uri = "ssh-mcp://sessions/\(session)/transcript\(query)"
      let answer = try await server.request("resources/read", [("uri", .string(uri))])
      let item = try #require(answer["result"]?["contents"]?.array?.first, "\(answer)")
      #expect(item["uri"] == .string(uri))
      return Shown(
        text: item["text"]?.string ?? "", facts: item["_meta"]?["io.github.ssh-mcp-sessions/result"] ?? .null)
    }

    /// The numbers of the lines that a job has written.
    private static func jobs(in text: String) -> [Int] {
      text.matches(of: /job (\d+)\n/).compactMap { Int($0.1) }
    }

    /// All that is kept, range by range.
    static func whole(_ server: ServerUnderTest, by length: Int = 1 << 20) async throws -> (
      start: Int, text: String
    ) {
      var shown = try await read(server, "?offset=0&limit=\(length)")
      let start = shown.offset
      // What is forgotten is told in a line that is no part of the text.
      var text = shown.body
      if text.hasPrefix("[bytes before ") { text = String(text.drop { $0 != "\n" }.dropFirst()) }
      while shown.next < shown.total {
        #expect(shown.next > shown.offset)
        shown = try await read(server, "?offset=\(shown.next)&limit=\(length)")
        text += shown.body
      }
      return (start, text)
    }

    @Test func `commands, output and ends stand in it as a person would have seen them`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          #expect(try await Self.read(server).text.isEmpty)
          let colours = "printf '\\033]0;title\\007\\033[31mred\\033[0m and \\rback\\n'"
          _ = try await server.exec(colours)
          _ = try await server.exec("printf no-end; (exit 7)")
          let call = server.beginExec("echo running; read x", [("wait_seconds", 0)])
          _ = try await server.result(of: call)
          _ = try await server.call("read-output", ["session_id": "s", "wait_seconds": 10])
          let shown = try await Self.read(server)
          #expect(
            shown.text
              == "$ \(colours)\nbackand\n$ printf no-end; (exit 7)\nno-end\n[exit status 7]\n"
              + "$ echo running; read x\nrunning\n")
          #expect(shown.offset == 0 && shown.firstKept == 0 && shown.next == shown.total)
        }
      }
    }

    @Test func `the ranges are the whole, and no character is cut`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let output = try await server.exec(
            "for i in $(seq 300); do echo \"$i é日本 $((i * i))\"; done", [("max_output_chars", 100_000)])
          let (start, whole) = try await Self.whole(server)
          #expect(start == 0 && whole.hasSuffix(output.text + "\n") && whole.hasPrefix("$ for i"))
          for length in [1501, 997, 64] {
            let (_, text) = try await Self.whole(server, by: length)
            #expect(text == whole, "\(length)")
          }
          // The end alone names what stands before it, and there it is.
          let tail = try await Self.read(server, "?limit=1000")
          let lines = tail.text.split(separator: "\n", maxSplits: 1)
          let link = try #require(
            lines.first?.firstMatch(
              of: /\[bytes 0 to (\d+) stand before this: ssh-mcp:\/\/sessions\/s\/transcript(.*)\]/))
          #expect(Int(link.1) == tail.offset && !tail.text.contains("\u{FFFD}"))
          let before = try await Self.read(server, String(link.2))
          #expect(before.next == tail.offset && whole.hasSuffix(before.body + lines[1]))
        }
      }
    }

    @Test func `addresses stay while jobs write and old commands are forgotten`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          // Writes all the time, so also between the sending of a command and its beginning.
          let fifo = "\(sshd.directory.path)/pause"
          _ = try await server.exec(
            "mkfifo \(fifo); (exec 9<>\(fifo); n=0; while :; do n=$((n + 1)); echo \"job $n\"; "
              + "read -t 0.0003 -u 9; done) & job=$!")
          var known = try await Self.whole(server)
          for number in 0..<24 {
            let call = server.beginExec("echo begin \(number); sleep 0.01; echo end \(number)")
            // Before the command has begun, while it runs, and after it.
            for isOver in [false, true] {
              if isOver { _ = try await server.result(of: call) }
              let now = try await Self.whole(server)
              try #require(now.start >= known.start)
              let kept = known.text.utf8.dropFirst(now.start - known.start)
              #expect(now.text.utf8.starts(with: kept), "an address has changed at command \(number)")
              known = now
            }
            // Whatever they stand between, the lines of one job stand in the order in which it wrote them.
            let order = Self.jobs(in: known.text)
            #expect(order == order.sorted(), "\(known.text)")
          }
          #expect(known.start > 0, "nothing was forgotten")
          _ = try await server.exec("kill $job")
          let first = try await Self.read(server, "?offset=0&limit=100")
          #expect(first.text.hasPrefix("[bytes before \(first.firstKept) are forgotten]\n"), "\(first.text)")
        }
      }
    }

    @Test func `a range beyond the end is empty, and one that is none is not found`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("echo x")
          let beyond = try await Self.read(server, "?offset=1000000000000")
          #expect(beyond.text.isEmpty && beyond.offset == beyond.total)
          for query in ["?limit=0", "?offset=-1", "?offset=1&offset=2", "?lines=3"] {
            let uri = "ssh-mcp://sessions/s/transcript\(query)"
            #expect(try await server.code("resources/read", [("uri", .string(uri))]) == -32002, "\(query)")
          }
          try await server.close()
          #expect(
            try await server.code("resources/read", [("uri", "ssh-mcp://sessions/s/transcript")]) == -32002)
        }
      }
    }
  }
}
