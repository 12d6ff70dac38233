"""Random commands over one session, each compared with what a plain shell does; only the Python standard library.

usage: scripts/sshd run -- PYTHON random_commands.py SERVER [--count N] [--seed N] [--shell NAME] [--host ALIAS]

Text, exit code, directory and number of bytes must be those of the plain shell (bash, dash, zsh or mksh), and so
must be the files that both have written. In between, commands are stopped, cancelled, typed to, written several at
once, and their output is read again in part. After a mismatch the shortest list of commands that shows it again
is printed, and the run goes on with a fresh session. Exits 1 if there was any, 2 if the run itself is broken.
"""

import sys

sys.dont_write_bytecode = True

import argparse
import os
import pathlib
import random
import re
import time

from command_grammar import Grammar, Step
from shell_pair import Broken, Client, Killed, Pair, cleaned, force, window

MOST_SHOWN = 12
QUEUE = 8
# The second is of mksh, where jobs end faster than it counts them.
JOB_LINE = re.compile(rb"^(?:\[\d+\]|internal warning: j_async).*\n?", re.MULTILINE)
# An interactive shell tells of a job's end when it likes: perhaps during a later command.
JOB_NOTICE = re.compile(r"^\[\d+\][+-]? +(?:Done|Exit \d+)\b.*\n?", re.MULTILINE)
# Shells name themselves and count lines differently where they are not interactive.
SHELL_SAYS = re.compile(
    rb"^(?:E: )?(?:\S*/)?-?(?:bash|dash|zsh|mksh|sh|main)(?:\[\d+\])?:(?:\d+:)? (?:eval: )?"
    rb"(?:line \d+: )?(?:(?<=dash: )\d+: )?", re.MULTILINE)
REPRODUCTION_SECONDS = 15


class Mismatch(Exception):
    """The server did not say what the plain shell did."""


