/// An unguessable name for one shell level: 64 random bits as 16 hexadecimal digits.
///
/// Output cannot forge a marker without it; it travels over the terminal only, never in an argument list. It
/// guards against *output*, not against another program of the same remote account.
package struct Nonce: Sendable, Hashable {
  /// The 16 digits in ASCII.
  package let bytes: [UInt8]

  /// A new one from the system's random source.
  package init() {
    var generator = SystemRandomNumberGenerator()
    self.init(using: &generator)
  }

  /// A new one from a given source, for tests.
  package init(using generator: inout some RandomNumberGenerator) {
    let digits = Array("0123456789abcdef".utf8)
    let random = generator.next()
    bytes = (0..<16).map { digits[Int(random >> (4 * UInt64($0)) & 15)] }
  }

  /// The 16 digits.
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// What the shell says about itself between two pieces of output.
///
/// On the wire: `ESC ] 7717 ; NONCE ; BODY ; NONCE BEL`, an operating system command (ECMA-48 5.6) of a private
/// number, so that a terminal emulator that sees it ignores it. The bodies are those of `ShellDriver`.
package struct Marker: Sendable, Hashable {
  /// The level of nested shells that speaks.
  package let nonce: Nonce
  /// What it says.
  package let body: Body

  /// One body a kind.
  package enum Body: Sendable, Hashable {
    /// The driver is installed: `H;DIALECT;PID;p|a|n;TTY;USER;CWD`.
    case hello(Hello)
    /// A command begins; all output from here is its own: `B;SEQUENCE`.
    case begin(sequence: Int)
    /// A command ran to its end: `E;SEQUENCE;STATUS;FLAGS;CWD`, the flags being the shell's `$-`.
    case end(sequence: Int, status: Int, isTracing: Bool, directory: [UInt8])
    /// The shell reads its next line: `P;SEQUENCE;STATUS`.
    case prompt(sequence: Int, status: Int)
  }

  /// What a shell tells when the driver has been installed in it.
  package struct Hello: Sendable, Hashable {
    /// Which syntax it understands.
    package let dialect: Dialect
    /// Its process id on the remote side.
    package let processIdentifier: Int
    /// When it shows prompt markers.
    package let prompt: Prompt
    /// The path of its terminal: "/dev/pts/3".
    package let terminal: String
    /// The name of its user, as `id -un` tells it.
    package let user: String
    /// Its working directory, as it spells it (any bytes but NUL).
    package let directory: [UInt8]

    /// What a shell told.
    package init(
      dialect: Dialect, processIdentifier: Int, prompt: Prompt, terminal: String, user: String,
      directory: [UInt8]
    ) {
      self.dialect = dialect
      self.processIdentifier = processIdentifier
      self.prompt = prompt
      self.terminal = terminal
      self.user = user
      self.directory = directory
    }
  }

  /// When a shell shows a prompt marker.
  package enum Prompt: String, Sendable, Hashable {
    /// Before every line that it reads.
    case always = "p"
    /// At the beginning, and where a command was given up: a prompt after an end marker would only cost time.
    case afterAbort = "a"
    /// Never: the administrator made the variables read-only.
    case never = "n"
  }

  /// Reads the bytes between the two nonces; nil if they are no body that we know.
  init?(nonce: Nonce, body: ArraySlice<UInt8>) {
    self.nonce = nonce
    let fields = body.split(separator: UInt8(ascii: ";"), maxSplits: 6, omittingEmptySubsequences: false)
    func text(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
    func rest(from index: Int) -> [UInt8] { Array(body[fields[index].startIndex...]) }
    switch (fields.first.map { Array($0) }, fields.count) {
    case ([UInt8(ascii: "H")], 7):
      guard let pid = Int(text(2)) else { return nil }
      self.body = .hello(
        Hello(
          dialect: Dialect(rawValue: text(1)) ?? .posix, processIdentifier: pid,
          prompt: Prompt(rawValue: text(3)) ?? .never,
          terminal: text(4), user: text(5), directory: rest(from: 6)))
    case ([UInt8(ascii: "B")], 2):
      guard let sequence = Int(text(1)) else { return nil }
      self.body = .begin(sequence: sequence)
    case ([UInt8(ascii: "E")], 5...):
      guard let sequence = Int(text(1)), let status = Int(text(2)) else { return nil }
      self.body = .end(
        sequence: sequence, status: Self.posixStatus(status),
        isTracing: fields[3].contains(UInt8(ascii: "x")), directory: rest(from: 4))
    case ([UInt8(ascii: "P")], 3):
      guard let sequence = Int(text(1)), let status = Int(text(2)) else { return nil }
      self.body = .prompt(sequence: sequence, status: Self.posixStatus(status))
    default: return nil
    }
  }

  /// ksh93 reports a signal as 256 plus its number; POSIX shells use 128.
  private static func posixStatus(_ status: Int) -> Int { status > 256 ? status - 128 : status }
}

/// The syntax families that the driver tells apart.
package enum Dialect: String, Sendable, Hashable, CaseIterable {
  case bash
  case zsh
  /// ksh93, mksh and their kin: no builtin printf in some, `print` in all.
  case ksh
  /// dash, busybox ash and every other POSIX shell.
  case posix = "sh"

  /// Whether `$'\ooo'` is understood.
  var hasDollarQuotes: Bool { self != .posix }
}
