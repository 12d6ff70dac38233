"""Random commands for random_commands.py: `Grammar.step()` gives the next one and remembers what it changed.

A production returns shell text. Pure ones change nothing in the shell and may stand inside others.
"""

import dataclasses
import os
import random

from shell_pair import DIRECTORIES

AWKWARD = [
    "'", '"', "\\", "$", "`", "%", "-n", "-e", "--", "!", "*", "?", "[", "~", "#", "&", "|", ";", "<", ">", "(", ")",
    "{", "}", "$(echo no)", "`echo no`", "${HOME}", "$$", "%s", "%d%%", "\\n", "\\0", "\\x41", "\\c", "'\\''", "EOF",
    "done", "fi", "__mcp_e", "E;1;0;", "]7717;", "a  b", " ", "  lead", "trail ", "\t", "\n", "\n\n", "é", "ß", "漢字",
    "🙂", "👩‍👩‍👧", "e\u0301", " \u0301", "\u200b", "\u00a0", "\u2028", "\u202e", "עברית", "\ufeff", "\U0010ffff",
    "\u0085", "!!", "!$", "^a^b", "=ls", "~root", "Error (code 1):", "[timed out", "$'x'", "@(a|b)", "a=b", "\\\\",
    "\\'", "'\"'\"'", "-", "+", "0x1f", "1e3"
]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:/@+=^"


@dataclasses.dataclass
class Step:
    """A command and how its result is compared.

    Kinds: exact; raw (by read-output); loose (status and directory only); error (only that it is one, alone);
    jobs (without lines of job control); timeout, cancel, withdraw, input (what happens to a command that does
    not end, or not begin).
    """
    text: str
    kind: str = "exact"
    probe: dict | None = None
    limit: int = 10_000_000
    together: bool = False
    listing: bool = False
    entry: str = ""
    pause: float = 0


