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

  /// Reads an answer to `ForegroundScript.look`; nil where nothing is in the foreground but the shell, or where
  /// nothing can be known.
  init?(answer: String) {
    if let inspection = ForegroundInspection(answer: answer) {
      let shell = inspection.processes[0]
      group = inspection.foregroundGroup == inspection.shellGroup ? nil : inspection.foregroundGroup
      processes = inspection.processes
        .filter { $0.isInForeground && $0.pid != shell.pid }
        .map { Process(identifier: $0.pid, start: $0.start) }
      return
    }
    // Without /proc the group is all that ps(1) tells.
    guard let line = answer.split(separator: "\n").first(where: { $0.hasPrefix("G ") }),
      let group = Int(line.dropFirst(2))
    else { return nil }
    self.group = group
    processes = []
  }
}

/// What is known of a command's processes after it was stopped.
package enum StopProof: Sendable, Hashable {
  /// None of them is left; those named here had survived what stopped the command and were ended one by one.
  case gone(endedOneByOne: [String])
  /// These could not be ended.
  case left([String])
  /// Nobody could look: no second channel, or a machine behind the machine.
  case unproven
}
