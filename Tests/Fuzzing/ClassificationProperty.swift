import ChildProcess
import OpenSSH

/// What ssh, a proxy command or a server's banner wrote to standard error, up to the sentence for the user.
enum ClassificationProperty {
  /// More than any sentence of ours with six quoted lines.
  private static let sentenceBytes = 64 << 10

  /// The first byte chooses what else is known.
  static func violation(_ bytes: [UInt8]) -> String? {
    guard let choice = bytes.first else { return nil }
    let said = Array(bytes.dropFirst())
    let diagnostics = read([said[...]])
    for pieces in [Pieces.single(said), Pieces.uneven(said)] where facts(read(pieces)) != facts(diagnostics) {
      return "a split gives other facts"
    }
    if diagnostics.words.count > SSHDiagnostics.Limits.wordLines { return "too many lines are kept" }
    for refusal in [nil, .passwordMissing(user: "root", host: "web"), .unanswerable(prompt: "Code:")]
      as [AskpassPolicy.Refusal?]
    {
      let failure = SSHFailure.classify(
        diagnostics, refusal: refusal, triedKeyFile: choice & 1 == 0 ? nil : "/k",
        triedPassword: choice & 2 == 0 ? nil : triedPassword,
        termination: choice & 4 == 0 ? .exited(255) : .signaled(9), destination: "web",
        jumpHosts: choice & 8 == 0 ? nil : "jump")
      let sentence = failure.description
      if sentence.isEmpty || failure.code.isEmpty { return "a failure without words" }
      if sentence.utf8.count > sentenceBytes { return "a sentence of \(sentence.utf8.count) bytes" }
      if let control = sentence.unicodeScalars.first(where: { $0 != "\n" && $0 != "\t" && isControl($0) }) {
        return "U+\(String(control.value, radix: 16)) is in the sentence"
      }
    }
    return nil
  }

  /// A login at which the password was given.
  private static let triedPassword: AskpassPolicy.Account? = {
    var policy = AskpassPolicy(
      user: "root", hosts: ["web"], password: Secret("pw"), passphrase: nil, acceptedFingerprint: nil)
    _ = policy.decide(.password(user: "root", host: "web"), partialSuccesses: 0)
    return policy.triedPassword
  }()

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }

  private static func read(_ pieces: [ArraySlice<UInt8>]) -> SSHDiagnostics {
    var diagnostics = SSHDiagnostics()
    for piece in pieces { diagnostics.consume(piece) }
    diagnostics.finish()
    return diagnostics
  }

  private static func facts(_ diagnostics: SSHDiagnostics) -> [String] {
    [
      "\(diagnostics.isReady) \(diagnostics.isConnected) \(diagnostics.partialSuccesses)",
      diagnostics.hostKey.map { "\($0.type) \($0.fingerprint)" } ?? "", diagnostics.address ?? "",
    ] + diagnostics.methods + diagnostics.triedMethods + diagnostics.offeredIdentities + diagnostics.words
  }
}
