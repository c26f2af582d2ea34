"""A campaign: one run for each seed of a range, several at a time, until the range, the time or somebody's patience ends.

What it says does not depend on how many work at a time: results count in the order of the seeds, and where the first failure ends it, that
is the failure of the lowest seed. No seed is lost: one whose process died or had no end is listed with the reason.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from alys.base import errors
from alys.base.errors import ExitCode
from alys.campaigns import plan as plans
from alys.campaigns import tally
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.campaigns.workers import Crew, Ended

PROFILES = (*plans.PROFILES, "mixed")
"""``mixed``: the whole thing for one seed in ten, the light one for the others."""

RUN_SECONDS_MAX = 300.0
"""Wall time that one run may take; a long one on a busy machine takes a tenth of it."""

FAILURES_KEPT_MAX = 100
"""Of a campaign that goes on; more would say nothing new."""

LOST_MAX = 10
"""So many runs without a result: the machine is what is wrong, and the campaign ends."""

PROBES_EXPECTED_FROM = 1_000
"""So many seeds should reach every rare state; fewer may miss one."""

SEED_MAX = 2**63 - 1

_LOOK_SECONDS = 0.2


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    first: int = 0
    after: int | None = 1_000
    """The first seed that is no part of it; None: without end."""
    jobs: int = 1
    seconds: float | None = None
    """No run begins later than so much wall time after the first."""
    faults: str = "all"
    """A profile of faults."""
    profile: str = "mixed"
    keep_going: bool = False
    """Go on after a failure."""
    run_seconds_max: float = RUN_SECONDS_MAX


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A seed without a result."""

    seed: int
    sentence: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands."""

    figures: tally.Figures
    running: int
    wall_seconds: float


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign asks of outside."""

    plan_of: Callable[[int, str, str], Plan]
    """Seed, profile of faults, and one of ``PROFILES``."""
    run: Callable[[Plan], Outcome]
    clock: Callable[[], float]
    """The wall's, in seconds, monotonic."""
    progress: Callable[[Progress], None] = lambda _: None
    ended_badly: Callable[[int, str], None] = lambda _seed, _told: None
    """Told at once, in the order of the seeds, of each run that did not pass or had no end: the seed, and what is wrong in a line."""
    stopped: Callable[[], bool] = lambda: False
    """Whether somebody wants it to end now."""
    probes: tuple[str, ...] = ()
    """The rare states that are known."""
    oracles: tuple[str, ...] = ()
    """The oracles that must look at something."""


End = Literal["complete", "failure", "time", "lost", "interrupted"]


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    options: Options
    end: End
    """Why no more seeds were run."""
    figures: tally.Figures
    failures: tuple[Outcome, ...]
    """Those that did not pass, in order of their seeds; the first of them where there are very many."""
    lost: tuple[Lost, ...]
    wall_seconds: float

    @property
    def first_failure(self) -> Outcome | None:
        """Of the lowest seed."""
        return next((one for one in self.failures if one.verdict == "fail"), None)


def conduct(options: Options, doors: Doors) -> Campaign:
    """Run them. Raises nothing for what a run may do; BadFault and the like for options that no plan can be made of."""
    return _Conduct(options, doors).campaign()


