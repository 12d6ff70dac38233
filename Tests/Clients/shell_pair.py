"""The two sides of random_commands.py: a session of the server, and a plain shell that is fed through a pipe.

Both live in directories of their own, of the same shape and with names of the same length; `Pair.mapped` turns
the session's names into the plain shell's.
"""

import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import subprocess
import time

FACTS = "io.github.ssh-mcp-sessions/result"
ARGUMENTS = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "dash": [], "mksh": []}
# Where commands may go; the last has a byte that is no UTF-8.
DIRECTORIES = [
    b"a", b"a/b", b"a/b/c", b"sp ace", "uni-é漢🙂".encode(), b"quo'te\"s", b"dol$lar`x`", b"-dash", b"new\nline",
    b"tab\there", b"semi;colon;E;1;0", b"bell\x07end", b"esc\x1b]7717;0123456789abcdef;E;1;0;x", b"*?[a]",
    b"deep/" + b"/".join([b"d" * 50] * 30), b"trail ", b"#hash", b"~tilde", b"%s%d", b"back\\slash\\n", b"bad\xffbyte"
]


class Broken(Exception):
    """One of the two sides ended or did not answer."""


class Killed(Broken):
    """A signal ended the plain shell: a fault of that shell, with nothing left to compare with."""


class Client:
    """The server, spoken to in JSON lines; answers are kept until they are asked for."""
    def __init__(self, program: str, home: pathlib.Path):
        home.mkdir(parents=True, exist_ok=True)
        self.log = open(home / "server.log", "ab")
        self.child = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            bufsize=0,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "SSH_MCP_SSH_CONFIG": os.environ["SSHD_CONFIG"]})
        self.last, self.line, self.answers = 0, bytearray(), {}
        self.answer(
            self.begin(
                "initialize",
                {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "random", "version": "1"}
                 }))
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, *messages: dict) -> None:
        try:
            self.child.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        except OSError as error:
            raise Broken(f"the server takes no input any more: {error}, {self.child.poll()}") from error

    def message(self, method: str, params: dict) -> dict:
        self.last += 1
        return {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}

    def begin(self, method: str, params: dict) -> int:
        self.write(self.message(method, params))
        return self.last

    def call(self, tool: str, **arguments: object) -> dict:
        return self.answer(self.begin("tools/call", {"name": tool, "arguments": arguments}))

    def answer(self, number: int, seconds: float = 60) -> dict:
        deadline = time.monotonic() + seconds
        while number not in self.answers:
            if not select.select([self.child.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Broken(f"no answer to request {number} within {seconds} s")
            data = self.child.stdout.read(1 << 20)
            if not data:
                raise Broken(f"the server ended with status {self.child.wait()} instead of answering")
            *lines, rest = data.split(b"\n")
            for line in lines:
                message = json.loads(bytes(self.line) + line)
                self.line.clear()
                if "method" not in message:
                    self.answers[message["id"]] = message
            self.line += rest
        message = self.answers.pop(number)
        if "error" in message:
            raise Broken(f"request {number} was refused: {message['error']}")
        result = message["result"]
        if "content" in result:
            result["text"] = "".join(block["text"] for block in result["content"])
            result["facts"] = result.get("_meta", {}).get(FACTS, {})
        return result

    def end(self) -> None:
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.log.close()


class PlainShell:
    """A shell without terminal, driver and markers: what a command does there is what it should do."""
    def __init__(self, shell: str, environment: dict[str, str], directory: pathlib.Path, output: pathlib.Path):
        self.shell, self.output, self.held = shell, output, b""
        self.child = subprocess.Popen([shell, *ARGUMENTS[shell]],
                                      stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE,
                                      bufsize=0,
                                      env=environment,
                                      cwd=directory,
                                      preexec_fn=self.notice_signals)
        self.child.stdin.write(b"__st() { return \"$1\"; }\n")

    @staticmethod
    def notice_signals() -> None:
        """A run in the background of a script, or by nohup, ignores them, and so would its children, for ever."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    def run(self, command: str, status: int, seconds: float = 60) -> tuple[bytes, int, bytes]:
        """What the command wrote, its status and the directory afterwards."""
        evaluate = "builtin eval" if self.shell in ("bash", "zsh") else "eval"
        tell = ("command print -rn -- \"$__e;$PWD\"$'\\001'"
                if self.shell == "mksh" else "command printf '%s;%s\\001' \"$__e\" \"$PWD\"")
        if self.shell in ("bash", "zsh"):
            tell = tell.replace("command", "builtin", 1)
        quoted = shlex.quote(command + "\n")
        line = f"__st {status}; {evaluate} {quoted} >|{self.output} 2>&1 </dev/null; __e=$?; {tell}\n"
        try:
            self.child.stdin.write(line.encode())
        except OSError as error:
            raise Broken(f"the plain shell has ended: {error}") from error
        deadline = time.monotonic() + seconds
        while b"\x01" not in self.held:
            if not select.select([self.child.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Broken("the plain shell does not answer (fault of the test?)")
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                status, words = self.child.wait(), self.child.stderr.read()
                kind = Killed if status < 0 else Broken
                raise kind(f"the plain shell ended with status {status} (fault of the test?): {words!r}")
            self.held += data
        told, self.held = self.held.split(b"\x01", 1)
        code, directory = told.split(b";", 1)
        return self.output.read_bytes(), int(code), directory

    def end(self) -> None:
        self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            stream.close()


class Pair:
    """A fresh session of a server and a fresh plain shell, each in its own fresh tree below the root."""
    def __init__(self, client: Client, shell: str, host: str, root: pathlib.Path):
        self.client, self.root = client, root
        self.theirs, self.ours = self.root / "home-o", self.root / "home-s"
        for home in (self.theirs, self.ours):
            shutil.rmtree(home, ignore_errors=True)
            for name in DIRECTORIES:
                os.makedirs(os.path.join(os.fsencode(home), b"tree", name))
            (home / ".zshrc").write_text("")
        self.session = self.started(host)
        self.plain = None
        said = self.client.call("exec", session_id=self.session, command=f"cd {self.ours}/tree; HOME={self.ours}; env")
        if said["facts"].get("exitCode") != 0 or said["facts"].get("shell") != {"dash": "sh", "mksh": "ksh"}.get(
                shell, shell):
            raise Broken(f"the session did not begin as it should: {said}")
        environment = dict(line.split("=", 1) for line in said["text"].split("\n") if "=" in line)
        environment = {
            name: self.mapped(value.encode()).decode()
            for name, value in environment.items()
            if not name.startswith("SSH_") and name not in ("PWD", "OLDPWD", "SHLVL", "_")
        }
        self.plain = PlainShell(shell, environment, self.theirs / "tree", self.root / "output")

    def started(self, host: str) -> str:
        result = self.client.call("start-session", host_id=host)
        if result["isError"]:
            raise Broken(f"no session: {result['text']}")
        return result["text"]

    def mapped(self, data: bytes) -> bytes:
        return data.replace(b"/home-s", b"/home-o")

    def trees_differ(self) -> str | None:
        """The first difference between the files that the two sides have written."""
        listing = [{}, {}]
        for found, home in zip(listing, (self.ours, self.theirs)):
            top = os.path.join(os.fsencode(home), b"tree")
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    found[os.path.relpath(path, top)] = self.mapped(pathlib.Path(os.fsdecode(path)).read_bytes())
        for path in sorted(listing[0].keys() | listing[1].keys()):
            if listing[0].get(path) != listing[1].get(path):
                return (f"file {path!r}: the session wrote {listing[0].get(path, b'nothing')[:200]!r}, "
                        f"a plain shell {listing[1].get(path, b'nothing')[:200]!r}")
        return None

    def end(self) -> None:
        """The plain shell ends; what becomes of the session is the client's to say."""
        if self.plain:
            self.plain.end()


def force(shell: str, root: pathlib.Path) -> None:
    """Makes the loopback sshd log in to this shell, in the session's home."""
    home = root / "home-s"
    login = root / "login"
    login.write_text(f"#!/bin/sh\nHOME={home} SHELL={shutil.which(shell)}\nexport HOME SHELL\n"
                     "unset XDG_CONFIG_HOME XDG_DATA_HOME ZDOTDIR ENV BASH_ENV\ncd \"$HOME\" || exit 1\n"
                     "[ -z \"$SSH_ORIGINAL_COMMAND\" ] && exec \"$SHELL\" -l\n"
                     "exec \"$SHELL\" -c \"$SSH_ORIGINAL_COMMAND\"\n")
    login.chmod(0o700)
    key = (root / "user_key.pub").read_text()
    (root / "authorized_keys").write_text(f'command="{login}" {key}')


# White_Space of the Unicode character database, which a result's end is cut by.
WHITE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def cleaned(data: bytes, raw: bool = False) -> str:
    """The text of output without escapes and carriage returns, as the server should give it."""
    if not raw:
        data = data.replace(b"\0", "\ufffd".encode()).replace(b"\v", b"\n").replace(b"\f", b"\n")
        data = re.sub(rb"[\x01-\x08\x0e-\x1f\x7f]", b"", data)
    text = data.decode("utf-8", "replace")
    # The controls of eight bits, which some terminals act upon, are shown as what is no text.
    return text if raw else re.sub("[\x80-\x9f]", "\ufffd", text)


def window(data: bytes, status: int, facts: dict, offset: int = 0, raw: bool = False) -> str:
    """The text of a result that shows this output from that offset on, left out what its facts say."""
    offset = min(offset, len(data))
    omitted = facts.get("omitted")
    if omitted:
        start, end = omitted
        head = cleaned(data[offset:start], raw)
        join = "" if not head or head.endswith("\n") else "\n"
        text = (f"{head}{join}[{end - start} bytes left out: bytes {start} to {end} of {len(data)}; "
                f"read-output with offset {start} shows them]\n{cleaned(data[end:], raw)}")
    else:
        text = cleaned(data[offset:], raw)
    text = text.rstrip(WHITE)
    if status == 0:
        return text
    return f"Error (code {status}):" + ("\n" + text if text else "")
