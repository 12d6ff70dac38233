import OpenSSH
import Testing

@Suite struct SSHArgumentsTests {
  static let alias = Destination(name: "web")
  static let stored = Destination(
    name: "10.0.0.5", user: "deploy", port: 2222, identityFile: "/keys/id", forwardsAgent: true,
    configurationFile: "/conf/ssh_config")
  static let masterOptions = [
    "ControlMaster=yes", "ControlPersist=no", "ControlPath=/run/m1", "ClearAllForwardings=yes",
    "RemoteCommand=none", "PermitLocalCommand=no", "ForkAfterAuthentication=no", "BatchMode=no",
    "FingerprintHash=sha256", "NumberOfPasswordPrompts=1",
    "ConnectTimeout=15", "LogLevel=DEBUG1",
  ]
  static let passengerOptions = [
    "ControlMaster=no", "ControlPath=/run/m1", "BatchMode=yes", "LogLevel=ERROR", "ClearAllForwardings=yes",
    "RemoteCommand=none", "PermitLocalCommand=no", "ForkAfterAuthentication=no", "ProxyJump=none",
    "ProxyCommand=false",
  ]
  static let keepAlive = ["ServerAliveInterval=15", "ServerAliveCountMax=3"]

  @Test func `a connection that is frozen is noticed within 45 s`() {
    let seconds = Self.keepAlive.compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }
    #expect(seconds.reduce(1, *) <= 45)
    let arguments = SSHArguments(destination: Destination(name: "web"), controlPath: "/run/m1")
    let master = arguments.master(connectSeconds: 15, effective: EffectiveConfiguration(output: ""))
    for option in Self.keepAlive { #expect(master.contains(option)) }
    // Whoever has set it knows why.
    let set = EffectiveConfiguration(output: "serveraliveinterval 1\n")
    #expect(!arguments.master(connectSeconds: 15, effective: set).contains { $0.hasPrefix("ServerAlive") })
  }

  @Test func `a percent sign in the path of the user's socket begins no token`() {
    let arguments = SSHArguments(destination: Destination(name: "web"), controlPath: "/a%b").control("check")
    #expect(arguments.contains("ControlPath=/a%%b"))
    #expect(EffectiveConfiguration(output: "controlpath /a%b\n").controlPath == "/a%b")
    #expect(EffectiveConfiguration(output: "controlpath none\n").controlPath == nil)
  }

  static let storedTail = [
    "-l", "deploy", "-p", "2222", "-i", "/keys/id", "-o", "IdentitiesOnly=yes", "-o", "ForwardAgent=yes",
    "--",
    "10.0.0.5",
  ]

  func arguments(_ destination: Destination) -> SSHArguments {
    SSHArguments(destination: destination, controlPath: "/run/m1")
  }

  func options(_ options: [String]) -> [String] { options.flatMap { ["-o", $0] } }

