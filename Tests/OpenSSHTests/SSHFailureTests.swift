import ChildProcess
import OpenSSH
import Testing

@Suite struct SSHFailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let reason: SSHFailure.Reason
    var jumpHosts: String?
    var triedKeyFile: String?
    var testDescription: String { name }
  }

  static let denied = "root@127.0.0.1: Permission denied (publickey,password).\n"
  static let methods = ["publickey", "password"]

  static let recorded: [Case] = [
    Case(
      name: "name", text: "ssh: Could not resolve hostname no.invalid: Name or service not known\n",
      reason: .nameResolution(host: "no.invalid")),
    Case(
      name: "refused", text: "ssh: connect to host 127.0.0.1 port 1: Connection refused\n",
      reason: .refused(address: "127.0.0.1 port 1")),
    Case(
      name: "unreachable", text: "ssh: connect to host 10.9.9.9 port 22: No route to host\n",
      reason: .unreachable(address: "10.9.9.9 port 22")),
    Case(
      name: "network", text: "ssh: connect to host 10.9.9.9 port 22: Network is unreachable\n",
      reason: .unreachable(address: "10.9.9.9 port 22")),
    Case(
      name: "timeout", text: "ssh: connect to host 10.9.9.9 port 22: Connection timed out\n",
      reason: .timedOut(seconds: 0, isConnected: false)),
    Case(
      name: "banner timeout",
      text: Recorded.connecting + "Connection timed out during banner exchange\n",
      reason: .timedOut(seconds: 0, isConnected: true)),
    Case(
      name: "unknown host key",
      text: Recorded.serverKey
        + "No ED25519 host key is known for [127.0.0.1]:28960 and you have requested strict checking.\n"
        + "Host key verification failed.\n",
      reason: .hostKeyUnknown(
        host: "[127.0.0.1]:28960", type: "ED25519", fingerprint: Recorded.fingerprint)),
    Case(
      name: "changed host key",
      text: Recorded.serverKey + """
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
        @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
        IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
        The fingerprint for the ED25519 key sent by the remote host is
        \(Recorded.fingerprint).
        Add correct host key in /h/known_hosts to get rid of this message.
        Offending ED25519 key in /h/known_hosts:2
          remove with:
        Host key for [127.0.0.1]:28960 has changed and you have requested strict checking.
        Host key verification failed.
        """,
      reason: .hostKeyChanged(
        type: "ED25519", fingerprint: Recorded.fingerprint, place: "/h/known_hosts line 2")),
    Case(
      name: "revoked host key",
      text: Recorded.serverKey + """
        @       WARNING: REVOKED HOST KEY DETECTED!               @
        The ED25519 host key for [127.0.0.1]:28960 is marked as revoked.
        ED25519 host key for [127.0.0.1]:28960 was revoked and you have requested strict checking.
        Host key verification failed.
        """, reason: .hostKeyRevoked),
    Case(
      name: "denied", text: Recorded.offering + denied,
      reason: .permissionDenied(
        methods: methods, tried: ["publickey"], identities: ["user_key ED25519 SHA256:KHpJ"])),
    Case(
      name: "too many keys",
      text: Recorded.offering
        + "Received disconnect from 127.0.0.1 port 28960:2: Too many authentication failures\n"
        + "Disconnected from 127.0.0.1 port 28960\n",
      reason: .permissionDenied(
        methods: methods, tried: ["publickey"], identities: ["user_key ED25519 SHA256:KHpJ"])),
    Case(
      name: "wrong passphrase", text: Recorded.offering + denied, reason: .passphraseWrong(keyFile: "/k"),
      triedKeyFile: "/k"),
    Case(
      name: "missing key",
      text: "Warning: Identity file missing_key not accessible: No such file or directory.\n"
        + Recorded.serverKey + denied, reason: .keyFileMissing(path: "missing_key")),
    Case(
      name: "inaccessible key",
      text: "Warning: Identity file /root/k not accessible: Permission denied.\n" + Recorded.serverKey
        + denied,
      reason: .keyFileUnreadable(path: "/root/k", detail: "Permission denied")),
    Case(
      name: "open key",
      text: Recorded.offering + """
        @         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
        Permissions 0644 for 'open_key' are too open.
        This private key will be ignored.
        Load key "open_key": bad permissions
        \(denied)
        """, reason: .keyFileTooOpen(path: "open_key", mode: "0644")),
    Case(
      name: "damaged key", text: Recorded.serverKey + "Load key \"bad_key\": error in libcrypto\n" + denied,
      reason: .keyFileUnreadable(path: "bad_key", detail: "error in libcrypto")),
    Case(
      name: "unknown option",
      text: "cfg: line 2: Bad configuration option: nosuch\ncfg: terminating, 1 bad configuration options\n",
      reason: .badConfiguration(detail: "cfg: line 2: Bad configuration option: nosuch")),
    Case(
      name: "bad value",
      text: "cfg line 2: Bad port 'many'.\ncfg: terminating, 1 bad configuration options\n",
      reason: .badConfiguration(detail: "cfg line 2: Bad port 'many'")),
    Case(
      name: "no configuration", text: "Can't open user config file cfg: No such file or directory\n",
      reason: .badConfiguration(detail: "Can't open user config file cfg: No such file or directory")),
    Case(
      name: "no algorithm",
      text: Recorded.connecting
        + "Unable to negotiate with 127.0.0.1 port 28960: no matching host key type found. "
        + "Their offer: ssh-ed25519\n",
      reason: .noSharedAlgorithm(detail: "no matching host key type found. Their offer: ssh-ed25519")),
    Case(
      name: "jump host",
      text: "ssh: Could not resolve hostname none.invalid: Name or service not known\n"
        + "kex_exchange_identification: Connection closed by remote host\n"
        + "Connection closed by UNKNOWN port 65535\n", reason: .jumpHost(hosts: "none.invalid"),
      jumpHosts: "none.invalid"),
    Case(
      name: "proxy command",
      text: "kex_exchange_identification: Connection closed by remote host\n"
        + "Connection closed by UNKNOWN port 65535\n", reason: .jumpHost(hosts: "its ProxyCommand")),
    Case(
      name: "proxy command that ends before ssh has said its version",
      text: "banner exchange: Connection to UNKNOWN port 65535: Broken pipe\n",
      reason: .jumpHost(hosts: "its ProxyCommand")),
    Case(
      name: "wrong PIN of a token",
      text: Recorded.offering + "PKCS#11 login failed: PIN incorrect\nlogin failed\npkcs11_get_key failed\n"
        + "sign_and_send_pubkey: signing failed for ECDSA \"e\": error in libcrypto\n" + denied,
      reason: .answerWrong(prompt: "PIN of the PKCS#11 token", isWithPassword: false)),
    Case(
      name: "wrong PIN of a security key",
      text: Recorded.offering + "sign_and_send_pubkey: signing failed for ED25519-SK \"/k\": "
        + "incorrect passphrase supplied to decrypt private key\n" + denied,
      reason: .answerWrong(prompt: "PIN of the security key /k", isWithPassword: false)),
    Case(
      name: "lost", text: Recorded.connecting + "Connection closed by 127.0.0.1 port 28960\n",
      reason: .connectionLost),
    Case(name: "silent", text: "", reason: .other(status: "exit status 255")),
  ]

  func classify(_ text: String, _ refusal: AskpassPolicy.Refusal? = nil, _ example: Case? = nil) -> SSHFailure
  {
    SSHFailure.classify(
      Recorded.diagnostics(text), refusal: refusal, triedKeyFile: example?.triedKeyFile,
      termination: .exited(255), destination: "web", jumpHosts: example?.jumpHosts)
  }

  @Test(arguments: recorded)
  func `what ssh says has its class`(_ example: Case) {
    #expect(classify(example.text, nil, example).reason == example.reason)
  }

  @Test(arguments: [
    (
      AskpassPolicy.Refusal.passwordWrong(user: "u", host: "h"),
      SSHFailure.Reason.passwordWrong(user: "u", host: "h")
    ),
    (.passwordMissing(user: "u", host: "h"), .passwordMissing(user: "u", host: "h", methods: methods)),
    (.passphraseWrong(keyFile: "/k"), .passphraseWrong(keyFile: "/k")),
    (.passphraseMissing(keyFile: "/k"), .passphraseMissing(keyFile: "/k")),
    (
      .hostKeyUnknown(host: "h", type: "RSA", fingerprint: "f"),
      .hostKeyUnknown(host: "h", type: "RSA", fingerprint: "f")
    ),
    (
      .hostKeyNotAccepted(host: "h", type: "RSA", fingerprint: "f", accepted: "g"),
      .hostKeyNotAccepted(host: "h", type: "RSA", fingerprint: "f", accepted: "g")
    ),
    (.unanswerable(prompt: "Code: "), .question(prompt: "Code: ")),
    (
      .answerWrong(prompt: "Code: ", isWithPassword: true),
      .answerWrong(prompt: "Code: ", isWithPassword: true)
    ),
  ])
  func `a refused question is the reason, whatever ssh says then`(
    _ refusal: AskpassPolicy.Refusal, _ reason: SSHFailure.Reason
  ) {
    #expect(classify(Recorded.offering + Self.denied, refusal).reason == reason)
  }

  @Test(arguments: [(nil, true), ("Code: ", true), ("Code: ", false)] as [(String?, Bool)])
  func `a denied permission after a password or a code says which was wrong`(code: String?, hasPassword: Bool)
  {
    var account = AskpassPolicy.Account(user: "u", host: "h")
    account.code = code
    account.hasPassword = hasPassword
    let failure = SSHFailure.classify(
      Recorded.diagnostics(Recorded.offering + Self.denied), refusal: nil, triedPassword: account,
      termination: .exited(255), destination: "web", jumpHosts: nil)
    let expected: SSHFailure.Reason =
      if let code {
        .answerWrong(prompt: code, isWithPassword: hasPassword)
      } else {
        .passwordWrong(user: "u", host: "h")
      }
    #expect(failure.reason == expected)
  }

  @Test func `a missing key explains why a password was asked for`() {
    let text = "Warning: Identity file k not accessible: No such file or directory.\n" + Recorded.serverKey
    #expect(
      classify(text, .passwordMissing(user: "u", host: "h")).reason == .keyFileMissing(path: "k"))
  }

  static let everyReason: [SSHFailure.Reason] = [
    .nameResolution(host: "h"), .refused(address: "a"), .unreachable(address: "a"),
    .timedOut(seconds: 15, isConnected: false), .timedOut(seconds: 15, isConnected: true),
    .hostKeyUnknown(host: "h", type: "t", fingerprint: "f"),
    .hostKeyNotAccepted(host: "h", type: "t", fingerprint: "f", accepted: "g"),
    .hostKeyChanged(type: "t", fingerprint: "f", place: "p"), .hostKeyRevoked,
    .permissionDenied(methods: [], identities: []), .passwordWrong(user: "u", host: "h"),
    .passwordMissing(user: "u", host: "h", methods: []), .passphraseWrong(keyFile: "k"),
    .passphraseMissing(keyFile: "k"), .keyFileMissing(path: "p"), .keyFileTooOpen(path: "p", mode: "0644"),
    .keyFileUnreadable(path: "p", detail: "d"), .question(prompt: "q"),
    .answerWrong(prompt: "q", isWithPassword: false), .jumpHost(hosts: "j"),
    .noSharedAlgorithm(detail: "d"), .badConfiguration(detail: "d"), .tooManySessions,
    .sshMissing(detail: "d"), .connectionLost, .other(status: "s"),
  ]

  @Test(arguments: everyReason)
  func `every class has a sentence and a remedy`(_ reason: SSHFailure.Reason) throws {
    let text = SSHFailure(reason, destination: "web").description
    let sentence = try #require(text.firstRange(of: /[.)] (?=[A-Z])/), "no remedy: \(text)")
    #expect(text.distance(from: sentence.upperBound, to: text.endIndex) > 8)
    #expect(!text.contains("ssh said"))
  }

  @Test func `every class has a code of its own`() {
    let codes = Set((Self.everyReason + [.cancelled]).map { SSHFailure($0, destination: "web").code })
    // timedOut stands twice above, cancelled not at all.
    #expect(codes.count == Self.everyReason.count)
  }

  @Test func `ssh's own time-out does not claim a number of seconds`() {
    let text = SSHFailure(.timedOut(seconds: 0, isConnected: false), destination: "web").description
    #expect(text.hasPrefix("web did not answer in time."))
  }

  @Test func `ssh's last words are quoted without the frames`() {
    let failure = SSHFailure(.connectionLost, destination: "web", lastWords: ["@@@@", "one", "two"])
    #expect(failure.description.hasSuffix("\nssh said:\none\ntwo"))
  }
}
