"""A life as the commands of a campaign want it: drawn of a seed, lived, and written down."""

from alys.campaigns import draw, draw_faults, probes
from alys.campaigns import run as runs
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan

FAULT_PROFILES = tuple(draw_faults.PROFILES)
PROBES = probes.NAMES
"""Rare states that a campaign is to reach."""
ORACLES = (
    "agreement", "conservation", "durability", "ledger", "mailbox", "order", "supervision", "work",
)  # fmt: skip
"""Those that must look at something in every campaign."""

WARM_SEED = 0


def plan_of(seed: int, faults: str, profile: str) -> Plan:
    """The plan of a seed; ``profile`` may be ``mixed``."""
    return draw.plan_of(seed, draw.Options(faults=faults, profile=profile))


def run(plan: Plan) -> Outcome:
    """To its end."""
    return runs.run(plan)


def traced(plan: Plan) -> tuple[Outcome, list[str]]:
    """With its records, a line of JSON each."""
    records: list[str] = []
    outcome = runs.run(plan, runs.Hearing(lines=records.append))
    return outcome, records


def warm() -> None:
    """Make once what every run needs, so that no fork makes it again: imports, tables, the first blocks."""
    short = Plan(seed=WARM_SEED, weather_s=0.0)
    runs.run(short)
