"""The timeline of a run, from its trace."""

import msgspec
import pytest

from alys.campaigns import timeline, users
from alys.campaigns.plan import Burn, Deposit, Plan
from alys.campaigns.run import Hearing, run
from alys.worlds.sim import EPOCH

PLAN = Plan(
    seed=5,
    weather_s=12.0,
    work=(
        Deposit(number=1, at=0.5, sats=5_000_000, user=0),
        Burn(number=2, at=1.0, sats=2_000_000, user=0),
    ),
)


def test_a_failed_run_shows_its_blocks_pegs_and_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block once, the steps of each peg in order, everybody who lived, and the oracle at its moment."""
    monkeypatch.setattr(users.Users, "_due_wei", lambda _: {0: 1})
    lines: list[str] = []
    outcome = run(PLAN, Hearing(lines=lines.append))
    told = timeline.timeline(outcome, lines, "alys replay 5")
    assert told.oracle == outcome.oracle == "work/credited"
    assert told.failed_at == outcome.failed_at
    blocks = [mark for mark in told.marks if mark.kind == "block"]
    assert len(blocks) >= outcome.height > 10
    pegs = {mark.lane for mark in told.marks if mark.kind == "peg"}
    assert any(lane.startswith("pegin") for lane in pegs)
    assert any(lane.startswith("pegout") for lane in pegs)
    assert set(pegs) <= set(told.lanes)
    assert {"node", "node-1", "chain", "bridge"} <= {line.name for line in told.tree}
    assert told.arrows
    assert all(told.window[0] <= one.sent <= told.window[1] for one in told.arrows)
    assert 'class="oracle"' in timeline.page(outcome, lines, "alys replay 5")


RECORDS = (
    {"t": 1.0, "kind": "spawned", "actor": "/alys/node#1"},
    {"t": 1.0, "kind": "spawned", "actor": "/alys/node/chain#2"},
    {"t": 2.0, "kind": "strike", "order": 3, "target": "node-1",
     "fault": {"kind": "kill", "down_s": 2.0}},
    {"t": 2.5, "kind": "failed", "actor": "/alys/node/chain#2", "id": None, "error": ["Boom", "Why"]},
    {"t": 2.6, "kind": "restarted", "actor": "/alys/node/chain#2", "incarnation": 1, "error": ["Boom"]},
    {"t": 3.0, "kind": "stopped", "actor": "/alys/node/chain#2", "reason": "killed"},
)  # fmt: skip


def test_faults_last_as_long_as_they_lasted_and_the_dead_are_dead() -> None:
    """From records alone."""
    outcome = run(Plan(seed=1, nodes=1, weather_s=0.0))
    lines = [
        msgspec.json.encode({**record, "t": EPOCH + record["t"]}).decode()  # type: ignore[operator]  # a number
        for record in RECORDS
    ]
    told = timeline.timeline(outcome, lines, "")
    (kill,) = (mark for mark in told.marks if mark.kind == "fault")
    assert (kill.at, kill.until, kill.lane) == (2.0, 4.0, "node-1")
    assert kill.text == "order 3: kill (down_s 2.0)"
    assert [m.text for m in told.marks if m.kind in ("crash", "restart")] == [
        "failed: Boom <- Why",
        "restarted: Boom",
    ]
    assert [(line.name, line.state) for line in told.tree] == [("node", "up"), ("chain", "dead")]
    assert "1 restarts, gone since 3.000 s: killed" in told.tree[1].note
