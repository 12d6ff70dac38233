"""Draws the curves of bench.py as an SVG picture: the time over the size of the output, and over the sessions."""

import math
import statistics

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 480, 320, 64, 40, 92, 44
COLOURS = {"ours": "#0b6fb8", "raw": "#c2571a", "cat": "#7a7a7a"}


def points(results: dict, name_ends: str) -> dict[str, list[tuple[float, float]]]:
    """Of each series the medians in milliseconds, over the number that the measure's name begins with."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for name, series in results.items():
        if name.endswith(name_ends):
            for key in COLOURS.keys() & series.keys():
                lines.setdefault(key, []).append((float(name.split()[0]), statistics.median(series[key])))
    return {key: sorted(line) for key, line in lines.items()}


def short(number: float) -> str:
    for factor, suffix in [(1 << 30, " GB"), (1 << 20, " MB"), (1 << 10, " KB")]:
        if number >= factor:
            return f"{number / factor:g}{suffix}"
    return f"{number:g}"


def panel(title: str, across: str, lines: dict[str, list[tuple[float, float]]], left: int) -> list[str]:
    """One diagram with logarithmic axes."""
    every = [point for line in lines.values() for point in line]
    if not every:
        return []
    low_x, high_x = (bound(x for x, _ in every) for bound in (min, max))
    decades = [math.floor(math.log10(min(y for _, y in every))), math.ceil(math.log10(max(y for _, y in every)))]
    if decades[0] == decades[1]:
        decades[1] += 1

    def place_x(x: float) -> float:
        span = math.log(high_x / low_x) or 1
        return left + LEFT + math.log(x / low_x) / span * (WIDTH - LEFT - RIGHT)

    def place_y(y: float) -> float:
        share = (math.log10(y) - decades[0]) / (decades[1] - decades[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{left + LEFT}" y="22" font-weight="bold">{title}</text>']
    for exponent in range(decades[0], decades[1] + 1):
        y = place_y(10.0**exponent)
        parts.append(f'<line x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#bbb"/>')
        parts.append(f'<text x="{left + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**exponent:g} ms</text>')
    for x in sorted({x for x, _ in every}):
        parts.append(f'<text x="{place_x(x):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(x)}</text>')
    parts.append(f'<text x="{left + WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{across}</text>')
    taken: list[float] = []
    for key in sorted(lines, key=lambda key: -lines[key][-1][1]):
        line = lines[key]
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[key]}" stroke-width="2"/>')
        parts += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" fill="{COLOURS[key]}"/>' for x, y in line]
        y = max([place_y(line[-1][1]) + 4] + [other + 14 for other in taken])
        taken.append(y)
        parts.append(f'<text x="{place_x(line[-1][0]) + 8:.1f}" y="{y:.1f}" fill="{COLOURS[key]}">{key}</text>')
    return parts


def curves(results: dict) -> str:
    """Both diagrams beside each other."""
    parts = panel("One command with so much output", "output", points(results, "bytes of output"), 0)
    parts += panel("So many sessions, 20 commands each", "sessions", points(results, "sessions x 20 commands"), WIDTH)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" fill="#555">', f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#fff"/>', *parts, "</svg>", ""])
