"""A failing plan becomes a small scenario that fails for the same reason."""

from pathlib import Path

import msgspec
import pytest

from alys.base.errors import EnvironmentFailure
from alys.base.trouble import Kill, Lose
from alys.campaigns import draw, run, shrinking
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import At, Deposit, On, Order, Plan
from alys.campaigns.run import Hearing
from alys.campaigns.shrink import DoesNotFail
from alys.mutants import catalogue, patching

CHAIN = "/alys/node-1/consensus/chain"

MANY = Plan(
    seed=9,
    orders=tuple(
        Order(
            number=n,
            target="node-1" if n % 2 else "wires",
            fault=Kill(down_s=7.5) if n % 2 else Lose(duration_s=4.0),
            when=At(seconds=n / 1.7),
        )
        for n in range(1, 37)
    ),
    work=tuple(Deposit(number=n, at=float(n), sats=50_000, user=0) for n in range(6)),
)


def lines(upto: int) -> list[str]:
    """The trace of a run in which Chain took up a block every second; before the weather one too."""
    block = '{{"t":{t},"kind":"handling","receiver":"{actor}#7","message":"BlockSeen"}}\n'
    return [
        block.format(t=99.0, actor=CHAIN),
        '{"t":100.0,"kind":"weather"}\n',
        *(block.format(t=100.0 + n, actor=CHAIN) for n in range(upto)),
    ]


class Bench:
    """Runs nothing: a plan fails where node 1 is killed and a deposit is made, and by another oracle where there is only the kill."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, plan: Plan, hearing: Hearing | None) -> Outcome:
        """What the real one would give."""
        self.runs += 1
        if hearing is not None and hearing.lines is not None:
            for line in lines(40):
                hearing.lines(line)
        killed = any(isinstance(one.fault, Kill) for one in plan.orders)
        paid = any(one.number == 3 for one in plan.work)
        oracle = ("ledger/lost" if paid else "liveness") if killed else ""
        return Outcome(
            plan=plan,
            verdict="fail" if oracle else "pass",
            oracle=oracle,
            sentence="a deposit is gone" if paid else "never happened",
            bitten={one.number: 1 for one in plan.orders if one.number < 30},
            simulated_seconds=60.0,
            real_seconds=0.5,
        )


def test_thirty_six_faults_become_one_with_a_condition_and_the_reason_stays() -> None:
    bench = Bench()
    kept = shrinking.keep(MANY, run_plan=bench)
    assert len(kept.shrunk.before.orders) == 36
    (order,) = kept.plan.orders
    assert order.fault == Kill(down_s=1.0)
    assert isinstance(order.when, On)
    assert (order.when.actor, order.when.message) == (CHAIN, "BlockSeen")
    assert [one.number for one in kept.plan.work] == [3]
    assert kept.outcome.oracle == kept.first.oracle == "ledger/lost"
    assert kept.runs == bench.runs
    assert kept.simulated_seconds == 60.0 * bench.runs
    assert kept.real_seconds == 0.5 * bench.runs


def test_a_condition_with_which_an_order_no_longer_bites_is_none() -> None:
    """Whatever fails then fails without it."""

    def unbitten(plan: Plan, hearing: Hearing | None) -> Outcome:
        waits = any(isinstance(one.when, On) for one in plan.orders)
        return msgspec.structs.replace(Bench()(plan, hearing), **({"bitten": {}} if waits else {}))

    (order,) = shrinking.keep(MANY, run_plan=unbitten).plan.orders
    assert isinstance(order.when, At)


def test_a_plan_that_passes_is_refused_with_its_verdict() -> None:
    with pytest.raises(DoesNotFail, match="plan of seed 1 does not fail here, it is pass"):
        shrinking.keep(Plan(seed=1), run_plan=Bench())


def test_what_was_taken_up_counts_from_the_weather_on() -> None:
    found = shrinking.taken(lines(3))
    assert [one.at for one in found] == [0.0, 1.0, 2.0]
    assert {(one.actor, one.message) for one in found} == {(CHAIN, "BlockSeen")}


@pytest.mark.parametrize(
    ("target", "home"),
    [
        ("node-0", "/alys/node"),
        ("node-1", "/alys/node-1"),
        ("disk-2", "/alys/node-2"),
        ("ethereum-1", "/alys/node-1"),
        ("wire-0-1", ""),
        ("bitcoin", ""),
        (f"actor:{CHAIN}", ""),
    ],
)
def test_whose_actors_a_target_has(target: str, home: str) -> None:
    assert shrinking.home_of(target, 3) == home


def test_the_summary_says_what_became_of_it_and_what_it_took() -> None:
    kept = shrinking.keep(MANY, run_plan=Bench())
    told = "\n".join(shrinking.summary(kept))
    assert "ledger/lost: a deposit is gone" in told
    assert "faults: 36 -> 1, work: 6 -> 1" in told
    assert "  kill node-1 (down_s=1.0) when /alys/node-1/consensus/chain takes up BlockSeen" in told
    assert f"{kept.runs} runs, {kept.simulated_seconds:.0f} simulated seconds in " in told
    assert "used up" not in told
    cut = shrinking.keep(MANY, run_plan=Bench(), budget_runs=5)
    assert "used up" in "\n".join(shrinking.summary(cut))


def test_time_is_a_budget_too() -> None:
    """Each run takes half a second here: the first, four of the search, and those that give conditions."""
    cut = shrinking.keep(MANY, run_plan=Bench(), budget_seconds=2.5)
    assert (cut.shrunk.runs, cut.shrunk.minimal) == (4, False)
    assert cut.outcome.oracle == "ledger/lost"


def test_the_scenario_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    kept = shrinking.keep(MANY, run_plan=Bench())
    out = tmp_path / "new" / "found.py"
    shrinking.write(kept, "c0ffee", out)
    assert "async def test_ledger_lost(world: NetworkWorld)" in out.read_text()
    with pytest.raises(EnvironmentFailure, match="cannot write the scenario"):
        shrinking.write(kept, "c0ffee", tmp_path)


def test_steps_are_told() -> None:
    told: list[str] = []
    plan = msgspec.structs.replace(MANY, orders=MANY.orders[:4])
    shrinking.keep(
        plan, run_plan=Bench(), progress=lambda step: told.append(shrinking.progress_line(step))
    )
    assert told[0] == "given: 1 runs, 4 faults and 6 pieces of work left"


def test_a_storm_of_more_than_thirty_faults_comes_down_to_three_at_most() -> None:
    """Real runs, with a bug planted: so it takes seconds. What remains fails for the same reason, bites, and passes without the bug."""
    bug = catalogue.named("begun-anew-on-start")
    plan = draw.plan_of(0, draw.Options(faults="storm", weather_s=12.0))
    assert len(plan.orders) > 30

    def planted(wanted: Plan, hearing: Hearing | None) -> Outcome:
        with patching.planted(bug):
            return run.run(wanted, hearing)

    kept = shrinking.keep(plan, run_plan=planted)
    assert 1 <= len(kept.plan.orders) <= 3
    assert kept.outcome.oracle == kept.first.oracle
    assert bug.expects(kept.outcome.oracle)
    assert kept.shrunk.minimal
    mended = run.run(kept.plan)
    assert mended.verdict == "pass", mended.sentence
    assert all(mended.bitten[order.number] for order in kept.plan.orders)
