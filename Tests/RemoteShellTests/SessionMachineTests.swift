import RemoteShell
import Synchronization
import TestSupport
import Testing

/// The machine without any I/O: events and instants in, actions out.
struct SessionMachineTests {
  typealias Action = SessionMachine.Action

  let start = ContinuousClock.now
  var machine: SessionMachine
  let nonces: [Nonce]

  init() {
    var generator = SeededGenerator(seed: 1)
    let nonces = (0..<3).map { _ in Nonce(using: &generator) }
    self.nonces = nonces
    machine = Self.makeMachine(nonces, hasSideChannel: true)
  }

  static func makeMachine(_ nonces: [Nonce], hasSideChannel: Bool) -> SessionMachine {
    let source = NonceSource(nonces)
    return SessionMachine(hasSideChannel: hasSideChannel, makeNonce: { source.next() })
  }

  func wire(_ body: String, level: Int = 0) -> [UInt8] {
    Array("\u{1B}]7717;\(nonces[level].text);\(body);\(nonces[level].text)\u{07}".utf8)
  }

  mutating func receive(_ text: String..., level: Int = 0, after: Duration = .zero) -> [Action] {
    var bytes: [UInt8] = []
    for part in text {
      bytes +=
        part.first.map { "HBEP".contains($0) && part.dropFirst().first == ";" } == true
        ? wire(part, level: level) : Array(part.utf8)
    }
    return machine.handle(.received(bytes[...]), at: start.advanced(by: after))
  }

  mutating func boot(prompt: String = "p") {
    _ = machine.handle(.opened, at: start)
    _ = receive("H;bash;100;\(prompt);/dev/pts/1;root;/root")
    if prompt == "p" { _ = receive("P;0;0") }
  }

  mutating func run(_ command: String) -> [Action] {
    machine.handle(.run(command: Array(command.utf8)), at: start)
  }

  func output(_ text: String) -> Action { .output(Array(text.utf8)[...]) }

  func finished(
    _ status: Int, _ manner: SessionMachine.CommandEnd.Manner = .completed, _ directory: String = "/root"
  ) -> Action {
    .finished(.init(status: status, manner: manner, directory: Array(directory.utf8)))
  }

  @Test mutating func `a login types the boot line again, then becomes another shell, then gives up`() {
    let first = machine.handle(.opened, at: start)
    #expect(first == [.write(ShellDriver.bootLine(nonces[0]))])
    _ = receive("Welcome")
    for seconds in [1, 3, 6] {
      let now = start.advanced(by: .seconds(seconds))
      #expect(machine.deadline == now)
      #expect(machine.handle(.tick, at: now) == first)
    }
    let fallback = machine.handle(.tick, at: start.advanced(by: .seconds(9)))
    #expect(fallback == [.write(ShellDriver.becomeFallbackShell), .write(ShellDriver.bootLine(nonces[0]))])
    let end = machine.handle(.tick, at: start.advanced(by: .seconds(12)))
    #expect(end == [.lost(.noShell(printed: Array("Welcome".utf8)))])
    #expect(!machine.isLaunched)
  }

  @Test mutating func `the launcher's mark is seen however it is cut, and whatever follows`() {
    _ = machine.handle(.opened, at: start)
    _ = receive("motd")
    for byte in ShellDriver.launchMark {
      #expect(!machine.isLaunched)
      _ = machine.handle(.received([byte]), at: start)
    }
    _ = receive(String(repeating: "x", count: 100_000))
    #expect(machine.isLaunched)
  }

  @Test mutating func `what is printed before the shell is ready is nobody's output`() {
    _ = machine.handle(.opened, at: start)
    let actions = receive("motd\n", "H;zsh;7;p;/dev/pts/1;u;/home/u", "more", "P;0;0")
    guard case .ready(let hello) = actions.first, actions.count == 1 else {
      Issue.record("\(actions)")
      return
    }
    #expect(hello.dialect == .zsh && hello.processIdentifier == 7 && hello.user == "u")
    #expect(machine.isIdle)
  }

  @Test mutating func `a shell whose prompt was taken away takes commands all the same`() {
    _ = machine.handle(.opened, at: start)
    #expect(receive("H;bash;7;a;/dev/pts/1;u;/home/u") == [])
    guard case .ready = machine.handle(.tick, at: start.advanced(by: .seconds(60))).first else {
      Issue.record("not ready")
      return
    }
    #expect(machine.isIdle && machine.deadline == nil)
  }

