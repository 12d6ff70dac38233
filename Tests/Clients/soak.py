"""Many sessions of one server for a long time, each result compared with a plain shell; only the standard library.

usage: scripts/sshd run -- PYTHON soak.py SERVER [--minutes N] [--sessions N] [--pause SECONDS] [--out DIRECTORY]

Each session runs the random commands of random_commands.py beside the others: commands are stopped, cancelled, typed
to and written several at once. After some hundreds of commands a session is closed and another opened. Meanwhile the
server's memory, descriptors, threads and children are looked at. At the end they must be where they were once all
sessions had warmed up. Leaves samples.csv, soak.svg and log.txt in the directory; exits 1 if anything was wrong.
"""

import sys

sys.dont_write_bytecode = True

import argparse
import csv
import dataclasses
import json
import os
import pathlib
import random
import statistics
import threading
import time

from command_grammar import Grammar
from random_commands import QUEUE, Mismatch, Runner
from shell_pair import Broken, Client, Killed, Pair

SHELL = "bash"
# Commands of one session before it is closed.
LIFE = (150, 600)
SAMPLE_SECONDS = 5
# The first part of the run, in which caches and kept outputs fill.
WARM_UP = 0.25
# What may be more at the end than after the warm-up.
ALLOWED = {"memory_kb": 3072, "descriptors": 8, "threads": 2}


class SharedClient(Client):
    """One server spoken to by many threads: whoever waits first reads for all."""
    def __init__(self, program: str, home: pathlib.Path):
        self.news = threading.Condition()
        self.has_ended = False
        super().__init__(program, home)

    def begin(self, method: str, params: dict) -> int:
        message = self.message(method, params)
        self.write(message)
        return message["id"]

    def message(self, method: str, params: dict) -> dict:
        with self.news:
            return super().message(method, params)

    def write(self, *messages: dict) -> None:
        with self.news:
            super().write(*messages)

    def listen(self) -> None:
        """Reads answers until the server ends; in a thread of its own."""
        while data := self.child.stdout.read(1 << 20):
            *lines, rest = data.split(b"\n")
            for line in lines:
                message = json.loads(bytes(self.line) + line)
                self.line.clear()
                if "method" not in message:
                    with self.news:
                        self.answers[message["id"]] = message
                        self.news.notify_all()
            self.line += rest
        with self.news:
            self.has_ended = True
            self.news.notify_all()

    def answer(self, number: int, seconds: float = 120) -> dict:
        with self.news:
            if not hasattr(self, "listener"):
                self.listener = threading.Thread(target=self.listen, daemon=True)
                self.listener.start()
            self.news.wait_for(lambda: number in self.answers or self.has_ended, seconds)
            if number not in self.answers:
                raise Broken("the server ended" if self.has_ended else f"no answer to {number} within {seconds} s")
        return super().answer(number)


class Batches:
    """Steps as they are sent: one, or several that are written at once."""
    TOGETHER = ("exact", "loose", "error")

    def __init__(self, source: random.Random):
        self.grammar, self.held = Grammar(source, SHELL), None

    def step(self):
        """The next one; lists of sessions are not compared, for there are many."""
        step, self.held = self.held or dataclasses.replace(self.grammar.step(), listing=False), None
        return step

    def next(self) -> list:
        steps = [self.step()]
        while steps[-1].together and steps[-1].kind in self.TOGETHER and len(steps) < QUEUE:
            following = self.step()
            if following.kind not in self.TOGETHER:
                self.held = following
                break
            steps.append(following)
        return steps


