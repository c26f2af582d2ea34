"""What kind of red a red scenario is, from replays of it: a verdict in the place of retries.

- *deterministic*: red on its seed, and on all new ones or nearly all. Something is broken.
- *schedule-dependent*: its seed repeats it, others do not: the order of events, or whatever else a seed chooses, decides.
- *environmental*: its own seed does not repeat it. Something outside the seed decides: the machine, a socket, a clock.

A verdict never turns red into green.
"""

from collections.abc import Sequence
from typing import Literal

from alys.report.record import CaseRecord, Flake, FlakeKind, Outcome, Replay

NEARLY_ALL = 0.9
"""The share of new seeds that must be red for the seed not to matter: a bug may hide behind another failure now and then."""

SAME_SEED_TIMES = 2
"""How often a scenario is replayed on its own seed."""

RED = (Outcome.FAILED, Outcome.THRESHOLD)
"""What is worth a verdict. The other ends say what they are themselves: inconclusive, an error of the machine."""

_RESULTS: dict[Outcome, Literal["red", "green"]] = {
    **dict.fromkeys(RED, "red"),
    Outcome.PASSED: "green",
}


def replay(case: CaseRecord, world: str, seed: int, trace_hash: str) -> Replay:
    """A replay of a scenario, from what came of it."""
    return Replay(
        world=world,
        seed=seed,
        result=_RESULTS.get(case.outcome, "none"),
        cause=case.cause,
        trace_hash=trace_hash,
    )


def judge(world: str, seed: int, trace_hash: str, replays: Sequence[Replay]) -> Flake:
    """The verdict on a scenario that was red in that world on that seed, with that trace; no hash where traces are never alike.

    Replays may be of other seeds, and in simulation where it was not red there.
    """
    own = [one for one in replays if one.world == world and one.seed == seed]
    new = [one for one in replays if one.world == world and one.seed != seed]
    elsewhere = [one for one in replays if one.world != world]
    kind, why = _here(own, new, trace_hash)
    if any(one.result != "none" for one in elsewhere):
        kind, why = _with_simulation(kind, why, elsewhere)
    return Flake(kind=kind, sentence=why, replays=tuple(replays))


def _here(own: Sequence[Replay], new: Sequence[Replay], trace_hash: str) -> tuple[FlakeKind, str]:
    """By the replays in the world that it was red in."""
    if not own or any(one.result != "red" for one in own):
        again = sum(one.result == "red" for one in own)
        return (
            "environmental",
            f"its own seed repeats it in {again} of {len(own)} replays: something outside the seed decides",
        )
    if trace_hash and any(one.trace_hash != trace_hash for one in own):
        return (
            "environmental",
            "red again on its seed, but by another course of events: something outside the seed decides",
        )
    told = f"red again on its seed ({len(own)} of {len(own)})"
    if _nearly_all(new):
        return "deterministic", f"{told} and {_share(new)}: the seed does not matter"
    return "schedule-dependent", f"{told} and {_share(new)}: the seed decides"


def _with_simulation(
    kind: FlakeKind, why: str, simulated: Sequence[Replay]
) -> tuple[FlakeKind, str]:
    """By what simulation says of it, which is free of the machine."""
    if red := _red(simulated):
        told = f"{why}; in simulation red {_share(simulated, 'seeds')}: --world sim --seed {red[0]} repeats it"
        return ("deterministic" if _nearly_all(simulated) else "schedule-dependent"), told
    return (
        kind,
        f"{why}; in simulation never red ({len(simulated)} seeds): "
        "look at what only this world has, sockets, processes and time",
    )


def _nearly_all(replays: Sequence[Replay]) -> bool:
    return len(_red(replays)) >= NEARLY_ALL * len(replays) > 0


def _share(replays: Sequence[Replay], seeds: str = "new seeds") -> str:
    red = _red(replays)
    which = f" ({', '.join(map(str, red[:5]))}{', ...' if len(red) > 5 else ''})" if red else ""
    return f"on {len(red)} of {len(replays)} {seeds}{which}"


def _red(replays: Sequence[Replay]) -> list[int]:
    return [one.seed for one in replays if one.result == "red"]
