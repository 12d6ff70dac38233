import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// Keys that are no files: in a PKCS#11 token with a PIN, and in a security key that is to be touched.
  ///
  /// The token is SoftHSM's, the security key a small program of ours behind ssh's own interface for such keys.
  @Suite(.withServer) struct SecurityKeyStories {
    /// A server with an ssh_config of these lines before the sshd's, where only the keys of those lines log in.
    private func with(
      _ sshd: LoopbackSSHD, _ lines: [String], keys: String, environment: [String: String],
      capabilities: JSONValue = [:], _ body: (ServerUnderTest) async throws -> Void
    ) async throws {
      try sshd.directory.write("authorized_keys", keys)
      let file = try sshd.directory.write(
        "users_config",
        (lines + [
          "Host *", "  HostName 127.0.0.1", "  Port \(sshd.port)", "  User \(sshd.user)",
          "  UserKnownHostsFile \(sshd.knownHostsPath)", "",
        ]).joined(separator: "\n"))
      let environment = environment.merging(["SSH_MCP_SSH_CONFIG": file]) { $1 }
      try await ServerUnderTest.with(environment: environment, capabilities: capabilities) {
        try await body($0)
      }
    }

    // MARK: - A PIN

    static let token = [
      "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
      "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ].first { FileManager.default.fileExists(atPath: $0) }

    /// A token with one key, its public half, and the environment in which it is found.
    private func makeToken(
      in directory: TemporaryDirectory
    ) async throws -> (lines: [String], keys: String, environment: [String: String]) {
      let library = try #require(Self.token)
      let tokens = try directory.makeDirectory("tokens")
      let environment = [
        "SOFTHSM2_CONF": try directory.write("softhsm2.conf", "directories.tokendir = \(tokens)\n")
      ]
      let key = "\(directory.path)/key"
      try await Fixture.run("ssh-keygen", ["-q", "-t", "ecdsa", "-m", "PKCS8", "-N", "", "-f", key])
      let pins = ["--pin", "4711", "--so-pin", "12345678"]
      try await Fixture.run(
        "softhsm2-util", ["--init-token", "--free", "--label", "smt"] + pins, environment: environment)
      try await Fixture.run(
        "softhsm2-util",
        ["--import", key, "--token", "smt", "--label", "k", "--id", "01", "--pin", "4711"],
        environment: environment)
      let keys = try await Fixture.run("ssh-keygen", ["-D", library], environment: environment)
      return (["Host token", "  PKCS11Provider \(library)"], keys, environment)
    }

    @Test(
      .enabled("softhsm2 is missing: run scripts/setup") { token != nil },
      arguments: [("4711", true), ("0000", false)])
    func `the PIN of a token is entered on a page, once`(pin: String, isRight: Bool) async throws {
      let directory = try TemporaryDirectory()
      let (lines, keys, environment) = try await makeToken(in: directory)
      try await LoopbackSSHD.with { sshd in
        try await with(
          sshd, lines, keys: keys, environment: environment, capabilities: SecretPageStories.url
        ) { server in
          let call = server.begin("tools/call", PersonStories.start("token"))
          #expect(try await server.answerOnPage(1, with: pin).contains("Enter PIN for &#39;smt&#39;:"))
          let result = try await server.result(of: call)
          let refusal = "token did not accept the answer to 'PIN of the PKCS#11 token'. It was given once"
          #expect(isRight ? result.text == "s" : result.isError("answer_wrong", refusal), "\(result)")
        }
      }
    }

    @Test(.enabled("softhsm2 is missing: run scripts/setup") { token != nil })
    func `a PIN that nobody can be asked for ends the login with the way on`() async throws {
      let directory = try TemporaryDirectory()
      let (lines, keys, environment) = try await makeToken(in: directory)
      try await LoopbackSSHD.with { sshd in
        try await with(sshd, lines, keys: keys, environment: environment) { server in
          let result = try await server.call("start-session", ["host_id": "token"])
          #expect(
            result.isError(
              "question_unanswered",
              "token asks something that has no stored answer: 'Enter PIN for 'smt':'. Only the user can answer"
            ),
            "\(result)")
        }
      }
    }

    // MARK: - A touch

    /// Why there is no security key here, or nil.
    static var unavailability: String? {
      if LoginShell.find("cc") == nil { return "cc is missing: run scripts/setup" }
      // A build of OpenSSH without support for security keys has no such program.
      let helpers = ["/usr/lib/openssh", "/usr/libexec", "/usr/libexec/openssh", "/usr/lib/ssh"]
      return helpers.contains { FileManager.default.isExecutableFile(atPath: "\($0)/ssh-sk-helper") }
        ? nil : "this OpenSSH has no ssh-sk-helper"
    }

    /// A key in our security key, its public half, and what the key needs to know.
    private func makeKey(
      in directory: TemporaryDirectory, _ options: [String] = []
    ) async throws -> (lines: [String], keys: String, environment: [String: String]) {
      let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "SecurityKey/security_key.c").path
      let library = "\(directory.path)/security_key.so"
      try await Fixture.run("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"])
      let key = "\(directory.path)/key"
      try await Fixture.run(
        "ssh-keygen", ["-q", "-t", "ed25519-sk", "-w", library, "-N", "", "-f", key] + options)
      try await Fixture.run("mkfifo", ["\(directory.path)/touch"])
      return (
        ["Host key", "  SecurityKeyProvider \(library)", "  IdentityFile \(key)", "  IdentitiesOnly yes"],
        directory.read("key.pub") ?? "", ["SMT_KEY_TOUCH": "\(directory.path)/touch", "SMT_KEY_PIN": "4711"]
      )
    }

    @Test(.enabled("\(unavailability ?? "")") { unavailability == nil })
    func `a touch that a key waits for is told as progress, and the login goes on when it comes`()
      async throws
    {
      let directory = try TemporaryDirectory()
      let (lines, keys, environment) = try await makeKey(in: directory)
      try await LoopbackSSHD.with { sshd in
        try await with(sshd, lines, keys: keys, environment: environment) { server in
          let call = server.begin(
            "tools/call", PersonStories.start("key", [("_meta", ["progressToken": "touch"])]))
          try await server.process.record.wait(for: "the notice") {
            $0.text.contains("\"ssh: Confirm user presence for key ED25519-SK SHA256:")
          }
          // A person may take longer than a login without one may (15 s).
          try await Task.sleep(for: .seconds(16))
          // ssh waits in the key now; the other end of its FIFO is there.
          try await Fixture.run("dd", ["if=/dev/zero", "of=\(directory.path)/touch", "bs=1", "count=1"])
          #expect(try await server.result(of: call).text == "s")
          #expect(try await server.exec("echo hi").text == "hi")
        }
      }
    }

    @Test(.enabled("\(unavailability ?? "")") { unavailability == nil })
    func `a touch that the user cannot be told of ends the login with the way on`() async throws {
      let directory = try TemporaryDirectory()
      let (lines, keys, environment) = try await makeKey(in: directory)
      try await LoopbackSSHD.with { sshd in
        try await with(sshd, lines, keys: keys, environment: environment) { server in
          let result = try await server.call("start-session", ["host_id": "key"])
          let beginning =
            "key needs a security key touched, and the user cannot be told: 'Confirm user presence for key ED25519-SK"
          #expect(result.isError("question_unanswered", beginning), "\(result)")
          #expect(result.text.contains("Use an MCP client that shows progress"), "\(result)")
          try await eventually("the end of ssh's helper") {
            !ProcessTree.now().processes(mentioning: "ssh-sk-helper").contains {
              ProcessTree.exposes($0.identifier, directory.path)
            }
          }
        }
      }
    }

    @Test(
      .enabled("\(unavailability ?? "")") { unavailability == nil },
      arguments: [("4711", true), ("0000", false)])
    func `the PIN of a security key is entered on a page, once`(pin: String, isRight: Bool) async throws {
      let directory = try TemporaryDirectory()
      let (lines, keys, variables) = try await makeKey(in: directory, ["-O", "verify-required"])
      let environment = variables.filter { $0.key != "SMT_KEY_TOUCH" }
      try await LoopbackSSHD.with { sshd in
        try await with(
          sshd, lines, keys: "verify-required \(keys)", environment: environment,
          capabilities: SecretPageStories.url
        ) { server in
          let call = server.begin("tools/call", PersonStories.start("key"))
          #expect(try await server.answerOnPage(1, with: pin).contains("Enter PIN for ED25519-SK key"))
          let result = try await server.result(of: call)
          let refusal =
            "key did not accept the answer to 'PIN of the security key \(directory.path)/key'. It was given once"
          #expect(isRight ? result.text == "s" : result.isError("answer_wrong", refusal), "\(result)")
        }
      }
    }
  }
}
