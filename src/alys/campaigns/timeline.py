"""What the timeline page of a run shows, gathered from its trace (the lines of ``events.jsonl``) and its outcome."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from alys.campaigns.outcome import Outcome
from alys.report.timeline import ARROWS_MAX, Arrow, Line, Mark, Timeline, render
from alys.worlds.sim import EPOCH

MOMENTS_S = 2.0
"""Node time before the failure that the second drawing covers."""
HURT_S = 10.0
"""An actor that failed so short a time before is shown as hurt."""
PEGS_MAX = 14
NODES = "/alys/node"
"""What the paths of nodes and their ports begin with. Beside them scenes are played in which actors are made to fail: they have no rows."""
_TREE = re.compile(r"/alys/node(-\d+)?")
BLOCK_ROW = "blocks"

_STEPS = frozenset(
    {
        "PeginNoticed", "PeginReady", "NotifyPegin", "BurnDetected", "RequestSignatures", "SignaturesCollected",
        "PayoutSigned", "BitcoinSeen", "StillShort", "Settled",
    }
)  # fmt: skip
"""Messages that are a step of a peg."""


def page(outcome: Outcome, lines: Iterable[str], replay: str) -> str:
    """The page itself, as HTML."""
    return render(timeline(outcome, lines, replay))


def timeline(outcome: Outcome, lines: Iterable[str], replay: str) -> Timeline:
    """``lines`` in their order; ``replay`` is the command that runs it again."""
    events = _Events()
    for line in lines:
        if line.startswith('{"t":'):
            events.take(msgspec.json.decode(line))
    failed = outcome.failed_at
    ended = events.last
    until = ended if failed is None else failed
    arrows, left_out = events.arrows(until - MOMENTS_S, until)
    actors = sorted({name for one in arrows for name in (one.sender, one.receiver)})
    return Timeline(
        title=f"Seed {outcome.plan.seed}: {outcome.verdict}",
        oracle=outcome.oracle,
        sentence=outcome.sentence,
        replay=replay,
        failed_at=failed,
        ended_at=ended,
        facts=_facts(outcome),
        lanes=events.lanes(),
        marks=tuple(sorted(events.marks, key=lambda mark: mark.at)),
        actors=tuple(actors),
        arrows=arrows,
        window=(arrows[0].sent if left_out else max(0.0, until - MOMENTS_S), until),
        left_out=left_out,
        tree=events.tree(until),
    )


def _facts(outcome: Outcome) -> dict[str, str]:
    plan = outcome.plan
    bitten = sum(1 for count in outcome.bitten.values() if count)
    return {
        "profile": plan.profile,
        "nodes": str(plan.nodes),
        "schedule": plan.schedule.kind,
        "orders": f"{len(plan.orders)} ({bitten} bit)",
        "height": f"{outcome.height} (final {outcome.finalised_height})",
        "steps": str(outcome.steps),
        "simulated": f"{outcome.simulated_seconds:.1f} s",
        "real": f"{outcome.real_seconds:.2f} s",
        "trace hash": outcome.trace_hash[:16],
    }


class _Life(msgspec.Struct, kw_only=True):
    """One actor's, as the trace tells it."""

    begun: float
    ended: float | None = None
    reason: str = ""
    hurt: float | None = None
    restarts: int = 0


