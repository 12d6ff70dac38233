import Foundation
import OpenSSH
import TestSupport
import Testing

@Suite struct AgentSocketsTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  func state(_ output: String, _ environment: [String: String]) -> AgentState {
    AgentSockets.agent(EffectiveConfiguration(output: output), environment: environment)
  }

  @Test func `what ssh_config or the environment names is not looked for elsewhere`() {
    #expect(state("identityagent none\n", ["SSH_AUTH_SOCK": "/a"]) == .off)
    #expect(state("", ["SSH_AUTH_SOCK": ""]) == .off)
    #expect(state("", ["SSH_AUTH_SOCK": "/no/such"]) == .silent("/no/such"))
    #expect(state("identityagent /no/agent\n", [:]) == .silent("/no/agent"))
    #expect(state("identityagent $MINE\n", ["MINE": "/no/mine"]) == .silent("/no/mine"))
    #expect(state("identityagent SSH_AUTH_SOCK\n", ["SSH_AUTH_SOCK": "/no/such"]) == .silent("/no/such"))
  }

  @Test func `the newest that holds keys is found, by its own word`() async throws {
    let key = "\(directory.path)/key"
    try await Fixture.makeKey(key)
    for name in ["gcr", "keyring"] { _ = try directory.makeDirectory(name) }
    // Neither a file nor a socket that nobody listens on is an agent.
    try directory.write("openssh_agent", "")
    let environment = ["XDG_RUNTIME_DIR": directory.path, "HOME": directory.path]
    try await SSHAgent.with(keys: [key], in: directory, named: "gcr/ssh") { full in
      try await SSHAgent.with(keys: [], in: directory, named: "keyring/ssh") { empty in
        #expect(AgentSockets.identities(at: full.socketPath) == 1)
        #expect(AgentSockets.identities(at: empty.socketPath) == 0)
        let state = state("", environment)
        #expect(state == .holds(full.socketPath, keys: 1, isFound: true))
        #expect(state.foundSocket == full.socketPath)
        let named = self.state("", ["SSH_AUTH_SOCK": full.socketPath])
        #expect(named == .holds(full.socketPath, keys: 1, isFound: false) && named.foundSocket == nil)
      }
    }
    #expect(AgentSockets.identities(at: "\(directory.path)/gcr/ssh") == nil)
  }
}
