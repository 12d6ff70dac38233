import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// A client that asks for it is told how a long command is doing; nobody else is.
  @Suite(.withServer) struct ProgressStories {
    @Test func `progress is told at most once a second, with the last line`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          for session in ["told", "untold"] { try await server.open("bash", session) }
          let command = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo \"step $i\"; sleep 0.3; done"
          let call = server.begin(
            "tools/call",
            [
              ("name", "exec"), ("arguments", ["session_id": "told", "command": .string(command)]),
              ("_meta", ["progressToken": "t-1"]),
            ])
          let other = server.beginExec(command, in: "untold")
          // A message has no time of its own: it is noted when it is first seen.
          let start = ContinuousClock.now
          var seen: [(at: Duration, params: JSONValue)] = []
          while true {
            let count = server.process.record.current.output.count
            if server.messages.contains(where: { $0["id"]?.int == call }) { break }
            let now = start.duration(to: .now)
            let notes = Self.notes(server)
            for note in notes.dropFirst(seen.count) { seen.append((now, note)) }
            try await server.process.record.wait(for: "a message") { $0.output.count > count }
          }
          let result = try await server.result(of: call)
          #expect(result.text.hasSuffix("step 13"))
          #expect(try await server.result(of: other).text == result.text)

          #expect((3...4).contains(seen.count), "\(seen)")
          for (before, after) in zip(seen, seen.dropFirst()) {
            #expect(after.at - before.at > .milliseconds(900), "\(seen)")
            #expect((before.params["progress"]?.double ?? 0) < (after.params["progress"]?.double ?? 0))
          }
          for (_, params) in seen {
            #expect(params["progressToken"] == "t-1")
            let message = params["message"]?.string ?? ""
            let pattern = /running [0-9.]+ s, \d+ bytes: step \d+/
            #expect(message.wholeMatch(of: pattern) != nil, "\(message)")
          }
          // None came after the answer, and none for the call without a token.
          #expect(try await server.exec("echo end", in: "told").text == "end")
          #expect(Self.notes(server).count == seen.count)
        }
      }
    }

    private static func notes(_ server: ServerUnderTest) -> [JSONValue] {
      server.messages.filter { $0["method"]?.string == "notifications/progress" }.compactMap { $0["params"] }
    }
  }
}