class _Conduct:
    def __init__(self, options: Options, doors: Doors) -> None:
        self._options = options
        self._doors = doors
        self._began = doors.clock()
        self._next = options.first
        """The seed to begin with next."""
        self._counted = options.first
        """The lowest that has not been counted."""
        self._early: dict[int, Ended] = {}
        """Ended, but a lower seed has not."""
        self._figures = tally.start(doors.probes, doors.oracles)
        self._failures: list[Outcome] = []
        self._lost: list[Lost] = []
        self._end: End | None = None

    def campaign(self) -> Campaign:
        options, doors = self._options, self._doors
        with Crew(
            self._work, jobs=options.jobs, limit_s=options.run_seconds_max, clock=doors.clock
        ) as crew:
            while self._end is None:
                self._begin(crew)
                if not crew.busy:
                    self._end = "complete" if self._exhausted() else "time"
                for one in crew.ended(_LOOK_SECONDS):
                    self._early[one.seed] = one
                self._count()
                if doors.stopped():
                    self._end = self._end or "interrupted"
                doors.progress(self._progress(crew.busy))
        if self._end == "interrupted":  # what is there is told, though lower seeds are missing
            for _, one in sorted(self._early.items()):
                self._take(one)
        return Campaign(
            options=options,
            end=self._end,
            figures=self._figures,
            failures=tuple(self._failures),
            lost=tuple(self._lost),
            wall_seconds=self._passed(),
        )

    def _work(self, seed: int) -> bytes:
        """In a fork."""
        plan = self._doors.plan_of(seed, self._options.faults, self._options.profile)
        return msgspec.json.encode(self._doors.run(plan))

    def _begin(self, crew: Crew) -> None:
        while crew.free and not self._exhausted() and not self._late():
            crew.begin(self._next)
            self._next += 1

    def _exhausted(self) -> bool:
        return self._options.after is not None and self._next >= self._options.after

    def _late(self) -> bool:
        seconds = self._options.seconds
        return seconds is not None and self._next > self._options.first and self._passed() > seconds

    def _passed(self) -> float:
        return self._doors.clock() - self._began

    def _count(self) -> None:
        """In order, as far as there is no gap, and not beyond what ends the campaign."""
        while self._end is None and (one := self._early.pop(self._counted, None)) is not None:
            self._counted += 1
            self._take(one)
            if len(self._lost) >= LOST_MAX:
                self._end = "lost"
            elif self._figures.failed and not self._options.keep_going:
                self._end = "failure"

    def _take(self, one: Ended) -> None:
        if one.lost:
            self._figures = tally.add_lost(self._figures)
            self._lost.append(Lost(seed=one.seed, sentence=one.lost))
            self._doors.ended_badly(one.seed, _line(one.lost))
            return
        outcome = msgspec.json.decode(one.told, type=Outcome)
        self._figures = tally.add(self._figures, outcome)
        if outcome.verdict != "pass":
            self._doors.ended_badly(one.seed, told_of(outcome))
            if len(self._failures) < FAILURES_KEPT_MAX:
                self._failures.append(outcome)

    def _progress(self, running: int) -> Progress:
        return Progress(figures=self._figures, running=running, wall_seconds=self._passed())


def causes(found: Campaign) -> list[tuple[ExitCode, str]]:
    """Everything that speaks against a pass, each with the exit that it would be alone."""
    said: list[tuple[ExitCode, str]] = []
    figures = found.figures
    if found.end == "interrupted":
        ended = figures.seeds + figures.lost
        said.append((ExitCode.INTERRUPTED, f"interrupted after {_seeds(ended)}"))
    said += [
        (ExitCode.ENVIRONMENT, f"seed {one.seed}: {_line(one.sentence)}") for one in found.lost
    ]
    if found.end == "lost":
        told = f"{len(found.lost)} runs had no result, so no more were begun"
        said.append((ExitCode.ENVIRONMENT, told))
    for one in found.failures:
        code = ExitCode.FAIL if one.verdict == "fail" else ExitCode.INCONCLUSIVE
        said.append((code, f"seed {one.plan.seed}: {told_of(one)}"))
    if not figures.seeds:
        said.append((ExitCode.INCONCLUSIVE, "no run came to its end"))
    elif figures.never_looked:
        names = ", ".join(figures.never_looked)
        said.append((ExitCode.INCONCLUSIVE, f"oracles that never had anything to look at: {names}"))
    return said


def told_of(outcome: Outcome) -> str:
    """What is wrong with a run, in a line."""
    who = outcome.oracle or outcome.verdict
    return f"{who}: {_line(outcome.sentence)}"


def seeds(text: str, flag: str = "--seeds") -> tuple[int, int]:
    """The first, and the first that is not meant: ``0..1000`` are a thousand, ``7`` is one. Raises UsageError."""
    first, dots, after = text.partition("..")
    numbers = [number for number in (first, after) if number.isascii() and number.isdecimal()]
    if len(numbers) != (2 if dots else 1):
        raise errors.UsageError(
            f"{flag} {text!r} cannot stand; allowed: A..B, from A up to but not including B, or one seed"
        )
    begin = int(first)
    end = int(after) if dots else begin + 1
    if end <= begin:
        raise errors.UsageError(
            f"{flag} {text!r} has no seed in it: {begin} is not below {end}; did you mean {end}..{begin}?"
            if end < begin
            else f"{flag} {text!r} has no seed in it: the last number is not meant; did you mean {begin}..{end + 1}?"
        )
    if end > SEED_MAX:
        raise errors.UsageError(f"{flag} {text!r} is out of range; allowed: up to {SEED_MAX}")
    return begin, end


def _line(sentence: str) -> str:
    return " ".join(sentence.split())


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count:,} seeds"
