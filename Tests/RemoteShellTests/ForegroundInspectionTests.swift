import RemoteShell
import Testing

/// Answers of the side channel as recorded on Linux, x86-64; 0 is read(2), 7 poll(2), 270 pselect6(2), 230
/// clock_nanosleep(2).
struct ForegroundInspectionTests {
  static let shell = "F 20 10\nP 10 9 10 20 34817 S 61 n 1 bash\n"

  @Test(arguments: [
    ("cat", shell + "P 20 10 20 20 34817 S 0 y 1 cat\nT cooked", "", "cat"),
    ("read in the shell", "F 10 10\nP 10 9 10 10 34817 S 0 y 1 bash\nT cooked", "Name? ", "bash"),
    ("python3", shell + "P 20 10 20 20 34817 S 270 n 1 python3\nT raw", ">>> ", "python3"),
    ("busybox read", "F 10 10\nP 10 9 10 10 34817 S 7 n 1 ash\nT cooked", "", "ash"),
    ("sudo asking", shell + "P 20 10 20 20 34817 S - n 1 sudo\nT cooked", "[sudo] password for u: ", "sudo"),
    (
      "a root shell below sudo",
      shell + "P 20 10 20 20 34817 S - n 1 sudo\nP 21 20 21 21 34818 S - n 1 bash\nT raw", "# ", "bash"
    ),
    ("ssh at a remote prompt", shell + "P 20 10 20 20 34817 S 7 n 1 ssh\nT raw", "user@far:~$ ", "ssh"),
  ])
  func `what reads the terminal is named`(_ case: String, _ answer: String, _ tail: String, _ name: String) {
    let state = ForegroundInspection(answer: answer)?.state(tail: tail, isAlternateScreen: false)
    guard case .readsTerminal(let program)? = state else {
      Issue.record("\(`case`): \(String(describing: state))")
      return
    }
    #expect(program.name == name, "\(`case`)")
  }

  @Test(arguments: [
    ("sleep", shell + "P 20 10 20 20 34817 S 230 n 1 sleep\nT cooked", ""),
    ("a builtin sleep of ksh93", "F 10 10\nP 10 9 10 10 34817 S 7 n 1 ksh93\nT cooked", ""),
    ("a shell that has just woken", "F 10 10\nP 10 9 10 10 34817 S running n 1 bash\nT cooked", ""),
    ("a running loop", "F 10 10\nP 10 9 10 10 34817 R - n 1 bash\nT cooked", "$ "),
    (
      "make with a compiler",
      shell + "P 20 10 20 20 34817 S 61 n 1 make\nP 21 20 20 20 34817 R - n 1 cc1\nT cooked", "x: "
    ),
    ("tail -f", shell + "P 20 10 20 20 34817 S 7 n 1 tail\nT cooked", "line: "),
    (
      "cat in a pipeline",
      shell + "P 20 10 20 20 34817 S 0 n 1 cat\nP 21 10 20 20 34817 S 230 n 1 sleep\nT cooked", ""
    ),
    (
      "a background reader",
      "F 10 10\nP 10 9 10 10 34817 S 61 n 1 bash\nP 20 10 20 10 34817 S 0 y 1 cat\nT cooked", ""
    ),
    (
      "sudo running something",
      shell + "P 20 10 20 20 34817 S - n 1 sudo\nP 21 20 20 20 34817 S - n 1 apt\nT cooked", "50%\n"
    ),
    ("docker without a prompt", shell + "P 20 10 20 20 34817 S 7 n 1 docker\nT raw", "building\n"),
  ])
  func `what only is quiet is never said to wait`(_ case: String, _ answer: String, _ tail: String) {
    let state = ForegroundInspection(answer: answer)?.state(tail: tail, isAlternateScreen: false)
    #expect(state == .busy, "\(`case`)")
  }

  @Test func `a stopped job is told as stopped, a shell as a shell, an editor as full-screen`() throws {
    let stopped = ForegroundInspection(answer: Self.shell + "P 20 10 20 20 34817 T 0 n 1 vim\nT raw")
    #expect(stopped?.state(tail: "", isAlternateScreen: false) == .stopped)
    let nested = ForegroundInspection(
      answer: Self.shell + "S 10 900\nP 20 10 20 20 34817 S 270 n 1 bash\nS 20 800\nV 20 bash\nT raw")
    guard case .readsTerminal(let shell)? = nested?.state(tail: "$ ", isAlternateScreen: false) else {
      Issue.record("a nested shell waits")
      return
    }
    #expect(shell.isShell && !shell.isFullScreen)
    let editor = ForegroundInspection(answer: Self.shell + "P 20 10 20 20 34817 S 270 n 1 vim\nT raw")
    guard case .readsTerminal(let vim)? = editor?.state(tail: "", isAlternateScreen: false) else {
      Issue.record("an editor waits")
      return
    }
    #expect(vim.isFullScreen && !vim.isShell)
  }

  /// The driver is typed into what is entered, so a script that asks must never be.
  @Test(arguments: [
    ("a shell at its prompt", "sh", "V 20 sh", 800, "cooked", true),
    ("a login shell", "bash", "V 20 -bash", 800, "raw", true),
    (
      "an interactive one with options", "bash", "V 20 bash\nV 20 --rcfile\nV 20 my rc\nV 20 -i", 800, "raw",
      true
    ),
    ("another user's", "bash", "V 20 bash", 0, "raw", true),
    ("one that edits no lines", "bash", "V 20 bash\nV 20 --noediting", 800, "cooked", true),
    ("a script", "bash", "V 20 bash\nV 20 install.sh", 800, "cooked", false),
    ("a command", "sh", "V 20 sh\nV 20 -c\nV 20 read x; echo $x", 800, "cooked", false),
    ("start-up files that ask", "bash", "V 20 bash", 800, "cooked", false),
    ("a subshell", "bash", "V 20 bash\nV 20 -l\nV 20 -i", 900, "cooked", false),
    ("another user's subshell", "bash", "V 20 bash\nV 20 -l\nV 20 -i", 0, "raw", false),
    ("one that nothing is known of", "sh", "", 800, "cooked", false),
  ])
  func `only a shell that reads commands is entered`(
    _ case: String, _ name: String, _ words: String, _ stack: Int, _ terminal: String, _ isShell: Bool
  ) {
    let answer =
      Self.shell
      + "S 10 900\nV 10 bash\nV 10 -l\nV 10 -i\nP 20 10 20 20 34817 S 0 y 1 \(name)\nS 20 \(stack)\n"
      + "\(words)\nT \(terminal)"
    let state = ForegroundInspection(answer: answer)?.state(tail: "$ ", isAlternateScreen: false)
    guard case .readsTerminal(let program)? = state else {
      Issue.record("\(`case`): \(String(describing: state))")
      return
    }
    #expect(program.isShell == isShell, "\(`case`)")
  }

  @Test(arguments: ["none", "gone", "", "F x y", "P 1 2 3"])
  func `an answer without facts is none`(_ answer: String) {
    #expect(ForegroundInspection(answer: answer) == nil)
  }
}
