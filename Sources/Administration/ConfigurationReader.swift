package import ChildProcess
import Foundation
package import OpenSSH

/// Asks ssh what its configuration comes to, with and without the files.
package struct ConfigurationReader: Sendable {
  private let program: SSHProgram
  private let spawner: ProcessSpawner

  /// A reader that starts that ssh.
  package init(program: SSHProgram, spawner: ProcessSpawner) {
    self.program = program
    self.spawner = spawner
  }

  /// Why ssh gave no configuration.
  struct Failure: Error, Sendable, Hashable {
    /// What ssh said, or why it could not be started.
    let text: String
    /// The file and the line that ssh blames.
    let place: (file: String, line: Int)?

    init(_ text: String) {
      self.text = text
      let match = text.firstMatch(of: /(?m)^(\/.+?):? line (\d+)/)
      place = match.flatMap { match in Int(match.2).map { (String(match.1), $0) } }
    }

    static func == (left: Failure, right: Failure) -> Bool { left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
  }

  /// The effective configuration of a destination.
  func read(_ destination: Destination) async throws(Failure) -> EffectiveConfiguration {
    let launch = Launch(
      executable: program.executable, arguments: SSHArguments.effectiveConfiguration(of: destination),
      environment: program.environment)
    let completed: CompletedProcess
    do throws(SpawnFailure) {
      completed = try await spawner.output(of: launch, within: .seconds(program.connectSeconds))
    } catch {
      throw Failure(error.description)
    }
    guard completed.termination == .exited(0) else {
      // A warning about a missing terminal comes first, from `RequestTTY`.
      let said = String(decoding: completed.errorOutput, as: UTF8.self)
        .split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("Pseudo-terminal") }
      throw Failure(
        said.isEmpty ? "ssh -G failed (\(completed.termination))." : said.joined(separator: "\n"))
    }
    return EffectiveConfiguration(output: String(decoding: completed.output, as: UTF8.self))
  }

  /// The same without any file: what is given on the command line, and ssh's defaults.
  func defaults(_ destination: Destination) async throws(Failure) -> EffectiveConfiguration {
    var destination = destination
    destination.configurationFile = "none"
    return try await read(destination)
  }
}