  @Test func `the connection of an alias leaves user, port and key to ssh_config`() {
    let effective = EffectiveConfiguration(output: "serveraliveinterval 0\nstricthostkeychecking ask\n")
    #expect(
      arguments(Self.alias).master(connectSeconds: 15, effective: effective)
        == ["-M", "-N", "-T"] + options(Self.masterOptions + Self.keepAlive) + ["--", "web"])
  }

  @Test func `the connection of a stored host names user, port, key, agent and file`() {
    let effective = EffectiveConfiguration(output: "serveraliveinterval 0\n")
    #expect(
      arguments(Self.stored).master(connectSeconds: 15, effective: effective)
        == ["-M", "-N", "-T", "-F", "/conf/ssh_config"] + options(Self.masterOptions + Self.keepAlive)
        + Self.storedTail)
  }

  @Test func `what a client does not know is not named to it, and its IgnoreUnknown is left alone`() {
    func master(_ output: String) -> [String] {
      arguments(Self.alias).master(connectSeconds: 15, effective: EffectiveConfiguration(output: output))
    }
    #expect(!master("user u\n").contains { $0.hasPrefix("ObscureKeystrokeTiming") })
    #expect(master("obscurekeystroketiming yes\n").contains("ObscureKeystrokeTiming=no"))
    #expect(!master("obscurekeystroketiming yes\n").contains { $0.hasPrefix("IgnoreUnknown") })
    #expect(master("addkeystoagent ask\n").contains("AddKeysToAgent=no"))
    #expect(!master("addkeystoagent true\n").contains { $0.hasPrefix("AddKeysToAgent") })
  }

  @Test func `keep-alive messages that ssh_config asks for are not overruled`() {
    let effective = EffectiveConfiguration(output: "serveraliveinterval 60\n")
    #expect(
      arguments(Self.alias).master(connectSeconds: 15, effective: effective)
        == ["-M", "-N", "-T"] + options(Self.masterOptions) + ["--", "web"])
  }

  @Test(arguments: ["no", "off", "false"])
  func `a configuration that accepts changed host keys is made to refuse them`(_ value: String) {
    let effective = EffectiveConfiguration(
      output: "serveraliveinterval 60\nstricthostkeychecking \(value)\n")
    #expect(
      arguments(Self.alias).master(connectSeconds: 15, effective: effective).contains(
        "StrictHostKeyChecking=accept-new"))
  }

  @Test(arguments: ["yes", "true", "ask", "accept-new"])
  func `a configuration that refuses changed host keys stays as it is`(_ value: String) {
    let effective = EffectiveConfiguration(output: "stricthostkeychecking \(value)\n")
    let list = arguments(Self.alias).master(connectSeconds: 15, effective: effective)
    #expect(!list.contains { $0.hasPrefix("StrictHostKeyChecking") })
  }

  @Test func `a session has a terminal and no escape character`() {
    #expect(
      arguments(Self.alias).session("exec sh")
        == ["-tt", "-e", "none"] + options(Self.passengerOptions) + ["--", "web", "exec sh"])
    #expect(
      arguments(Self.stored).session("exec sh")
        == ["-tt", "-e", "none", "-F", "/conf/ssh_config"] + options(Self.passengerOptions) + Self.storedTail
        + ["exec sh"])
  }

  @Test func `a command has no terminal and is one argument`() {
    #expect(
      arguments(Self.alias).command("echo 'a b'; ls")
        == ["-T"] + options(Self.passengerOptions) + ["--", "web", "echo 'a b'; ls"])
  }

  @Test(arguments: ["check", "exit"])
  func `a control word goes to the socket`(_ word: String) {
    #expect(
      arguments(Self.alias).control(word)
        == ["-O", word, "-o", "ControlPath=/run/m1", "-o", "LogLevel=ERROR", "--", "web"])
  }

  @Test func `the question for the configuration overrules nothing but what the host does`() {
    #expect(SSHArguments.effectiveConfiguration(of: Self.alias) == ["-G", "--", "web"])
    #expect(
      SSHArguments.effectiveConfiguration(of: Self.stored)
        == ["-G", "-F", "/conf/ssh_config"] + Self.storedTail)
  }

  @Test func `a secret has no text form`() {
    let secret = Secret("hunter2")
    #expect("\(secret)" == "<redacted>")
    #expect(String(reflecting: secret) == "<redacted>")
    #expect("\(Credentials(password: secret, passphrase: secret))".contains("hunter2") == false)
    #expect(secret.bytes == Array("hunter2".utf8))
  }

  @Test func `what is ours in the environment stays here`() {
    let program = SSHProgram(
      executable: "/usr/bin/ssh", askpass: "/a",
      environment: [
        "HOME": "/h", "SSH_AUTH_SOCK": "/s", "SSH_MCP_KEY_PASSPHRASE": "hunter2", "SSH_ASKPASS": "/theirs",
        "SSH_ASKPASS_REQUIRE": "never", "TERM": "xterm",
      ], runtimeDirectory: "/r")
    #expect(program.environment == ["HOME": "/h", "SSH_AUTH_SOCK": "/s", "TERM": "dumb"])
  }
}

@Suite struct DestinationTests {
  @Test(arguments: [
    "web", "10.0.0.5", "::1", "fe80::1%eth0", "user@host", "user@domain@host", "ssh://user@host:22",
    "a-b_c.d",
    "münchen",
  ])
  func `an ordinary name can stand on a command line`(_ name: String) {
    #expect(Destination.isSafe(name))
  }

  @Test(arguments: [
    "", "-oProxyCommand=id", "--", "-", "user@-oProxyCommand=id", "ssh://-oProxyCommand=id", "ssh://u@-x",
    "a b",
    "a\tb", "a\nb", "a\u{0}b", "a\u{7F}b", "a\u{A0}b", "a;b", "a|b", "a&b", "$(id)", "`id`", "a'b", "a\"b",
    "a\\b",
    "a<b", "a>b", "a(b", "a{b", String(repeating: "a", count: 1025),
  ])
  func `a name that could be an option or a command is refused`(_ name: String) {
    #expect(!Destination.isSafe(name))
  }
}

@Suite struct EffectiveConfigurationTests {
  static let output = """
    host web
    user deploy
    hostname 10.0.0.5
    port 2222
    serveraliveinterval 30
    stricthostkeychecking false
    identityfile ~/.ssh/a
    identityfile ~/.ssh/b c
    proxyjump bastion,inner
    nonsense
    """

  @Test func `the output of ssh -G is read`() {
    let effective = EffectiveConfiguration(output: Self.output)
    #expect(effective.hostName == "10.0.0.5")
    #expect(effective.user == "deploy")
    #expect(effective.port == 2222)
    #expect(effective.serverAliveInterval == 30)
    #expect(effective.acceptsChangedHostKeys)
    #expect(effective.proxyJump == "bastion,inner")
    #expect(effective["identityfile"] == "~/.ssh/a")
    #expect(effective.all("identityfile") == ["~/.ssh/a", "~/.ssh/b c"])
    #expect(effective["nonsense"] == nil)
  }

  @Test func `what is missing has ssh's defaults`() {
    let effective = EffectiveConfiguration(output: "")
    #expect(effective.hostName == nil)
    #expect(effective.port == 22)
    #expect(effective.serverAliveInterval == 0)
    #expect(!effective.acceptsChangedHostKeys)
    #expect(effective.proxyJump == nil)
    #expect(effective.all("identityfile").isEmpty)
    #expect(EffectiveConfiguration(output: "proxyjump none\n").proxyJump == nil)
  }
}
