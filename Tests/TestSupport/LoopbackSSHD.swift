import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A real sshd on loopback with fresh keys, for as long as a test needs it.
///
/// Each login shell has a port of its own, so that it is a destination of its own for whoever shares
/// connections. Works as root and as an ordinary user; who logs in is who runs the tests. Its log is printed
/// when the test throws, and nothing of it runs afterwards.
package final class LoopbackSSHD: Sendable {
  /// What a test wants of its sshd.
  package struct Options: Sendable {
    /// The shells to offer, each under the alias of its name.
    package var shells: [LoginShell]
    /// Further lines of sshd_config(5), before the defaults, so that they win.
    package var configuration: [String]
    /// Gives every home start-up files that print, set a prompt and an alias, and export `FROM_RC=yes`.
    package var hasNoisyStartup: Bool
    /// Makes the user key one that needs this passphrase.
    package var keyPassphrase: String
    /// Runs this at every login instead of a shell (sshd_config(5), ForceCommand).
    package var forcedCommand: String?
    /// Logs in real accounts by password, without the shells' `ForceCommand`.
    package var acceptsPasswords: Bool
    /// Asks as this service of PAM says, where `configuration` has `UsePAM yes`.
    package var pam: PAMService?

    /// The usual: bash, key login, quiet start-up files.
    package init(
      shells: [LoginShell] = [.bash], configuration: [String] = [], hasNoisyStartup: Bool = false,
      keyPassphrase: String = "", acceptsPasswords: Bool = false, forcedCommand: String? = nil,
      pam: PAMService? = nil
    ) {
      self.pam = pam
      self.shells = shells
      self.configuration = configuration
      self.hasNoisyStartup = hasNoisyStartup
      self.keyPassphrase = keyPassphrase
      self.acceptsPasswords = acceptsPasswords
      self.forcedCommand = forcedCommand
    }
  }

  /// Holds keys, configuration, homes and the known_hosts; removed at the end.
  package let directory: TemporaryDirectory
  /// What the test asked for.
  package let options: Options
  /// Who logs in.
  package let user: String
  /// The port of each shell.
  package let ports: [LoginShell: Int]
  /// sshd itself; its log is its standard error.
  package let process: TestProcess

  /// The private key that it accepts.
  package var keyPath: String { "\(directory.path)/user_key" }
  /// For `ssh -F`: an alias for each shell, our key, our known_hosts.
  package var sshConfigPath: String { "\(directory.path)/ssh_config" }
  /// Has the host key, for every port.
  package var knownHostsPath: String { "\(directory.path)/known_hosts" }
  /// All that sshd has logged, at level VERBOSE.
  package var log: String { process.record.current.errorText }
  /// How often someone logged in; channels over an existing connection do not count.
  package var loginCount: Int {
    ["Accepted publickey for ", "Accepted password for "]
      .map { log.components(separatedBy: $0).count - 1 }.reduce(0, +)
  }

  /// The port of the first shell.
  package var port: Int { options.shells.first.flatMap { ports[$0] } ?? 0 }

  /// Runs `body` with an sshd of its own and ends it afterwards, also when `body` throws.
  ///
  /// - Parameters:
  ///   - options: What it should offer.
  ///   - body: The test.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; `FixtureFailure` when sshd cannot be had.
  package static func with<Success: Sendable>(
    _ options: Options = Options(), _ body: (LoopbackSSHD) async throws -> Success
  ) async throws -> Success {
    let sshd = try await start(options)
    let result: Result<Success, any Error>
    do {
      result = .success(try await body(sshd))
    } catch {
      FileHandle.standardError.write(Data("--- log of the failed test's sshd ---\n\(sshd.log)".utf8))
      result = .failure(error)
    }
    try await sshd.stop()
    return try result.get()
  }

  /// The processes that serve logged-in users, one or two a connection; not the listening one.
  package var connections: [Int32] {
    ProcessTree.now().descendants(of: process.identifier)
      .filter { $0.commandLine.hasPrefix("\(options.pam?.name ?? "sshd"): ") }.map(\.identifier)
  }

  /// Sends a signal to the processes that serve connections: SIGKILL loses them, SIGSTOP freezes them.
  package func signalConnections(_ number: Int32) {
    for identifier in connections { kill(identifier, number) }
  }

  /// The SHA256 fingerprint of the host key, as ssh-keygen(1) prints it.
  package func hostKeyFingerprint() async throws -> String {
    let printed = try await Fixture.run("ssh-keygen", ["-l", "-f", "\(directory.path)/host_key.pub"])
    return printed.split(separator: " ").dropFirst().first.map(String.init) ?? ""
  }

  /// Gives the host another key from the next connection on, as after a machine was installed anew.
  package func changeHostKey() async throws {
    for suffix in ["", ".pub"] {
      try FileManager.default.removeItem(atPath: "\(directory.path)/host_key\(suffix)")
    }
    try await Fixture.makeKey("\(directory.path)/host_key")
    // sshd reads its keys when it starts or is told by SIGHUP to start again; it logs that it listens.
    let before = process.record.current.errorText.components(separatedBy: "Server listening").count
    process.signal(SIGHUP)
    let ports = ports.count
    try await process.record.wait(for: "sshd to listen again") {
      $0.errorText.components(separatedBy: "Server listening").count == before + ports
    }
  }

  /// Forgets every host key, so that the host is unknown.
  package func forgetHostKeys() throws {
    try directory.write("known_hosts", "")
  }

  private init(
    _ options: Options, _ directory: TemporaryDirectory, _ ports: [LoginShell: Int], _ process: TestProcess
  ) {
    self.options = options
    self.directory = directory
    self.ports = ports
    self.process = process
    user = NSUserName()
  }

  private static func start(_ options: Options) async throws -> LoopbackSSHD {
    guard let sshd = LoginShell.find("sshd") else {
      throw FixtureFailure("sshd is missing: run scripts/setup")
    }
    if geteuid() == 0 {
      // Privilege separation needs it; packages leave making it to the service.
      try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
    }
    let directory = try TemporaryDirectory()
    try await Fixture.makeKey("\(directory.path)/host_key")
    try await Fixture.makeKey("\(directory.path)/user_key", passphrase: options.keyPassphrase)
    try directory.write("authorized_keys", directory.read("user_key.pub") ?? "")
    let (program, more) = try await options.pam?.command(sshd, in: directory) ?? (sshd, [])
    var lastLog = ""
    for _ in 0..<5 {
      let ports = Dictionary(
        uniqueKeysWithValues: zip(options.shells, try Fixture.freePorts(options.shells.count)))
      let files = SSHDFiles(options: options, directory: directory, ports: ports, user: NSUserName())
      try files.write()
      let check = try await TestProcess.run(sshd, ["-t", "-f", "\(directory.path)/sshd_config"])
      guard check.ending == .exited(0) else { throw FixtureFailure("sshd -t: \(check.errorText)") }
      let process = try TestProcess(program, ["-D", "-e", "-f", "\(directory.path)/sshd_config"] + more)
      let count = ports.count
      let record = try await process.record.wait(for: "sshd to listen") {
        $0.errorText.components(separatedBy: "Server listening").count > count
          || $0.errorText.contains("Bind to port") || $0.ending != nil
      }
      // Another process may have taken a port meanwhile; then the kernel chooses others.
      if record.ending == nil, !record.errorText.contains("Bind to port") {
        return LoopbackSSHD(options, directory, ports, process)
      }
      process.signal(SIGTERM)
      lastLog = record.errorText
    }
    throw FixtureFailure("sshd does not start: \(lastLog)")
  }

  private func stop() async throws {
    let connections = connections
    for identifier in connections { kill(identifier, SIGCONT) }
    process.signal(SIGTERM)
    for identifier in connections { kill(identifier, SIGTERM) }
    // What runs in a home of ours was started through us; without a terminal it outlives its connection.
    let home = "\(directory.path)/home-"
    for entry in ProcessTree.now().entries where ProcessTree.exposes(entry.identifier, home) {
      kill(entry.identifier, SIGKILL)
    }
    try await process.record.wait(for: "the end of sshd") { $0.ending != nil }
  }
}
