import ChildProcess
import OpenSSH
import TestSupport
import Testing

/// Standard error of OpenSSH 9.2, recorded against an sshd on loopback.
enum Recorded {
  static let fingerprint = "SHA256:+d6ErV4XR/H3SxgXWT/We9jb0oaBZoA+HJZFP3PW2E8"
  static let connecting = """
    OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026
    debug1: Connecting to 127.0.0.1 [127.0.0.1] port 28960.
    debug1: Connection established.
    debug1: Authenticating to 127.0.0.1:28960 as 'root'

    """
  static let serverKey = connecting + "debug1: Server host key: ssh-ed25519 \(fingerprint)\n"
  static let offering =
    serverKey + """
      debug1: Host '[127.0.0.1]:28960' is known and matches the ED25519 host key.
      debug1: Will attempt key: user_key ED25519 SHA256:KHpJ explicit
      debug1: Authentications that can continue: publickey,password
      debug1: Next authentication method: publickey
      debug1: Offering public key: user_key ED25519 SHA256:KHpJ explicit
      debug1: Server accepts key: user_key ED25519 SHA256:KHpJ explicit

      """
  static let login =
    offering + """
      Authenticated using "publickey" with partial success.
      debug1: Authentications that can continue: password
      Authenticated to 127.0.0.1 ([127.0.0.1]:28960) using "publickey".
      debug1: setting up multiplex master socket
      debug1: channel 0: new mux listener [/tmp/cm] (inactive timeout: 0)
      debug1: Entering interactive session.
      debug1: pledge: id
      Welcome, this is a banner.\r
      no newline at the end
      """

  static func diagnostics(_ text: String) -> SSHDiagnostics {
    var diagnostics = SSHDiagnostics()
    diagnostics.consume(Array(text.utf8)[...])
    diagnostics.finish()
    return diagnostics
  }
}

@Suite struct SSHDiagnosticsTests {
  @Test func `every two-way split of a login is read the same`() throws {
    for pieces in Chunking.everyTwoWaySplit(of: Array(Recorded.login.utf8)) {
      var diagnostics = SSHDiagnostics()
      for piece in pieces { diagnostics.consume(piece) }
      diagnostics.finish()
      let isSame =
        diagnostics.isReady && diagnostics.isConnected && diagnostics.address == "127.0.0.1 port 28960"
        && diagnostics.hostKey?.type == "ssh-ed25519"
        && diagnostics.hostKey?.fingerprint == Recorded.fingerprint && diagnostics.methods == ["password"]
        && diagnostics.offeredIdentities == ["user_key ED25519 SHA256:KHpJ"]
        && diagnostics.partialSuccesses == 1
        && diagnostics.words == ["Welcome, this is a banner.", "no newline at the end"]
      try #require(isSame, "cut after \(pieces[0].count) bytes: \(diagnostics)")
    }
  }

  @Test func `readiness comes with the whole line, not before`() {
    var diagnostics = SSHDiagnostics()
    diagnostics.consume(Array("debug1: Entering interactive session.".utf8)[...])
    #expect(!diagnostics.isReady)
    diagnostics.consume([0x0A])
    #expect(diagnostics.isReady)
  }

  @Test func `a banner cannot pretend to be ready`() {
    #expect(!Recorded.diagnostics("Entering interactive session.\n").isReady)
  }

  @Test func `what is kept is bounded`() {
    var diagnostics = SSHDiagnostics()
    for number in 0..<1000 {
      diagnostics.consume(Array("word \(number)\ndebug1: Offering public key: k\(number)\n".utf8)[...])
    }
    diagnostics.consume([UInt8](repeating: 0x78, count: 1 << 20)[...])
    diagnostics.finish()
    #expect(diagnostics.words.count == SSHDiagnostics.Limits.wordLines)
    #expect(diagnostics.words.last?.utf8.count == SSHDiagnostics.Limits.lineBytes)
    #expect(diagnostics.words.first == "word 961")
    #expect(diagnostics.offeredIdentities.count == SSHDiagnostics.Limits.names)
    let many = (0..<1000).map { "m\($0)" }.joined(separator: ",")
    diagnostics.consume(Array("debug1: Authentications that can continue: \(many)\n".utf8)[...])
    #expect(diagnostics.methods.count == SSHDiagnostics.Limits.names)
  }

  @Test func `random bytes in random pieces are read as in one`() {
    var generator = SeededGenerator(seed: 20_261)
    for _ in 0..<200 {
      let lines = [
        "debug1: ", "Offering public key: ", "\r\n", "\n", "a", "\u{FFFD}", "with partial success",
      ]
      var bytes: [UInt8] = []
      for _ in 0..<30 {
        bytes += Array((lines.randomElement(using: &generator) ?? "").utf8)
        if Bool.random(using: &generator) { bytes.append(UInt8.random(in: 0...255, using: &generator)) }
      }
      var whole = SSHDiagnostics()
      whole.consume(bytes[...])
      var pieces = SSHDiagnostics()
      for piece in Chunking.random(bytes, using: &generator, longest: 9) { pieces.consume(piece) }
      #expect(whole == pieces, "seed \(generator.seed)")
      #expect(whole.partialSuccesses == pieces.partialSuccesses, "seed \(generator.seed)")
    }
  }
}

@Suite struct HostileWordsTests {
  @Test(
    .timeLimit(.minutes(5)),
    arguments: [
      "a line 1:", "Identity file ", "x", "Permissions 1 for '", "Load key \"", "Offending x key in ", ": ",
      "agent ",
      "connect to host ", "Unable to negotiate with ", " line ", "' are too open",
    ])
  func `a banner is read in time proportional to its length`(part: String) {
    // Once read by patterns that begin again at every place: many minutes for one of these.
    let line = String(repeating: part, count: SSHDiagnostics.Limits.lineBytes / part.utf8.count)
    let lines = ["", "debug1: Offering public key: ", "Permission denied ", "Identity file "].map {
      $0 + line + "\n"
    }
    let diagnostics = Recorded.diagnostics(String(repeating: lines.joined(), count: 20))
    let failure = SSHFailure.classify(
      diagnostics, refusal: nil, termination: .exited(255), destination: "web", jumpHosts: nil)
    #expect(failure.description.utf8.count < 32 * 1024)
  }

  @Test func `control characters of a proxy command or a banner do not reach the sentence`() {
    let diagnostics = Recorded.diagnostics(
      "\u{1B}[31mred\u{1B}]0;title\u{07}\u{9B}1m \u{7F}\tend\r\nConnection closed by UNKNOWN port 65535\r\n")
    #expect(diagnostics.words.first == "\u{FFFD}[31mred\u{FFFD}]0;title\u{FFFD}\u{FFFD}1m \u{FFFD}\tend")
  }

  @Test(arguments: [
    (
      "ssh: connect to host ::1 port 22: Connection refused",
      SSHFailure.Reason.refused(address: "::1 port 22")
    ),
    (
      "ssh: Could not resolve hostname fe80::zz: Name or service not known", .nameResolution(host: "fe80::zz")
    ),
  ])
  func `an address with colons is told whole`(line: String, reason: SSHFailure.Reason) {
    let failure = SSHFailure.classify(
      Recorded.diagnostics(line + "\n"), refusal: nil, termination: .exited(255), destination: "web",
      jumpHosts: nil)
    #expect(failure.reason == reason)
  }
}
