import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Commands that nobody thought of, compared with a plain shell; scripts/random-commands runs more of them.
  struct RandomStories {
    static let python = ["python3"].compactMap(LoginShell.find).first ?? pythonInPath
    static let count = 400

    private static var pythonInPath: String? {
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    @Test(
      .withServer, .enabled(if: python != nil, "python3 is missing"),
      arguments: [LoginShell.bash, .dash, .zsh, .mksh])
    func `a session does with random commands what a plain shell does`(shell: LoginShell) async throws {
      let seed = ProcessInfo.processInfo.environment["SSH_MCP_RANDOM_SEED"] ?? "20261123"
      let client = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Clients/random_commands.py").path
      try await LoopbackSSHD.with(.init(shells: [shell])) { sshd in
        let record = try await TestProcess.run(
          try #require(Self.python),
          [
            client, ServerUnderTest.binaryPath, "--host", shell.rawValue, "--shell", shell.rawValue,
            "--count", "\(shell == .bash ? Self.count : Self.count / 4)", "--seed", seed, "--most", "3",
          ],
          environment: [
            "SSHD_DIR": sshd.directory.path, "SSHD_CONFIG": sshd.sshConfigPath,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
          ], within: .seconds(300))
        #expect(record.ending == .exited(0), "seed \(seed), \(shell): \(record.text)\(record.errorText)")
      }
    }
  }
}
