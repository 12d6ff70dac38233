import RemoteShell
import TestSupport
import Testing

/// Stopping a command that has been typed and has not begun: ^C would only throw its text away.
struct SessionMachineStopTests {
  typealias Action = SessionMachine.Action

  let start = ContinuousClock.now
  let nonce: Nonce
  var machine: SessionMachine

  init() {
    var generator = SeededGenerator(seed: 2)
    let nonce = Nonce(using: &generator)
    self.nonce = nonce
    machine = SessionMachine(hasSideChannel: true, makeNonce: { nonce })
    _ = machine.handle(.opened, at: start)
    _ = receive("H;bash;100;a;/dev/pts/1;root;/root")
    _ = receive("P;0;0")
    _ = machine.handle(.run(command: Array("sleep 30".utf8)), at: start)
  }

  mutating func receive(_ bodies: String...) -> [Action] {
    let bytes = bodies.flatMap { Array("\u{1B}]7717;\(nonce.text);\($0);\(nonce.text)\u{07}".utf8) }
    return machine.handle(.received(bytes[...]), at: start)
  }

  @Test mutating func `the stop waits for the beginning`() {
    #expect(machine.handle(.interrupt, at: start).isEmpty)
    #expect(machine.handle(.interrupt, at: start).isEmpty)
    #expect(receive("B;1") == [.discardInput, .write([0x03])])
    #expect(receive("P;1;130") == [.write([0x0A])])
  }

  @Test mutating func `a command that ends meanwhile has simply ended`() {
    _ = machine.handle(.interrupt, at: start)
    let end = SessionMachine.CommandEnd(
      status: 130, manner: .interrupted(by: .interruptCharacter), directory: [])
    let actions = receive("B;1", "E;1;0;hB;/root")
    #expect(actions.first == .discardInput && actions.contains(.write([0x03])))
    #expect(!actions.contains(.finished(end)), "the shell has to prove first that it reads")
  }

  @Test mutating func `one that never begins is thrown away, and the shell proves that it still reads`()
    throws
  {
    _ = machine.handle(.interrupt, at: start)
    var now = try #require(machine.deadline)
    #expect(machine.handle(.tick, at: now) == [.discardInput, .write([0x03])])
    now = try #require(machine.deadline)
    #expect(machine.handle(.tick, at: now) == [.write([0x0A])])
    now = try #require(machine.deadline)
    let repair = machine.handle(.tick, at: now)
    guard case .write = repair.first else {
      Issue.record("\(repair)")
      return
    }
    let end = receive("B;2", "E;2;0;hB;/root")
    #expect(
      end == [
        .finished(
          .init(status: 130, manner: .interrupted(by: .interruptCharacter), directory: Array("/root".utf8)))
      ])
    #expect(machine.isIdle)
  }
}