def shortened(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 600 else f"{text[:300]} [... {len(text) - 600} more ...] {text[-300:]}"


def same(what: str, found: object, wanted: object) -> None:
    if found == wanted:
        return
    if isinstance(found, str) and isinstance(wanted, str):
        place = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
        around = slice(max(0, place - 60), place + 60)
        raise Mismatch(f"{what} differs: at character {place} of {len(found)}, wanted {len(wanted)}\n"
                       f"    server      {found[around]!r}\n    plain shell {wanted[around]!r}")
    raise Mismatch(f"{what}: server {shortened(found)}, plain shell {shortened(wanted)}")


class Runner:
    """Runs steps on a pair; `run` returns normally if both sides agree."""
    def __init__(self, pair: Pair):
        self.pair, self.client = pair, pair.client
        self.status, self.background = 0, 0
        self.cwd = pair.mapped(bytes(pair.ours / "tree")).decode()
        self.jobs_ran = False

    def arguments(self, step: Step, **more: object) -> dict:
        return {
            "name": "exec", "arguments": {
                "session_id": self.pair.session, "command": step.text, "max_output_chars": step.limit, **more
            }
        }

    def run(self, steps: list[Step]) -> None:
        """One step, or several whose requests are written at once."""
        if steps[0].kind in ("timeout", "cancel", "withdraw", "input"):
            getattr(self, steps[0].kind)(steps[0])
            return
        messages = [self.client.message("tools/call", self.arguments(step)) for step in steps]
        numbers = [message["id"] for message in messages]
        listing = None
        if any(step.listing for step in steps):
            messages.append(self.client.message("tools/call", {"name": "list-sessions", "arguments": {}}))
            listing = messages[-1]["id"]
        self.client.write(*messages)
        results = [self.client.answer(number) for number in numbers]
        if listing:
            line = self.client.answer(listing)["text"]
            if self.pair.session not in line or "\n" in line:
                raise Mismatch(f"list-sessions says {line!r}")
        for step, result in zip(steps, results):
            self.compare(step, result, is_last=step is steps[-1])

    def compare(self, step: Step, result: dict, is_last: bool) -> None:
        facts = {**result["facts"], "cwd": self.mapped(result["facts"].get("cwd", ""))}
        text = self.mapped(result["text"])
        if facts.get("state") != "finished":
            raise Mismatch(f"the state is {facts.get('state')}: {shortened(text)}")
        code = facts["exitCode"]
        if step.kind == "error":
            if code == 0 or not result["isError"]:
                raise Mismatch(f"a syntax error gave status {code}: {shortened(text)}")
            same("directory", facts["cwd"], self.cwd)
            self.status = code
            return
        output, wanted, directory = self.pair.plain.run(step.text, self.status)
        self.status, self.cwd = code, directory.decode("utf-8", "replace")
        is_late = self.jobs_ran and JOB_NOTICE.search(text) and not JOB_NOTICE.search(output.decode("utf-8", "replace"))
        if is_late:
            text = JOB_NOTICE.sub("", text).rstrip()
        if step.kind == "jobs":
            output = JOB_LINE.sub(b"", output)
            text = JOB_LINE.sub(b"", text.encode()).decode()
        says = SHELL_SAYS.search(output) is not None
        if says:
            output, text = SHELL_SAYS.sub(b"sh: ", output), SHELL_SAYS.sub(b"sh: ", text.encode()).decode()
        # What is acted upon when output is cleaned is compared as it came.
        is_raw = step.kind == "raw" or re.search(rb"[\x08\r\x1b]", output) is not None
        # The text first: it says most about what went wrong.
        if step.kind in ("exact", "jobs") and not is_raw:
            same("text", text, window(output, wanted, {} if step.kind == "jobs" or is_late else facts))
            if "omitted" not in facts and len(text) > step.limit + 40:
                raise Mismatch(f"{len(text)} characters of at most {step.limit}")
        same("exit code", code, wanted)
        same("error flag", result["isError"], wanted != 0)
        same("directory", facts["cwd"], self.cwd)
        if step.kind in ("exact", "raw") and not says and not is_late:
            same("number of bytes", facts["outputBytes"], len(output))
        if is_last and not says and not is_late and step.kind in ("exact", "raw") and (step.probe or is_raw):
            self.read_again(step.probe or {"offset": 0, "raw": True, "max_output_chars": 10_000_000}, output, wanted)
        self.watch_background(step, facts.get("backgroundBytes", 0))

    def read_again(self, probe: dict, output: bytes, status: int) -> None:
        result = self.client.call("read-output", session_id=self.pair.session, **probe)
        wanted = window(output, status, result["facts"], probe["offset"], probe["raw"])
        text = self.mapped(result["text"])
        if text != wanted and self.mapped_from_inside(text) == wanted:
            text = wanted
        same(f"text of read-output {probe}", text, wanted)
        same(f"nextOffset of read-output {probe}", result["facts"].get("nextOffset"), len(output))

    def watch_background(self, step: Step, count: int) -> None:
        """Only shells that tell of jobs may write while no command runs."""
        self.jobs_ran = self.jobs_ran or step.kind == "jobs"
        if count > self.background and not self.jobs_ran:
            text = self.client.call("read-output", session_id=self.pair.session)["text"]
            raise Mismatch(f"{count} bytes of background output: {shortened(text)}")
        self.background = count

    def mapped(self, text: str) -> str:
        return self.pair.mapped(text.encode()).decode()

    @staticmethod
    def mapped_from_inside(text: str) -> str:
        """The same where the text begins inside the name of the session's home."""
        for end in ("home-s", "ome-s", "me-s", "e-s", "-s", "s"):
            if text.startswith(end):
                return end[:-1] + "o" + text[len(end):]
        return text

    # Commands that do not end by themselves

    def timeout(self, step: Step) -> None:
        started = time.monotonic()
        result = self.client.answer(self.client.begin("tools/call", self.arguments(step, timeout_seconds=0.2)))
        facts, taken = result["facts"], time.monotonic() - started
        if facts.get("state") != "timed_out" or not result["isError"] or "[timed out after 0.2 s" not in result["text"]:
            raise Mismatch(f"a command that had to time out: {shortened(result['text'])} {facts}")
        if taken > 10:
            raise Mismatch(f"to stop a command took {taken:.1f} s")
        same("directory", self.mapped(facts["cwd"]), self.cwd)
        self.status = facts["exitCode"]

    def cancel(self, step: Step) -> None:
        number = self.client.begin("tools/call", self.arguments(step))
        time.sleep(step.pause)
        self.client.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})
        started = time.monotonic()
        result = self.client.call("exec", session_id=self.pair.session, command="sh -c 'echo next'")
        taken = time.monotonic() - started
        if result["text"] != "next" or taken > 10:
            raise Mismatch(f"after a cancelled command, in {taken:.1f} s: {shortened(result['text'])}")
        self.status = 0

    def withdraw(self, step: Step) -> None:
        """Cancels a command that waits for its turn: nothing of it may run."""
        first = self.client.message("tools/call", self.arguments(Step("sleep 0.2")))
        second = self.client.message("tools/call", self.arguments(step))
        # One write: between two the machine may be busy with others until the first command is over.
        self.client.write(first, second, {
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": second["id"]}
        })
        same("text", self.client.answer(first["id"])["text"], "")
        check = "sh -c 'echo \"<$0>\"' \"${v_withdrawn-never}\""
        result = self.client.call("exec", session_id=self.pair.session, command=check)
        same("text after a command was withdrawn", result["text"], "<never>")
        self.status = 0

    def input(self, step: Step) -> None:
        result = self.client.answer(self.client.begin("tools/call", self.arguments(step)))
        if result["facts"].get("state") != "waiting_for_input":
            raise Mismatch(f"a command that waits for input: {shortened(result['text'])} {result['facts']}")
        result = self.client.call("send-input", session_id=self.pair.session, text=step.entry)
        same("text after send-input", result["text"], f"got <{step.entry}>")
        same("exit code", result["facts"].get("exitCode"), 0)
        self.status = 0


