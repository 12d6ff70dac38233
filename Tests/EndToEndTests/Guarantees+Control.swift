import Foundation

extension Guarantee {
  private static let words = [
    "printf", "eval", "test", "[", "stty", "set", "exec", "command", "builtin", "echo", "read", "unset",
    "case",
  ]

  private static let hijacked =
    "Commands are run by that function instead, or without output and status: close the session."

  static let names: [Guarantee] =
    words.map { word in
      Guarantee(
        "A function named `\(word)`", spoils: true, probes: false,
        [
          Step("\(word)() { return 0; }", "").or(
            "refused by the shell", "The shell does not take that name for a function.", like: Step.error
          ).or("unusable", hijacked, like: ".*\\[waiting for input: bash.*"),
          Step("pwd | sed 's,.*/,,'", "work").or("unusable", hijacked, like: ".*").waiting(5),
          Step("false", "Error (code 1):").or("unusable", hijacked, like: ".*").waiting(5),
          Step("pwd >/dev/null", "").or("unusable", hijacked, like: ".*").waiting(5),
        ])
    } + [
      Guarantee(
        "Aliases of all those names", spoils: true, probes: false,
        [
          Step("alias printf=: eval=: test=: stty=: set=: exec=: command=: builtin=: read=: unset=:", ""),
          Step("pwd | sed 's,.*/,,'", "work"), Step("false", "Error (code 1):"),
          Step("(exit 3)", "Error (code 3):"),
        ]),
      Guarantee(
        "`unset -f` of a function of one's own",
        [Step("g() { :; }; unset -f g", ""), Step("g", like: Step.error)]),
      Guarantee(
        "The session's own functions removed", spoils: true, probes: false,
        [
          Step("unset -f __mcp_b __mcp_e __mcp_f __mcp_o __mcp_p", like: ".*\\[session ended.*").or(
            "unusable", "Nothing tells any more where commands end: close the session.", like: ".*")
        ]),
    ]

  static let ends: [Guarantee] = [
    Guarantee("`exit 3`: session closed, with the status", [Step("exit 3", like: Step.ended(3))]),
    Guarantee("`exit` after output", [Step("echo a; exit 0", like: Step.ended(0, after: "a\n"))]),
    Guarantee("`exec true`: session closed", [Step("exec true", like: Step.ended(0))]),
    Guarantee(
      "`exec` of a program that is missing",
      [
        Step("exec /no/such/program", like: Step.error).or(
          "session closed, said so", "The shell ends when the program cannot be started.",
          like: ".*\\[session ended.*")
      ]),
    Guarantee(
      "`kill -9 $$`: session closed, said so",
      [Step("kill -9 $$", like: ".*\\[session ended: the shell was killed.*")]),
    Guarantee(
      "`kill $$` is ignored by an interactive shell",
      [
        Step("kill $$", "").or(
          "status 143", "The shell gives up the command and goes on.", like: "Error \\(code 143\\):"),
        Step("echo a", "a"),
      ]),
    Guarantee(
      "`kill -HUP $$`: session closed, said so",
      [
        Step("kill -HUP $$; sleep 1", like: ".*\\[session ended.*").or(
          "status 129", "The shell gives up the command and goes on.", like: "Error \\(code 129\\):.*")
      ]
    ),
    Guarantee(
      "`return 3` outside a function",
      [
        Step("return 3", like: "Error \\(code \\d+\\):.*").or(
          "session closed, said so", "The shell takes `return` for `exit` there.", like: Step.ended(3))
      ]),
    Guarantee(
      "`break`, `continue` outside a loop",
      [Step("break", like: ".*"), Step("continue", like: ".*"), Step("echo a", "a")]),
    Guarantee("`shift 100`", [Step("shift 100", like: "(Error.*)?"), Step("echo a", "a")]),
    Guarantee(
      "`.` of a file that is missing", [Step(". /no/such/file", like: Step.error), Step("echo a", "a")]),
  ]

  static let jobs: [Guarantee] = [
    Guarantee(
      "A background job without output, `wait`",
      [Step("sleep 0.1 &", like: ".*"), Step("wait; echo a", like: ".*a")]),
    Guarantee(
      "A background job's output, waited for",
      [Step("(sleep 0.1; echo late) & wait; echo a", like: ".*late.*a")]),
    Guarantee(
      "A background job that writes while nothing runs does not disturb",
      [Step("(sleep 0.05; echo late) & :", like: ".*"), Step("sleep 0.2; echo a", like: ".*a")]),
    Guarantee(
      "`set +m`, then a background job", spoils: true, [Step("set +m; sleep 0.1 & wait; echo a", like: ".*a")]
    ),
    Guarantee(
      "`disown`", spoils: true,
      [
        Step("sleep 0.2 & disown", like: ".*").or(
          "no such command", "The shell has no `disown`.", like: "Error.*not found.*"),
        Step("echo a", like: ".*a"),
      ]),
    Guarantee(
      "A stopped job", spoils: true,
      [
        Step("sh -c 'kill -STOP $$'", like: ".*"), Step("echo a", like: ".*a"),
        Step("kill -KILL %1; wait; echo b", like: ".*b"),
      ]),
    Guarantee(
      "`nohup` and `setsid` jobs survive the stop of a later command", spoils: true,
      [
        Step(
          "nohup sleep 77 >/dev/null 2>&1 & a=$!; setsid sh -c 'echo $$ >pid; exec sleep 78' >/dev/null 2>&1 & :",
          like: ".*"),
        Step("sleep 30", like: ".*" + stopped(), timeout: 0.3),
        Step("kill -0 $a && kill -0 $(cat pid) && echo lives", like: ".*lives"),
        Step("kill $a $(cat pid)", like: ".*"),
      ]),
  ]

