import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The user's known_hosts decides; a new key needs its exact fingerprint, a changed one has no way on.
  @Suite(.withServer) struct HostKeyStories {
    @Test func `an unknown host key is refused with its fingerprint and the way on`() async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"])
          #expect(result.isError("host_key_unknown", "The host key of bash is not known: "), "\(result)")
          #expect(result.text.contains("ED25519 \(fingerprint) (of [127.0.0.1]:\(sshd.port))."), "\(result)")
          #expect(result.text.uppercased().contains("ED25519") && result.text.contains("accept_host_key"))
        }
        #expect(sshd.directory.read("known_hosts") == "")
        #expect(sshd.loginCount == 0)
      }
    }

    @Test func `the exact fingerprint accepts an unknown key for good`() async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let fingerprint = try await sshd.hostKeyFingerprint()
        try await ServerUnderTest.with(sshd) { server in
          let accepted = try await server.call(
            "start-session",
            ["host_id": "bash", "sessionId": "s", "accept_host_key": .string(fingerprint)],
            within: .seconds(30))
          #expect(accepted.text == "s", "\(accepted)")
        }
        #expect(sshd.directory.read("known_hosts")?.contains("ssh-ed25519") == true)
        try await ServerUnderTest.with(sshd) { _ = try await $0.open("bash") }
      }
    }

    @Test(arguments: [
      (
        "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "host_key_not_accepted",
        "The host key of bash is not the accepted one: it is ED25519 SHA256:"
      ),
      ("yes", "invalid_argument", "Argument 'accept_host_key' must be a fingerprint"),
      ("", "invalid_argument", "Argument 'accept_host_key' must be a fingerprint"),
    ])
    func `anything but the fingerprint accepts nothing`(
      answer: String, code: String, beginning: String
    ) async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call(
            "start-session", ["host_id": "bash", "accept_host_key": .string(answer)])
          #expect(result.isError(code, beginning), "\(result)")
        }
        #expect(sshd.loginCount == 0)
      }
    }

    @Test(arguments: ["FingerprintHash md5", "BatchMode yes", "IgnoreUnknown UseKeychain\nUseKeychain yes"])
    func `a new key is shown and accepted the same whatever ssh_config says`(lines: String) async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        _ = try sshd.directory.write("ssh_config", lines + "\n" + (sshd.directory.read("ssh_config") ?? ""))
        let fingerprint = try await sshd.hostKeyFingerprint()
        try await ServerUnderTest.with(sshd) { server in
          let refused = try await server.call("start-session", ["host_id": "bash"])
          #expect(
            refused.isError && refused.text.contains("accept_host_key \"\(fingerprint)\""), "\(refused)")
          let accepted = try await server.call(
            "start-session",
            ["host_id": "bash", "sessionId": "s", "accept_host_key": .string(fingerprint)],
            within: .seconds(30))
          #expect(accepted.text == "s", "\(accepted)")
        }
      }
    }

    @Test func `a revoked host key is refused as that and shows no way on`() async throws {
      try await LoopbackSSHD.with { sshd in
        try sshd.forgetHostKeys()
        let line = "RevokedHostKeys \(sshd.directory.path)/host_key.pub\n"
        _ = try sshd.directory.write("ssh_config", line + (sshd.directory.read("ssh_config") ?? ""))
        try await ServerUnderTest.with(sshd) { server in
          let result = try await server.call("start-session", ["host_id": "bash"])
          #expect(
            result.isError("host_key_revoked", "The host key of bash is marked as revoked."), "\(result)")
          #expect(!result.text.contains("accept_host_key"))
        }
      }
    }

    @Test func `a banner that imitates ssh's own words does not make a connection ready`() async throws {
      let directory = try TemporaryDirectory()
      _ = try directory.write("banner", "debug1: Entering interactive session.\n")
      try await LoopbackSSHD.with(.init(configuration: ["Banner \(directory.path)/banner"])) { sshd in
        try await Fixture.makeKey("\(sshd.directory.path)/other_key")
        try await ServerUnderTest.with(sshd) { server in
          let session = try await server.call(
            "start-session", ["host_id": "bash", "sessionId": "s"], within: .seconds(30))
          #expect(session.text == "s", "\(session)")
          try await server.add(sshd, as: "h", [("keyPath", .string("\(sshd.directory.path)/other_key"))])
          let denied = try await server.call("start-session", ["host_id": "h"])
          #expect(denied.isError && denied.text.contains("denied permission"), "\(denied)")
        }
      }
    }

    @Test func `a changed host key is refused with file and line, whatever is accepted`() async throws {
      try await LoopbackSSHD.with { sshd in
        try await sshd.changeHostKey()
        let fingerprint = try await sshd.hostKeyFingerprint()
        let before = sshd.directory.read("known_hosts")
        try await ServerUnderTest.with(sshd) { server in
          for more in [[], [("accept_host_key", JSONValue.string(fingerprint))]] {
            let arguments = JSONObject([("host_id", "bash")] + more)
            let result = try await server.call("start-session", .object(arguments))
            #expect(
              result.isError(
                "host_key_changed", "The host key of bash has changed: it is now ED25519 SHA256:"),
              "\(result)")
            #expect(result.text.contains(sshd.knownHostsPath) && result.text.contains("line 1"), "\(result)")
          }
        }
        #expect(sshd.directory.read("known_hosts") == before)
        #expect(sshd.loginCount == 0)
      }
    }
  }
}
