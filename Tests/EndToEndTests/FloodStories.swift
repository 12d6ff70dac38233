import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Much output and many sessions: bounded memory, nobody is delayed, nothing is mixed up.
  @Suite(.withServer) struct FloodStories {
    /// What a command writes in these stories, and what the server keeps of it.
    private static let flood = 96 << 20
    private static let bigFlood = 200 << 20
    private static let retained = 64 << 20

    @Test func `a flood of lines can be read at any place that is kept`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash", "flood")
          // Each line holds its own offset, so that any part that is shown proves itself.
          let command =
            "python3 -c \"import sys\nfor n in range(0, \(Self.flood / 16), 4096):\n"
            + "  sys.stdout.write(''.join('%015d\\n' % (16 * i) for i in range(n, n + 4096)))\""
          // The terminal would put a CR before each LF and so change the offsets.
          let result = try await server.exec(
            "stty -onlcr; \(command)", in: "flood", [("max_output_chars", 2000)], within: .seconds(50))
          #expect(result.state == "finished" && result.facts["outputBytes"]?.int == Self.flood)
          expectEnds(result)
          try await expectParts(server)
          // The terminal is as before for the next command.
          #expect(try await server.exec("echo after; stty -a", in: "flood").text.contains(" onlcr"))
        }
      }
    }

    private func read(
      _ session: String, _ more: [(String, JSONValue)], _ server: ServerUnderTest
    ) async throws -> ToolResult {
      try await server.call(
        "read-output", .object(JSONObject([("session_id", .string(session))] + more)), within: .seconds(50))
    }

    /// Beginning and end are shown; the line between them names what is left out and what is lost.
    private func expectEnds(_ result: ToolResult) {
      let lines = result.text.split(separator: "\n")
      #expect(lines.first == "000000000000000")
      #expect(lines.last == Substring(String(format: "%015d", Self.flood - 16)))
      let gap = lines.filter { $0.hasPrefix("[") }
      let half = Self.retained / 2
      #expect(gap.count == 1 && gap.first?.contains(" left out: bytes ") == true, "\(result)")
      #expect(
        gap.first?.contains(
          "bytes \(half) to \(Self.flood - half) are beyond the retention limit and gone") == true, "\(gap)")
      if let omitted = result.facts["omitted"]?.array?.compactMap(\.int), omitted.count == 2 {
        #expect(gap.first?.contains("read-output with offset \(omitted[0]) shows them") == true)
        #expect(omitted[0] > 500 && omitted[1] > Self.flood - 2000)
      } else {
        Issue.record("no omitted range: \(result.facts)")
      }
    }

    /// Any offset that is kept gives exactly the bytes from there on.
    private func expectParts(_ server: ServerUnderTest) async throws {
      let half = Self.retained / 2
      for offset in [
        0, 16, 160_000, half - 16_000, Self.flood - half, Self.flood - half + 4096, Self.flood - 320,
      ] {
        let part = try await read("flood", [("offset", .int(offset)), ("max_output_chars", 1600)], server)
        #expect(
          part.text.hasPrefix(String(format: "%015d\n%015d\n", offset, offset + 16)), "\(offset): \(part)")
      }
    }

    private func peakKilobytes(of server: ServerUnderTest) -> Int? {
      ProcessTree.kilobytes("VmHWM:", of: server.process.identifier)
    }

    @Test func `a flood without a line end is kept within bounds and delays no other session`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash", "flood")
          try await server.open("bash", "other")
          let call = server.beginExec(
            "head -c \(Self.bigFlood) /dev/zero | tr '\\0' x", in: "flood", [("max_output_chars", 1000)])
          var answers = 0
          while answers < 20, !server.messages.contains(where: { $0["id"]?.int == call }) {
            let start = ContinuousClock.now
            #expect(try await server.exec("echo \(answers)", in: "other").text == "\(answers)")
            #expect(start.duration(to: .now) < .seconds(2))
            answers += 1
          }
          #expect(answers > 3)
          let result = try await server.result(of: call, within: .seconds(40))
          #expect(
            result.state == "finished" && result.facts["outputBytes"]?.int == Self.bigFlood, "\(result)")
          let lines = result.text.split(separator: "\n")
          #expect(lines.count == 3 && lines[0].allSatisfy { $0 == "x" } && lines[2].allSatisfy { $0 == "x" })
          #expect(lines[0].count + lines[2].count == 1000)
          for offset in [0, 12_345_678, Self.bigFlood - 500] {
            let part = try await read(
              "flood", [("offset", .int(offset)), ("max_output_chars", 1000)], server)
            #expect(part.text.hasPrefix("xxxx"), "\(offset): \(part)")
          }
          let peak = try #require(peakKilobytes(of: server))
          #expect(peak < 60 << 10, "VmHWM \(peak) kB")
        }
      }
    }

    @Test func `fifty sessions to one host work at the same time`() async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        let start = ContinuousClock.now
        let family = try await ServerUnderTest.with(sshd, home: home) { server in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...50 { group.addTask { try await server.open("bash", "s\(number)") } }
            try await group.waitForAll()
          }
          // sshd allows ten sessions a connection unless told otherwise: there must be several.
          #expect(sshd.loginCount > 1 && sshd.loginCount < 20, "\(sshd.loginCount)")
          // The later ones finish first, so the answers cannot come in the order of the calls.
          let slow = server.beginExec("sleep 2; echo slow", in: "s1")
          let calls = (2...50).map {
            (number: $0, call: server.beginExec("sleep 1; echo \($0)", in: "s\($0)"))
          }
          for (number, call) in calls {
            let result = try await server.result(of: call, within: .seconds(30))
            #expect(result.text == "\(number)", "\(result)")
          }
          #expect(try await server.result(of: slow, within: .seconds(30)).text == "slow")
          let order = server.messages.compactMap { $0["id"]?.int }
          #expect(order.firstIndex(of: slow).map { $0 > order.count - 10 } == true)
          #expect(try await server.call("list-sessions").text.split(separator: "\n").count == 50)
          // A full connection has kept a place for the questions that tell this.
          let questions = (1...50).map { server.beginExec("read x; echo \"<$x>\"", in: "s\($0)") }
          for question in questions { #expect(try await server.result(of: question).isWaiting) }
          return ProcessTree.now().descendants(of: server.process.identifier).map(\.identifier)
        }
        #expect(start.duration(to: .now) < .seconds(30))
        try await eventually("the end of all that the server started") {
          !family.contains(where: ProcessTree.isRunning)
        }
        try await eventually("the connections to close") { sshd.connections.isEmpty }
      }
    }

    @Test func `a server that allows few sessions a connection gets more connections`() async throws {
      try await LoopbackSSHD.with(.init(configuration: ["MaxSessions 2"])) { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...8 { group.addTask { try await server.open("bash", "s\(number)") } }
            try await group.waitForAll()
          }
          #expect((4...8).contains(sshd.loginCount), "\(sshd.loginCount)")
          for number in 1...8 {
            #expect(try await server.exec("echo \(number)", in: "s\(number)").text == "\(number)")
          }
        }
      }
    }
  }
}
