"""What bench.py times: the server, and the floors that it is compared with.

A floor does the same work in the simplest way that is honest: it waits for its own marker, reads every byte and knows
the status, and cares for nothing else.
"""

import functools
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import time

SSH = ["ssh", "-F", os.environ["SSHD_CONFIG"]]
SCRATCH = pathlib.Path(os.environ["SSHD_DIR"])


def give_up(words: str) -> None:
    sys.exit(f"bench: {words}")


class Program:
    """A child with its standard input and output."""

    def __init__(self, arguments: list[str], environment: dict[str, str] | None = None):
        self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                      stderr=subprocess.DEVNULL, env=environment)
        self.output = self.child.stdout.fileno()
        self.held = b""

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.child.stdin.fileno(), view):]

    def read(self, seconds: float) -> bytes:
        """The next bytes, at most 64 KiB."""
        if not select.select([self.output], [], [], seconds)[0]:
            give_up(f"nothing more within {seconds} s after {self.held[-200:]!r}")
        data = os.read(self.output, 65536)
        if not data:
            give_up(f"the program ended after {self.held[-200:]!r}")
        return data

    def until(self, mark: bytes, seconds: float = 60) -> bytes:
        while mark not in self.held:
            self.held += self.read(seconds)
        found, self.held = self.held.split(mark, 1)
        return found

    def end(self) -> None:
        self.child.stdin.close()
        self.child.terminate()
        self.child.stdout.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            give_up(f"{self.child.args[0]} does not end when it is told to")


class Server(Program):
    """The server, with a client that waits for each answer."""

    def __init__(self, program: str):
        home = SCRATCH / "bench-home"
        home.mkdir(parents=True, exist_ok=True)
        self.last = 0
        super().__init__([program], {"PATH": os.environ["PATH"], "HOME": str(home),
                                     "SSH_MCP_SSH_CONFIG": os.environ["SSHD_CONFIG"]})

    def send(self, method: str, params: dict) -> int:
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        self.write(json.dumps(message).encode() + b"\n")
        return self.last

    def request(self, method: str, params: dict) -> dict:
        self.send(method, params)
        return json.loads(self.until(b"\n", 120))

    def handshake(self) -> None:
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                    "clientInfo": {"name": "bench", "version": "1"}})
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    @staticmethod
    def result(answer: dict) -> dict:
        result = answer["result"]
        if result["isError"]:
            give_up("".join(block["text"] for block in result["content"]))
        return result

    def call(self, tool: str, **arguments: object) -> dict:
        return self.result(self.request("tools/call", {"name": tool, "arguments": arguments}))

    def start(self, session: str) -> None:
        self.call("start-session", host_id="demo", sessionId=session)

    def exec(self, session: str, command: str) -> dict:
        return self.call("exec", session_id=session, command=command)

    def send_exec(self, session: str, command: str) -> int:
        """As `send`, by a template: the client's own work shall not count."""
        self.last += 1
        self.write(b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"exec","arguments":'
                   b'{"session_id":"%s","command":%s}}}\n' % (self.last, session.encode(), self.quoted(command)))
        return self.last

    def take_exec(self) -> int:
        """The id of the next answer, which must be a command's success."""
        line = self.until(b"\n", 120)
        if b'"isError":false' not in line:
            give_up(line.decode())
        return int(self.ID.search(line).group(1))

    def quick_exec(self, session: str, command: str) -> None:
        self.send_exec(session, command)
        self.take_exec()

    ID = re.compile(rb'"id":(\d+)')
    quoted = staticmethod(functools.cache(lambda text: json.dumps(text).encode()))

    def flood(self, session: str, command: str) -> int:
        """How many bytes of output the server says that it has, or counted."""
        facts = self.exec(session, command)["_meta"]
        return next(iter(facts.values()))["outputBytes"]

    def status(self, field: str) -> float:
        """A field of /proc/PID/status in MB (proc(5))."""
        text = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1)) / 1024

    def cpu_ticks(self) -> int:
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])


class RawShell(Program):
    """The floor `raw`: a login shell over one `ssh -tt` pipe, and one printf after each command."""

    MARK = b"\x02"
    AFTER = b"; printf '\\001%s %s\\002' \"$?\" \"$PWD\"\n"

    def __init__(self, socket: pathlib.Path | None = None):
        shared = ["-S", str(socket)] if socket else []
        super().__init__([*SSH, *shared, "-tt", "demo"])
        # Line editing by the shell would cost the floor more than the commands: 250 ms for 10 KB (measured).
        self.write(b"stty sane -echo -opost; set +o emacs; PS1=; PS2=; PROMPT_COMMAND=; printf '%s\\n' re''ady\n")
        self.until(b"ready\n")

    def run(self, command: bytes) -> bytes:
        self.write(command + self.AFTER)
        return self.until(self.MARK)

    def flood(self, command: bytes) -> int:
        """How many bytes of output came before the marker."""
        self.write(command + self.AFTER)
        count, tail = 0, b""
        while self.MARK not in tail:
            data = self.read(60)
            count += len(data)
            tail = (tail + data)[-8192:]
        return count - (len(tail) - tail.rindex(b"\x01"))


class Master:
    """A live connection that `ssh -S` rides on."""

    count = 0

    def __init__(self) -> None:
        Master.count += 1
        self.socket = SCRATCH / f"mux{Master.count}"
        self.child = subprocess.Popen([*SSH, "-S", str(self.socket), "-M", "-N", "demo"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            if time.monotonic() > deadline or self.child.poll() is not None:
                give_up("no connection for the floor")
            time.sleep(0.005)

    def run(self, command: str) -> None:
        subprocess.run([*SSH, "-S", str(self.socket), "demo", command], check=True, stdin=subprocess.DEVNULL)

    def end(self) -> None:
        self.child.terminate()
        self.child.wait()


def ssh_once() -> None:
    """A login of its own with a command."""
    subprocess.run([*SSH, "demo", "true"], check=True, stdin=subprocess.DEVNULL)


def pipe_flood(command: str) -> int:
    """The floor `cat`: the same bytes from a pipe."""
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, bufsize=0) as child:
        count = 0
        while data := os.read(child.stdout.fileno(), 65536):
            count += len(data)
    return count


C_FLOOR = """
#include <string.h>
#include <unistd.h>
int main(void) {
  char bytes[65536];
  for (;;) {
    ssize_t count = read(0, bytes, sizeof bytes);
    if (count <= 0) return 0;
    for (char *line = bytes; (line = memchr(line, '\\n', bytes + count - line)); line++)
      if (write(1, "{}\\n", 3) != 3) return 1;
  }
}
"""


def build_c_floor() -> pathlib.Path | None:
    """A program that answers each line; nil where there is no C compiler."""
    source, program = SCRATCH / "floor.c", SCRATCH / "floor"
    source.write_text(C_FLOOR)
    try:
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    except FileNotFoundError:
        return None
    return program
