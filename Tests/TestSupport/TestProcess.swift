import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A child of the test: every byte that it writes is kept, its end is an event.
///
/// Over posix_spawn(3) and not Foundation's `Process`: that one learns of an exit late or never while an older
/// ssh or sshd lives (they close the descriptor by which it would know), and hands its signal mask on. The
/// child leads a process group of its own, as under the Python SDK, with no signal blocked or ignored.
package final class TestProcess: Sendable {
  /// How a child ended, as wait(2) tells it.
  package enum Ending: Sendable, Hashable {
    case exited(Int32)
    case signaled(Int32)
  }

  /// What is known of a child so far.
  package struct Record: Sendable {
    /// Every byte of standard output.
    package var output: [UInt8] = []
    /// Every byte of standard error.
    package var errorOutput: [UInt8] = []
    /// How many of the two are still open.
    package var openStreams = 2
    /// How it ended, once it has.
    package var ending: Ending?
    /// When it ended.
    package var endedAt: ContinuousClock.Instant?

    /// Standard output as text.
    package var text: String { String(decoding: output, as: UTF8.self) }
    /// Standard error as text.
    package var errorText: String { String(decoding: errorOutput, as: UTF8.self) }
  }

  /// The process id, which is also its group's.
  package let identifier: Int32
  /// What it wrote and how it ended.
  package let record = Watched(Record())
  private let input: Mutex<Int32?>

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - executable: Its absolute path.
  ///   - arguments: Without the program's name.
  ///   - environment: All of it; nothing is inherited.
  /// - Throws: `POSIXError` when it cannot be started.
  package init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) throws {
    let pipes = try (0..<3).map { _ in try Self.makePipe() }
    let childEnds = [pipes[0].reading, pipes[1].writing, pipes[2].writing]
    defer { for descriptor in childEnds { close(descriptor) } }
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    do {
      identifier = try Self.spawn(
        executable, [executable] + arguments, environment.merging(["PATH": path]) { $1 }, childEnds)
    } catch {
      for descriptor in [pipes[0].writing, pipes[1].reading, pipes[2].reading] { close(descriptor) }
      throw error
    }
    input = Mutex(pipes[0].writing)
    read(pipes[1].reading) { $0.output += $1 }
    read(pipes[2].reading) { $0.errorOutput += $1 }
    awaitEnd()
  }

  deinit {
    if record.current.ending == nil { kill(-identifier, SIGKILL) }
    closeInput()
  }

  /// Writes to standard input.
  ///
  /// Blocks while the pipe is full; nothing happens once it is closed.
  package func write(_ bytes: [UInt8]) {
    let descriptor = input.withLock { $0 }
    guard let descriptor else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return }
      rest = rest.dropFirst(written)
    }
  }

  /// Closes standard input, which is how a client says goodbye.
  package func closeInput() {
    let descriptor = input.withLock { input in
      defer { input = nil }
      return input
    }
    if let descriptor { close(descriptor) }
  }

  /// Sends a signal to the process alone, or nothing if it has ended.
  package func signal(_ number: Int32) {
    if record.current.ending == nil { kill(identifier, number) }
  }

  /// Waits for its end and for its last output.
  ///
  /// - Parameter limit: How long.
  /// - Returns: All it wrote and how it ended.
  /// - Throws: `DeadlineExceeded`.
  @discardableResult
  package func end(within limit: Duration = .seconds(20)) async throws -> Record {
    try await record.wait(for: "the end of process \(identifier)", within: limit) {
      $0.ending != nil && $0.openStreams == 0
    }
  }

  /// Runs a program to its end, with `input` as its standard input.
  ///
  /// - Parameters:
  ///   - executable: Its absolute path.
  ///   - arguments: Without the program's name.
  ///   - environment: All of it.
  ///   - input: What it can read.
  ///   - limit: How long it may take.
  /// - Returns: All it wrote and how it ended.
  /// - Throws: `DeadlineExceeded`, `POSIXError`.
  package static func run(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
    input: [UInt8] = [], within limit: Duration = .seconds(20)
  ) async throws -> Record {
    let process = try TestProcess(executable, arguments, environment: environment)
    process.write(input)
    process.closeInput()
    return try await process.end(within: limit)
  }

  private func read(
    _ descriptor: Int32, _ append: @escaping @Sendable (inout Record, ArraySlice<UInt8>) -> Void
  ) {
    Self.inThread { [record] in
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        let bytes = buffer[..<count]
        record.change { append(&$0, bytes) }
      }
      close(descriptor)
      record.change { $0.openStreams -= 1 }
    }
  }

  private func awaitEnd() {
    Self.inThread { [record, identifier] in
      var status: Int32 = 0
      while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
      let ended = status
      record.change {
        $0.endedAt = .now
        $0.ending = ended & 0x7F == 0 ? .exited((ended >> 8) & 0xFF) : .signaled(ended & 0x7F)
      }
    }
  }

  private static func inThread(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.stackSize = 256 * 1024
    thread.start()
  }

  private static func makePipe() throws -> (reading: Int32, writing: Int32) {
    // A server that ends early must be an error of write(2), not the end of the test run.
    Foundation.signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func spawn(
    _ executable: String, _ arguments: [String], _ environment: [String: String], _ streams: [Int32]
  ) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (number, descriptor) in streams.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    // Other tests open descriptors at any time, some without close-on-exec; a pipe kept open here would
    // withhold the end of file from its reader.
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/fd")) ?? []
    for descriptor in open.compactMap({ Int32($0) }) where descriptor > 2 {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var argv = arguments.map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var identifier: pid_t = 0
    let failure = posix_spawn(&identifier, executable, &actions, &attributes, &argv, &envp)
    guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EIO) }
    return identifier
  }
}
