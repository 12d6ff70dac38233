import OpenSSH
import Testing

struct SSHArgumentsTests {
  let quiet = EffectiveConfiguration(output: "serveraliveinterval 0\nstricthostkeychecking ask\n")

  @Test func `the connection to an alias overrules nothing but what would break it`() {
    let arguments = SSHArguments(destination: Destination(name: "web"), controlPath: "/run/c")
    #expect(
      arguments.master(connectSeconds: 15, effective: quiet) == [
        "-M", "-N", "-T", "-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-o", "ControlPath=/run/c",
        "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no", "-o",
        "ForkAfterAuthentication=no", "-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=15", "-o",
        "LogLevel=DEBUG1", "-o", "IgnoreUnknown=ObscureKeystrokeTiming", "-o", "ObscureKeystrokeTiming=no",
        "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "--", "web",
      ])
  }

  @Test func `a stored host's fields win over ssh_config`() {
    let destination = Destination(
      name: "10.0.0.5", user: "deploy", port: 2222, identityFile: "/k", forwardsAgent: true,
      configurationFile: "/f")
    let arguments = SSHArguments(destination: destination, controlPath: "/run/c").session("exec sh")
    #expect(arguments.prefix(5) == ["-tt", "-e", "none", "-F", "/f"])
    #expect(
      arguments.suffix(13) == [
        "-l", "deploy", "-p", "2222", "-i", "/k", "-o", "IdentitiesOnly=yes", "-o", "ForwardAgent=yes", "--",
        "10.0.0.5", "exec sh",
      ])
  }

  @Test func `a session can never become a connection of its own`() {
    let session = SSHArguments(destination: Destination(name: "web"), controlPath: "/run/c").session("x")
    for option in ["ControlMaster=no", "ProxyCommand=false", "ProxyJump=none", "BatchMode=yes"] {
      #expect(session.contains(option))
    }
  }

  @Test func `keep-alive is left to ssh_config where it sets it`() {
    let arguments = SSHArguments(destination: Destination(name: "web"), controlPath: "/run/c")
    let own = EffectiveConfiguration(output: "serveraliveinterval 60\n")
    #expect(!arguments.master(connectSeconds: 1, effective: own).contains { $0.hasPrefix("ServerAlive") })
  }

  @Test(arguments: [("no", true), ("off", true), ("ask", false), ("yes", false), ("accept-new", false)])
  func `a changed host key is refused whatever ssh_config says`(_ value: String, _ isOverruled: Bool) {
    let effective = EffectiveConfiguration(output: "stricthostkeychecking \(value)\n")
    let master = SSHArguments(destination: Destination(name: "web"), controlPath: "/run/c")
      .master(connectSeconds: 1, effective: effective)
    #expect(master.contains("StrictHostKeyChecking=accept-new") == isOverruled)
  }

  @Test(arguments: [
    "-oProxyCommand=x", "", "a b", "a\nb", "a;b", "$(id)", "a`b`", "--", "a|b", "x\u{7F}",
  ])
  func `what is no destination is refused`(_ name: String) {
    #expect(!Destination.isSafe(name))
  }

  @Test(arguments: ["web", "user@host", "ssh://user@host:22", "fe80::1%eth0", "host.example"])
  func `destinations of ssh are taken`(_ name: String) {
    #expect(Destination.isSafe(name))
  }

  @Test func `a secret has no text`() {
    let secret = Secret("canary")
    #expect("\(secret)" == "<redacted>" && String(reflecting: secret) == "<redacted>")
  }
}
