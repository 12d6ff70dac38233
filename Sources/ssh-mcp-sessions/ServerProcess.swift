import Administration
import ChildProcess
import Foundation
import Logging
import MCP
import OpenSSH
import SSHTools

/// The process from its start to its end: wiring, signals, and leaving nothing behind.
struct ServerProcess {
  private let settings: Settings
  private let diagnostics = DiagnosticOutput()

  /// Seconds for everything that is still to be done after the client has gone: SDK clients kill after two.
  private static let graceSeconds = 1.0

  init(_ settings: Settings) {
    self.settings = settings
  }

  /// Serves until the client closes its side or a signal comes; does not return.
  func run() throws -> Never {
    DiagnosticOutput.openMissingStreams()
    // Blocked before any thread exists, so that all of them leave these signals to sigwait(3) below. Children start
    // with an empty mask.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // A thread that starts a child has an empty mask for that moment: a signal that comes to it then is sent again,
    // for the thread that waits, instead of ending the process. That one waits before the first child is started, or
    // the signal would come back to who sends it again, for ever.
    for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { kill(getpid(), $0) } }
    let mustEnd = DispatchSemaphore(value: 0)
    let waiter = Thread { [signals] in
      var signals = signals
      var number: Int32 = 0
      while sigwait(&signals, &number) != 0 {}
      mustEnd.signal()
    }
    waiter.name = "signals"
    waiter.stackSize = 64 << 10
    waiter.start()
    // A limit on the size of files is an error of write(2). A handler, since children would inherit SIG_IGN.
    signal(SIGXFSZ) { _ in }
    setLimits()

    let reactor = try Reactor()
    let spawner = ProcessSpawner(reactor: reactor)
    let runtime = try RuntimeDirectory(environment: settings.environment)
    spawner.removeOnDeath(runtime.path)
    var configuration = try settings.service(runtime.path)
    configuration.ssh.makeDirectory = runtime.make
    let service = SSHService(
      configuration, reactor: reactor, spawner: spawner, log: logger)
    let server = Server(
      info: ServerInfo(name: "ssh-mcp-sessions", title: "SSH sessions", version: Version.text),
      instructions: ToolCatalog.instructions,
      tools: ToolCatalog.tools(service, isStructured: settings.isStructured),
      resources: service.resources,
      prompts: PromptCatalog.prompts(service) { [settings, configuration] hostID in
        let doctor = Administration.Doctor(settings.doctor(configuration), reactor: reactor, spawner: spawner)
        var findings = ""
        for finding in await doctor.examine(hostID, report: { _ in }).findings { findings += finding.text }
        return findings
      })

    let transport = StdioTransport.standard()
    let connection = server.connect(output: transport.send, room: transport.room)
    diagnostics.write("SSH MCP Server running on stdio")
    transport.start(receive: connection.receive) { mustEnd.signal() }

    mustEnd.wait()
    // A further signal must not end the process in the middle of its cleaning up.
    for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { _ in } }
    transport.stop()
    connection.close()
    server.endTasks()
    service.shutDown()
    spawner.endAll(grace: Self.graceSeconds)
    transport.flush(within: 0.2)
    runtime.remove()
    spawner.stop()
    exit(EXIT_SUCCESS)
  }

  private var logger: Logger {
    var logger = Logger(label: "ssh-mcp-sessions") { [diagnostics] label in
      DiagnosticLogHandler(label: label, output: diagnostics)
    }
    logger.logLevel = settings.logLevel
    return logger
  }

  private func setLimits() {
    // Each session has three pipes, a pidfd and Foundation's socket with our copy of its other end.
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      limit.rlim_cur = min(limit.rlim_max, 4096)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    // A core file of this process, ssh or its helper would hold passwords.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  }
}
