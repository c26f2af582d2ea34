"""The timeline of a run as one self-contained page: what befell whom on one axis of time, and what was said in the last moment before it failed.

Two drawings. The first has the whole run: faults, what became of nodes and actors, blocks and pegs, a row each. The second has the
last moments, a row per actor and an arrow per message. No script: a mark's words are its tooltip, and all of them stand in the tables below.
"""

import bisect
from collections.abc import Sequence
from html import escape

import msgspec
from typing_extensions import override

WIDTH = 1180
LEFT = 260
ROW = 22
TICKS = 10
ARROWS_MAX = 160
"""Messages in the second drawing; older ones are left out, and the page says so."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d9dee3; --page: #fff; --card: #f6f8fa;
  --good: #1a7f37; --bad: #c2202c; --warn: #9a6700; --cold: #0a66b7; --quiet: #8b949e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #333b44; --page: #14181c;
  --card: #1c2127; --good: #4ac26b; --bad: #ff7b72; --warn: #e3b341; --cold: #6cb6ff; --quiet: #6e7781; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 78rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0; overflow-wrap: anywhere; } .soft { color: var(--soft); }
.cause { border-left: 4px solid var(--bad); background: var(--card); padding: .6rem .9rem; margin: 1rem 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--card); }
svg { display: block; } svg text { font: 11px/1 ui-monospace, monospace; fill: var(--soft); }
svg .lane { stroke: var(--line); } svg .tick { stroke: var(--line); stroke-dasharray: 2 4; }
svg .fault { fill: var(--warn); fill-opacity: .75; } svg .crash, svg .restart { fill: var(--bad); }
svg .block { fill: var(--good); } svg .peg { fill: var(--cold); } svg .life { fill: var(--quiet); }
svg .oracle { stroke: var(--bad); stroke-width: 2; } svg .said { fill: var(--bad); font-weight: 700; }
svg .arrow { stroke: var(--cold); stroke-opacity: .55; } svg .lost { stroke: var(--bad); stroke-dasharray: 3 3; }
svg .end { fill: var(--cold); } svg .late { fill: var(--bad); }
.legend span { margin-right: 1.2rem; } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; }
table { border-collapse: collapse; font-size: .86rem; } th { color: var(--soft); font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td:first-child { font-variant-numeric: tabular-nums; white-space: nowrap; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: .75rem; overflow-x: auto; }
.tree .dead { color: var(--quiet); text-decoration: line-through; } .tree .hurt { color: var(--bad); }
"""

_LEGEND = (
    ("--warn", "fault, as long as it lasted"),
    ("--bad", "crash, restart"),
    ("--good", "block"),
    ("--cold", "step of a peg"),
    ("--quiet", "start, end"),
)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befell the one of a row."""

    at: float
    """Seconds since the run began, here and below."""
    lane: str
    kind: str
    """``fault``, ``crash``, ``restart``, ``block``, ``peg`` or ``life``."""
    text: str
    until: float | None = None
    """When it was over, if it lasted."""


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """A message, from when it was sent until it was taken up."""

    sent: float
    taken: float | None
    """None: nobody did."""
    sender: str
    receiver: str
    name: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An actor in the supervision tree."""

    depth: int
    name: str
    state: str
    """``up``, ``dead`` or ``hurt`` (it failed or was restarted lately)."""
    note: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows."""

    title: str
    oracle: str
    """Who found it; empty for a run that was green."""
    sentence: str
    replay: str
    failed_at: float | None
    ended_at: float
    facts: dict[str, str]
    lanes: tuple[str, ...]
    """The rows of the first drawing, in order."""
    marks: tuple[Mark, ...]
    actors: tuple[str, ...]
    """The rows of the second."""
    arrows: tuple[Arrow, ...]
    window: tuple[float, float]
    """Of the second drawing."""
    left_out: int
    """Messages in the window that are not drawn."""
    tree: tuple[Line, ...]
    """As it was when the run failed."""


def render(told: Timeline) -> str:
    """The whole page, ending with a newline."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(told.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(told.title)}</h1>",
        _cause(told),
        "<p class='soft'>" + escape(", ".join(f"{k} {v}" for k, v in told.facts.items())) + "</p>",
        f"<pre>{escape(told.replay)}</pre>",
        "<h2>The whole run</h2>",
        _legend(),
        _whole(told),
        "<h2>The last moments</h2>",
        _last_words(told),
        _moments(told),
        f"<h2>The supervision tree {_at(told)}</h2>",
        _tree(told.tree),
        "<h2>Faults, crashes, restarts</h2>",
        _table(told, ("fault", "crash", "restart")),
        "<h2>Blocks and pegs</h2>",
        _table(told, ("block", "peg")),
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _cause(told: Timeline) -> str:
    if not told.oracle:
        return "<p>Nothing was found wrong.</p>"
    return (
        f'<div class="cause"><p><b>{escape(told.oracle)}</b> {_at(told)}</p>'
        f"<p>{escape(told.sentence)}</p></div>"
    )