  static let stops: [Guarantee] = [
    stop("`sleep`", "sleep 30"), stop("a pipeline", "sleep 30 | cat"), stop("a subshell", "(sleep 30; :)"),
    stop("a function that sleeps", "g() { sleep 30; }; g"), stop("a loop of builtins", "while :; do :; done"),
    stop("a loop of programs", "while :; do sleep 0.01; done"),
    stop("a command substitution", "x=$(sleep 30)"), stop("`wait`", "sleep 30 & wait"),
    stop("a script", "sh -c 'sleep 30; sleep 30'"),
    stop("a program that ignores ^C", "sh -c 'trap \"\" INT; sleep 30'"),
    stop("a loop of programs that ignore ^C", "while :; do sh -c 'trap \"\" INT; sleep 30'; done"),
    Guarantee(
      "What stands behind a program that ignores ^C is not run",
      [
        Step(
          "rm -f ran; sh -c 'trap \"\" INT; sleep 30'; echo >ran; sleep 30", like: ".*" + stopped(),
          timeout: 0.3),
        Step("cat ran", like: Step.error),
      ]),
    stop("a program that ignores ^C, TERM and HUP", "sh -c 'trap \"\" INT TERM HUP; sleep 30; sleep 30'"),
    stop("`trap '' INT` and `sleep`", "trap '' INT; sleep 30", spoils: true),
    stop("a loop of builtins after `trap '' INT`", "trap '' INT; while :; do :; done", spoils: true),
    Guarantee(
      "A program that stops itself (`kill -STOP`) comes back at once", spoils: true,
      [
        Step("sh -c 'kill -STOP $$; sleep 30'", like: "Error \\(code \\d+\\):.*").or(
          "status 0", "A stopped program has status 0 here.", like: "")
      ]),
    Guarantee(
      "The `interrupt` tool",
      [
        Step(
          .stop("sleep 30", by: .interrupt), like: "Error \\(code \\d+\\):\n\\[stopped by SIGINT.*usable.*\\]"
        )
      ]),
    Guarantee(
      "A cancelled call: the command is stopped, the next one runs",
      [Step(.stop("sleep 30", by: .cancellation), "next")]),
    Guarantee(
      "Output until the timeout is kept",
      [Step("echo before; sleep 30", like: "Error \\(code \\d+\\):\nbefore\n\\[timed out.*", timeout: 0.3)]),
    Guarantee(
      "A wait that ends before the command does, then `read-output`",
      [
        Step("sleep 0.6; echo a", like: "\\[still running.*", wait: 0.2), Step(.read, like: "a.*"),
        Step(.read, like: ".*"),
        Step("echo b", "b"),
      ]),
  ]

  private static func stop(_ what: String, _ command: String, spoils: Bool = false) -> Guarantee {
    Guarantee(
      "Timeout of \(what)", spoils: spoils,
      [
        Step(command, like: ".*" + stopped(), timeout: 0.3).or(
          "session closed, said so", "Nothing but the end of the shell stops it.",
          like: ".*timed out.*session ended.*")
      ])
  }

  static let nested: [Guarantee] = [
    Guarantee(
      "`bash` inside, entered and left",
      [
        Step("bash --norc", like: ".*\\[entered bash as .*depth 2.*\\]"),
        Step("echo $BASHPID >pid; inner=1; echo a", "a"), Step("false", "Error (code 1):"),
        Step("exit 4", like: "Error \\(code 4\\):\n.*\\[left the inner shell with status 4.*\\]"),
        Step("echo \"${inner-unset}\"", "unset"),
      ]),
    Guarantee(
      "`sh` inside, entered and left",
      [
        Step("sh", like: ".*\\[entered .*depth 2.*\\]"), Step("echo a", "a"),
        Step("exit", like: "(.*\n)?\\[left the inner shell with status 0.*\\]"),
      ]),
    Guarantee(
      "`sh` reading a script from a pipe", [Step("echo 'echo a; exit 3' | sh", "Error (code 3):\na")]),
  ]
}
