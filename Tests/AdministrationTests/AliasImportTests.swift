import ChildProcess
import HostStore
import OpenSSH
import TestSupport
import Testing

@testable import Administration

struct AliasImportTests {
  static let defaults = EffectiveConfiguration(
    output:
      "host web\nhostname web\nport 22\nuser me\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ecdsa")

  private func record(_ output: String) -> StoredHost {
    AliasImport.record("web", EffectiveConfiguration(output: output), Self.defaults, userHome: "/home/me")
  }

  @Test func `a record has ssh's values, and a key only where a file names one`() {
    let host = record("hostname 10.0.0.5\nport 2222\nuser ann\nidentityfile ~/.ssh/web")
    #expect(host.id == "web" && host.host == "10.0.0.5" && host.port == 2222 && host.username == "ann")
    #expect(host.keyPath == "~/.ssh/web")
    let plain = record(
      "hostname web\nport 22\nuser me\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ecdsa")
    #expect(plain.keyPath == nil)
    #expect(record("hostname web\nidentityfile none\nuser me").keyPath == nil)
  }

  @Test func `tokens in a key's path are replaced`() {
    let host = record("hostname h\nport 7\nuser ann\nidentityfile %d/.ssh/%r@%h:%p-%n-100%%")
    #expect(host.keyPath == "/home/me/.ssh/ann@h:7-web-100%")
  }

  @Test func `what a record cannot hold is named`() {
    let alias = EffectiveConfiguration(
      output: "host web\nhostname h\nproxyjump jump\nport 22\nforwardagent yes")
    let direct = EffectiveConfiguration(output: "host h\nhostname h\nport 22\nforwardagent no")
    #expect(AliasImport.lost(from: alias, in: direct) == ["forwardagent", "proxyjump"])
  }

  @Test func `ssh itself is asked, and stored hosts stay`() async throws {
    let home = try TemporaryDirectory()
    let file = try home.write(
      "config",
      "Host one\n HostName 10.0.0.1\n User ann\nHost far\n HostName 10.0.0.2\n ProxyJump one\nHost kept\n Port 7\n"
    )
    let store = HostStore(directory: "\(home.path)/store")
    try store.add(StoredHost(id: "kept", host: "h", username: "u"))
    let ssh = try #require(LoginShell.find("ssh"))
    let reactor = try Reactor()
    let spawner = ProcessSpawner(reactor: reactor, isGuarded: false)
    defer { reactor.stop() }
    let program = SSHProgram(
      executable: ssh, askpass: "/bin/false", environment: ["HOME": home.path], runtimeDirectory: home.path)
    let importer = AliasImport(
      store: store, reader: ConfigurationReader(program: program, spawner: spawner), configurationFile: file,
      userHome: home.path)
    let outcome = await importer.run([])
    #expect(
      outcome.output == """
        Host 'one' added
        Host 'far' added; its host is the alias, since ssh_config says more of it: proxyjump
        Host 'kept' already exists; skipped

        """)
    #expect(outcome.status == .success)
    #expect(try store.list().map(\.host) == ["h", "10.0.0.1", "far"])
    let unknown = await importer.run(["nowhere", "-oX"])
    #expect(unknown.status == .failure && unknown.errorOutput.contains("'nowhere' is no alias of ssh_config"))
  }
}