def _at(told: Timeline) -> str:
    return "at its end" if told.failed_at is None else f"at {told.failed_at:.3f} s"


def _legend() -> str:
    shown = "".join(
        f'<span><i style="background: var({colour})"></i>{escape(words)}</span>'
        for colour, words in _LEGEND
    )
    return f'<p class="legend soft">{shown}</p>'


class _Axis:
    """Time on the page."""

    def __init__(self, begin: float, end: float) -> None:
        self.begin = begin
        self.span = max(end - begin, 1e-9)

    def x(self, at: float) -> float:
        share = min(1.0, max(0.0, (at - self.begin) / self.span))
        return LEFT + share * (WIDTH - LEFT - 20)

    def at_share(self, share: float) -> float:
        return self.begin + self.span * share

    def ticks(self, height: int) -> list[str]:
        drawn = []
        for number in range(TICKS):
            at = self.at_share(number / TICKS)
            x = LEFT + number / TICKS * (WIDTH - LEFT - 20)
            drawn.append(f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
            drawn.append(f'<text x="{x + 2:.1f}" y="{height - 4}">{at:.3f} s</text>')
        return drawn


class _Order(_Axis):
    """The order of moments on the page: each is as far from the next as any other, however short the time between them."""

    def __init__(self, moments: Sequence[float], begin: float, end: float) -> None:
        super().__init__(begin, end)
        self.moments = sorted({begin, *moments, end})

    @override
    def x(self, at: float) -> float:
        place = bisect.bisect_left(self.moments, at)
        share = min(1.0, place / (len(self.moments) - 1))
        return LEFT + share * (WIDTH - LEFT - 20)

    @override
    def at_share(self, share: float) -> float:
        return self.moments[round(share * (len(self.moments) - 1))]


def _rows(names: Sequence[str]) -> tuple[dict[str, int], list[str], int]:
    """The middle of each row, the rows drawn, the height of all."""
    at, drawn = {}, []
    for number, name in enumerate(names):
        y = 14 + ROW * number
        at[name] = y
        drawn.append(f'<line class="lane" x1="{LEFT}" x2="{WIDTH - 20}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text x="6" y="{y + 4}">{escape(name[-36:])}</text>')
    return at, drawn, 14 + ROW * len(names) + 16


def _svg(height: int, drawn: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return f'<div class="scroll"><svg {size} role="img">{"".join(drawn)}</svg></div>'


def _whole(told: Timeline) -> str:
    axis = _Axis(0.0, max(told.ended_at, told.failed_at or 0.0))
    at, drawn, height = _rows(told.lanes)
    drawn += axis.ticks(height)
    for mark in told.marks:
        if mark.lane in at:
            drawn.append(_mark(mark, axis, at[mark.lane]))
    return _svg(height, [*drawn, *_failure(told, axis, height)])


def _mark(mark: Mark, axis: _Axis, y: int) -> str:
    x = axis.x(mark.at)
    words = f"<title>{mark.at:.3f} s: {escape(mark.text)}</title>"
    if mark.until is not None:
        wide = max(3.0, axis.x(mark.until) - x)
        return f'<rect class="{mark.kind}" x="{x:.1f}" y="{y - 6}" width="{wide:.1f}" height="12" rx="2">{words}</rect>'
    radius = 5 if mark.kind in ("crash", "restart") else 3.5
    return f'<circle class="{mark.kind}" cx="{x:.1f}" cy="{y}" r="{radius}">{words}</circle>'


def _failure(told: Timeline, axis: _Axis, height: int) -> list[str]:
    if told.failed_at is None:
        return []
    x = axis.x(told.failed_at)
    anchor = "end" if x > WIDTH / 2 else "start"
    return [
        f'<line class="oracle" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}">'
        f"<title>{escape(told.sentence)}</title></line>",
        f'<text class="said" text-anchor="{anchor}" x="{x + (-4 if anchor == "end" else 4):.1f}" y="11">{escape(told.oracle)}</text>',
    ]


def _last_words(told: Timeline) -> str:
    begin, end = told.window
    said = f"From {begin:.3f} to {end:.3f} s, {len(told.arrows)} messages"
    if told.left_out:
        said += f" (the {told.left_out} before them are not drawn; events.jsonl has them)"
    return (
        f'<p class="soft">{said}. An arrow goes from the sender, when it was sent, to the receiver, '
        "when it was taken up; moments stand in their order, equally far from each other.</p>"
    )


def _moments(told: Timeline) -> str:
    moments = [
        at
        for one in told.arrows
        for at in (one.sent, one.taken)
        if at is not None and told.window[0] <= at <= told.window[1]
    ]
    axis = _Order(moments, *told.window)
    at, drawn, height = _rows(told.actors)
    drawn += axis.ticks(height)
    for arrow in told.arrows:
        if arrow.sender in at and arrow.receiver in at:
            drawn.append(_arrow(arrow, axis, at))
    for mark in told.marks:
        if mark.kind in ("crash", "restart") and mark.lane in at and mark.at >= axis.begin:
            drawn.append(_mark(mark, axis, at[mark.lane]))
    return _svg(height, [*drawn, *_failure(told, axis, height)])


def _arrow(arrow: Arrow, axis: _Axis, at: dict[str, int]) -> str:
    x1, y1, y2 = axis.x(arrow.sent), at[arrow.sender], at[arrow.receiver]
    x2 = axis.x(arrow.sent if arrow.taken is None else arrow.taken)
    kind, end = ("lost", "late") if arrow.taken is None else ("arrow", "end")
    words = f"<title>{arrow.sent:.6f} s: {escape(arrow.name)} from {escape(arrow.sender)} to {escape(arrow.receiver)}</title>"
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}">{words}</line>'
        f'<circle class="{end}" cx="{x2:.1f}" cy="{y2}" r="2">{words}</circle>'
    )


def _tree(lines: Sequence[Line]) -> str:
    shown = []
    for line in lines:
        note = f"  {line.note}" if line.note else ""
        text = f"{'  ' * line.depth}{line.name}{note}"
        shown.append(f'<span class="{line.state}">{escape(text)}</span>')
    return '<pre class="tree">' + "\n".join(shown) + "</pre>"


def _table(told: Timeline, kinds: Sequence[str]) -> str:
    rows = [mark for mark in told.marks if mark.kind in kinds]
    if not rows:
        return '<p class="soft">none</p>'
    drawn = "".join(
        f"<tr><td>{mark.at:.3f} s</td><td>{escape(mark.lane)}</td><td>{escape(mark.text)}</td></tr>"
        for mark in rows
    )
    return f"<table><tr><th>when</th><th>who</th><th>what</th></tr>{drawn}</table>"
