import RemoteShell
import Testing

/// Shells inside shells, and programs that are taken for one.
extension SessionMachineTests {
  /// Starts a shell inside the session and enters it.
  private mutating func enterBash() {
    _ = run("bash")
    _ = receive("B;1")
    _ = machine.handle(.enterNestedShell, at: start)
    _ = receive("H;bash;200;p;/dev/pts/1;root;/root", "P;0;0", level: 1)
  }

  @Test mutating func `a nested shell is entered, runs commands and is left by exit`() {
    boot()
    _ = run("bash")
    _ = receive("B;1", "$ ")
    #expect(machine.handle(.enterNestedShell, at: start).count == 1)
    let entered = receive("H;bash;200;p;/dev/pts/1;root;/root", "P;0;0", level: 1)
    guard case .entered(let hello)? = entered.first else {
      Issue.record("\(entered)")
      return
    }
    #expect(hello.processIdentifier == 200 && machine.depth == 2)
    _ = run("echo in")
    #expect(
      receive("B;1", "in\n", "E;1;0;hB;/", "P;1;0", level: 1).suffix(1) == [finished(0, .completed, "/")])
    _ = run("exit 4")
    _ = receive("B;2", "exit\n", level: 1)
    #expect(receive("E;1;4;hB;/root") == [finished(4, .leftShell)])
    #expect(machine.depth == 1)
  }

  @Test mutating func `a nested shell that dies while idle takes the session back to the outer one`() {
    boot()
    enterBash()
    #expect(receive("E;1;137;hB;/root").first == .left(status: 137))
  }

  @Test mutating func `a program that does not answer as a shell goes on as what it was`() {
    boot()
    _ = run("weird")
    _ = receive("B;1")
    _ = machine.handle(.enterNestedShell, at: start)
    #expect(machine.handle(.tick, at: machine.deadline ?? start) == [.notEntered])
    #expect(receive("out", "E;1;0;hB;/root") == [output("out"), finished(0)])
  }

  @Test mutating func `a program that is no shell keeps what it wrote while it was tried`() {
    boot()
    _ = run("weird")
    _ = receive("B;1")
    _ = machine.handle(.enterNestedShell, at: start)
    #expect(receive("what? ") == [] && machine.hasBegun && machine.isAdopting)
    #expect(receive("yes\n") == [])
    #expect(receive("E;1;0;hB;/root") == [.notEntered, output("what? yes\n"), finished(0)])

    _ = receive("P;1;0")
    _ = run("weird")
    _ = receive("B;2")
    _ = machine.handle(.enterNestedShell, at: start)
    let flood = String(repeating: "y\n", count: 40_000)
    #expect(receive(flood) == [.notEntered, output(flood)])
  }

  @Test mutating func `a command that is tried as a shell can be stopped`() {
    boot()
    _ = run("sh -c 'read x; sleep 600'")
    _ = receive("B;1")
    _ = machine.handle(.enterNestedShell, at: start)
    _ = receive("x")
    #expect(
      machine.handle(.interrupt, at: start) == [.notEntered, output("x"), .discardInput, .write([3])])
    #expect(receive("E;1;130;hB;/root") == [.write([10])])
    _ = machine.handle(.tick, at: machine.deadline ?? start)
    #expect(
      receive("B;2", "E;2;0;hB;/root", "P;2;0") == [finished(130, .interrupted(by: .interruptCharacter))])
  }

  @Test
  mutating func `an interrupted command has ended even if its nested shell dies before it has shown that`() {
    for ticks in 0...1 {
      machine = Self.makeMachine(nonces, hasSideChannel: true)
      boot()
      enterBash()
      _ = run("sleep 600")
      _ = receive("B;1", level: 1)
      _ = machine.handle(.interrupt, at: start)
      _ = receive("E;1;130;hB;/root", level: 1)
      for _ in 0..<ticks { _ = machine.handle(.tick, at: machine.deadline ?? start) }
      let actions = receive("E;1;137;hB;/root")
      #expect(
        actions.prefix(2) == [finished(130, .interrupted(by: .interruptCharacter)), .left(status: 137)],
        "\(ticks)")
      #expect(machine.depth == 1)
    }
  }

  @Test mutating func `a nested shell that dies while a program in it is tried ends the command`() {
    boot()
    enterBash()
    _ = run("weird")
    _ = receive("B;1", level: 1)
    _ = machine.handle(.enterNestedShell, at: start)
    #expect(
      receive("Killed\n", "E;1;137;hB;/root") == [.notEntered, output("Killed\n"), finished(137, .leftShell)])
  }
}
