"""What a campaign has seen, in figures: what befell the nodes, which rare states were reached, how often each oracle looked.

Figures are added up in the order of the seeds, so they do not depend on how many worked at a time.
"""

import msgspec

from alys.base import trouble
from alys.campaigns.outcome import Outcome


class Bites(msgspec.Struct, frozen=True, kw_only=True):
    """Of a kind of fault."""

    ordered: int = 0
    """Orders in all plans."""
    bit: int = 0
    """Orders of them that came to their moment and did something."""
    times: int = 0
    """How often they did: one order may drop many calls."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """Of a rare state."""

    seeds: int = 0
    times: int = 0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    seeds: int = 0
    """Runs that came to an end."""
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    lost: int = 0
    """Runs whose process died or had no end; not in ``seeds``."""
    profiles: dict[str, int] = {}
    """Runs by profile."""
    steps: int = 0
    simulated_seconds: float = 0.0
    worked_seconds: float = 0.0
    """Wall time of all runs together; more than passed, where several worked at a time."""
    heights: int = 0
    """Blocks of all runs."""
    faults: dict[str, Bites] = {}
    """Every kind that there is."""
    probes: dict[str, Reached] = {}
    """Every rare state that is known, and those that were seen besides."""
    samples: dict[str, int] = {}
    """Every oracle that is known."""

    @property
    def never_bit(self) -> list[str]:
        """Kinds of faults that were ordered and did nothing, ever."""
        return [kind for kind, bites in self.faults.items() if bites.ordered and not bites.bit]

    @property
    def never_ordered(self) -> list[str]:
        """Kinds of faults that no plan had."""
        return [kind for kind, bites in self.faults.items() if not bites.ordered]

    @property
    def never_reached(self) -> list[str]:
        """Rare states that no run came to."""
        return [probe for probe, reached in self.probes.items() if not reached.seeds]

    @property
    def never_looked(self) -> list[str]:
        """Oracles without a sample."""
        return [oracle for oracle, samples in self.samples.items() if not samples]


def start(probes: tuple[str, ...] = (), oracles: tuple[str, ...] = ()) -> Figures:
    """Before the first run: everything that is known stands at nought, so that what never happens can be named."""
    return Figures(
        faults={kind: Bites() for kind in trouble.KINDS},
        probes={probe: Reached() for probe in probes},
        samples=dict.fromkeys(oracles, 0),
    )


def add(figures: Figures, outcome: Outcome) -> Figures:
    """With one more run."""
    profile = outcome.plan.profile
    return msgspec.structs.replace(
        figures,
        seeds=figures.seeds + 1,
        passed=figures.passed + (outcome.verdict == "pass"),
        failed=figures.failed + (outcome.verdict == "fail"),
        inconclusive=figures.inconclusive + (outcome.verdict == "inconclusive"),
        profiles={**figures.profiles, profile: figures.profiles.get(profile, 0) + 1},
        steps=figures.steps + outcome.steps,
        simulated_seconds=figures.simulated_seconds + outcome.simulated_seconds,
        worked_seconds=figures.worked_seconds + outcome.real_seconds,
        heights=figures.heights + outcome.height,
        faults=_faults(figures.faults, outcome),
        probes=_probes(figures.probes, outcome),
        samples=_sum(figures.samples, outcome.samples),
    )


def add_lost(figures: Figures) -> Figures:
    """With one more that has no result."""
    return msgspec.structs.replace(figures, lost=figures.lost + 1)


def _faults(before: dict[str, Bites], outcome: Outcome) -> dict[str, Bites]:
    faults = dict(before)
    for order in outcome.plan.orders:
        kind, times = order.fault.kind, outcome.bitten.get(order.number, 0)
        known = faults.get(kind, Bites())
        faults[kind] = Bites(
            ordered=known.ordered + 1, bit=known.bit + (times > 0), times=known.times + times
        )
    return faults


def _probes(before: dict[str, Reached], outcome: Outcome) -> dict[str, Reached]:
    probes = dict(before)
    for probe, times in outcome.probes.items():
        known = probes.get(probe, Reached())
        probes[probe] = Reached(seeds=known.seeds + (times > 0), times=known.times + times)
    return probes


def _sum(before: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {**before, **{name: before.get(name, 0) + count for name, count in more.items()}}