  @Test mutating func `a command's output, status and directory are told at its end marker`() {
    boot()
    _ = run("x")
    #expect(
      receive("late\n", "B;1", "out\n") == [.backgroundOutput(Array("late\n".utf8)[...]), output("out\n")])
    #expect(receive("E;1;3;hB;/tmp") == [finished(3, .completed, "/tmp")])
    #expect(machine.isIdle, "the next command may be typed before the prompt")
    #expect(receive("P;1;3") == [])
    #expect(machine.isIdle && machine.deadline == nil)
  }

  @Test mutating func `the next command is told the status and may come before the prompt`() {
    boot()
    _ = run("false")
    _ = receive("B;1", "E;1;1;hB;/root")
    let frame = ShellDriver.frame(Array("echo $?".utf8), sequence: 2, status: 1, dialect: .bash)
    #expect(run("echo $?") == [.write(frame)])
    #expect(receive("P;1;1") == [])
    #expect(machine.deadline == nil, "the old prompt was expected")
    #expect(receive("B;2", "1\n", "E;2;0;hB;/root") == [output("1\n"), finished(0)])
  }

  @Test mutating func `a shell that prompts only after an abort is not waited for`() {
    boot(prompt: "a")
    _ = receive("P;0;0")
    _ = run("true")
    #expect(receive("B;1", "E;1;0;hB;/root") == [finished(0)])
    #expect(machine.isIdle && machine.deadline == nil)
    _ = run("x")
    _ = receive("B;2")
    #expect(receive("P;2;130").first == finished(130, .aborted))
    #expect(receive("B;3", "E;3;0;hB;/root") == [] && machine.isIdle, "the repair needs no prompt either")
  }

  @Test mutating func `a prompt without an end is a command that the shell gave up`() {
    boot()
    _ = run("echo a ) b")
    #expect(receive("B;1", "syntax error\n", "P;1;2") == [output("syntax error\n"), finished(2, .aborted)])
  }

  @Test mutating func `a shell that shows the old prompt instead of beginning is given up`() {
    boot()
    _ = run("true")
    #expect(receive("P;0;0") == [])
    let deadline = machine.deadline ?? start
    #expect(machine.handle(.tick, at: deadline) == [.lost(.unresponsive)])
  }

  @Test mutating func `a status of a signal, and what touches the terminal, are followed by a repair`() {
    boot()
    _ = run("x")
    _ = receive("B;1", "E;1;139;hB;/root")
    #expect(!machine.isIdle)
    let repair = receive("P;1;139")
    #expect(repair.count == 1)
    #expect(receive("B;2", "noise", "E;2;0;hB;/root", "P;2;0") == [])
    #expect(machine.isIdle)
    _ = run("stty raw")
    _ = receive("B;3", "E;3;0;hB;/root", "P;3;0")
    #expect(!machine.isIdle)
  }

  @Test mutating func `an interrupt climbs the ladder until the command ends, then proves the shell`() {
    boot()
    _ = run("sleep 600")
    _ = receive("B;1")
    var steps = machine.handle(.interrupt, at: start)
    for _ in 0..<4 { steps += machine.handle(.tick, at: machine.deadline ?? start) }
    #expect(
      steps == [
        .discardInput, .write([3]), .write([3]), .stop(.interrupt), .stop(.terminate), .stop(.hangUp),
        .stop(.kill),
      ])
    #expect(receive("Killed\n", "E;1;137;hB;/root", "P;1;137") == [output("Killed\n"), .write([10])])
    let proof = machine.handle(.tick, at: machine.deadline ?? start)
    #expect(proof.count == 1)
    #expect(receive("B;2", "E;2;0;hB;/root", "P;2;0") == [finished(137, .interrupted(by: .kill))])
    #expect(machine.isIdle)
  }

  @Test mutating func `what survives every step loses the session, and so does a shell that proves nothing`()
  {
    boot()
    _ = run("x")
    _ = receive("B;1")
    _ = machine.handle(.interrupt, at: start)
    var last: [Action] = []
    for _ in 0..<5 { last = machine.handle(.tick, at: machine.deadline ?? start) }
    #expect(last == [.lost(.unstoppable)])

    machine = Self.makeMachine(nonces, hasSideChannel: true)
    boot()
    _ = run("x")
    _ = machine.handle(.interrupt, at: start)
    _ = receive("B;1", "P;1;130")
    _ = machine.handle(.tick, at: machine.deadline ?? start)
    #expect(machine.handle(.tick, at: machine.deadline ?? start) == [.lost(.notResynchronized)])
  }

  @Test mutating func `without a side channel the ladder stays in the terminal`() {
    machine = Self.makeMachine(nonces, hasSideChannel: false)
    boot()
    _ = run("x")
    _ = receive("B;1")
    var steps = machine.handle(.interrupt, at: start)
    for _ in 0..<6 { steps += machine.handle(.tick, at: machine.deadline ?? start) }
    #expect(
      steps == [.discardInput] + Array(repeating: .write([3]), count: 5) + [.write([0x1C]), .write([0x1A])])
  }

  @Test mutating func `the frame that proves the shell is sent again when an interrupt breaks it off`() {
    boot()
    _ = run("x")
    _ = receive("B;1")
    _ = machine.handle(.interrupt, at: start)
    _ = receive("E;1;130;hB;/root", "P;1;130")
    #expect(machine.handle(.tick, at: machine.deadline ?? start).count == 1)
    #expect(receive("B;2", "P;2;130").count == 1)
    #expect(
      receive("B;3", "E;3;0;hB;/root", "P;3;0") == [finished(130, .interrupted(by: .interruptCharacter))])
  }

  @Test
  mutating func `the frame that proves the shell is sent again when the shell shows its prompt instead`()
    throws
  {
    boot()
    _ = run("x")
    _ = receive("B;1")
    _ = machine.handle(.interrupt, at: start)
    _ = receive("E;1;130;hB;/root", "P;1;130")
    // The line feed, then a frame that is thrown away, ^C and the next frame, for as long as a repair may take.
    var now = try #require(machine.deadline)
    let first = now
    #expect(machine.handle(.tick, at: now).count == 1)
    while true {
      #expect(receive("P;1;130", after: start.duration(to: now)).isEmpty)
      now = try #require(machine.deadline)
      #expect(machine.handle(.tick, at: now) == [.write([0x03, 0x0A])])
      #expect(receive("P;1;130", after: start.duration(to: now)).isEmpty)
      now = try #require(machine.deadline)
      let next = machine.handle(.tick, at: now)
      guard next != [.lost(.notResynchronized)] else { break }
      #expect(next.count == 1)
    }
    #expect(first.duration(to: now) >= .seconds(6) && first.duration(to: now) < .seconds(7))
  }

  @Test mutating func `a child that has ended before its beginning was told is no surprise`() {
    _ = machine.handle(.closed, at: start)
    #expect(machine.handle(.opened, at: start) == [])
  }

  @Test mutating func `a line that the shell gave up is followed by a repair, but in bash`() {
    for (dialect, isIdle) in [("bash", true), ("sh", false), ("zsh", false), ("ksh", false)] {
      machine = Self.makeMachine(nonces, hasSideChannel: true)
      _ = machine.handle(.opened, at: start)
      _ = receive("H;\(dialect);100;p;/dev/pts/1;root;/root", "P;0;0")
      _ = run("set -u; exec >f; echo $x")
      _ = receive("B;1", "P;1;2")
      #expect(machine.isIdle == isIdle, "\(dialect)")
    }
  }

  @Test mutating func `a repair that ends without its end marker has shown that the shell reads`() {
    _ = machine.handle(.opened, at: start)
    _ = receive("H;sh;100;p;/dev/pts/1;root;/root", "P;0;0")
    _ = run("ulimit -n 12")
    _ = receive("B;1", "P;1;0")
    #expect(!machine.isIdle)
    #expect(receive("B;2", "P;2;0") == [] && machine.isIdle)
  }

  @Test mutating func `a stop is named by the signal that the status tells of`() {
    boot()
    _ = run("sleep 600")
    _ = receive("B;1")
    _ = machine.handle(.interrupt, at: start)
    for _ in 0..<2 { _ = machine.handle(.tick, at: machine.deadline ?? start) }
    _ = receive("E;1;130;hB;/root")
    _ = machine.handle(.tick, at: machine.deadline ?? start)
    #expect(
      receive("B;2", "E;2;0;hB;/root", "P;2;0") == [finished(130, .interrupted(by: .interruptCharacter))])
  }

  @Test mutating func `traces of our own frame are nobody's output, others' output beside them is kept`() {
    boot()
    _ = run("set -x")
    _ = receive("B;1", "E;1;0;hBx;/root")
    let actions = receive("+ __mcp_f\n+ [ -t 0 ]\njob done\n", "P;1;0")
    #expect(actions == [.backgroundOutput(Array("job done\n".utf8)[...])])
  }

  @Test mutating func `every split of a conversation gives the same actions`() {
    let bytes =
      Array("noise".utf8) + wire("H;bash;1;p;/dev/pts/1;u;/") + wire("P;0;0") + Array("late".utf8)
    func actions(_ pieces: [ArraySlice<UInt8>]) -> [Action] {
      var machine = Self.makeMachine(nonces, hasSideChannel: false)
      _ = machine.handle(.opened, at: start)
      return pieces.flatMap { machine.handle(.received($0), at: start) }
    }
    func joined(_ actions: [Action]) -> [String] {
      actions.map {
        if case .backgroundOutput(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "\($0)" }
      }
    }
    let whole = joined(actions([bytes[...]]))
    for split in Chunking.everyTwoWaySplit(of: bytes) {
      let pieces = joined(actions(split))
      #expect([pieces[0], pieces.dropFirst().joined()] == [whole[0], whole.dropFirst().joined()])
    }
  }
}

/// Gives out the test's nonces in turn.
final class NonceSource: Sendable {
  private let nonces: Mutex<[Nonce]>

  init(_ nonces: [Nonce]) {
    self.nonces = Mutex(nonces)
  }

  func next() -> Nonce {
    nonces.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
  }
}