class _Events:
    """Takes records one by one."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self.last = 0.0
        self._lives: dict[str, _Life] = {}
        self._sent: dict[str, tuple[float, str, str, str]] = {}
        self._arrows: list[Arrow] = []
        self._heights: set[object] = set()
        self._pegs: dict[str, str] = {}
        self._steps: set[tuple[str, str]] = set()
        self._faulted: list[str] = []

    def take(self, record: Mapping[str, Any]) -> None:
        at = self.last = record["t"] - EPOCH
        kind = record["kind"]
        if kind in ("sent", "handling", "dropped", "dead_letter"):
            self._message(at, kind, record)
        elif kind == "strike":
            self._strike(at, record)
        elif kind == "fault":
            self._mark(at, record["path"], "fault", record["what"], at)
        elif kind in ("spawned", "stopped", "failed", "restarted", "escalated"):
            self._actor(at, kind, record)

    def _mark(self, at: float, lane: str, kind: str, text: str, until: float | None = None) -> None:
        if kind == "fault" and lane not in self._faulted:
            self._faulted.append(lane)
        self.marks.append(Mark(at=at, lane=lane, kind=kind, text=text, until=until))

    def _strike(self, at: float, record: Mapping[str, Any]) -> None:
        fault = dict(record["fault"])
        kind = fault.pop("kind")
        lasts = fault.get("duration_s") or fault.get("down_s") or 0.0
        words = ", ".join(f"{name} {value}" for name, value in fault.items())
        text = f"order {record['order']}: {kind}" + (f" ({words})" if words else "")
        self._mark(at, f"{record['target']}", "fault", text, at + lasts)

    def _message(self, at: float, kind: str, record: Mapping[str, Any]) -> None:
        sent = self._sent.pop(record["id"], None)
        if sent is None and kind == "handling":
            return  # it was put aside and handled before, or sent before the trace began
        if sent is None:
            sent = (at, _bare(record["sender"]), _bare(record["receiver"]), record["message"])
        if kind == "sent":
            self._sent[record["id"]] = sent
            self._chains(at, record)
            return
        begun, sender, receiver, name = sent
        taken = at if kind == "handling" else None
        self._arrows.append(
            Arrow(sent=begun, taken=taken, sender=sender, receiver=receiver, name=name)
        )

    def _chains(self, at: float, record: Mapping[str, Any]) -> None:
        name, about = record["message"], record["correlation"] or ""
        if name == "BlockImported" and (root := record["body"].get("root")) not in self._heights:
            self._heights.add(root)
            text = f"height {record['body'].get('height')}, {str(root)[:12]}, first at {_bare(record['sender'])}"
            self._mark(at, BLOCK_ROW, "block", text)
        step = name in _STEPS and record["sender"].startswith(NODES)
        if step and about.startswith(("pegin:", "pegout:")):
            lane = self._pegs.setdefault(about, _short(about))
            if (about, name) not in self._steps:
                self._steps.add((about, name))
                self._mark(at, lane, "peg", f"{name} ({_bare(record['sender'])})")

    def _actor(self, at: float, kind: str, record: Mapping[str, Any]) -> None:
        name = record["actor"]
        path = _bare(name)
        life = self._lives.setdefault(name, _Life(begun=at))
        if kind == "stopped":
            life.ended, life.reason = at, record["reason"]
        elif kind != "spawned":
            life.hurt = at
            life.restarts += kind == "restarted"
            causes = " <- ".join(record["error"])
            tone = "restart" if kind == "restarted" else "crash"
            if path.startswith(NODES):
                self._mark(at, path, tone, f"{kind}: {causes}")
        if kind in ("spawned", "stopped") and _TREE.fullmatch(path):
            self._mark(at, path, "life", f"{kind} {record.get('reason', '')}".strip())

    # What came of it

    def lanes(self) -> tuple[str, ...]:
        """Faults first, in the order in which they came, then who lived and broke, then blocks and pegs."""
        broken = sorted({m.lane for m in self.marks if m.kind in ("crash", "restart", "life")})
        pegs = list(dict.fromkeys(self._pegs.values()))[-PEGS_MAX:]
        return tuple(dict.fromkeys([*self._faulted, *broken, BLOCK_ROW, *pegs]))

    def arrows(self, begin: float, end: float) -> tuple[tuple[Arrow, ...], int]:
        """Those of the window, the newest if there are too many; how many were left out."""
        waiting = [
            Arrow(sent=at, taken=None, sender=sender, receiver=receiver, name=name)
            for at, sender, receiver, name in self._sent.values()
        ]
        within = [one for one in (*self._arrows, *waiting) if begin <= one.sent <= end]
        within.sort(key=lambda one: one.sent)
        kept = within[-ARROWS_MAX:]
        return tuple(kept), len(within) - len(kept)

    def tree(self, at: float) -> tuple[Line, ...]:
        """Who stood where at a moment: of every path the latest that began by then."""
        latest: dict[str, _Life] = {}
        for name, life in self._lives.items():
            if life.begun <= at:
                latest[_bare(name)] = life
        return tuple(
            _line(path, life, at)
            for path, life in sorted(latest.items(), key=lambda one: one[0].split("/"))
        )


def _line(path: str, life: _Life, at: float) -> Line:
    dead = life.ended is not None and life.ended <= at
    hurt = life.hurt is not None and 0 <= at - life.hurt <= HURT_S
    notes = []
    if life.restarts:
        notes.append(f"{life.restarts} restarts")
    if dead:
        notes.append(f"gone since {life.ended:.3f} s: {life.reason}")
    elif hurt:
        notes.append(f"failed at {life.hurt:.3f} s")
    depth = path.count("/") - 2
    state = "dead" if dead else "hurt" if hurt else "up"
    return Line(depth=depth, name=path.rsplit("/", 1)[1], state=state, note=", ".join(notes))


def _bare(name: str) -> str:
    """The path of ``path#uid``."""
    return name.split("#", 1)[0]


def _short(about: str) -> str:
    kind, _, rest = about.partition(":")
    return f"{kind} {rest[:10]}..{rest[-3:]}"
