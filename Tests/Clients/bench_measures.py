"""The measures of bench.py, each a function of the built server and the wanted length; each gives raw series.

Within a measure the bodies take turns, so that the noise of a machine hits all of them.
"""

import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable

from bench_programs import (SCRATCH, Master, Program, RawShell, Server, build_c_floor, give_up, pipe_flood,
                            ssh_once)

Series = dict[str, list[float]]


def milliseconds(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return (time.perf_counter() - start) * 1000


def interleaved(rounds: int, warm: int = 3, **bodies: Callable[[], object]) -> Series:
    """The times of each body in milliseconds, after some that do not count."""
    times: Series = {name: [] for name in bodies}
    for round in range(rounds + warm):
        for name, body in bodies.items():
            taken = milliseconds(body)
            if round >= warm:
                times[name].append(taken)
    return times


def execs(program: str, rounds: int) -> dict[str, Series]:
    """One command after the other: nothing, 1 KB of output, 10 KB of command."""
    server, raw = Server(program), RawShell()
    server.handshake()
    server.start("exec")
    long = ": '" + "\n".join("x" * 99 for _ in range(102)) + "'"
    series = {}
    for name, command, count in [("exec of true", "true", rounds),
                                 ("exec with 1 KB of output", "printf %01024d 0", max(10, rounds // 4)),
                                 ("exec of a 10 KB command", long, max(10, rounds // 4))]:
        series[name] = interleaved(
            count, 5, ours=lambda: server.quick_exec("exec", command), raw=lambda: raw.run(command.encode()),
            ping=lambda: server.request("ping", {}))
    server.end()
    raw.end()
    return series


def starting(program: str, rounds: int) -> dict[str, Series]:
    """From exec() to the answers of initialize and tools/list."""
    floor = build_c_floor()

    def ours() -> None:
        server = Server(program)
        server.handshake()
        server.request("tools/list", {})
        running.append(server)

    def answer_lines() -> None:
        child = Program([str(floor)])
        for _ in range(2):
            child.write(b"{}\n")
            child.until(b"\n")
        running.append(child)

    bodies = {"ours": ours} | ({"C": answer_lines} if floor else {})
    times: Series = {name: [] for name in bodies}
    for _ in range(rounds):
        for name, body in bodies.items():
            running: list[Program] = []
            times[name].append(milliseconds(body))
            for child in running:
                child.end()
    return {"start to tools/list": times}


def sessions(program: str, rounds: int) -> dict[str, Series]:
    """The first session, the second, its first command, and fifty at once."""
    first: Series = {"ours": [], "ssh": []}
    fifty: Series = {"ours": []}
    for _ in range(max(3, rounds // 4)):
        server = Server(program)
        server.handshake()
        first["ours"].append(milliseconds(lambda: server.start("first")))
        first["ssh"].append(milliseconds(ssh_once))
        server.end()
    server, master = Server(program), Master()
    server.handshake()
    server.start("first")
    count = iter(range(1_000_000))
    second: Series = {"ours": [], "mux": []}
    ready: Series = {"ours": [], "mux": []}
    for round in range(rounds + 3):
        name = f"n{next(count)}"
        started = milliseconds(lambda: server.start(name))
        command = milliseconds(lambda: server.exec(name, "true"))
        floor = milliseconds(lambda: master.run("true"))
        server.call("close-session", sessionId=name)
        if round >= 3:
            second["ours"].append(started)
            ready["ours"].append(started + command)
            second["mux"].append(floor)
            ready["mux"].append(floor)
    server.end()
    master.end()
    for _ in range(max(1, rounds // 20)):
        server = Server(program)
        server.handshake()
        fifty["ours"].append(milliseconds(lambda: at_once(server, 50)))
        server.end()
    return {"first session": first, "second session": second, "second session and a command": ready,
            "50 sessions at once": fifty}


def at_once(server: Server, count: int, begin: int = 0) -> None:
    """Opens so many sessions without waiting for one before the next."""
    for number in range(begin, begin + count):
        server.send("tools/call", {"name": "start-session",
                                   "arguments": {"host_id": "demo", "sessionId": f"s{number}"}})
    for _ in range(count):
        server.result(json.loads(server.until(b"\n", 120)))


def output(program: str, sizes: list[int], rounds: int) -> dict[str, Series]:
    """Much output through one command: the time for all of it, and the server's peak of memory."""
    series: dict[str, Series] = {}
    raw = RawShell()
    for size in sizes:
        command = f"head -c {size} /dev/zero | tr '\\0' x"
        server = Server(program)
        server.handshake()
        server.start("flood")

        def whole(count: int) -> None:
            if count != size:
                give_up(f"{count} bytes of {size} came")

        times = interleaved(
            rounds, 0, ours=lambda: whole(server.flood("flood", command)),
            raw=lambda: whole(raw.flood(command.encode())), cat=lambda: whole(pipe_flood(command)))
        series[f"{size} bytes of output"] = times | {"peak MB": [server.status("VmHWM")]}
        server.end()
    raw.end()
    return series


def parallel(program: str, counts: list[int], rounds: int) -> dict[str, Series]:
    """So many sessions, each with one command after the other, 20 in all."""
    return {f"{count} sessions x 20 commands": one_parallel(program, count, rounds) for count in counts}


def one_parallel(program: str, count: int, rounds: int) -> Series:
    server = Server(program)
    server.handshake()
    for begin in range(0, count, 50):
        at_once(server, min(50, count - begin), begin)
    masters = [Master() for _ in range((count + 8) // 9)]
    shells = [RawShell(masters[number // 9].socket) for number in range(count)]
    series = interleaved(rounds, 1, ours=lambda: ask_server(server, count), raw=lambda: ask_shells(shells))
    for program_ in [server, *shells, *masters]:
        program_.end()
    return series


def ask_server(server: Server, count: int, commands: int = 20) -> None:
    left = dict.fromkeys(range(count), commands - 1)
    owner = {server.send_exec(f"s{number}", "true"): number for number in range(count)}
    while owner:
        number = owner.pop(server.take_exec())
        if left[number]:
            left[number] -= 1
            owner[server.send_exec(f"s{number}", "true")] = number


def ask_shells(shells: list[RawShell], commands: int = 20) -> None:
    poll, by_descriptor = select.poll(), {shell.output: shell for shell in shells}
    left = {shell.output: commands for shell in shells}
    for shell in shells:
        poll.register(shell.output, select.POLLIN)
        shell.write(b"true" + RawShell.AFTER)
    open_ = len(shells)
    while open_:
        for descriptor, _ in poll.poll(60_000):
            shell = by_descriptor[descriptor]
            shell.held += shell.read(0)
            if RawShell.MARK not in shell.held:
                continue
            shell.held = b""
            left[descriptor] -= 1
            if left[descriptor]:
                shell.write(b"true" + RawShell.AFTER)
            else:
                open_ -= 1
                poll.unregister(descriptor)


def idle(program: str, seconds: float) -> dict[str, Series]:
    """Memory of the server that does nothing, and of one with 50 sessions; its CPU then."""
    server = Server(program)
    server.handshake()
    server.request("tools/list", {})
    time.sleep(0.5)
    alone = {"MB": [server.status("VmRSS")], "private MB": [server.status("RssAnon")]}
    at_once(server, 50)
    time.sleep(1)
    with_sessions = {"MB": [server.status("VmRSS")], "private MB": [server.status("RssAnon")]}
    before = server.cpu_ticks()
    time.sleep(seconds)
    ticks = server.cpu_ticks() - before
    server.end()
    return {"memory idle": alone, "memory with 50 sessions": with_sessions,
            f"CPU in {seconds:g} s with 50 sessions": {"ms": [ticks * 1000 / os.sysconf("SC_CLK_TCK")]}}


def askpass(program: str, rounds: int) -> dict[str, Series]:
    """The helper that ssh asks, from exec() to its exit; the answer comes at once."""
    path = SCRATCH / "askpass"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if not connection.recv(4096):
                    return
                connection.sendall(b"+secret")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    environment = {"SSH_MCP_ASKPASS_SOCKET": str(path)}
    series = interleaved(
        rounds, 3,
        ours=lambda: subprocess.run([program, "Password:"], env=environment, check=True,
                                    stdout=subprocess.DEVNULL),
        true=lambda: subprocess.run(["true"], check=True))
    with socket.socket(socket.AF_UNIX) as last:
        last.connect(str(path))
    thread.join(5)
    listener.close()
    return {"askpass helper": series}
