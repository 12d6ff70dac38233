"""Times the built server against floors in one run; only the Python standard library.

usage: scripts/sshd run -- PYTHON bench.py SERVER [--quick] [--only WORD] [--json FILE] [--picture]

The floors do the same work in the simplest honest way: `raw` types the commands into a login shell over one `ssh -tt`
pipe with a marker of its own, `mux` is a bare `ssh -S` over a live connection, `ssh` a login, `cat` reads the same
bytes from a pipe, `C` is a program that reads and writes a line. Machines are noisy: ours and the floor take turns, and
the ratios count, not the times. The raw times are kept as JSON.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess

import bench_measures
import bench_picture

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "Sources/ssh-mcp-sessions/Documentation.docc"
MB = 1 << 20


def measures(quick: bool) -> list[tuple[str, object]]:
    """The measures in order: a word to choose them by, and what takes them."""
    many = 40 if quick else 1000
    some = 6 if quick else 40
    sizes = [1 << 10, MB] if quick else [1 << 10, 10 << 10, 100 << 10, MB, 10 * MB, 100 * MB]
    counts = [1, 10] if quick else [1, 10, 50, 200]
    return [
        ("exec", lambda program: bench_measures.execs(program, many)),
        ("start", lambda program: bench_measures.starting(program, some)),
        ("sessions", lambda program: bench_measures.sessions(program, some)),
        ("output", lambda program: bench_measures.output(program, sizes, 1 if quick else 3)),
        ("gigabyte", lambda program: {} if quick else bench_measures.output(program, [1 << 30], 3)),
        ("parallel", lambda program: bench_measures.parallel(program, counts, 1 if quick else 3)),
        ("idle", lambda program: bench_measures.idle(program, 1 if quick else 10)),
        ("askpass", lambda program: bench_measures.askpass(program, some)),
    ]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def digits(number: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


class Row:
    """A line of the table: ours, the floor, their ratio, and the goal for one of them."""

    def __init__(self, what: str, ours: float, unit: str, goal: float, *, floor: tuple[str, float] | None = None,
                 of_ratio: bool = True, at_least: bool = False):
        self.what, self.unit = what, unit
        self.ours, self.floor = ours, floor
        self.ratio = ours / floor[1] if floor else None
        judged = self.ratio if of_ratio and floor else ours
        self.is_met = judged >= goal if at_least else judged <= goal
        sign = "at least" if at_least else "at most"
        self.goal = f"{sign} {goal:g}" + (f" times {floor[0]}" if of_ratio and floor else f" {unit}")

    def cells(self) -> list[str]:
        floor = f"{self.floor[0]} {digits(self.floor[1])} {self.unit}" if self.floor else ""
        return [self.what, f"{digits(self.ours)} {self.unit}", floor, f"{self.ratio:.2f}" if self.ratio else "", self.goal,
                "yes" if self.is_met else "no"]


def rows(results: dict[str, bench_measures.Series]) -> list[Row]:
    """The table: of each measure what its goal speaks of."""
    table: list[Row] = []

    def against(name: str, floor: str, goal: float, statistic=statistics.median, words: str = "") -> None:
        if floor in (series := results.get(name, {})):
            table.append(Row(name + words, statistic(series["ours"]), "ms", goal,
                             floor=(floor, statistic(series[floor]))))

    def alone(name: str, key: str, unit: str, goal: float, words: str = "") -> None:
        if key in (series := results.get(name, {})):
            table.append(Row(name + words, statistics.median(series[key]), unit, goal))

    against("exec of true", "raw", 1.3, words=", median")
    against("exec of true", "raw", 2.0, lambda values: percentile(values, 0.99), ", p99")
    against("exec with 1 KB of output", "raw", 1.3)
    against("exec of a 10 KB command", "raw", 1.3)
    alone("start to tools/list", "ours", "ms", 10)
    against("start to tools/list", "C", 3)
    against("first session", "ssh", 1.15)
    against("second session", "mux", 1.5)
    against("second session and a command", "mux", 2)
    alone("50 sessions at once", "ours", "ms", 1200)
    for name, series in results.items():
        if name.endswith("bytes of output") and (size := int(name.split()[0])) >= 100 * MB:
            speed = {key: size / MB / statistics.median(values) * 1000 for key, values in series.items()
                     if key != "peak MB"}
            table.append(Row(f"{size // MB} MB through one exec", speed["ours"], "MB/s", 0.9,
                             floor=("raw", speed["raw"]), at_least=True))
            table.append(Row(f"{size // MB} MB: the server's memory", series["peak MB"][0], "MB", 40))
    for name in [name for name in results if "sessions x" in name]:
        against(name, "raw", 1.3)
    for name, goal in [("memory idle", 12), ("memory with 50 sessions", 25)]:
        alone(name, "MB", "MB", goal, ", resident")
        alone(name, "private MB", "MB", goal, ", of it private")
    for name in [name for name in results if name.startswith("CPU in")]:
        alone(name, "ms", "ms", 0)
    alone("askpass helper", "ours", "ms", 10)
    return table


HEAD = ["measure", "ours", "floor", "ratio", "goal", "met"]


def markdown(table: list[Row]) -> str:
    lines = [HEAD, ["---"] * len(HEAD)] + [row.cells() for row in table]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def machine() -> str:
    load = os.getloadavg()[0]
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.split(",")[0].strip()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {ssh}, load average {load:.0f} at the end"


def write_page(results: dict[str, bench_measures.Series], table: list[Row]) -> None:
    """The picture, and the table between the two marks of the page."""
    (PAGES / "speed.svg").write_text(bench_picture.curves(results))
    page = PAGES / "Speed.md"
    begin, end = "<!-- table -->\n", "<!-- end of the table -->"
    before, rest = page.read_text().split(begin, 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}\nMeasured on {machine()}.\n\n{markdown(table)}\n\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("server")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: does it run at all")
    parser.add_argument("--only", metavar="WORD", action="append", help="only this measure; may be repeated")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, default=ROOT / ".build/bench.json")
    parser.add_argument("--picture", action="store_true", help="writes the curves and the table into the documentation")
    options = parser.parse_args()
    known = measures(options.quick)
    if unknown := set(options.only or []) - {word for word, _ in known}:
        parser.error(f"no measure {', '.join(unknown)}; there are {', '.join(word for word, _ in known)}")
    results: dict[str, bench_measures.Series] = {}
    if options.only and options.json.exists():
        # A measure that is taken again replaces what it gave before.
        results = json.loads(options.json.read_text())["results"]
    for word, take in known:
        if not options.only or word in options.only:
            taken = take(options.server)
            results |= taken
            for row in rows(taken):
                print("{:<34} {:>12} {:>18} {:>6}  {:<24} {}".format(*row.cells()), flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"machine": machine(), "load": os.getloadavg(), "results": results}))
    table = rows(results)
    if options.picture:
        write_page(results, table)
    print(f"\n{sum(row.is_met for row in table)} of {len(table)} goals met; raw times in {options.json}")


main()