class Soak:
    def __init__(self, arguments: argparse.Namespace):
        self.arguments, self.lock = arguments, threading.Lock()
        self.root = pathlib.Path(os.environ["SSHD_DIR"])
        self.out = pathlib.Path(arguments.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = open(self.out / "log.txt", "w", buffering=1)
        self.commands = self.mismatches = self.killed = self.sessions = 0
        self.client = SharedClient(arguments.server, self.root / "client-home")
        self.started = time.monotonic()
        self.deadline = self.started + 60 * arguments.minutes

    def say(self, text: str) -> None:
        with self.lock:
            self.log.write(text + "\n")
            print(text, flush=True)

    def worker(self, number: int) -> None:
        source = random.Random(self.arguments.seed * 1000 + number)
        root = self.root / f"w{number:03}"
        root.mkdir()
        pair = None
        while time.monotonic() < self.deadline:
            steps = []
            try:
                if pair is None:
                    batches = Batches(source)
                    pair = Pair(self.client, SHELL, "demo", root)
                    runner, left = Runner(pair), source.randint(*LIFE)
                    with self.lock:
                        self.sessions += 1
                steps = batches.next()
                runner.run(steps)
                left -= len(steps)
                with self.lock:
                    self.commands += len(steps)
                if left <= 0:
                    if difference := pair.trees_differ():
                        raise Mismatch(difference)
                    self.close(pair)
                    pair = None
                time.sleep(source.random() * 2 * self.arguments.pause)
            except Killed as error:
                self.say(f"NOT COMPARED: session {number}: {error}")
                self.killed += 1
                pair = self.give_up(pair)
            except (Mismatch, Broken) as error:
                self.say(f"MISMATCH in session {number} at {time.monotonic() - self.started:.0f} s: {error}\n    "
                         + "\n    ".join(repr(step.text)[:400] for step in steps))
                self.mismatches += 1
                pair = self.give_up(pair)
                if self.client.has_ended:
                    return
        if pair:
            self.close(pair)

    def close(self, pair: Pair) -> None:
        result = self.client.call("close-session", sessionId=pair.session)
        pair.end()
        if result["text"] != f"Session '{pair.session}' closed":
            raise Mismatch(f"close-session says {result['text']!r}")

    def give_up(self, pair: Pair | None) -> None:
        if pair:
            pair.end()
            if not self.client.has_ended:
                self.client.call("close-session", sessionId=pair.session)

    # Looking at the server

    def sample(self) -> dict:
        process = pathlib.Path("/proc", str(self.client.child.pid))
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        ticks = os.sysconf("SC_CLK_TCK")
        children = sum(1 for entry in pathlib.Path("/proc").glob("[0-9]*/stat")
                       if self.parent(entry) == self.client.child.pid)
        return {"seconds": round(time.monotonic() - self.started, 1), "memory_kb": int(status["VmRSS"].split()[0]),
                "descriptors": len(os.listdir(process / "fd")), "threads": int(status["Threads"]),
                "children": children, "cpu_seconds": (int(fields[11]) + int(fields[12])) / ticks,
                "commands": self.commands, "sessions": self.sessions}

    @staticmethod
    def parent(entry: pathlib.Path) -> int:
        try:
            return int(entry.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return 0

    def run(self) -> bool:
        threads = [threading.Thread(target=self.worker, args=(number,), daemon=True)
                   for number in range(self.arguments.sessions)]
        for thread in threads:
            thread.start()
        samples = []
        while any(thread.is_alive() for thread in threads) and time.monotonic() < self.deadline + 180:
            try:
                samples.append(self.sample())
            except OSError as error:
                self.say(f"the server is gone: {error}")
                self.mismatches += 1
                break
            time.sleep(SAMPLE_SECONDS)
        self.client.child.stdin.close()
        status = self.client.child.wait(10)
        with open(self.out / "samples.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, samples[0].keys())
            writer.writeheader()
            writer.writerows(samples)
        growth = self.growth(samples)
        (self.out / "soak.svg").write_text(picture(samples))
        self.say(f"{self.commands} commands in {self.sessions} sessions, {self.arguments.sessions} at a time, in "
                 f"{samples[-1]['seconds'] / 60:.0f} min, seed {self.arguments.seed}: {self.mismatches} mismatches, "
                 f"{self.killed} not compared, exit status {status}; growth after the warm-up: {growth}")
        is_flat = all(growth[name] <= most for name, most in ALLOWED.items())
        return self.mismatches == 0 and status == 0 and is_flat

    @staticmethod
    def growth(samples: list[dict]) -> dict[str, float]:
        """The medians of the last tenth less those of the tenth after the warm-up."""
        tenth = max(1, len(samples) // 10)
        start = int(len(samples) * WARM_UP)
        return {name: statistics.median(sample[name] for sample in samples[-tenth:])
                - statistics.median(sample[name] for sample in samples[start:start + tenth]) for name in ALLOWED}


def picture(samples: list[dict]) -> str:
    """The curves over time, each between zero and one and a quarter of its highest value."""
    width, height, left, gap = 720, 130, 70, 34
    names = {"memory_kb": "memory (kB)", "descriptors": "descriptors", "threads": "threads", "children": "children"}
    end = max(samples[-1]["seconds"], 1)
    parts = []
    for place, (name, title) in enumerate(names.items()):
        top = place * (height + gap) + 24
        most = max(sample[name] for sample in samples) * 1.25 or 1
        points = " ".join(f"{left + sample['seconds'] / end * (width - left):.1f},{top + height * (1 - sample[name] / most):.1f}"
                          for sample in samples)
        parts.append(f'<text x="{left}" y="{top - 6}">{title}, at most {max(sample[name] for sample in samples)}</text>'
                     f'<rect x="{left}" y="{top}" width="{width - left}" height="{height}" fill="none" stroke="#ccc"/>'
                     f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{most:.0f}</text>'
                     f'<text x="{left - 6}" y="{top + height}" text-anchor="end">0</text>'
                     f'<polyline points="{points}" fill="none" stroke="#0a58ca" stroke-width="1.5"/>')
    bottom = len(names) * (height + gap) + 24
    parts.append(f'<text x="{width}" y="{bottom - 6}" text-anchor="end">{end / 60:.0f} min</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 10} {bottom}" font-family="sans-serif" '
            f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.25, help="mean seconds between two commands of a session")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--out", default=".build/soak")
    sys.exit(0 if Soak(parser.parse_args()).run() else 1)


if __name__ == "__main__":
    main()
