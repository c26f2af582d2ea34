"""A stand-in for the run itself."""

import hashlib

from alys.base import trouble
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import At, Order, Plan

FAULT_PROFILES = ("all", "none")
PROBES = ("reorg_after_mint", "never_there")
ORACLES = ("ledger", "order")


def warm() -> None:
    """Make once what every run needs."""


def plan_of(seed: int, faults: str, profile: str) -> Plan:
    """Of a seed."""
    kill = trouble.Kill(down_s=2.0)
    order = Order(number=1, target="node-1", fault=kill, when=At(seconds=float(seed % 40)))
    return Plan(seed=seed, profile=profile, faults=faults, orders=(order,))


def run(plan: Plan) -> Outcome:
    """To its end."""
    outcome, _ = traced(plan)
    return outcome


def traced(plan: Plan) -> tuple[Outcome, list[str]]:
    """With its records."""
    records = [f'{{"t":{n},"seed":{plan.seed}}}' for n in range(10)]
    digest = hashlib.blake2b("".join(records).encode(), digest_size=32).hexdigest()
    fails = plan.seed % 50 == 17
    total = 0
    for n in range(300_000):
        total += n
    outcome = Outcome(
        plan=plan,
        verdict="fail" if fails else "pass",
        oracle="ledger/short" if fails else "",
        sentence="3 sat are missing at height 12" if fails else "",
        trace_hash=digest,
        steps=90_000,
        simulated_seconds=95.0,
        real_seconds=0.02,
        height=40,
        bitten={1: 1} if plan.seed % 3 else {},
        probes={"reorg_after_mint": int(plan.seed % 7 == 0)},
        samples={"ledger": 40, "order": 900},
        failed_at=12.5 if fails else None,
    )
    return outcome, records
