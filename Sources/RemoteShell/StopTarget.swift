/// Who was in the foreground when a command was to be stopped: what must be gone afterwards.
struct StopTarget: Sendable, Hashable {
  /// A process that cannot be taken for a later one of the same number.
  struct Process: Sendable, Hashable {
    let identifier: Int
    /// In clock ticks since the machine's start (proc(5), starttime).
    let start: Int
  }

  /// The foreground process group; nil where that is the shell's own.
  let group: Int?
  /// The processes of the foreground that were seen; the shell itself is none of them.
  let processes: [Process]
  /// What was started in the background since the command began, by it as far as can be known.
  ///
  /// It need not be gone, and is signalled only where ^C did not end the command.
  let beside: [Process]

  /// Reads an answer to `ForegroundScript.look`; nil where nothing can be known.
  ///
  /// - Parameters:
  ///   - answer: What the side channel printed.
  ///   - elapsed: How long ago the command was sent.
  init?(answer: String, elapsed: Duration = .zero) {
    if let inspection = ForegroundInspection(answer: answer) {
      group = inspection.foregroundGroup == inspection.shellGroup ? nil : inspection.foregroundGroup
      // The first is the shell.
      let others = inspection.processes.dropFirst().filter { $0.state != "Z" }
      processes = others.filter(\.isInForeground).map { Process(identifier: $0.pid, start: $0.start) }
      let ticks = elapsed.components.seconds * 100 + elapsed.components.attoseconds / 10_000_000_000_000_000
      let begin = inspection.uptime.map { $0 - Int(ticks) - 1 } ?? .max
      beside = others.filter { !$0.isInForeground && $0.start >= begin }
        .map { Process(identifier: $0.pid, start: $0.start) }
      return
    }
    // Without /proc the group is all that ps(1) tells.
    guard let line = answer.split(separator: "\n").first(where: { $0.hasPrefix("G ") }),
      let group = Int(line.dropFirst(2))
    else { return nil }
    self.group = group
    processes = []
    beside = []
  }
}

/// What is known of a command's processes after it was stopped.
package enum StopProof: Sendable, Hashable {
  /// None of them is left; those named first had survived what stopped the command and were ended one by one, those
  /// named second were started in the background meanwhile and still run.
  case gone(endedOneByOne: [String], beside: [String])
  /// These could not be ended.
  case left([String])
  /// Nobody could look: no second channel, or a machine behind the machine.
  case unproven
}
