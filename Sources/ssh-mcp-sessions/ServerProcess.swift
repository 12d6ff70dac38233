import ChildProcess
import Foundation
import Logging
import MCP
import OpenSSH
import SSHTools

/// The process from its start to its end: wiring, signals, and leaving nothing behind.
struct ServerProcess {
  private let settings: Settings

  /// Seconds for everything that is still to be done after the client has gone: SDK clients kill after two.
  private static let graceSeconds = 1.0

  init(_ settings: Settings) {
    self.settings = settings
  }

  /// Serves until the client closes its side or a signal comes; does not return.
  func run() throws -> Never {
    // Blocked before any thread exists, so that all of them leave these signals to sigwait(3) below. Children start
    // with an empty mask.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A thread that starts a child has an empty mask for that moment: a signal that comes to it then is sent again,
    // for the thread that waits, instead of ending the process.
    for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { kill(getpid(), $0) } }
    // A limit on the size of files is an error of write(2). A handler, since children would inherit SIG_IGN.
    signal(SIGXFSZ) { _ in }
    raiseDescriptorLimit()

    let reactor = try Reactor()
    let spawner = ProcessSpawner(reactor: reactor)
    let runtime = try RuntimeDirectory(
      runtimeDirectory: settings.environment["XDG_RUNTIME_DIR"],
      temporaryDirectory: settings.environment["TMPDIR"] ?? "/tmp")
    try spawner.removeOnDeath(runtime.path)
    var configuration = try settings.service(runtime.path)
    configuration.ssh.remakeDirectory = { runtime.remake() }
    let service = SSHService(
      configuration, reactor: reactor, spawner: spawner, log: logger)
    let server = Server(
      info: ServerInfo(name: "ssh-mcp-sessions", title: "SSH sessions", version: Version.text),
      instructions: ToolCatalog.instructions,
      tools: ToolCatalog.tools(service, isStructured: settings.isStructured))

    let transport = StdioTransport.standard()
    let connection = server.connect(output: transport.send)
    FileHandle.standardError.write(Data("SSH MCP Server running on stdio\n".utf8))
    transport.start(receive: connection.receive) { kill(getpid(), SIGTERM) }

    var number: Int32 = 0
    while sigwait(&signals, &number) != 0 {}
    // A further signal must not end the process in the middle of its cleaning up.
    for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { _ in } }
    transport.stop()
    Task { await connection.end() }
    service.shutDown()
    spawner.endAll(grace: Self.graceSeconds)
    transport.flush(within: 0.2)
    runtime.remove()
    spawner.stop()
    exit(EXIT_SUCCESS)
  }

  private var logger: Logger {
    var logger = Logger(label: "ssh-mcp-sessions") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = settings.logLevel
    return logger
  }

  /// Each session has a process, three pipes and a pidfd.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 4096)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
