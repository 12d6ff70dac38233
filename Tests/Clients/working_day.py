"""A working day in small, through an MCP client that was written elsewhere.

usage: scripts/sshd run -- PYTHON working_day.py CLIENT SERVER

CLIENT is one of sdk2-auto, sdk2-legacy, sdk2-stateless (the Python SDK 2.x), sdk1 (the Python SDK 1.x) and fastmcp
(with its tasks client). The day: hosts, a session, a long command, a prompt, a cancelled call, a person's yes to a
host key, resources and prompts, the end. The client starts and ends the server in its own way; afterwards nothing of
the server's may be left. Prints one line a step and "N passed, M failed"; the exit status says the same.
"""

import asyncio
import os
import pathlib
import sys
import time

from working_day_clients import CLIENTS

TOOLS = {"add-host", "edit-host", "remove-host", "list-hosts", "start-session", "exec", "close-session",
         "list-sessions", "read-output", "send-input", "interrupt"}


class Day:
    def __init__(self, name: str):
        self.name, self.passed, self.failed = name, 0, 0

    def check(self, step: str, is_right: bool, seen: object = "") -> None:
        self.passed, self.failed = self.passed + bool(is_right), self.failed + (not is_right)
        print(f"ok   {self.name}: {step}" if is_right else f"FAIL {self.name}: {step}: {seen!r}", flush=True)

    def equal(self, step: str, seen: object, wanted: object) -> None:
        self.check(step, seen == wanted, f"wanted {wanted!r}, got {seen!r}")


async def hosts(day: Day, client) -> None:
    day.equal("all tools are listed", set(await client.tools()), TOOLS)
    day.equal("add-host", await client.call("add-host", {
        "host_id": "loop", "host": "127.0.0.1", "port": int(os.environ["SSHD_PORT"]),
        "username": os.environ["SSHD_USER"], "keyPath": os.environ["SSHD_KEY"]}), ("Host 'loop' added", False))
    text, _ = await client.call("list-hosts")
    day.check("stored hosts come first, then ssh_config's", text.startswith("id=loop ") and "id=demo" in text, text)


async def commands(day: Day, client) -> None:
    day.equal("start-session", await client.call("start-session", {"host_id": "loop", "sessionId": "s"}), ("s", False))
    run = {"session_id": "s"}
    day.equal("exec", await client.call("exec", run | {"command": "cd / && A='kept €'"}), ("", False))
    day.equal("its state is kept", await client.call("exec", run | {"command": 'echo "$A in $PWD"'}),
              ("kept € in /", False))
    day.equal("a failure is told", await client.call("exec", run | {"command": "echo no; (exit 7)"}),
              ("Error (code 7):\nno", True))
    progress: list[str] = []
    text, _ = await client.call("exec", run | {"command": "echo on; sleep 2.5; echo off", "wait_seconds": 2}, progress)
    day.check("a long command is handed off", text.startswith("on\n[still running after 2"), text)
    day.check("its progress was told", client.has_progress_messages is False or "running" in "".join(progress), progress)
    day.equal("read-output waits for its end", await client.call("read-output", run), ("off", False))
    text, _ = await client.call("exec", run | {"command": "printf 'Name? '; read n; echo \"<$n>\""})
    day.check("a prompt is shown", text.startswith("Name?") and "waiting for input" in text, text)
    day.equal("send-input answers it", await client.call("send-input", run | {"text": "Ada"}), ("<Ada>", False))


async def cancelling(day: Day, client) -> None:
    run = {"session_id": "s"}
    await client.give_up("exec", run | {"command": "sleep 600"}, after=1)
    start = time.monotonic()
    day.equal("a call that the client gave up leaves the session usable",
              await client.call("exec", run | {"command": "echo free"}), ("free", False))
    day.check("and its command was stopped", time.monotonic() - start < 20, time.monotonic() - start)


async def reading(day: Day, client) -> None:
    text = await client.read("ssh-mcp://sessions")
    day.check("the sessions can be read", text.startswith("session=s "), text)
    text = await client.read("ssh-mcp://sessions/s/transcript")
    day.check("a transcript can be read", "$ echo \"$A in $PWD\"\nkept € in /\n" in text, text)
    day.equal("hosts complete", await client.complete("check-host", "host_id", "lo"), ["loop"])
    text = await client.prompt("check-host", {"host_id": "loop"})
    day.check("a prompt names its host", "'loop'" in text, text)


async def tasks(day: Day, client) -> None:
    run = {"session_id": "s"}
    status, text = await client.task("exec", run | {"command": "echo on; sleep 11; echo off"})
    day.equal("a command of eleven seconds is a task", (status, text), ("completed", "on\noff"))
    day.equal("a task is cancelled", await client.cancelled_task("exec", run | {"command": "sleep 600"}), "cancelled")
    day.equal("and the session is usable", await client.call("exec", run | {"command": "echo free"}), ("free", False))


async def work(day: Day, client) -> None:
    day.check("the protocol version is the client's best", client.protocol in client.protocols, client.protocol)
    for part in (hosts, commands, cancelling, reading):
        await part(day, client)
    if client.has_tasks:
        await tasks(day, client)
    day.equal("a person accepts a new host key", await client.call("start-session", {
        "host_id": "fresh", "sessionId": "f"}), ("f", False))
    day.equal("and was asked once", client.asked, 1)
    day.equal("close-session", await client.call("close-session", {"sessionId": "s"}), ("Session 's' closed", False))
    text, _ = await client.call("list-sessions")
    day.check("the other session is left open", text.startswith("session=f "), text)


def left_over(home: str) -> list[str]:
    """Processes that were started with this HOME: the server's and their children's alone."""
    mark = f"HOME={home}\0".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def new_host(directory: pathlib.Path) -> pathlib.Path:
    """A configuration that also has the loopback host under a name whose key is not known yet."""
    configuration = directory / "ssh_config"
    configuration.write_text(
        f"Host fresh\n  HostName 127.0.0.1\n  Port {os.environ['SSHD_PORT']}\n  User {os.environ['SSHD_USER']}\n"
        f"  UserKnownHostsFile {directory}/known_hosts\n  StrictHostKeyChecking ask\n"
        + pathlib.Path(os.environ["SSHD_CONFIG"]).read_text())
    return configuration


async def main(name: str, server: str) -> int:
    home = pathlib.Path(os.environ["SSHD_DIR"], f"day-{name}")
    home.mkdir()
    day = Day(name)
    # The clients add PATH, SHELL, TERM and the like by themselves and pass on nothing else.
    environment = {"HOME": str(home), "SSH_MCP_SSH_CONFIG": str(new_host(home)), "TMPDIR": str(home)}
    try:
        async with CLIENTS[name](server, environment) as client:
            await work(day, client)
    except Exception as error:  # A breakdown is counted like a wrong step.
        day.check("the day ends well", False, error)
    deadline = time.monotonic() + 5
    while left_over(str(home)) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    day.equal("no process is left", left_over(str(home)), [])
    day.equal("no socket or spool file is left", [path for path in home.glob("ssh-mcp*/**/*")], [])
    print(f"{day.passed} passed, {day.failed} failed")
    return 1 if day.failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or "SSHD_DIR" not in os.environ or sys.argv[1] not in CLIENTS:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], os.path.abspath(sys.argv[2]))))
