package import ChildProcess
import Foundation
import HostStore
import Logging
import OpenSSH
package import SSHTools

/// Checks what a session needs, one thing after the other, and says what mends what is wrong.
///
/// It uses the very parts that serve clients, so that what it sees is what they meet.
package struct Doctor: Sendable {
  /// What the doctor is told at start; nothing is read from the environment later.
  package struct Settings: Sendable {
    /// What sessions use; the doctor sets the run-time directory.
    package var service: SSHService.Configuration
    /// The environment as it is.
    package var environment: [String: String]
    /// The words of a command line that begin this program, for remedies.
    package var program: [String]
    /// The options that say where hosts are, for remedies.
    package var places: [String]
    /// The paths of ssh and ssh-keygen by their names, as far as they are found.
    package var tools: [String: String]

    /// Settings.
    package init(
      service: SSHService.Configuration, environment: [String: String], program: [String], places: [String],
      tools: [String: String]
    ) {
      self.service = service
      self.environment = environment
      self.program = program
      self.places = places
      self.tools = tools
    }
  }

  let settings: Settings
  let reactor: Reactor
  let spawner: ProcessSpawner
  let store: HostStore
  let reader: ConfigurationReader

  /// A doctor who has not looked yet.
  package init(_ settings: Settings, reactor: Reactor, spawner: ProcessSpawner) {
    self.settings = settings
    self.reactor = reactor
    self.spawner = spawner
    store = HostStore(directory: settings.service.homeDirectory)
    reader = ConfigurationReader(program: settings.service.ssh, spawner: spawner)
  }

  /// Makes all checks.
  ///
  /// - Parameters:
  ///   - hostID: A stored host, an alias of ssh_config or `user@host`; without one only this machine is checked.
  ///   - report: Gets each finding as soon as it is known.
  /// - Returns: All findings.
  package func examine(
    _ hostID: String?, report: @Sendable (Finding) -> Void
  ) async -> Diagnosis {
    var diagnosis = Diagnosis()
    func add(_ findings: [Finding]) {
      for finding in findings {
        diagnosis.findings.append(finding)
        report(finding)
      }
    }
    let (ssh, hasSSH) = await checkSSH()
    add([ssh])
    add([checkAgent()])
    let (finding, runtime) = checkRuntimeDirectory()
    defer { runtime?.remove() }
    add([finding])
    add([checkHostsFile()])
    let configuration =
      hasSSH ? await checkConfigurationFile() : Finding.skip(.configurationFile, "ssh is missing")
    add([configuration])
    guard let hostID else { return diagnosis }

    guard hasSSH, let runtime else {
      add(Self.skipped(Self.hostChecks, hasSSH ? "there is no run-time directory" : "ssh is missing"))
      return diagnosis
    }
    var service = settings.service
    service.ssh.runtimeDirectory = runtime.path
    service.ssh.makeDirectory = runtime.make
    let examination = HostExamination(
      doctor: self, hostID: hostID,
      service: SSHService(
        service, reactor: reactor, spawner: spawner,
        log: Logger(label: "doctor") { _ in
          SwiftLogNoOpLogHandler()
        }))
    await examination.run(add)
    return diagnosis
  }

  /// The checks that need a host.
  static let hostChecks: [Finding.Check] = [
    .host, .configuration, .name, .connection, .hostKey, .login, .shell,
  ]

  /// Checks that could not be made, all for the same reason.
  static func skipped(_ checks: [Finding.Check], _ why: String) -> [Finding] {
    checks.map { .skip($0, why) }
  }

  // MARK: - What the checks share

  /// A command line of this program, for a remedy.
  func command(_ words: [String]) -> String { ShellWords.line(settings.program + words + settings.places) }

  /// Runs a tool of OpenSSH to its end.
  ///
  /// - Returns: nil when it is missing or cannot be started.
  func run(
    _ tool: String, _ arguments: [String], environment: [String: String] = [:]
  ) async -> CompletedProcess? {
    guard let path = settings.tools[tool] else { return nil }
    let launch = Launch(
      executable: path, arguments: arguments,
      environment: settings.service.ssh.environment.merging(environment) { $1 })
    return try? await spawner.output(of: launch, within: .seconds(5))
  }
}

extension CompletedProcess {
  /// The exit status; nil after a signal.
  var status: Int32? {
    if case .exited(let status) = termination { status } else { nil }
  }

  /// Standard output as text.
  var text: String { String(decoding: output, as: UTF8.self) }

  /// Standard error as text.
  var errorText: String { String(decoding: errorOutput, as: UTF8.self) }
}
