import Foundation

extension Guarantee {
  private static let ownTrace =
    "The trace also shows what the server types, its session's random number among it."
  private static let unknownTrap = "This shell has no such trap."
  static let options: [Guarantee] = [
    Guarantee(
      "`set -e`, and a command that succeeds", spoils: true,
      [Step("set -e", ""), Step("true; echo a", "a"), Step("false || echo b", "b")]),
    Guarantee(
      "`set -e` and a failure: session closed, with the status",
      [Step("set -e; cd /; (exit 9); echo never", like: Step.ended(9))]),
    Guarantee(
      "`set -e` and a failure in the next command", [Step("set -e", ""), Step("false", like: Step.ended(1))]),
    Guarantee(
      "`set -u`", spoils: true,
      [Step("set -u", ""), Step("echo $undefined_x", like: Step.error), Step("echo a", "a")]),
    Guarantee(
      "`set -x`", spoils: true,
      [
        Step("set -x", "").or("with the server's own lines", ownTrace, like: "\\+ .*"),
        Step("echo a", "+ echo a\na").or(
          "and the `eval`", "The trace also shows the `eval` by which the command is run.",
          like: "\\+[^\n]*eval[^\n]*echo a[^+]*\\+[^\n]* echo a\na"
        ).or("with the server's own lines", ownTrace, like: "\\+.*echo a\na.*"),
        Step("set +x", like: ".*"),
      ]),
    Guarantee(
      "`set -v`", spoils: true,
      [
        Step("set -v", ""),
        Step("echo a", "a").or(
          "shown twice", "The shell also shows the lines that it reads.", like: "echo a\n+a"),
        Step("set +v", like: ".*"),
      ]),
    Guarantee(
      "`set -f`", spoils: true,
      [
        Step("set -f", ""),
        Step("echo *", "*").or(
          "another option", "In zsh `-f` is something else; `set -o noglob` is this one.",
          like: "Error.*no matches.*"),
      ]),
    Guarantee(
      "`set -n`", spoils: true,
      [
        Step("set -n", "").or(
          "refused by the shell", "The shell does not take the option then.", like: "Error.*can't change.*"
        ).or(
          "session closed, said so", "The shell executes nothing any more, not even what would undo it.",
          like: Step.ended(nil)),
        Step("echo a", "a").or(
          "session closed, said so", "The shell executes nothing any more, not even what would undo it.",
          like: ".*(session ended|not started: the shell no longer runs).*"),
      ]),
    Guarantee(
      "`set -o pipefail`", spoils: true,
      [
        Step("set -o pipefail; (exit 3) | true", "Error (code 3):").or(
          "no such option", "The shell refuses the option.", like: Step.error), Step("echo a", "a"),
      ]),
    Guarantee("`set -m` off and on", [Step("set +m; sleep 0.01; echo a", "a"), Step("set -m; echo b", "b")]),
    Guarantee(
      "`set -o emacs`, `set -o vi`", spoils: true,
      [
        Step("set -o emacs 2>/dev/null; :", like: ".*"), Step("echo a", "a"),
        Step("set -o vi 2>/dev/null; :", like: ".*"), Step("echo b", "b"),
      ]),
    Guarantee(
      "A trap on EXIT runs when the shell ends",
      [
        Step("trap 'echo bye' EXIT", ""), Step("echo a", "a"),
        Step("exit 5", like: Step.ended(5, after: "bye\n")),
      ]),
    Guarantee(
      "A trap on DEBUG", spoils: true,
      [
        Step("trap 'echo D >&2' DEBUG", like: "[D\n]*").or("no such trap", unknownTrap, like: Step.error),
        Step("echo a", like: "[D\n]*a[D\n]*"), Step("trap - DEBUG 2>/dev/null; :", like: ".*"),
      ]),
    Guarantee(
      "A trap on ERR", spoils: true,
      [
        Step("trap 'echo E' ERR", "").or("no such trap", unknownTrap, like: Step.error),
        Step("false", "Error (code 1):\nE").or(
          "runs twice", "It runs for the command that failed and for the `eval` around it.",
          like: "Error \\(code 1\\):\nE\nE"
        ).or("no such trap", unknownTrap, like: "Error \\(code 1\\):"),
        Step("trap - ERR 2>/dev/null; :", like: ".*"),
      ]),
    Guarantee(
      "A trap on INT", spoils: true,
      [
        Step("trap 'echo I' INT", ""), Step("sleep 30", like: stopped(), timeout: 0.3),
        Step("trap - INT; echo a", "a"),
      ]),
    Guarantee(
      "`IFS` changed", spoils: true,
      [Step("IFS='E;17B0'", ""), Step("echo $(printf xaEb)", "xa b"), Step("unset IFS; echo a", "a")]),
    Guarantee(
      "`PS0`, `PS1`, `PS2`, `PROMPT_COMMAND` changed", spoils: true,
      [
        Step("PS0=zero; PS1='one> '; PS2='two> '; PROMPT_COMMAND='echo hook'", "").or(
          "shown once", "What they print comes with the command that set them or with the one after it.",
          like: ".+"),
        Step("for i in 1\ndo echo a\ndone", "a").or(
          "shown once", "What they print comes with the command that set them or with the one after it.",
          like: "(.*\n)?a"),
        Step("echo b", "b").or("`PS0` is shown", "bash shows it before each command.", like: "zero.*b"),
      ]),
    Guarantee("`readonly PS1 PS2`", spoils: true, [Step("readonly PS1 PS2", ""), Step("echo a", "a")]),
    Guarantee(
      "`readonly PROMPT_COMMAND`", spoils: true, [Step("readonly PROMPT_COMMAND", ""), Step("echo a", "a")]),
    Guarantee(
      "A readonly variable assigned to",
      [Step("readonly r=1", ""), Step("r=2", like: Step.error), Step("echo $r", "1")]),
    Guarantee(
      "`set --`, `shift`, positional parameters",
      [Step("set -- 'a b' c", ""), Step("shift; echo \"$# $1\"", "1 c"), Step("set --", "")]),
  ]

