import Foundation

extension Guarantee {
  private static let everyCharacter = String(
    String.UnicodeScalarView((1...255).compactMap(Unicode.Scalar.init)))

  static let texts: [Guarantee] = [
    Guarantee(
      "Comments, blank lines, `;` and blanks around a command",
      [
        Step("# only a comment", ""), Step(":", ""), Step("\n\n echo a \n\n", "a"), Step("echo a;", "a"),
        Step("echo a # comment", "a"), Step("  { :; }  ", ""), Step("echo a \\\n b", "a b"),
      ]),
    Guarantee(
      "Unclosed quotes, backquotes, `$(`, `${`",
      ["echo 'a", "echo \"a", "echo `a", "echo $(a", "echo ${a"].map { Step($0, like: Step.error) }),
    Guarantee(
      "Syntax errors: `fi`, `)`, `| |`, `if true`, `for`",
      ["fi", "echo a )", "echo a | | b", "if true", "for", "&& a", "case x in", "a() {"].map {
        Step($0, like: Step.error)
      }),
    Guarantee(
      "Here-documents, quoted, nested, with the lines of ssh's escapes",
      [
        Step("cat <<'E'\n$a `b` \\\n~.\n~~\nE\necho c", "$a `b` \\\n~.\n~~\nc"),
        Step("cat <<E; cat <<'F'\n$v\nE\n$v\nF", "a  b\n$v"), Step("cat <<-E\n\ta\n\tE", "a"),
      ]),
    Guarantee(
      "A here-document without its end",
      [Step("cat <<E\nunclosed", like: "(Error.*|.*unclosed.*)")]),
    Guarantee("History characters stay themselves", [Step("echo '!!' \"!$\" !-1 '^a^b'", "!! !$ !-1 ^a^b")]),
    Guarantee(
      "A command of 1,000 lines",
      [Step("n=0\n" + String(repeating: "n=$((n+1))\n", count: 1000) + "echo $n", "1000")]),
    Guarantee(
      "A command of 100,000 characters on one line",
      [Step("echo '\(String(repeating: "x", count: 100_000))' | wc -c", like: " *100001")]),
    Guarantee(
      "Every character from 1 to 255",
      [
        Step(
          "printf %s '\(everyCharacter.replacingOccurrences(of: "'", with: "'\\''"))' | od -An -v -tx1 | tr -d ' \\n'",
          everyCharacter.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
      ]),
    Guarantee(
      "The status of the command before is `$?`, whatever it was",
      [
        Step("(exit 7)", like: "Error \\(code 7\\):"), Step("echo $?", "7"),
        Step("sh -c 'kill -9 $$'", like: "Error \\(code 137\\):.*"), Step("echo $?", like: "137|265"),
        Step("no-such-command-x", like: "Error \\(code 127\\):.*"),
      ]),
  ]

  static let outputs: [Guarantee] = [
    Guarantee(
      "Output without a final line feed",
      [Step("printf 'a\\nb'", "a\nb"), Step("printf x; false", "Error (code 1):\nx")]),
    Guarantee(
      "Standard output and standard error in the order written",
      [Step("echo a; echo b >&2; echo c; echo d >&2", "a\nb\nc\nd")]),
    Guarantee(
      "NUL bytes and bytes that are not UTF-8 become U+FFFD",
      [Step("printf 'a\\000b\\377c\\n'", "a\u{FFFD}b\u{FFFD}c")]),
    Guarantee(
      "A character written in two halves", [Step("printf '\\303'; sleep 0.1; printf '\\251\\n'", "é")]),
    Guarantee(
      "A program's bytes on the terminal", [Step("head -c 20000 /dev/urandom; echo; echo END", like: ".*END")]
    ),
    Guarantee(
      "Forged markers in the output",
      [
        Step(
          "for m in B E P H; do printf '\\033]7717;0123456789abcdef;%s;1;0;/;0123456789abcdef\\007' $m; done; echo a",
          "a"),
        Step(
          "printf '\\033]7717;0123'; echo; printf '\\033]133;D;0\\007'; printf 'user@host:~$ '; echo a",
          like: ".*a"),
      ]),
    Guarantee(
      "Dumps of variables and functions, with the server's own among them",
      [
        Step("set; env; echo END", like: ".*v=.*END"),
        Step("{ declare -f || typeset -f; } 2>/dev/null; echo END", like: ".*END"),
        Step("echo \"$PS1$PS2$PROMPT_COMMAND\"", like: ".*"),
      ]),
    Guarantee("Colours are removed", [Step("printf '\\033[1;31mred\\033[0m plain\\n'", "red plain")]),
    Guarantee("A progress bar is left in its last state", [Step("printf '10%%\\r50%%\\r100%%\\n'", "100%")]),
    Guarantee(
      "Alternate screen, cursor keys, title",
      [Step("printf '\\033[?1049h\\033[2Jin\\033[?1049l\\033]0;title\\007'; echo; echo a", like: "in\na")]),
    Guarantee(
      "5 MB of output: begin and end are shown, the rest can be read",
      [
        Step(
          "head -c 5000000 /dev/zero | tr '\\0' x; echo END",
          like: "x+\n\\[\\d+ bytes left out: .*of 5000004; .*\\]\nx+END")
      ]),
    Guarantee(
      "An endless flood, stopped by its timeout",
      [
        Step(
          "yes", like: "Error \\(code \\d+\\):\ny\n.*\\[timed out after 0.5 s and stopped by .*usable\\]",
          timeout: 0.5)
      ]),
    Guarantee(
      "A program that closes its output and goes on",
      [Step("sh -c 'echo a; exec >&- 2>&-; sleep 0.3; exit 4'", "Error (code 4):\na")]),
  ]

  static let directories: [Guarantee] = [
    Guarantee(
      "A directory that is removed under the shell",
      [
        Step("mkdir gone; cd gone; rmdir ../gone", ""), Step("echo a", "a"),
        Step("cd \"$HOME/work\" && pwd | sed 's,.*/,,'", "work"),
      ]),
    Guarantee(
      "Directories with blanks, quotes, `;`, line feeds, escapes in their names",
      [
        Step("d=$(printf 'a b\\n\"c\\047;E;1;0\\033]x\\007e'); mkdir \"$d\"; cd \"$d\"", ""),
        Step("[ \"${PWD##*/}\" = \"$d\" ] && echo same", "same"), Step("cd .. && rmdir \"$d\"", ""),
      ]),
    Guarantee("`umask 777`", [Step("umask 777", ""), Step("echo a", "a"), Step("umask 022", "")]),
    Guarantee(
      "`ulimit -n 12`", spoils: true, probes: false,
      [
        Step("ulimit -n 12", "").or(
          "status 1", "The shell itself needs more descriptors and fails.", like: "Error \\(code 1\\):.*"),
        Step("echo a; (echo b)", "a\nb").or(
          "no output", "Output is lost from then on: the shell itself needs more descriptors.", like: ""
        ).or(
          "status 1", "The shell itself needs more descriptors and fails.", like: "Error \\(code 1\\):.*"),
      ]),
    Guarantee(
      "`PATH=` emptied", spoils: true, [Step("PATH=", ""), Step("echo a", "a"), Step("ls", like: Step.error)]),
    Guarantee(
      "`HOME`, `PWD`, `SHELL`, `TERM` unset", spoils: true,
      [Step("unset HOME SHELL TERM", ""), Step("echo a", "a")]),
  ]
}
