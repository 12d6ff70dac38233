"""Times the built server against the floor, interleaved in one run; only the Python standard library.

usage: scripts/sshd run -- PYTHON bench.py SERVER [ROUNDS]

The floor of exec is a bare script that types `true` with one printf of status and directory into the same login
shell over its own `ssh -tt` pipe, and waits for what the printf writes. The floor of a second session is a bare
`ssh` with a command over a master that is there already. Machines are noisy: the ratios count, not the times.
"""

import json
import os
import pathlib
import select
import statistics
import subprocess
import sys
import time


class Lines:
    """A child's standard output, read up to a mark."""

    def __init__(self, arguments: list[str], environment: dict[str, str]):
        self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                      stderr=subprocess.DEVNULL, env=environment)
        self.held = b""

    def write(self, data: bytes) -> None:
        os.write(self.child.stdin.fileno(), data)

    def until(self, mark: bytes, seconds: float = 20) -> bytes:
        deadline = time.monotonic() + seconds
        while mark not in self.held:
            if not select.select([self.child.stdout], [], [], deadline - time.monotonic())[0]:
                sys.exit(f"bench: no {mark!r} within {seconds} s after {self.held[-200:]!r}")
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                sys.exit(f"bench: the program ended before {mark!r}, after {self.held[-200:]!r}")
            self.held += data
        found, self.held = self.held.split(mark, 1)
        return found

    def end(self) -> None:
        self.child.stdin.close()
        self.child.terminate()
        self.child.wait()


class Server(Lines):
    def __init__(self, program: str, home: pathlib.Path):
        home.mkdir(parents=True, exist_ok=True)
        self.last = 0
        super().__init__([program], {"PATH": os.environ["PATH"], "HOME": str(home),
                                     "SSH_MCP_SSH_CONFIG": os.environ["SSHD_CONFIG"]})

    def request(self, method: str, params: dict) -> dict:
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        self.write(json.dumps(message).encode() + b"\n")
        return json.loads(self.until(b"\n"))

    def handshake(self) -> None:
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                    "clientInfo": {"name": "bench", "version": "1"}})
        self.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')

    def call(self, tool: str, **arguments: object) -> str:
        result = self.request("tools/call", {"name": tool, "arguments": arguments})["result"]
        text = "".join(block["text"] for block in result["content"])
        if result["isError"]:
            sys.exit(f"bench: {tool} failed: {text}")
        return text

    def memory(self, field: str) -> float:
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024


class BareShell(Lines):
    """What a script without any care does: no session can be told from the next, nothing is noticed."""

    def __init__(self) -> None:
        super().__init__(["ssh", "-tt", "-F", os.environ["SSHD_CONFIG"], "demo"], dict(os.environ))
        self.write(b"stty -echo -opost; PS1=; PROMPT_COMMAND=; printf '%s\\n' re''ady\n")
        self.until(b"ready\n")

    def run(self, command: bytes) -> bytes:
        self.write(command + b"; printf '\\001%s %s\\002' \"$?\" \"$PWD\"\n")
        return self.until(b"\x02")


def milliseconds(body) -> float:
    start = time.perf_counter()
    body()
    return (time.perf_counter() - start) * 1000


def interleaved(rounds: int, **bodies) -> dict[str, float]:
    """The median of each body in milliseconds; the bodies take turns, so that noise hits all of them."""
    times = {name: [] for name in bodies}
    for round in range(rounds + 5):
        for name, body in bodies.items():
            taken = milliseconds(body)
            if round >= 5:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def show(what: str, value: str) -> None:
    print(f"{what:<52} {value}", flush=True)


def exec_of_true(server: Server, rounds: int) -> None:
    bare = BareShell()
    server.call("start-session", host_id="demo", sessionId="exec")
    median = interleaved(
        rounds, ours=lambda: server.call("exec", session_id="exec", command="true"),
        floor=lambda: bare.run(b"true"), ping=lambda: server.request("ping", {}))
    bare.end()
    show("exec of true, median", f"{median['ours']:.3f} ms")
    show("  the same typed by a bare script over ssh -tt", f"{median['floor']:.3f} ms")
    show("  ping of the server by the same client", f"{median['ping']:.3f} ms")
    show("  ratio to the floor (goal 1.8)", f"{median['ours'] / median['floor']:.2f}")
    server.call("close-session", sessionId="exec")


def second_session(server: Server, rounds: int) -> None:
    server.call("start-session", host_id="demo", sessionId="first")
    socket = pathlib.Path(os.environ["SSHD_DIR"], "m")
    ssh = ["ssh", "-F", os.environ["SSHD_CONFIG"], "-S", str(socket)]
    master = subprocess.Popen([*ssh, "-M", "-N", "demo"], stderr=subprocess.DEVNULL)
    while not socket.exists():
        time.sleep(0.01)
    count = iter(range(1_000_000))
    median = interleaved(
        rounds, ours=lambda: server.call("start-session", host_id="demo", sessionId=f"n{next(count)}"),
        floor=lambda: subprocess.run([*ssh, "demo", "true"], check=True, stdin=subprocess.DEVNULL))
    master.terminate()
    master.wait()
    show("second session to a host, median", f"{median['ours']:.1f} ms")
    show("  bare ssh with a command over a master", f"{median['floor']:.1f} ms")
    show("  ratio to the floor (goal 3)", f"{median['ours'] / median['floor']:.2f}")


def start_up(program: str, home: pathlib.Path, rounds: int) -> None:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        server = Server(program, home)
        server.handshake()
        times.append((time.perf_counter() - started) * 1000)
        server.end()
    show("initialize answered after exec(), median (goal 30)", f"{statistics.median(times):.1f} ms")


def flood(server: Server, megabytes: int) -> None:
    server.call("start-session", host_id="demo", sessionId="flood")
    taken = milliseconds(lambda: server.call(
        "exec", session_id="flood", command=f"head -c {megabytes << 20} /dev/zero | tr '\\0' x"))
    show(f"{megabytes} MB through one exec", f"{megabytes / taken * 1000:.0f} MB/s")
    show("  memory of the server at its peak", f"{server.memory('VmHWM'):.1f} MB")


def main() -> None:
    program, rounds = sys.argv[1], int((sys.argv[2:] or ["500"])[0])
    home = pathlib.Path(os.environ["SSHD_DIR"], "bench-home")
    start_up(program, home, max(10, rounds // 20))
    server = Server(program, home)
    server.handshake()
    time.sleep(0.3)
    show("memory of the idle server (goal 20)", f"{server.memory('VmRSS'):.1f} MB")
    exec_of_true(server, rounds)
    second_session(server, max(10, rounds // 25))
    flood(server, max(10, rounds * 3 // 5))
    server.end()


main()