  static let streams: [Guarantee] = [
    Guarantee(
      "`exec >file`: the output goes there for that command",
      [Step("exec >out; echo hidden", ""), Step("cat out", "hidden"), Step("echo a", "a")]),
    Guarantee(
      "`exec 2>&1`, `exec >&2`",
      [Step("exec 2>&1", ""), Step("echo a >&2", "a"), Step("exec >&2", ""), Step("echo b", "b")]),
    Guarantee("`exec </dev/null`", [Step("exec </dev/null", ""), Step("echo a", "a")]),
    Guarantee(
      "`exec 2>&-`, `exec >&-`, `exec <&-`",
      [
        Step("exec 2>&-", ""), Step("echo a >&2", "a"), Step("exec >&-", ""), Step("echo b", "b"),
        Step("exec <&-", ""), Step("echo c", "c"), Step("exec <&- >&- 2>&-", ""), Step("echo d", "d"),
      ]),
    Guarantee(
      "A descriptor of one's own stays open",
      [Step("exec 3>three", ""), Step("echo a >&3", ""), Step("exec 3>&-; cat three", "a")]),
    Guarantee(
      "`stty raw`",
      [
        Step("stty raw", ""), Step("printf 'a\\nb\\n'", "a\nb"),
        Step("sleep 30", like: stopped(), timeout: 0.3),
      ]),
    Guarantee(
      "`stty echo -icanon -isig`",
      [
        Step("stty echo -icanon -isig", ""), Step("echo a", "a"),
        Step("sleep 30", like: stopped(), timeout: 0.3),
      ]),
    Guarantee(
      "`stty` of a program that damages the terminal",
      [Step("sh -c 'stty raw -isig'", ""), Step("echo a", "a")]),
    Guarantee(
      "`reset`",
      [
        Step("TERM=xterm reset -Q 2>/dev/null; TERM=xterm reset", like: ".*"),
        Step("printf 'a\\nb\\n'", "a\nb"),
      ]),
    Guarantee(
      "`cat` reads the terminal: told, and answered",
      [
        Step("cat", like: "\\[waiting for input: cat reads.*", wait: 8),
        Step(.sendText("hello"), like: "hello.*"), Step(.sendKeys(["ctrl-d"]), like: ""),
      ]),
    Guarantee(
      "`read` waits for a line",
      [
        Step("read x; echo \"got $x\"", like: "\\[waiting for input: .*", wait: 8),
        Step(.sendText("a line"), "got a line"), Step("echo \"$x\"", "a line"),
      ]),
    Guarantee(
      "A program that reads all input gets nothing of the session's",
      [
        Step("sh -c 'cat >eaten'", like: "\\[waiting for input.*"),
        Step(.sendKeys(["ctrl-c"]), like: Step.error), Step("cat eaten", ""),
        Step("cat </dev/null", ""),
      ]),
    Guarantee(
      "A program that reads input in the background", spoils: true,
      [Step("cat >eaten 2>&1 & :", like: ".*"), Step("echo a", like: ".*a"), Step("cat eaten", like: ".*")]),
    Guarantee(
      "A full-screen program (`top`)",
      [
        Step("TERM=xterm top", like: ".*\\[(waiting for input: top|still running).*", wait: 3),
        Step(.sendText("q"), like: ".*"), Step("echo a", "a"),
      ]),
  ]

  static func stopped(by sign: String = ".*", after: String = "0.3 s") -> String {
    "Error \\(code \\d+\\):\n.*\\[timed out after \(after) and stopped by \(sign).*session is usable(; in the background .*)?\\]"
  }
}

extension Step {
  /// An action with exactly this answer.
  init(_ action: Action, _ text: String) {
    self.init(action, like: NSRegularExpression.escapedPattern(for: text))
  }
}
