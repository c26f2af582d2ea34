"""Replays of what was red in a run: where, on which seeds, and what they make of its cases."""

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from alys.campaigns import flakes
from alys.config.settings import WorldKind, WorldSettings
from alys.report.record import CaseRecord, Replay

World = WorldKind


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one replay of all that was red."""

    cases: list[CaseRecord]
    hashes: dict[str, str]
    """Of each scenario's trace, by its name; empty in a world whose traces differ from run to run."""


Again = Callable[[World, int, frozenset[str]], Pass]
"""Runs the scenarios of these names in that world, on that seed."""


def red(cases: Iterable[CaseRecord]) -> frozenset[str]:
    """The names of the cases that are worth a verdict."""
    return frozenset(case.name for case in cases if case.outcome in flakes.RED)


def make(
    world: World, seed: int, new_seeds: int, names: frozenset[str], again: Again
) -> dict[str, list[Replay]]:
    """On its own seed, then on new ones, then, if it was red elsewhere, in simulation."""
    if not names:
        return {}
    news = [seed + number for number in range(1, new_seeds + 1)]
    plan: list[tuple[World, int]] = [(world, seed)] * flakes.SAME_SEED_TIMES
    plan += [(world, other) for other in news]
    if world != "sim":
        plan += [("sim", other) for other in (seed, *news)]
    seen: dict[str, list[Replay]] = {name: [] for name in names}
    for where, chosen in plan:
        ran = again(where, chosen, names)
        for case in ran.cases:
            hashed = ran.hashes.get(case.name, "")
            seen[case.name].append(flakes.replay(case, where, chosen, hashed))
    return seen


def judged(
    cases: Iterable[CaseRecord],
    world: WorldSettings,
    hashes: Mapping[str, str],
    seen: Mapping[str, Collection[Replay]],
) -> list[CaseRecord]:
    """The same cases; those that were replayed have their verdict. No outcome changes."""
    return [
        msgspec.structs.replace(
            case,
            flake=flakes.judge(
                world.kind, world.seed, hashes.get(case.name, ""), tuple(seen[case.name])
            ),
        )
        if seen.get(case.name)
        else case
        for case in cases
    ]


def marked(case: CaseRecord, world: str, seed: int) -> CaseRecord:
    """The case as it is told while replays go on, so that nobody takes it for one of the run."""
    return msgspec.structs.replace(case, name=f"{case.name} again, world {world}, seed {seed}")
