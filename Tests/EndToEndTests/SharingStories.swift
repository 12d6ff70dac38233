import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Several sessions: one login a destination, and nobody waits for another.
  @Suite(.withServer) struct SharingStories {
    @Test func `two sessions to a host log in once and the last one closes the connection`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(sshd)
          try await server.open("loop", "a")
          try await server.open("loop", "b")
          #expect(sshd.loginCount == 1)
          _ = try await server.exec("X=a; cd /usr", in: "a")
          #expect(try await server.exec("echo ${X:-unset}; pwd", in: "b").text.hasPrefix("unset\n"))
          _ = try await server.call("close-session", ["sessionId": "a"])
          #expect(try await server.exec("echo alive", in: "b").text == "alive")
          _ = try await server.call("close-session", ["sessionId": "b"])
          try await eventually("the connection to close") { sshd.connections.isEmpty }
        }
      }
    }

    @Test func `sessions opened at the same moment share one login`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...4 { group.addTask { try await server.open("bash", "s\(number)") } }
            try await group.waitForAll()
          }
          #expect(sshd.loginCount == 1)
          #expect(try await server.call("list-sessions").text.split(separator: "\n").count == 4)
        }
      }
    }

    @Test func `a sleeping session delays no other`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash", "a")
          try await server.open("bash", "b")
          let fifo = "\(sshd.directory.path)/fifo"
          _ = try await server.exec("mkfifo \(fifo)", in: "b")
          // Ends only when b has run its command, so an answer for both proves that b did not wait.
          async let sleeper = server.exec("read line <\(fifo); echo \"woken by $line\"", in: "a")
          #expect(try await server.exec("echo b >\(fifo); echo done", in: "b").text == "done")
          #expect(try await sleeper.text == "woken by b")
        }
      }
    }

    @Test func `commands of one session run in the order they were sent`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          _ = try await server.exec("n=0")
          let requests = (1...20).map { _ in
            server.begin(
              "tools/call",
              [("name", "exec"), ("arguments", ["session_id": "s", "command": "n=$((n+1)); echo $n"])])
          }
          for (number, request) in requests.enumerated() {
            #expect(try await ToolResult(server.answer(to: request)).text == "\(number + 1)")
          }
        }
      }
    }

    @Test func `a second server shares the hosts file and disturbs nothing`() async throws {
      try await LoopbackSSHD.with { sshd in
        let home = try TemporaryDirectory()
        try await ServerUnderTest.with(sshd, home: home) { first in
          try await ServerUnderTest.with(sshd, home: home) { second in
            try await withThrowingTaskGroup(of: Void.self) { group in
              for number in 1...10 {
                group.addTask { try await first.add(sshd, as: "first\(number)") }
                group.addTask { try await second.add(sshd, as: "second\(number)") }
              }
              try await group.waitForAll()
            }
            try await second.open("first1")
          }
          try await first.open("second1")
          let stored = try await first.call("list-hosts").text.split(separator: "\n")
            .filter { $0.hasSuffix("auth=key") }
          #expect(stored.count == 20)
        }
      }
    }
  }
}
