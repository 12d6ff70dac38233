import Administration
import ArgumentParser
import Foundation
import JSON
import SSHTools

/// Looks for what keeps sessions from working.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check this machine, and a host if one is named; say what mends what is wrong.",
    discussion: "Leaves with status 1 if a check failed; warnings are allowed. Logs in to the host once.")

  @Argument(help: "A stored host, an ssh_config alias or user@host.") var host: String?
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var places: Places

  func run() throws {
    let settings = try places.settings()
    let asJSON = json
    let hostID = host
    let doctorSettings = try settings.doctor(settings.service(""), places: places.words)
    let diagnosis = try Errand.run { reactor, spawner in
      await Administration.Doctor(doctorSettings, reactor: reactor, spawner: spawner).examine(hostID) {
        finding in
        if !asJSON { FileHandle.standardOutput.write(Data(finding.text.utf8)) }
      }
    }
    guard let diagnosis else { throw ExitCode.failure }
    let end = asJSON ? JSONWriter.pretty(diagnosis.json) : Array("\(diagnosis.summary)\n".utf8)
    FileHandle.standardOutput.write(Data(end))
    if !diagnosis.isWell { throw ExitCode.failure }
  }
}

extension Settings {
  /// What the doctor is told; `places` are the options that say where hosts are, as they were given.
  func doctor(_ service: SSHService.Configuration, places: [String] = []) -> Administration.Doctor.Settings {
    Administration.Doctor.Settings(
      service: service, environment: environment,
      program: [CommandLine.arguments.first ?? "ssh-mcp-sessions"], places: places,
      tools: Dictionary(
        uniqueKeysWithValues: ["ssh", "ssh-keygen"].compactMap { name in
          executable(named: name).map { (name, $0) }
        }))
  }
}

extension Places {
  /// The options as they were given, for command lines that are shown.
  fileprivate var words: [String] {
    (home.map { ["--home", $0] } ?? []) + (sshConfig.map { ["--ssh-config", $0] } ?? [])
  }
}
