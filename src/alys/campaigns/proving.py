"""Proof that the bench finds bugs: all planted bugs, or one, each looked for in a process of its own, several at a time."""

from collections.abc import Callable, Sequence

import msgspec

from alys.base.errors import ExitCode, UsageError
from alys.campaigns import detection, draw
from alys.campaigns.detection import Detection
from alys.campaigns.workers import Clock, Crew
from alys.config.errors import nearest_name
from alys.mutants.mutant import Mutant

LIMIT_S = 6 * 3600.0
"""Wall time for one bug: a thousand seeds, where nobody notices it."""
LOOK_S = 0.5


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to prove."""

    mutants: tuple[Mutant, ...]
    first: int = 0
    after: int = 1000
    """The first seed that is not run."""
    jobs: int = 1
    faults: str = "all"
    profile: str = "light"
    shrink_runs: int = detection.SHRINK_RUNS_MAX


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    detections: tuple[Detection, ...]
    """Of all whose search came to an end, in the order of the catalogue."""
    lost: dict[str, str] = {}
    """By name of bug: why there is no answer."""
    stopped: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """PASS when each was found."""
        if self.stopped:
            return ExitCode.INTERRUPTED
        if any(not one.found for one in self.detections):
            return ExitCode.FAIL
        return ExitCode.ENVIRONMENT if self.lost else ExitCode.PASS


def named(mutants: Sequence[Mutant], name: str | None) -> tuple[Mutant, ...]:
    """The one of that name, or all; raises UsageError that names the nearest."""
    chosen = tuple(one for one in mutants if name in (None, one.name))
    if chosen:
        return chosen
    nearest = nearest_name(name or "", [one.name for one in mutants])
    hint = f"; did you mean {nearest!r}?" if nearest else ""
    raise UsageError(f"no planted bug {name!r}{hint}")


def prove(
    asked: Asked,
    clock: Clock,
    *,
    progress: Callable[[int, int], object] = lambda done, found: None,
    stopped: Callable[[], bool] = lambda: False,
    run: detection.Run | None = None,
) -> Proof:
    """Look for each. ``progress`` is told how many are over and how many of them were found."""
    settings = detection.Settings(
        options=draw.Options(faults=asked.faults, profile=asked.profile),
        shrink_runs=asked.shrink_runs,
    )
    seeds = range(asked.first, asked.after)

    def work(index: int) -> bytes:
        mutant = asked.mutants[index]
        found = detection.detect(mutant, seeds, settings, *(() if run is None else (run,)))
        return msgspec.json.encode(found)

    over: dict[int, Detection] = {}
    lost: dict[str, str] = {}
    waiting = list(range(len(asked.mutants)))
    with Crew(work, jobs=asked.jobs, limit_s=LIMIT_S, clock=clock) as crew:
        while (waiting or crew.busy) and not stopped():
            while waiting and crew.free:
                crew.begin(waiting.pop(0))
            for ended in crew.ended(LOOK_S):
                if ended.lost:
                    lost[asked.mutants[ended.seed].name] = ended.lost
                else:
                    over[ended.seed] = msgspec.json.decode(ended.told, type=Detection)
            progress(len(over) + len(lost), sum(one.found for one in over.values()))
    detections = tuple(over[index] for index in sorted(over))
    return Proof(detections=detections, lost=lost, stopped=stopped())


def as_text(proof: Proof) -> str:
    """A line for each bug, and what they come to."""
    lines = detection.as_table(proof.detections)
    lines += [f"{name:40} no answer: {why}" for name, why in sorted(proof.lost.items())]
    found = sum(one.found for one in proof.detections)
    many = len(proof.detections) + len(proof.lost)
    lines.append(f"{found} of {many} planted bugs found")
    return "\n".join(lines) + "\n"


def as_json(proof: Proof) -> str:
    """``{"mutants": [{name, found, oracle, seeds, shrunk_faults, ...}], "lost": {...}}``."""
    told = {"mutants": proof.detections, "lost": proof.lost}
    return msgspec.json.encode(told).decode() + "\n"
