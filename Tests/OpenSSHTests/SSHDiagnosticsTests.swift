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
