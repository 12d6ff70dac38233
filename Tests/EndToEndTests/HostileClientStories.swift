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
  /// A client that asks too much: bounded memory, clear errors, and the next call as if nothing had been.
  @Suite(.withServer) struct HostileClientStories {
    private func peakMegabytes(of server: ServerUnderTest) throws -> Int {
      try #require(ProcessTree.kilobytes("VmHWM:", of: server.process.identifier)) >> 10
    }

    @Test func `five thousand requests at once are each answered once`() async throws {
      try await ServerUnderTest.with { server in
        let calls = (0..<5000).map { number in
          number % 2 == 0
            ? server.begin("ping")
            : server.begin("tools/call", [("name", "list-sessions"), ("arguments", [:])])
        }
        _ = try await server.request("ping", within: .seconds(40))
        let wanted = Set(calls)
        try await server.process.record.wait(for: "all answers", within: .seconds(40)) { record in
          record.output.count { $0 == 0x0A } >= wanted.count + 2
        }
        let answered = server.messages.compactMap { $0["id"]?.int }.filter(wanted.contains)
        #expect(answered.count == calls.count && Set(answered) == wanted)
        #expect(try peakMegabytes(of: server) < 100)
      }
    }

    @Test func `giant arguments are refused in few words`() async throws {
      try await ServerUnderTest.with { server in
        let giant = JSONValue.string(String(repeating: "x", count: 1 << 19))
        let calls: [(String, JSONValue)] = [
          ("exec", ["session_id": giant, "command": "true"]),
          ("exec", ["session_id": "s", "command": giant]),
          ("start-session", ["host_id": giant]), ("start-session", ["host_id": "h", "sessionId": giant]),
          ("start-session", ["host_id": "h", "accept_host_key": giant]),
          ("add-host", ["host_id": giant, "host": "h", "username": "u"]),
          ("add-host", ["host_id": "h", "host": giant, "username": "u"]),
          ("add-host", ["host_id": "h", "host": "h", "username": "u", "password": giant]),
          ("edit-host", ["host_id": giant]), ("remove-host", ["host_id": giant]),
          ("close-session", ["sessionId": giant]),
          ("send-input", ["session_id": giant, "text": "x"]),
          ("send-input", ["session_id": "s", "keys": .array(Array(repeating: "enter", count: 10_000))]),
          ("read-output", ["session_id": "s", "offset": giant]), ("interrupt", ["session_id": giant]),
        ]
        for (tool, arguments) in calls {
          let result = try await server.call(tool, arguments)
          #expect(result.isError && result.text.utf8.count < 4000, "\(tool): \(result.text.prefix(200))")
        }
        let unknown = try await server.request(
          "tools/call", [("name", giant), ("arguments", [:])])
        #expect(JSONWriter.compact(unknown).count < 4000)
        let method = try await server.request(String(repeating: "m", count: 1 << 19))
        #expect(JSONWriter.compact(method).count < 4000)
        #expect(try await server.call("list-hosts").text == "No hosts configured")
        #expect(try peakMegabytes(of: server) < 150)
      }
    }

    @Test(arguments: [
      "x" + String(repeating: "\u{301}\u{323}", count: 50_000), String(repeating: "\u{1F1E9}", count: 50_000),
    ])
    func `names of marks or flags without end are refused as fast as others`(name: String) async throws {
      try await ServerUnderTest.with { server in
        let giant = JSONValue.string(name)
        for (tool, arguments) in [
          ("exec", ["session_id": giant, "command": "true"]), ("close-session", ["sessionId": giant]),
          ("list-hosts", .object(JSONObject([(name, 1)]))),
        ] as [(String, JSONValue)] {
          let result = try await server.call(tool, arguments)
          #expect(result.isError && result.text.utf8.count < 8200, "\(tool)")
        }
        let tool = try await server.request("tools/call", [("name", giant), ("arguments", [:])])
        #expect(tool["error"]?["code"] == -32602 && JSONWriter.compact(tool).count < 4000)
        let method = try await server.request(name)
        #expect(method["error"]?["code"] == -32601 && JSONWriter.compact(method).count < 4000)
        let prompt = try await server.request("prompts/get", [("name", giant)])
        #expect(prompt["error"]?["code"] == -32602 && JSONWriter.compact(prompt).count < 4000)
      }
    }

    @Test func `thousands of cancellations cost nothing but the calls that they name`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          for number in 0..<5000 { server.cancel(1_000_000 + number) }
          var calls: [Int] = []
          for number in 0..<300 {
            let call = server.beginExec("echo \(number); sleep 600")
            calls.append(call)
            server.cancel(call)
            server.cancel(call)
          }
          // Cancelled calls get no answer and leave the queue at once, so none of them finds it full. The session has to
          // come free of all of them.
          let result = try await server.exec("echo free", [], within: .seconds(30))
          #expect(result.text.hasPrefix("free"), "\(result)")
          let answered = server.messages.filter { $0["id"]?.int.map(calls.contains) == true }
          #expect(answered.isEmpty)
          #expect(try peakMegabytes(of: server) < 100)
        }
      }
    }

    @Test func `a thousand sessions are too many, and that is told with the limit`() async throws {
      try await LoopbackSSHD.with { sshd in
        let server = try ServerUnderTest(
          home: try TemporaryDirectory(), environment: ["SSH_MCP_SSH_CONFIG": sshd.sshConfigPath])
        try await server.shakeHands()
        // Logins that wait: the kernel takes the connections, and nobody answers.
        kill(sshd.process.identifier, SIGSTOP)
        defer { kill(sshd.process.identifier, SIGCONT) }
        let calls = (0..<1000).map { number in
          server.begin(
            "tools/call",
            [
              ("name", "start-session"),
              ("arguments", ["host_id": "bash", "sessionId": .string("s\(number)")]),
            ])
        }
        let refused = try await server.result(of: calls[999])
        #expect(refused.isError && refused.text.contains("256"), "\(refused)")
        for call in calls { server.cancel(call) }
        let list = try await server.call("list-sessions")
        #expect(list.text == "No active sessions", "\(list)")
        #expect(try peakMegabytes(of: server) < 200)
        try await Faults.expectCleanEnd(of: server)
      }
    }

    @Test func `a line in two halves is one message, and half a line at the end is none`() async throws {
      let server = try ServerUnderTest(home: try TemporaryDirectory())
      try await server.shakeHands()
      let line = Array(#"{"jsonrpc":"2.0","id":"halves","method":"ping"}"#.utf8)
      for byte in line { server.process.write([byte]) }
      // Another request cannot come between: one answer each shows that the halves were put together.
      server.process.write([0x0A])
      _ = try await server.request("ping")
      #expect(server.messages.count { $0["id"]?.string == "halves" } == 1)
      server.process.write(Array(line.dropLast(5)))
      try await Faults.expectCleanEnd(of: server)
      #expect(server.messages.count { $0["id"]?.string == "halves" } == 1)
    }
  }
}
