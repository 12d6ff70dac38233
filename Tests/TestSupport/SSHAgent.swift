import Foundation

/// An ssh-agent(1) of a test's own.
package struct SSHAgent: Sendable {
  /// For `SSH_AUTH_SOCK`.
  package let socketPath: String
  private let process: TestProcess

  /// Runs `body` with an agent that holds those keys, and ends it afterwards.
  ///
  /// - Parameters:
  ///   - keys: Paths of private keys without passphrase.
  ///   - directory: Where the socket is made.
  ///   - name: The socket's, below that directory.
  ///   - body: The test.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; `FixtureFailure` when the agent cannot be had.
  package static func with<Success: Sendable>(
    keys: [String], in directory: TemporaryDirectory, named name: String = "agent",
    _ body: (SSHAgent) async throws -> Success
  ) async throws -> Success {
    guard let program = LoginShell.find("ssh-agent") else {
      throw FixtureFailure("ssh-agent is missing: run scripts/setup")
    }
    let socket = "\(directory.path)/\(name)"
    let agent = SSHAgent(
      socketPath: socket, process: try TestProcess(program, ["-D", "-a", socket]))
    let result: Result<Success, any Error>
    do {
      // The agent says on standard output where it listens, once it does.
      try await agent.process.record.wait(for: "ssh-agent") { $0.text.contains("SSH_AUTH_SOCK") }
      if !keys.isEmpty {
        try await Fixture.run("ssh-add", ["-q"] + keys, environment: ["SSH_AUTH_SOCK": socket])
      }
      result = .success(try await body(agent))
    } catch {
      result = .failure(error)
    }
    agent.process.signal(SIGTERM)
    try await agent.process.end()
    return try result.get()
  }
}
