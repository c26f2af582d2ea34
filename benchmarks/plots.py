"""The results as pictures: SVG, the same bytes for the same results. Needs matplotlib, and does without it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.goals import BY_NAME, headroom
from benchmarks.results import Results, Row

_SETTINGS = {
    "svg.hashsalt": "alys",  # ids that do not change from run to run
    "svg.fonttype": "none",  # words stay words
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_METADATA = {"Date": None, "Creator": None}
_OURS = "#1f5fa8"
_MISSED = "#c0392b"
_MARKS = (("o", _OURS), ("s", "#7f8c8d"), ("^", "#e0a030"), ("D", "#2e8b6f"), ("v", "#8e6bb0"))
"""Ours and the peers, in the order of the page; the shapes are for whoever does not tell the colours apart."""
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_WIDTH_INCHES = 8.0
_ROW_INCHES = 0.36
_MARGIN_INCHES = 1.1

Draw = Callable[[Any, Results], bool]


def write(results: Results, folder: Path) -> list[str]:
    """Write the plots; their names, or none where matplotlib is missing. A plot that would be empty is not written."""
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ModuleNotFoundError:
        return []
    matplotlib.use("Agg")
    figures = importlib.import_module("matplotlib.figure")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context(_SETTINGS):
        for name, draw in PLOTS.items():
            figure = figures.Figure(layout="constrained")
            if draw(figure, results):
                figure.savefig(folder / name, format="svg", metadata=_METADATA)
                written.append(name)
    return written


def draw_goals(figure: Any, results: Results) -> bool:
    """How far every figure is from its goal: at the line it is just met."""
    rows = [row for row in results.rows if row.ours is not None]
    factors = [_headroom(row) for row in rows]
    axes = _axes(figure, len(rows), "times as good as the goal asks (1: just met), logarithmic")
    axes.barh(
        [row.title for row in rows],
        [factor - 1.0 for factor in factors],
        left=1.0,
        color=[_OURS if row.met else _MISSED for row in rows],
    )
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    ends = min([*factors, 1.0]) / 1.2, max([*factors, 1.0]) * 1.2
    axes.set_xticks(ticks := [tick for tick in _TICKS if ends[0] <= tick <= ends[1]])
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(*ends)
    axes.invert_yaxis()
    return bool(rows)


def draw_throughput(figure: Any, results: Results) -> bool:
    """Ours and the peers', where more is better."""
    rows = [row for row in results.rows if row.unit.endswith("/s") and row.ours is not None]
    return _beside_peers(figure, results, rows, "per second, logarithmic: more is better")


def draw_latency(figure: Any, results: Results) -> bool:
    """Ours and the peers', where less is better."""
    rows = [row for row in results.rows if row.unit == "us" and row.ours is not None]
    return _beside_peers(figure, results, rows, "µs, logarithmic: less is better")


def draw_rounds(figure: Any, results: Results) -> bool:
    """The ratio of every round: how far the rounds agree."""
    rows = [row for row in results.rows if row.each_ratio and row.goal_unit == "Q"]
    axes = _axes(figure, len(rows), "Q, every round; the bar is the goal")
    for place, row in enumerate(rows):
        axes.plot(row.each_ratio, [place] * len(row.each_ratio), "o", color=_OURS, alpha=0.5)
        axes.plot([row.goal] * 2, [place - 0.35, place + 0.35], color="black", linewidth=2)
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    return bool(rows)


PLOTS: dict[str, Draw] = {
    "goals.svg": draw_goals,
    "throughput.svg": draw_throughput,
    "latency.svg": draw_latency,
    "rounds.svg": draw_rounds,
}


def _beside_peers(figure: Any, results: Results, rows: list[Row], label: str) -> bool:
    """A line for each row, a mark for whoever has a number in it."""
    names = ["ours", *(peer.name for peer in results.peers)]
    axes = _axes(figure, len(rows), label)
    for name, (shape, colour) in zip(names, _MARKS, strict=False):
        marks = [
            (value, place)
            for place, row in enumerate(rows)
            if isinstance(value := row.ours if name == "ours" else row.peers.get(name), float)
        ]
        values, places = [value for value, _ in marks], [place for _, place in marks]
        axes.plot(values, places, shape, color=colour, label=name, markersize=7)
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.invert_yaxis()
    figure.legend(loc="outside upper right", ncols=len(names), frameon=False)
    return bool(rows)


def _axes(figure: Any, rows: int, label: str) -> Any:
    figure.set_size_inches(_WIDTH_INCHES, _MARGIN_INCHES + _ROW_INCHES * rows)
    axes = figure.add_subplot()
    axes.set_xlabel(label)
    return axes


def _headroom(row: Row) -> float:
    return headroom(BY_NAME[row.name], row.ours or 0.0, row.ratio_to_queue)
