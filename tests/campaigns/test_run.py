"""A run as a function of its plan."""

from typing import Any

import msgspec
import pytest
from typing_extensions import override

from alys.actors.envelope import Envelope
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.campaigns.draw import plan_of
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan, Schedule
from alys.campaigns.run import Hearing, picks_of, run
from alys.oracles.profit import Profit
from alys.worlds.audit import Auditor
from alys.worlds.sim import SimWorld


def timeless(outcome: Outcome) -> Outcome:
    """Without what the wall says."""
    return msgspec.structs.replace(outcome, real_seconds=0.0)


def test_equal_plans_give_equal_outcomes_and_another_seed_another_trace() -> None:
    """Also in one process, one after the other: nothing leaks from a run into the next."""
    first, other, again = run(plan_of(3)), run(plan_of(4)), run(plan_of(3))
    assert timeless(first) == timeless(again)
    assert first.verdict == other.verdict == "pass", (first.sentence, other.sentence)
    assert first.trace_hash != other.trace_hash
    assert all(first.samples[name] for name in ("work", "ledger", "agreement"))
    assert first.simulated_seconds > plan_of(3).weather_s


def test_whoever_listens_hears_all_actors_and_changes_nothing() -> None:
    class Heard(Observer):
        """Counts what is taken up."""

        count = 0

        @override
        def handling(self, envelope: Envelope, target: Ref) -> None:
            """One more."""
            self.count += 1

    heard, lines = Heard(), list[str]()
    plan = Plan(seed=3, weather_s=2.0)
    told = run(plan, Hearing(observers=[heard], lines=lines.append))
    assert heard.count == sum('"kind":"handling"' in line for line in lines) > 1000
    assert told.trace_hash == run(plan).trace_hash


def test_without_work_there_is_none_to_be_judged() -> None:
    """The ledger and the agreement of nodes are judged all the same."""
    told = run(Plan(seed=3, weather_s=2.0))
    assert told.verdict == "pass", told.sentence
    assert set(told.samples) >= {"ledger", "agreement"}
    assert "work" not in told.samples


def test_a_plan_runs_under_its_schedule_and_again_from_what_that_chose() -> None:
    plan = msgspec.structs.replace(plan_of(3), weather_s=2.0, orders=(), work=())
    strict = msgspec.structs.replace(plan, schedule=Schedule(kind="pct"))
    first = run(strict)
    assert first.trace_hash != run(plan).trace_hash
    picks = tuple(picks_of(strict))
    assert len(picks) > 100
    again = msgspec.structs.replace(plan, schedule=Schedule(kind="replay", picks=picks))
    assert run(again).trace_hash == first.trace_hash


def test_the_ledger_is_judged_after_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Bitcoin and of the sidechain; proofs of work come with blocks."""
    blocks: list[float] = []
    looks: list[float] = []
    came: Any = SimWorld.block_came
    look: Any = Auditor.look

    def block_came(self: SimWorld, *block: object) -> None:
        if self.closely:
            blocks.append(self.now())
        came(self, *block)

    async def looked(self: Any, *, whole: bool = True) -> Any:
        begun = world[0].now()
        statement = await look(self, whole=whole)
        assert whole
        looks.append(begun)
        return statement

    world: list[SimWorld] = []
    monkeypatch.setattr(SimWorld, "block_came", block_came)
    monkeypatch.setattr(Auditor, "look", looked)
    plan = Plan(seed=3, nodes=1, weather_s=6.0)
    assert run(plan, Hearing(opened=world.append)).verdict == "pass"
    assert len(blocks) > 10
    for at in blocks:
        assert any(at < begun <= at + 0.5 for begun in looks), at


def test_who_gains_by_the_peg_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Profit, "deposited", lambda self, person, sats: None)
    outcome = run(Plan(seed=3, nodes=1, weather_s=0.0))
    assert (outcome.verdict, outcome.oracle) == ("fail", "profit")
