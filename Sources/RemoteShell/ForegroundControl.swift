/// Looks at the foreground of a session's terminal from outside, signals it, and proves that it is gone.
///
/// The shells of a session are given outermost first. A shell that this machine does not know (another
/// machine's, a container's) is passed over for the one outside it: what is in its foreground is then the
/// program that leads there.
package struct ForegroundControl: Sendable {
  private let channel: SideChannel

  /// How long a process gets to end after each step, before it is looked for again.
  private static let pauses: [(after: SignalName?, pause: Duration)] = [
    (nil, .milliseconds(30)), (nil, .milliseconds(150)), (.terminate, .milliseconds(100)),
    (nil, .milliseconds(600)), (.kill, .milliseconds(100)), (nil, .milliseconds(400)),
  ]

  /// Control over that channel.
  package init(channel: SideChannel) {
    self.channel = channel
  }

  /// What the foreground does; nil where that cannot be known.
  ///
  /// A shell of the session that reads may read for its command (`read`), or the command may have ended with the news
  /// of it still under way. So it is asked a second time: what it wrote before it was first seen to read is here before
  /// the second answer.
  func inspect(_ shells: [Marker.Hello], _ tail: OutputTail) async -> ForegroundState? {
    let state = await glance(shells, tail)
    guard case .readsTerminal(let program)? = state,
      shells.contains(where: { $0.processIdentifier == program.processIdentifier })
    else { return state }
    return await glance(shells, tail)
  }

  private func glance(_ shells: [Marker.Hello], _ tail: OutputTail) async -> ForegroundState? {
    guard let answer = await look(shells) else { return nil }
    return ForegroundInspection(answer: answer)?.state(
      tail: tail.text, isAlternateScreen: tail.isAlternateScreen)
  }

  /// Signals the foreground process group.
  ///
  /// - Returns: How many processes or groups got it: none where the shell itself is what runs. Nil where that cannot
  ///   be done.
  @discardableResult
  func signal(_ name: SignalName, _ shells: [Marker.Hello]) async -> Int? {
    let answer = await innermost(shells) { ForegroundScript.signal(name, $0, root: $1) }
    guard let answer, answer.hasPrefix("G ") else { return nil }
    return answer.split(separator: "\n").last { $0.hasPrefix("N ") }.flatMap { Int($0.dropFirst(2)) } ?? 0
  }

  /// Signals the foreground process group of a command that is to be stopped as a whole.
  func stop(_ name: SignalName, _ target: StopTarget?, _ shells: [Marker.Hello]) async {
    _ = await innermost(shells) { ForegroundScript.stop(name, target, $0, root: $1) }
  }

  /// Who must be gone when the command that runs now has been stopped, and whether anybody answered that.
  ///
  /// - Parameters:
  ///   - shells: The session's.
  ///   - elapsed: How long ago the command was sent, when the answer is there.
  /// - Returns: Whether the question was answered, and the answer where there is one.
  func target(
    _ shells: [Marker.Hello], elapsed: () -> Duration
  ) async -> (isAnswered: Bool, target: StopTarget?) {
    guard let answer = await look(shells) else { return (false, nil) }
    return (true, StopTarget(answer: answer, elapsed: elapsed()))
  }

  /// Looks for what is left of a stopped command, and ends it.
  func finish(_ target: StopTarget) async -> StopProof {
    var ended: [String] = []
    for step in Self.pauses {
      guard let left = await left(of: target.processes, group: target.group) else { return .unproven }
      guard !left.isEmpty else { return await gone(ended, target) }
      if let signal = step.after {
        for process in left where !ended.contains(process.words) { ended.append(process.words) }
        _ = await channel.ask(ForegroundScript.signal(signal, processes: left.map(\.identifier)))
      }
      // A process that was killed tells nobody but its parent, and we are not that.
      try? await Task.sleep(for: step.pause)
    }
    guard let left = await left(of: target.processes, group: target.group) else { return .unproven }
    return left.isEmpty ? await gone(ended, target) : .left(left.map(\.words))
  }

  private func gone(_ ended: [String], _ target: StopTarget) async -> StopProof {
    guard !target.beside.isEmpty else { return .gone(endedOneByOne: ended, beside: []) }
    guard let beside = await left(of: target.beside, group: nil) else { return .unproven }
    return .gone(endedOneByOne: ended, beside: beside.map(\.words))
  }

  private struct Survivor {
    let identifier: Int
    let name: String
    var words: String { "\(name) (pid \(identifier))" }
  }

  private func left(of processes: [StopTarget.Process], group: Int?) async -> [Survivor]? {
    guard let answer = await channel.ask(ForegroundScript.left(of: processes, group: group)) else {
      return nil
    }
    let lines = answer.split(separator: "\n")
    guard lines.last == "end" else { return nil }
    return lines.compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 2)
      guard fields.count == 3, fields[0] == "M", let identifier = Int(fields[1]) else { return nil }
      return Survivor(identifier: identifier, name: String(fields[2]))
    }
  }

  private func look(_ shells: [Marker.Hello]) async -> String? {
    await innermost(shells) { ForegroundScript.look($0, root: $1) }
  }

  /// Asks for the innermost shell that this machine knows.
  private func innermost(
    _ shells: [Marker.Hello], _ question: (Marker.Hello, Marker.Hello) -> String
  ) async -> String? {
    guard let root = shells.first else { return nil }
    for shell in shells.reversed() {
      guard let answer = await channel.ask(question(shell, root)) else { return nil }
      if !answer.hasPrefix("foreign") { return answer }
    }
    return nil
  }
}
