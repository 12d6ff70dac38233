import ClientSetup
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EntryTests {
  @Test(arguments: Client.allCases)
  func `a secret of the environment is neither written nor shown`(client: Client) throws {
    var place = try Place()
    place.environment = [
      "SSH_MCP_KEY_PASSPHRASE": "canary1", "SSH_MCP_ASKPASS_SOCKET": "canary2",
      "SSH_MCP_API_TOKEN": "canary3",
      "PASSWORD": "canary4", "SSH_MCP_LOG": "debug", "SSH_MCP_HOME": "store", "SSH_MCP_SSH_CONFIG": "/etc/c",
      "SSH_MCP_IDLE_TIMEOUT": "",
    ]
    let report = try place.setup(client).run(.add(replacing: false))
    #expect(report.text.contains("SSH_MCP_KEY_PASSPHRASE is set here and was not written"))
    let text = try #require(try place.text(client))
    for shown in [text, report.text] {
      #expect(!shown.contains("canary"))
      #expect(shown.contains("debug") && shown.contains("\(place.home.path)/project/store"))
      #expect(shown.contains("\"/etc/c\"") && !shown.contains("IDLE_TIMEOUT") && !shown.contains("PASSWORD"))
    }
  }

  @Test(arguments: [
    (
      Client.cursor,
      #"{"mcpServers": {"ssh": {"command": "x", "env": {"KEY": "canary"}, "headers": {"A": "canary"}}}}"#
    ),
    (.codex, "[mcp_servers.ssh]\ncommand = \"x\"\nenv = {KEY = \"canary\"}\nbearer = \"canary\"\n"),
    (.codex, "[mcp_servers.ssh]\ncommand = \"x\"\n[mcp_servers.ssh.env]\nKEY = \"canary\"\n"),
    (.codex, "[mcp_servers.ssh]\ncommand = \"x\"\n[mcp_servers.ssh.http_headers]\n\"A\" = 'canary'\n"),
  ])
  func `what may be a secret of an existing entry is not shown`(client: Client, text: String) throws {
    let place = try Place()
    try place.write(client, text)
    let failure = #expect(throws: SetupFailure.self) { try place.setup(client).run(.add(replacing: false)) }
    let message = failure.map { "\($0)" } ?? ""
    #expect(message.contains("(hidden)") && message.contains("\"x\"") && !message.contains("canary"))
    let report = try place.setup(client).run(.undo, isDryRun: true)
    #expect(report.outcome == .removed && !report.text.contains("canary"))
  }

  @Test(arguments: [
    ("/tmp/ssh-XXXXXXabc/agent.1234", true), ("/tmp/ssh-x/agent.12", true),
    ("/run/user/0/vscode-ssh-auth-sock-1", true),
    ("/private/tmp/com.apple.launchd.x/Listeners", true), ("/home/u/.ssh/agent/s.1.agent.22", false),
    ("/run/user/1000/ssh-agent.socket", false), ("/run/user/1000/gnupg/S.gpg-agent.ssh", false),
    ("/run/user/1000/keyring/ssh", false), ("/home/u/.1password/agent.sock", false),
  ])
  func `an agent's socket that a logout takes away is noted`(socket: String, isPerLogin: Bool) throws {
    var place = try Place()
    place.environment["SSH_AUTH_SOCK"] = socket
    let report = try place.setup(.codex).run(.add(replacing: false))
    #expect(report.text.contains("may change after logout") == isPerLogin)
    #expect(report.text.contains("env_vars") == isPerLogin)
  }

  @Test func `without an agent the entry has no environment, and that is noted`() throws {
    var place = try Place()
    place.environment = [:]
    for client in Client.allCases {
      let report = try place.setup(client).run(.add(replacing: false))
      #expect(report.text.contains("SSH_AUTH_SOCK is not set here"))
      #expect(try place.text(client)?.contains("env") == false)
    }
  }

  @Test func `a path with every awkward character arrives whole`() throws {
    let place = try Place()
    let path = "/a \"b\"\\c\t'd' é#[x]\u{7F}"
    for client in Client.allCases {
      let setup = try place.setup(client, command: path)
      _ = try setup.run(.add(replacing: false))
      #expect(try setup.run(.add(replacing: false)).outcome == .alreadyThere)
      #expect(try place.text(client)?.contains(#""/a \"b\"\\c\t'd' é#[x]\u007f""#) == true)
    }
  }

  @Test func `a project's file is said to hold paths of this machine`() throws {
    let place = try Place()
    #expect(
      try place.setup(.cursor, .project).run(.add(replacing: false)).text.contains("paths of this machine"))
    #expect(try place.setup(.claudeCode, .project).run(.add(replacing: false)).text.contains("approve"))
    #expect(try !place.setup(.cursor).run(.add(replacing: false)).text.contains("paths of this machine"))
  }
}
