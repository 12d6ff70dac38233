import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Being told of hosts, sessions and transcripts while a real session works.
  @Suite(.withServer) struct ResourceStories {
    private static let updated: JSONValue = "notifications/resources/updated"

    private func update(_ server: ServerUnderTest, _ uri: String, _ number: Int = 1) async throws {
      _ = try await server.messages("update \(number) of \(uri)", number) {
        $0["method"] == Self.updated && $0["params"]?["uri"] == .string(uri)
      }
    }

    @Test func `whoever subscribes is told of hosts, sessions and transcripts`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd) { server in
          for uri in ["ssh-mcp://hosts", "ssh-mcp://sessions"] {
            #expect(try await server.request("resources/subscribe", [("uri", .string(uri))])["result"] == [:])
          }
          try await server.add(sshd, as: "new")
          try await update(server, "ssh-mcp://hosts")
          try await server.open("bash")
          try await update(server, "ssh-mcp://sessions")
          let transcript = "ssh-mcp://sessions/s/transcript"
          _ = try await server.request("resources/subscribe", [("uri", .string(transcript))])
          _ = try await server.exec("echo x")
          try await update(server, transcript)
          // The pause of a second gathers the end of the command; then there is an update for it.
          _ = try await server.exec("echo y")
          try await update(server, transcript, 2)
          try await server.close()
          let code = try await server.code("resources/subscribe", [("uri", .string(transcript))])
          #expect(code == -32002, "the session is gone")
        }
      }
    }

    @Test func `an address may be written otherwise than ours, and is told as it was written`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, era: .stateless) { server in
          try await server.open("bash", "a-ü")
          let spellings = ["a-%C3%BC", "a-%c3%bc", "%61-ü", "a%2D%C3%BC"].map {
            "ssh-mcp://sessions/\($0)/transcript"
          }
          let listen = server.begin(
            "subscriptions/listen",
            [("notifications", ["resourceSubscriptions": .array(spellings.map { .string($0) })])])
          let first = try await server.message("the acknowledgement") { $0["method"] != nil }
          #expect(
            first["params"]?["notifications"]?["resourceSubscriptions"]
              == .array(spellings.map { .string($0) }))
          _ = try await server.exec("echo x", in: "a-ü")
          for spelling in spellings { try await update(server, spelling) }
          server.cancel(listen)
        }
      }
    }

    @Test func `a command that begins, waits and ends is told to who listens to sessions`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await ServerUnderTest.with(sshd, era: .stateless) { server in
          try await server.open("bash")
          _ = server.begin(
            "subscriptions/listen", [("notifications", ["resourceSubscriptions": ["ssh-mcp://sessions"]])])
          let asked = try await server.exec("read -p 'Name? ' name")
          #expect(asked.isWaiting, "\(asked)")
          try await update(server, "ssh-mcp://sessions", 2)
          let text = try await server.request("resources/read", [("uri", "ssh-mcp://sessions")])["result"]?[
            "contents"]?.array?.first?["text"]?.string
          #expect(text?.contains("state=waiting-for-input(") == true, "\(text ?? "")")
          _ = try await server.type("x")
          try await update(server, "ssh-mcp://sessions", 3)
          server.process.closeInput()
          // The last word of a subscription is its result.
          let record = try await server.process.end()
          #expect(
            record.text.split(separator: "\n").last?.contains("subscriptionId") == true, "\(record.text)")
        }
      }
    }
  }
}