def begin(arguments: argparse.Namespace) -> Pair:
    """A pair with a server of its own."""
    root = pathlib.Path(os.environ["SSHD_DIR"])
    if arguments.host == "demo":
        force(arguments.shell, root)
    client = Client(arguments.server, root / "client-home")
    return Pair(client, arguments.shell, arguments.host, root)


def end(pair: Pair) -> None:
    pair.end()
    pair.client.end()


def fails(arguments: argparse.Namespace, batches: list[list[Step]]) -> str | None:
    """What goes wrong with the last of these on a fresh pair; nothing if it does as it should."""
    pair = begin(arguments)
    try:
        runner = Runner(pair)
        for steps in batches:
            runner.run(steps)
        return pair.trees_differ()
    except (Mismatch, Broken) as error:
        return str(error) if steps is batches[-1] else None
    finally:
        end(pair)


def kind_of(error: str | None) -> str:
    """What stays of an error when the same comes from fewer commands."""
    return re.sub(r"\d+", "N", (error or "").split("\n")[0].split(":")[0])


def reproduction(arguments: argparse.Namespace, history: list[list[Step]], error: str) -> list[list[Step]]:
    """The shortest end of the history that still fails in that way, without what it does not need."""
    def still_fails(batches: list[list[Step]]) -> bool:
        return kind_of(fails(arguments, batches)) == kind_of(error)

    deadline = time.monotonic() + REPRODUCTION_SECONDS
    lengths = [1, 2, 4, 8, 16, 64, 256, len(history)]
    for length in [length for length in lengths if length <= len(history)]:
        short = history[-length:]
        if still_fails(short):
            break
    else:
        return []
    size = len(short) // 2
    while size >= 1:
        place = 0
        while place + size < len(short) and time.monotonic() < deadline:  # the last one, which failed, stays
            without = short[:place] + short[place + size:]
            if still_fails(without):
                short = without
            else:
                place += size
        size //= 2
    return short


def report(arguments: argparse.Namespace, index: int, steps: list[Step], error: Exception,
           history: list[list[Step]]) -> None:
    print(f"MISMATCH at command {index}, seed {arguments.seed}, {arguments.shell}: {error}")
    for step in steps:
        print(f"    {step.kind}: {shortened(repr(step.text))} limit {step.limit}")
    short = reproduction(arguments, history, str(error))
    print("  it does not happen again on fresh sessions"
          if not short else f"  the same with {len(short)} in a fresh session:")
    if len(short) > MOST_SHOWN:
        print(f"    (the last {MOST_SHOWN} of them)")
    for steps in short[-MOST_SHOWN:]:
        for step in steps:
            print(f"    {step.kind}: {shortened(repr(step.text))} limit {step.limit} probe {step.probe}")
    if short:
        print(f"    which gives: {fails(arguments, short)}", flush=True)


def story(arguments: argparse.Namespace) -> int:
    grammar = Grammar(random.Random(arguments.seed), arguments.shell)
    pair, index, mismatches, killed, held, start = None, 0, 0, 0, None, time.monotonic()
    kinds: dict[str, int] = {}
    while index < arguments.count and mismatches < arguments.most:
        if pair is None:
            grammar.forget()
            pair, held = begin(arguments), None
            runner, history = Runner(pair), []
        steps, held = [held or grammar.step()], None
        while steps[-1].together and steps[-1].kind in ("exact", "loose", "error") and len(steps) < QUEUE:
            held = grammar.step()
            if held.kind not in ("exact", "loose", "error"):
                break
            steps.append(held)
            held = None
        history.append(steps)
        try:
            runner.run(steps)
            if len(history) % 250 == 0 or index + len(steps) >= arguments.count:
                if difference := pair.trees_differ():
                    raise Mismatch(difference)
        except Killed as error:
            # Both sides begin afresh; the command is run again by nobody, and said to be.
            print(f"NOT COMPARED: command {index}, seed {arguments.seed}, {arguments.shell}: {error}", flush=True)
            killed += 1
            end(pair)
            pair = None
        except (Mismatch, Broken) as error:
            mismatches += 1
            end(pair)
            pair = None
            report(arguments, index, steps, error, history)
        index += len(steps)
        for step in steps:
            kinds[step.kind] = kinds.get(step.kind, 0) + 1
        if arguments.progress and index // 500 != (index - len(steps)) // 500:
            print(f"  {index} commands, {time.monotonic() - start:.0f} s", flush=True)
    if pair:
        end(pair)
    print(f"{index} commands in {time.monotonic() - start:.0f} s, {mismatches} mismatches, {killed} not compared, "
          f"seed {arguments.seed}, "
          f"{arguments.shell}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    return 1 if mismatches else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--shell", default="bash", choices=["bash", "dash", "zsh", "mksh"])
    parser.add_argument("--host", default="demo", help="an alias that logs in to that shell; demo is made to")
    parser.add_argument("--most", type=int, default=10, help="mismatches after which the run is given up")
    parser.add_argument("--progress", action="store_true")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.count} commands, {arguments.shell}", flush=True)
    try:
        sys.exit(story(arguments))
    except Broken as error:
        print(f"broken, seed {arguments.seed}: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
