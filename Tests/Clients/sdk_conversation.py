"""The main job through the official Python SDK, once in each era of the protocol.

usage: scripts/sshd run -- PYTHON sdk_conversation.py SERVER

Adds the loopback host of scripts/sshd, opens a session, runs commands whose state carries over, closes it.
Prints one line a step and at the end "N passed, M failed"; the exit status says the same.
"""

import asyncio
import os
import pathlib
import sys

from mcp import Client, StdioServerParameters

TOOLS = {"add-host", "edit-host", "remove-host", "list-hosts",
         "start-session", "exec", "close-session", "list-sessions"}
passed = failed = 0


def check(era: str, step: str, seen: object, wanted: object) -> None:
    global passed, failed
    if seen == wanted:
        passed += 1
        print(f"ok   {era}: {step}")
    else:
        failed += 1
        print(f"FAIL {era}: {step}: wanted {wanted!r}, got {seen!r}")


def parameters(server: str, home: pathlib.Path) -> StdioServerParameters:
    home.mkdir(parents=True)
    # The SDK adds HOME, PATH and four more of its own; HOME is ours, so that no real hosts file is touched.
    return StdioServerParameters(
        command=server, env={"HOME": str(home), "SSH_MCP_SSH_CONFIG": os.environ["SSHD_CONFIG"]})


async def converse(server: str, mode: str, protocol: str) -> None:
    home = pathlib.Path(os.environ["SSHD_DIR"], "home-" + mode)
    era = f"mode {mode}"
    async with Client(parameters(server, home), mode=mode, read_timeout_seconds=60) as client:
        check(era, "protocol version", client.protocol_version, protocol)
        tools = (await client.list_tools()).tools
        check(era, "tools/list has the eight tools", TOOLS - {tool.name for tool in tools}, set())

        async def call(step: str, tool: str, arguments: dict, text: str, is_error: bool = False) -> None:
            result = await client.call_tool(tool, arguments)
            seen = ["".join(block.text for block in result.content), bool(result.is_error)]
            check(era, step, seen, [text, is_error])

        await call("add-host", "add-host", {
            "host_id": "loop", "host": "127.0.0.1", "port": int(os.environ["SSHD_PORT"]),
            "username": os.environ["SSHD_USER"], "keyPath": os.environ["SSHD_KEY"]}, "Host 'loop' added")
        await call("start-session", "start-session", {"host_id": "loop", "sessionId": "s"}, "s")
        run = {"session_id": "s"}
        await call("exec sets state", "exec", run | {"command": "cd / && A='kept €'"}, "")
        await call("exec finds state", "exec", run | {"command": 'echo "$A in $PWD"'}, "kept € in /")
        await call("exec that fails", "exec", run | {"command": "echo no; (exit 7)"}, "Error (code 7):\nno", True)
        await call("close-session", "close-session", {"sessionId": "s"}, "Session 's' closed")
        await call("no session left", "list-sessions", {}, "No active sessions")


async def main() -> int:
    server = os.path.abspath(sys.argv[1])
    for mode, protocol in [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]:
        try:
            await converse(server, mode, protocol)
        except Exception as error:  # One era's breakdown is counted, and the others still speak.
            check(f"mode {mode}", "conversation", repr(error), "no exception")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or "SSHD_DIR" not in os.environ:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main()))
