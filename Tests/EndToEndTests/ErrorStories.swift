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
  /// Errors of the page Errors.md that no other story produces, by their codes.
  @Suite(.withServer) struct ErrorStories {
    private func code(_ result: ToolResult) -> String? {
      result.value["_meta"]?["io.github.ssh-mcp-sessions/result"]?["error"]?.string
    }

    @Test func `what a session cannot do now is named`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.open("bash")
          let unread = try await server.call("read-output", ["session_id": "s"])
          #expect(code(unread) == "nothing_ran", "\(unread)")
          let unsent = try await server.call("send-input", ["session_id": "s", "text": "x"])
          #expect(code(unsent) == "nothing_runs", "\(unsent)")
          let running = try await server.call(
            "exec", ["session_id": "s", "command": "cat", "wait_seconds": 1])
          #expect(!running.isError, "\(running)")
          let secret = try await server.call("send-input", ["session_id": "s", "secret": "password"])
          #expect(code(secret) == "no_secret", "\(secret)")
          let busy = try await server.exec("echo hi")
          #expect(code(busy) == "session_busy", "\(busy)")
        }
      }
    }

    @Test func `arguments that are missing or unknown are named`() async throws {
      try await ServerUnderTest.with { server in
        let missing = try await server.call("exec", ["session_id": "s"])
        #expect(code(missing) == "missing_argument", "\(missing)")
        let unknown = try await server.call("list-sessions", ["x": 1])
        #expect(code(unknown) == "unknown_argument", "\(unknown)")
      }
    }

    @Test func `a passwordCommand that fails is told with its words`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          try await server.add(
            sshd, as: "h", [("keyPath", .null), ("passwordCommand", "echo vault is closed >&2; exit 7")])
          let result = try await server.call("start-session", ["host_id": "h"])
          #expect(code(result) == "password_command_failed", "\(result)")
          #expect(
            result.text.contains("exit status 7") && result.text.contains("vault is closed"), "\(result)")
        }
      }
    }

    @Test func `a host that never answers is given up after 15 s`() async throws {
      try await LoopbackSSHD.with { sshd in
        kill(sshd.process.identifier, SIGSTOP)
        defer { kill(sshd.process.identifier, SIGCONT) }
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"], within: .seconds(20))
          #expect(code(result) == "timed_out" && result.text.contains("within 15 s"), "\(result)")
        }
      }
    }
  }
}
