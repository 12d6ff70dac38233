import ChildProcess
import OpenSSH
import TestSupport
import Testing

/// Texts recorded from OpenSSH 9.2p1 at log level DEBUG1; paths and names shortened.
struct SSHFailureTests {
  static let changed = """
    debug1: Server host key: ssh-ed25519 SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
    @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
    @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
    IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
    Add correct host key in /home/u/.ssh/known_hosts to get rid of this message.
    Offending ED25519 key in /home/u/.ssh/known_hosts:7
    Host key for web has changed and you have requested strict checking.
    Host key verification failed.

    """
  static let unknown = """
    debug1: Server host key: ssh-ed25519 SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE
    No ED25519 host key is known for [127.0.0.1]:22100 and you have requested strict checking.
    Host key verification failed.

    """
  static let tooOpen = """
    debug1: Offering public key: uko ED25519 SHA256:BITvZuOP8g explicit
    @         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
    Permissions 0644 for 'uko' are too open.
    This private key will be ignored.
    Load key "uko": bad permissions
    debug1: Authentications that can continue: publickey,password,keyboard-interactive
    root@127.0.0.1: Permission denied (publickey,password,keyboard-interactive).

    """
  static let denied = """
    debug1: Authentications that can continue: publickey,password
    debug1: Offering public key: /k ED25519 SHA256:BITvZuOP8g explicit
    debug1: Authentications that can continue: publickey
    root@127.0.0.1: Permission denied (publickey).

    """
  static let login = """
    debug1: Connecting to 127.0.0.1 [127.0.0.1] port 22100.
    debug1: Connection established.
    Authenticated to 127.0.0.1 ([127.0.0.1]:22100) using "publickey".
    debug1: setting up multiplex master socket
    debug1: channel 0: new mux listener [/run/c] (inactive timeout: 0)
    debug1: Entering interactive session.
    debug1: pledge: id

    """

  func diagnostics(_ text: String) -> SSHDiagnostics {
    var diagnostics = SSHDiagnostics()
    diagnostics.consume(Array(text.utf8)[...])
    diagnostics.finish()
    return diagnostics
  }

  @Test(arguments: [
    (changed, "host_key_changed"), (unknown, "host_key_unknown"), (tooOpen, "key_file_too_open"),
    (denied, "permission_denied"),
    ("ssh: Could not resolve hostname nope: Name or service not known\n", "name_resolution"),
    ("ssh: connect to host 127.0.0.1 port 1: Connection refused\n", "connection_refused"),
    ("ssh: connect to host 10.255.0.1 port 22: No route to host\n", "unreachable"),
    (
      "/f: line 3: Bad configuration option: nonsense\n/f: terminating, 1 bad configuration options\n",
      "bad_configuration"
    ),
    (
      "Warning: Identity file /nokey not accessible: No such file or directory.\nu@h: Permission denied (publickey).\n",
      "key_file_missing"
    ),
    (
      "Unable to negotiate with 10.0.0.1 port 22: no matching key exchange method found. Their offer: x\n",
      "no_shared_algorithm"
    ),
    ("", "ssh_failed"),
  ])
  func `what ssh says decides the class`(_ text: String, _ code: String) {
    let failure = SSHFailure.classify(
      diagnostics(text), refusal: nil, termination: .exited(255), destination: "web", jumpHosts: nil)
    #expect(failure.code == code)
    #expect(failure.description.contains(". "), "a sentence and a remedy: \(failure.description)")
  }

  @Test func `a changed key names file and line and shows no way on`() {
    let failure = SSHFailure.classify(
      diagnostics(Self.changed), refusal: nil, termination: .exited(255), destination: "web", jumpHosts: nil)
    #expect(failure.description.contains("/home/u/.ssh/known_hosts line 7"))
    #expect(failure.description.contains("SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE"))
    #expect(!failure.description.contains("accept_host_key"))
  }

  @Test func `an unknown key shows the fingerprint and the way on`() {
    let failure = SSHFailure.classify(
      diagnostics(Self.unknown), refusal: nil, termination: .exited(255), destination: "web", jumpHosts: nil)
    #expect(
      failure.description.contains("accept_host_key \"SHA256:hKnt8iJKrhLB7UAu66TBAj5ci74OZK42VybxMC2ReaE\""))
  }

  @Test func `the facts of a login are read whatever the split`() {
    let bytes = Array((Self.denied + Self.login).utf8)
    for split in Chunking.everyTwoWaySplit(of: bytes) {
      var diagnostics = SSHDiagnostics()
      for piece in split { diagnostics.consume(piece) }
      #expect(diagnostics.isReady && diagnostics.isConnected)
      #expect(diagnostics.methods == ["publickey"])
      #expect(diagnostics.offeredIdentities == ["/k ED25519 SHA256:BITvZuOP8g"])
      #expect(diagnostics.words == ["root@127.0.0.1: Permission denied (publickey)."])
    }
  }

  @Test func `endless words are kept in bounds`() {
    var diagnostics = SSHDiagnostics()
    for number in 0..<10_000 { diagnostics.consume(Array("line \(number)\n".utf8)[...]) }
    diagnostics.consume([UInt8](repeating: 120, count: 1 << 20)[...])
    #expect(diagnostics.words.count <= 40)
    #expect(diagnostics.words.last == "line 9999")
  }

  @Test func `aliases are read with Include, quotes and equal signs, and without patterns`() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "config",
      "# Host commented\nHost web db\n  HostName x\nHOST = \"mail\"\nHost *.example !no q?\nInclude more*\n")
    try directory.write("more1", "host inner web\nInclude \(directory.path)/config\n")
    try directory.write(".ssh/more2", "Host deep\n")
    let names = ConfigurationAliases.list(file: "\(directory.path)/config", userHome: directory.path)
    #expect(names == ["web", "db", "mail", "deep"])
  }
}
