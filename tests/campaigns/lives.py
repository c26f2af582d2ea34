"""Runs of plans that take no time: what a campaign sees of a run, without one."""

from collections.abc import Callable

from alys.base import trouble
from alys.campaigns.campaign import Doors, Progress
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import At, Order, Plan

ORACLES = ("ledger", "order")
PROBES = ("reorg_after_mint", "two_heads")


def plan_of(seed: int, faults: str = "all", profile: str = "light") -> Plan:
    if profile == "mixed":
        profile = "full" if seed % 10 == 9 else "light"
    kill = Order(number=1, target="node-1", fault=trouble.Kill(), when=At(seconds=3))
    cut = Order(number=2, target="wire-0-1", fault=trouble.Cut(duration_s=2), when=At(seconds=4))
    return Plan(seed=seed, faults=faults, profile=profile, orders=(kill, cut))


def passed(plan: Plan) -> Outcome:
    return Outcome(
        plan=plan,
        verdict="pass",
        trace_hash=f"{plan.seed:064x}",
        steps=1_000,
        simulated_seconds=100.0,
        real_seconds=0.5,
        height=40,
        bitten={1: 2} if plan.seed % 2 == 0 else {},
        probes={"reorg_after_mint": 3 if plan.seed == 4 else 0},
        samples={"ledger": 10, "order": 100},
    )


def failed(plan: Plan, oracle: str = "ledger/short") -> Outcome:
    return Outcome(
        plan=plan,
        verdict="fail",
        oracle=oracle,
        sentence="3 sat are missing\nat height 12",
        trace_hash=f"{plan.seed:064x}",
        simulated_seconds=50.0,
        samples={"ledger": 5},
        failed_at=12.5,
    )


def failing_at(*seeds: int) -> Callable[[Plan], Outcome]:
    return lambda plan: failed(plan) if plan.seed in seeds else passed(plan)


def doors(
    run: Callable[[Plan], Outcome] = passed,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Doors:
    return Doors(
        plan_of=plan_of,
        run=run,
        clock=clock,
        progress=progress,
        stopped=stopped,
        probes=PROBES,
        oracles=ORACLES,
    )
