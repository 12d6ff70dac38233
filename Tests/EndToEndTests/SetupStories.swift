import Foundation
import JSON
import TestSupport
import Testing

extension EndToEnd {
  /// The subcommand that makes the server known to a client, in a home directory of its own.
  struct SetupStories {
    private func run(
      _ arguments: [String], in home: TemporaryDirectory, _ environment: [String: String] = [:]
    ) async throws -> TestProcess.Record {
      try await TestProcess.run(
        ServerUnderTest.binaryPath, ["setup"] + arguments,
        environment: ["HOME": home.path].merging(environment) { $1 })
    }

    @Test func `the entry that setup writes starts a server that answers`() async throws {
      let home = try TemporaryDirectory()
      let record = try await run(
        ["cursor"], in: home, ["SSH_MCP_LOG": "error", "SSH_MCP_KEY_PASSPHRASE": "canary"])
      #expect(record.ending == .exited(0), "\(record.errorText)")
      #expect(record.text.contains("Restart Cursor") && !record.text.contains("canary"))
      let text = try #require(home.read(".cursor/mcp.json"))
      #expect(!text.contains("canary"))
      let entry = try #require(try JSONParser.parse(text)["mcpServers"]?["ssh"])
      #expect(entry["env"]?["SSH_MCP_LOG"] == "error")
      let command = try #require(entry["command"]?.string)
      let server = try TestProcess(command, environment: ["HOME": home.path])
      server.closeInput()
      #expect(try await server.end().errorText == "SSH MCP Server running on stdio\n")
    }

    @Test func `a look, an undo and refusals exit as scripts expect`() async throws {
      let home = try TemporaryDirectory()
      var record = try await run(["codex", "--print"], in: home)
      #expect(record.ending == .exited(0) && record.text.contains("[mcp_servers.ssh]"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: home.path).isEmpty)
      try home.write(".codex/config.toml", "model = \"x\"\n")
      record = try await run(["codex", "--name", "shells"], in: home)
      #expect(home.read(".codex/config.toml")?.contains("[mcp_servers.shells]") == true)
      record = try await run(["codex", "--name", "shells", "--undo"], in: home)
      #expect(home.read(".codex/config.toml") == "model = \"x\"\n")
      #expect(home.read(".codex/config.toml.ssh-mcp-backup") == "model = \"x\"\n")

      try home.write(".cursor/mcp.json", "{ // mine\n}")
      record = try await run(["cursor"], in: home)
      #expect(record.ending == .exited(1) && record.text.isEmpty)
      #expect(record.errorText.contains("line 1, column 3: a comment"), "\(record.errorText)")
      #expect(record.errorText.contains("\"mcpServers\""))
      #expect(home.read(".cursor/mcp.json") == "{ // mine\n}")
      #expect(try await run(["emacs"], in: home).ending == .exited(64))
      #expect(try await run(["cursor", "--undo", "--force"], in: home).ending == .exited(64))
    }

    @Test func `a link by which the program is called is what the client gets`() async throws {
      let home = try TemporaryDirectory()
      let link = "\(try home.makeDirectory("bin"))/ssh-mcp-sessions"
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: ServerUnderTest.binaryPath)
      let record = try await TestProcess.run(
        "/bin/sh", ["-c", "cd '\(home.path)' && ssh-mcp-sessions setup claude-code --project"],
        environment: ["HOME": home.path, "PATH": "\(home.path)/bin:/usr/bin:/bin"])
      #expect(record.ending == .exited(0), "\(record.errorText)")
      let text = try #require(home.read(".mcp.json"))
      #expect(try JSONParser.parse(text)["mcpServers"]?["ssh"]?["command"] == .string(link))
    }
  }
}