class Grammar:
    def __init__(self, source: random.Random, shell: str):
        self.random, self.shell = source, shell
        self.arrays_known = shell != "dash"
        self.forget()

    def forget(self) -> None:
        """The shell is a new one."""
        self.variables, self.functions, self.arrays, self.files = [], [], [], []
        self.undo, self.count, self.next = [], 0, []

    # Small parts

    def one(self, *items):
        return self.random.choice(items)

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count % 40}"

    def word(self) -> str:
        return "".join(self.random.choices(LETTERS, k=self.random.randint(1, 12)))

    def text(self, most: int = 6) -> str:
        pieces = [self.one(*AWKWARD) if self.chance(55) else self.word() for _ in range(self.random.randint(0, most))]
        return self.one("", " ", "\n").join(pieces)

    def quoted(self, text: str) -> str:
        style = self.random.randrange(4)
        if style == 0 and "\n" not in text and text.isascii():
            return "".join("\\" + letter if not letter.isalnum() else letter for letter in text) or "''"
        if style == 1:
            return '"' + "".join("\\" + letter if letter in '\\$"`' else letter for letter in text) + '"'
        if style == 2 and self.shell in ("bash", "zsh"):
            return "$'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", self.one("\\n", "\n")) + "'"
        return "'" + text.replace("'", "'\\''") + "'"

    def number(self) -> int:
        return self.random.choice([0, 1, 2, 7, 10, 63, 255, 1000, self.random.randint(0, 1 << 30)])

    # Pure productions

    def show(self) -> str:
        text = self.quoted(self.text())
        words = " ".join(self.quoted(self.text(2)) for _ in range(self.random.randint(1, 5)))
        return self.one(f"printf '%s' {text}", f"printf '%s\\n' {words}", f"printf '<%s>' {words}", f"echo {text}",
                        f"echo -n {text}", f"printf '%s\\n\\n\\n' {text}", f"printf '\\n\\n%s' {text}",
                        f"printf '%b' {self.quoted(self.word() + chr(92) + 't')}",
                        f"printf '%5d|%-8s|%x|%%\\n' {self.number()} {self.quoted(self.word())} {self.number()}",
                        f"echo {words} >&2", f"{{ echo {text}; echo {words} >&2; printf x; }}", "echo", "printf ''",
                        ":", f"printf '   %s   \\t ' {text}", f"cat {self.quoted('no such ' + self.word())}", "pwd",
                        "ls -a | cat", "uname | tr a-z A-Z", f"expr {self.number()} + 1")

    def here_document(self) -> str:
        end = self.one("EOF", "END_OF", "E-F", "é")
        lines = "\n".join(self.text(3) for _ in range(self.random.randint(0, 5)))
        lines = "\n".join("x" + line if line.strip("\t") in (end, "A", "B") else line for line in lines.split("\n"))
        if self.chance(60):
            quote = self.one(f"'{end}'", f'"{end}"', f"\\{end}")
            return f"cat {self.one('<<', '<<-')}{quote}\n{lines}\n{end}\n"
        plain = lines.replace("\\", "").replace("`", "").replace("$", "")
        if self.chance(25):
            return f"cat <<A; cat <<'B'\n{plain} $((1 + 2))\nA\n{lines}\nB\n"
        return f"cat <<{end}\n{plain} $(echo in) ${{HOME}} \\$x `echo tick`\n{end}\n"

    def status(self) -> str:
        return self.one("true", "false", f"(exit {self.random.randint(0, 255)})", "! true", "! false", "test 1 -eq 2",
                        "[ -d . ]", f"sh -c 'exit {self.random.randint(0, 255)}'", "[ '' ]", "(exit 200)", ": stty",
                        "echo reset", "nosuchcommand_7 2>/dev/null", "/etc/passwd 2>/dev/null",
                        "sh -c 'kill -9 $$' 2>/dev/null || echo killed=$?" if self.shell == "mksh" else "false")

    def pipeline(self) -> str:
        first = self.one(f"printf '%s\\n' {self.quoted(self.text(3))} b a c", "seq 1 30",
                         f"echo {self.quoted(self.text(3))}", "yes no")
        last = "head -n 7" if first == "yes no" else self.one("sort", "cat", "wc -c | tr -d ' '", "tr a-z A-Z",
                                                              "sed 's/a/[&]/g'", "od -c", "cat -v", "sort -r | uniq",
                                                              "grep -c .", "awk '{print NF}'")
        return f"{first} | {last}"

    def statuses(self) -> str:
        chain = " | ".join(
            self.one("true", "false", f"(exit {self.random.randint(0, 99)})") for _ in range(self.random.randint(1, 5)))
        array = {"bash": '; echo "${PIPESTATUS[@]}"', "zsh": "; echo $pipestatus"}.get(self.shell, "; echo $?")
        return chain + (array if self.chance(70) else "")

    def loop(self) -> str:
        body = self.one("echo $i", "printf '%s,' $i", "[ \"$i\" != b ] && echo $i",
                        "case \"$i\" in a) echo A;; [0-9]) echo N;; *) echo Z;; esac")
        return self.one(
            f"for i in a b 3 {self.quoted(self.word())}; do {body}; done",
            f"i=0; while [ \"$i\" -lt 9 ]; do i=$((i+1)); {body}; done",
            f"i=9; until [ \"$i\" -eq 0 ]; do i=$((i - 1)); [ \"$i\" -gt 5 ] && continue; {body}; "
            "[ \"$i\" = 2 ] && break; done",
            "printf '%s\\n' 'a b' ' c ' 'd\\e' | while IFS= read -r line; do printf '<%s>' \"$line\"; done",
            f"if [ {self.number()} -gt 9 ]; then echo big; elif false; then :; else echo small; fi",
            f"case {self.quoted(self.text(2))} in *a*) echo has;; '') echo empty;; *) echo other;; esac",
            *([
                "for ((i = 0; i < 4; i++)); do echo $((i * i)); done", "[[ abc == a* ]] && echo match",
                "cat <(echo one) <(echo two)"
            ] if self.shell in ("bash", "zsh") else []))

    def substitution(self) -> str:
        text = self.quoted(self.text(3))
        return self.one(f"echo \"$(printf '%s\\n\\n' {text})\"", f"echo \"$(echo \"$(printf %s {text})\" | tr a b)\"",
                        "echo `echo \\`echo deep\\``", f"printf '%s\\n' \"a$(printf %s {text})b\"",
                        "echo \"$(echo ')' ; echo \"(\")\"", "echo $(( $(expr 3) * (4 + 1) ))",
                        f"echo $(({self.number()} % 7 + 0x1f - 010))", "echo $((1 << 20 | 3)) $((7 > 3 ? 1 : 0))",
                        f"sh -c {self.quoted('echo $0')} {text}",
                        f"eval {self.quoted('echo ' + self.quoted(self.text(2)))}", f"(cd / && pwd; echo {text})")

    def reader(self) -> str:
        text = self.quoted(self.text(3))
        return self.one("cat </dev/null", "wc -c </dev/null", "read -r x </dev/null || echo none",
                        f"printf '%s\\n' {text} | sed -n 1p", f"printf 'a b c\\n' | {{ read -r x y; echo \"$y $x\"; }}",
                        f"printf '%s' {text} | cksum",
                        f"cat <<< {text}" if self.shell in ("bash", "zsh", "mksh") else f"printf %s {text} | cat -A")

    def unusual_bytes(self) -> str:
        return self.one("printf '\\377\\376 abc \\303'", "printf '\\303\\050\\342\\202 \\360\\237\\231'",
                        "printf 'a\\000b\\n'", "printf 'form\\ffeed\\vtab'", "printf '\\001\\002\\177 end'",
                        "printf '\\355\\240\\200 \\300\\200'", "head -c 300 /dev/zero | tr '\\0' '\\377'",
                        "printf '\\216\\217\\233'")

    def pure(self, depth: int = 0) -> str:
        choice = self.random.randrange(16)
        if depth < 3 and choice < 4:
            inner, other = self.pure(depth + 1), self.pure(depth + 1)
            return self.one(f"( {inner}\n)", f"{{ {inner}\n}}", f"( {inner}\n) 2>&1 | cat", f"{inner}\n{other}",
                            f"if {inner}\nthen {other}\nfi", f"( {inner}\n) && ( {other}\n)",
                            f"( {inner}\n) || {{ {other}\n}}", f"for k in 1 2; do {inner}\ndone",
                            f"( {inner}\n) >/dev/null", f"( {inner}\n) 2>&1 | wc -l | tr -d ' '")
        return self.one(self.show, self.show, self.show, self.here_document, self.status, self.pipeline, self.statuses,
                        self.loop, self.substitution, self.reader, self.unusual_bytes)()

    # Productions that change the shell

    def variable(self) -> str:
        if self.variables and self.chance(60):
            name = self.one(*self.variables)
            return self.one(f'echo "${name}"', f'printf "<%s>" "${{{name}}}"', f"echo ${{#{name}}}",
                            f'echo "${{{name}%a*}}"', f"unset {name}; echo ${{{name}-gone}}",
                            f'{name}="${name}x"; echo "${name}"', f'export {name}; sh -c \'printf %s "${name}"\'',
                            f'{name}=once sh -c \'echo "${name}"\'')
        name = self.name("v_")
        self.variables.append(name)
        return f"{name}={self.quoted(self.text(8))}" + self.one("", "; echo set", f'; printf %s "${name}"')

    def array(self) -> str:
        if self.arrays and self.chance(60):
            name = self.one(*self.arrays)
            return self.one(f'printf "<%s>" "${{{name}[@]}}"', f"echo ${{#{name}[@]}}", f'echo "${{{name}[2]-}}"',
                            f"{name}[3]={self.quoted(self.text(2))}",
                            f'for k in "${{{name}[@]}}"; do echo "[$k]"; done')
        name = self.name("r_")
        self.arrays.append(name)
        words = " ".join(self.quoted(self.text(2)) for _ in range(self.random.randint(1, 9)))
        return f"set -A {name} -- {words}" if self.shell == "mksh" else f"{name}=({words})"

    def function(self) -> str:
        if self.functions and self.chance(60):
            return f"{self.one(*self.functions)} {self.quoted(self.text(2))} {self.quoted(self.word())}" + self.one(
                "", "; echo $?", " || echo failed")
        name = self.name("f_")
        self.functions.append(name)
        local = "typeset" if self.shell == "mksh" else "local"
        body = self.one(f'echo "$#:$1"\n{self.pure(2)}',
                        f'{local} v=$2; echo "$v"; return {self.random.randint(0, 255)}', self.pure(2),
                        f'{local} n="${{3-5}}"\n[ "$n" -le 0 ] && return 3\necho $n; {name} a b "$((n - 1))"')
        return f"{name}() {{ {body}\n}}" if self.chance(80) else f"{name}() (\n{body}\n)"

    def go(self) -> str:
        if self.chance(15):
            return self.one("cd / && pwd", "cd /usr && pwd -P", "cd ~; pwd",
                            "cd \"$HOME/tree/a\" && cd ../a/.. && pwd && cd - >/dev/null")
        name = self.one(*DIRECTORIES)
        if b"\xff" in name:
            byte = "\"$(printf 'bad\\377byte')\"" if self.shell == "dash" else "$'bad\\377byte'"
            place = '"$HOME"/tree/' + byte
        else:
            place = '"$HOME/tree"/' + self.quoted(name.decode())
        return f"cd {place}" + self.one("", " && pwd", "; echo \"${#PWD}\"", " && ls -a | cat")

    def file(self) -> str:
        if self.files and self.chance(60):
            path = self.one(*self.files)
            return self.one(f"cat {path}", f"wc -c {path} | tr -d ' '", f"sed 's#/home-[so]#/home#g' {path} | cksum",
                            f"echo more >> {path}",
                            f"sort {path} | sed -n 1,5p", f"{{ cat {path}; echo $?; }}",
                            f"{self.pure_line()} >> {path}", f"cp {path} {path}.copy && cat {path}.copy",
                            f"exec 3< {path}; cat <&3; exec 3<&-")
        path = '"$HOME/tree"/' + self.quoted(self.name("file ") + self.one("", "é", "'", "$x"))
        self.files.append(path)
        return self.one(f"printf '%s\\n' {self.quoted(self.text(9))} > {path}",
                        f"cat > {path} <<'EOF'\n{self.word()}\n\nlast\nEOF",
                        f"{{ seq 1 {self.random.randint(1, 5000)}; }} > {path}",
                        f"{{ echo one >&4; echo two >&4; }} 4>{path}", f"echo tee | tee {path}",
                        f": > {path}", f"( {self.pure()}\n) > {path} 2>&1",
                        f"echo kept > {path}; exec 5>>{path}; echo more >&5; exec 5>&-",
                        f"echo before > {path}; exec >>{path}; echo into the file")

    def pure_line(self) -> str:
        return f"echo {self.quoted(self.text(3))}"

    def option(self) -> str:
        """Sets something for the commands to come; a later one sets it back."""
        if self.chance(5):
            self.next = ["echo $((1 + 1))", "PATH=$PATH_kept; unset PATH_kept"]
            return "PATH_kept=$PATH; PATH=/nowhere"
        if self.undo and self.chance(70):
            return self.undo.pop(self.random.randrange(len(self.undo)))
        bash = [("shopt -s nullglob; echo *nothing*", "shopt -u nullglob"), ("set -o pipefail", "set +o pipefail"),
                ("set -E", "set +E"), ("shopt -s extglob\necho @(a|b)", "shopt -u extglob"),
                ("set -o posix", "set +o posix"), ("shopt -s dotglob; echo *", "shopt -u dotglob"),
                ("set -T", "set +T"), ("set +B; echo {a,b}", "set -B"),
                ("PROMPT_COMMAND='echo prompt'", "unset PROMPT_COMMAND"), ("PS1='$ '", "PS1="),
                ("builtin() { echo my builtin \"$@\"; }; unset -f builtin", ":"),
                ("exec 2>/dev/null; echo lost >&2", ":")]
        both = [("set -f; echo *", "set +f; echo * | wc -w"), ("set -a", "set +a"),
                ("IFS=:; v=a:b; printf '<%s>' $v", "unset IFS"), ("IFS=''", "IFS=$(printf ' \\t\\n_'); IFS=${IFS%_}"),
                ("IFS=0123456789abcdef", "unset IFS"), ("LC_ALL=C.UTF-8; export LC_ALL", "unset LC_ALL"),
                ("umask 077", "umask 022; umask"), ("trap 'echo got USR1' USR1", "kill -USR1 $$; trap - USR1; trap"),
                ("trap '' USR2", "kill -USR2 $$; echo alive; trap - USR2"),
                ("set -- 'one two' three; echo $#", "printf '<%s>' \"$@\"; set --"),
                ("PATH=$HOME:$PATH", "PATH=${PATH#*:}"), ("PS4='trace: '", "PS4='+ '"),
                ("OPTIND=1; getopts ab x -a; echo $x", "OPTIND=1"), ("set -C; echo x > /dev/null", "set +C"),
                ("PS2='more> '", "PS2="), ("test() { return 7; }; test", "unset -f test")]
        own = [("echo() { printf '%s\\n' \"my echo: $*\"; }; echo x", "unset -f echo"),
               ("printf() { builtin printf '%s!' \"$@\"; }; printf a b", "unset -f printf"),
               ("true() { return 3; }; true", "unset -f true"), ("cd() { builtin cd \"$@\"; }; cd .", "unset -f cd"),
               ("command() { builtin echo mine; }; command x", "unset -f command")]
        taken = {done for done in self.undo}
        choices = both + (own if self.shell in ("bash", "zsh") else []) + (bash if self.shell == "bash" else [])
        set_it, undo = self.one(*[pair for pair in choices if pair[1] not in taken])
        self.undo.append(undo)
        return set_it

    def long_command(self) -> str:
        size = self.random.choice([1_000, 4_000, 4_096, 10_000, 30_000, 60_000])
        style = self.random.randrange(4)
        if style == 0:
            return "printf '%s' " + self.quoted("".join(self.text(20) + self.word() for _ in range(size // 60)))
        if style == 1:
            return "\n".join(f"echo {number} {self.quoted(self.word())}" for number in range(size // 25))
        if style == 2:
            return "cat <<'THE END' | cksum\n" + "\n".join(self.word() * 5 for _ in range(size // 40)) + "\nTHE END\n"
        return f"v=x{'y' * size}; echo ${{#v}}" + " " * 900 + f"; echo {'é' * (size // 4)}"

    def long_output(self) -> str:
        count = int(self.random.choice([100, 5_000, 20_000, 150_000]))
        return self.one(f"seq 1 {count}", f"yes {self.quoted(self.word())} | head -n {count}",
                        f"head -c {count * 6} /dev/zero | tr '\\0' x",
                        f"i=0; while [ \"$i\" -lt {min(count, 20_000)} ]; do echo \"line $i é\"; i=$((i+1)); done",
                        f"seq 1 {count} | tr '\\n' ' '", f"head -c {count * 3} /dev/zero | tr '\\0' '\\n'; echo end",
                        f"seq -f 'é漢🙂 %g' 1 {count // 2}; (exit {self.random.randint(0, 9)})")

    def marker_like(self) -> str:
        digits = "".join(self.random.choices("0123456789abcdef", k=16))
        body = self.one("E;{n};0;h;/", "B;{n}", "P;{n};1", "H;bash;1;a;/dev/pts/0;root;/", "E;",
                        "").format(n=self.random.randint(1, 999))
        return self.one(
            f"printf '\\033]7717;{digits};{body};{digits}\\007'", f"printf 'x\\033]7717;{digits[:5]}'; echo y",
            "printf '\\033'", "printf '\\033]7717;'", f"printf '\\033]7717;{digits};%5000s' x",
            "printf '\\033[31mred\\033[0m\\n\\033[2K\\r50%%\\r100%%\\n'", "printf 'a\\bb\\r\\nc\\rd'",
            "head -c 3000 /dev/zero | tr '\\0' '\\033'", "printf '%s' \"${__mcp_a-}\" | wc -c | tr -d 0-9",
            "printf '\\033]0;title\\007\\033P1\\033\\\\'",
            "printf 'ab" + "".join(chr(code)
                                   for code in self.random.sample(range(1, 32), 8) if code not in (9, 10)) + "\x7fcd'")

    def syntax_error(self) -> str:
        word = self.word()
        return self.one(f"echo {word}; fi", "if true; then echo x", f"echo 'unclosed {word}", f'echo "unclosed {word}',
                        "echo )", "(echo x", "for", "while true; do", "case x in", "done", "{ echo x", "echo `echo",
                        "echo $(echo", "| cat", "&& true", "echo x ;; echo y", "f_bad() {", "cat <")

    def background(self) -> str:
        path = '"$HOME/tree"/' + self.name("job")
        return self.one(f"( sleep 0.0{self.random.randint(1, 9)}; echo done > {path} ) & wait; cat {path}",
                        f"echo x > {path} & wait; cat {path}",
                        f"( (sleep 0.01; echo deep > {path}) & wait; cat {path} )",
                        f"sh -c 'exit 7' & wait $!; echo $?",
                        f"{{ echo a; echo b; }} > {path} 2>&1 & true; wait; sort {path}")

    # The next command

    def ending(self, text: str) -> str:
        if "<<" in text or text.endswith("\n"):
            return text
        return text + self.one("", "", "", "", " # a 'comment", "\n", "\n\n", " ;", "\n# last $(", " \\\n", "  ",
                               "; echo \\\n  more", "\n\t")

    def step(self) -> Step:
        if self.next:
            return Step(self.next.pop(0), together=self.chance(50))
        choice = self.random.random() * 100
        if choice < 1:
            kind = self.one("timeout", "timeout", "cancel", "withdraw", "input")
            text = {
                "input": "IFS= read -r typed; sh -c 'echo \"got <$0>\"' \"$typed\"; unset typed",
                "cancel": "sleep 30",
                "withdraw": "v_withdrawn=ran"
            }.get(
                kind,
                self.one("sleep 30", "sleep 30", "(sleep 30)", "sleep 30 | cat", "while :; do :; done",
                         "sh -c 'trap \"\" INT; sleep 30'"))
            return Step(text,
                        kind,
                        entry=self.one("plain", "a b  c", "é漢🙂", "$(no) 'x' \"y\"", ""),
                        pause=self.one(0, 0, 0.001, 0.003, 0.05))
        productions = [(2, self.syntax_error, "error"), (3, self.marker_like, "raw"), (2, self.background, "jobs"),
                       (2, self.long_command, "exact"), (2, self.long_output, "exact"),
                       (1, lambda: self.one("cd /nonexistent", "nosuchcommand_7 x", "cd ''"), "loose"),
                       (10, self.variable, "exact"), (8, self.function, "exact"), (8, self.go, "exact"),
                       (9, self.file, "exact"), (5, self.option, "exact"), (3, lambda: 'echo "status $?"', "exact"),
                       (5, self.array if self.arrays_known else self.variable, "exact"), (40, self.pure, "exact")]
        weights = [weight for weight, _, _ in productions]
        _, production, kind = self.random.choices(productions, weights)[0]
        text = production()
        if kind == "exact":
            text = self.ending(text)
        step = Step(text, kind, together=self.chance(12), listing=self.chance(1))
        if self.chance(5):
            step.limit = self.random.choice([1000, 1001, 2000, 40_000])
        if self.chance(6):
            step.probe = {
                "offset": self.random.choice(
                    [0, 1, self.random.randint(0, 300),
                     self.random.randint(0, 200_000), 10**9]), "raw": True,
                "max_output_chars": self.random.choice([1000, 5000, 40_000, 10_000_000])
            }
        return step
