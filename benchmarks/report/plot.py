"""docs/pictures/benchmarks.svg: events per second of each competitor, one group of bars for each workload."""

from collections.abc import Sequence
from html import escape

from benchmarks.engine import PANTAU
from benchmarks.report.found import best, median, named, number
from benchmarks.results import Kept
from benchmarks.workloads import CITY_PARTITIONS

WIDTH, LABELS, RIGHT = 860, 240, 250  # of the picture, of the names on the left, of the figures on the right
BAR, GAP, HEAD = 20, 8, 34
OURS, THEIRS, LINE, TEXT = "#0b6e4f", "#9aa5b1", "#1f2933", "#1f2933"


def svg(kept: Sequence[Kept]) -> str:
    """The picture; of nothing while nothing is measured."""
    parts, top = [], 10
    replayed = named(kept, "replay")
    for workload, events in dict.fromkeys(
        (one.measurement.parameters["workload"], one.measurement.parameters["events"]) for one in replayed
    ):
        group = named(replayed, "replay", workload=str(workload), events=int(events))
        names = dict.fromkeys(str(one.measurement.parameters["competitor"]) for one in group)
        bests = [one for name in names if (one := best(group, "replay", "events_per_second", competitor=name))]
        bests.sort(key=lambda one: -one.measurement.figures["events_per_second"].median)
        parts.append(_text(10, top + 16, f"{workload}, {int(events):,} events: events per second", weight="bold"))
        parts.append(_text(WIDTH - 10, top + 16, "visible after (200/s): p50, p99", anchor="end"))
        top += HEAD
        longest = max(max(one.measurement.figures["events_per_second"].values) for one in bests)
        for one in bests:
            parts += _bar(one, top, longest, kept)
            top += BAR + GAP
        top += GAP * 2
    height = top + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13">\n<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(one: Kept, top: int, longest: float, kept: Sequence[Kept]) -> list[str]:
    name, figure = str(one.measurement.parameters["competitor"]), one.measurement.figures["events_per_second"]
    scale = (WIDTH - LABELS - RIGHT) / longest
    middle, low, high = (LABELS + scale * value for value in (figure.median, min(figure.values), max(figure.values)))
    line = top + BAR / 2
    delays = [
        median(kept, "delay", metric, workload="nation", partitions=CITY_PARTITIONS, competitor=name, rate=200)
        for metric in ("p50_ms", "p99_ms")
    ]
    told = ", ".join(f"{number(value)} ms" for value in delays if value is not None)
    return [
        _text(LABELS - 8, top + 15, name, anchor="end", weight="bold" if name == PANTAU else "normal"),
        f'<rect x="{LABELS}" y="{top}" width="{middle - LABELS:.1f}" height="{BAR}" fill="{OURS if name == PANTAU else THEIRS}"/>',
        f'<path d="M{low:.1f} {line}H{high:.1f}M{low:.1f} {line - 4}V{line + 4}M{high:.1f} {line - 4}V{line + 4}" stroke="{LINE}" fill="none"/>',
        _text(max(middle, high) + 8, top + 15, number(figure.median)),
        _text(WIDTH - 10, top + 15, told, anchor="end"),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{TEXT}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
