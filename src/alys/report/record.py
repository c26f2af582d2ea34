"""A finished run as data. The writers beside this file turn it into text; nothing here knows how it was obtained."""

import enum
import math
from collections.abc import Mapping
from typing import Literal

import msgspec


class Outcome(enum.Enum):
    """How one scenario ended."""

    PASSED = "passed"
    FAILED = "failed"
    THRESHOLD = "threshold missed"
    """It worked, but not within the figures that were asked for."""
    INCONCLUSIVE = "inconclusive"
    """It ended well but looked at nothing, or said itself that nothing was proven."""
    ERROR = "error"
    """The machine or a service kept it from taking place, or it was used wrongly."""
    SKIPPED = "skipped"
    NOT_RUN = "not run"
    """The run ended before its turn, or in the middle of it."""


FlakeKind = Literal["deterministic", "schedule-dependent", "environmental"]
"""See ``campaigns.flakes``."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A red scenario, run again."""

    world: str
    seed: int
    result: Literal["red", "green", "none"]
    """``none``: it could not be said there, because it did not take place, or ended inconclusive."""
    cause: str = ""
    trace_hash: str = ""
    """Of this scenario's part of ``events.jsonl``; empty in a world whose traces differ from run to run."""


class Flake(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of red a scenario is, from replays of it."""

    kind: FlakeKind
    sentence: str
    replays: tuple[Replay, ...]


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario."""

    name: str
    outcome: Outcome
    exit_code: int
    """What this scenario alone would make of the run."""
    duration_s: float
    """Wall time from its start to its end; waiting for a turn is not counted."""
    node_time_s: float | None = None
    """How far the node's clock moved meanwhile."""
    samples: int = 0
    """How many times something was looked at that could have been wrong."""
    cause: str = ""
    """One line that says why it is not a pass; empty for a pass."""
    detail: str = ""
    """The traceback or other long text behind the cause."""
    facts: dict[str, object] = {}
    """Figures that the scenario put down: JSON values, as ``plain`` makes them."""
    flake: Flake | None = None
    """What its replays say, where they were asked for and it was red. It does not change the outcome."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Scenarios by outcome, and all samples."""

    collected: int
    passed: int
    failed: int
    threshold: int
    inconclusive: int
    error: int
    skipped: int
    not_run: int
    samples: int


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is about. ``unknown`` is said where a fact cannot be had, never left out."""

    alys: str
    python: str
    commit: str
    """Git commit of the source, with ``-dirty`` when files differ from it."""
    lock_hash: str
    """SHA-256 of the lock file that the dependencies came from."""
    config_hash: str
    """SHA-256 of ``config.resolved.toml`` beside the report."""
    image: str = ""
    """The container image that it ran from, if any: name and tag, or digest."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run: the verdict and everything needed to believe it or to repeat it."""

    run_id: str
    suite: str
    world: str
    seed: int
    verdict: str
    """``pass``, ``fail``, ``usage``, ``environment``, ``inconclusive``, ``threshold`` or ``interrupted``."""
    exit_code: int
    cause: str
    """One line: the first of the causes; empty for a pass."""
    causes: tuple[str, ...]
    """Everything that speaks for this verdict, one line each."""
    counts: Counts
    cases: tuple[CaseRecord, ...]
    trace_hash: str | None
    """BLAKE2b, 32 bytes, hex, of ``events.jsonl``; None in a world whose traces differ from run to run."""
    started_at: str
    """UTC, ISO 8601."""
    duration_s: float
    """Wall time of the whole run."""
    simulated_s: float | None
    """Sum of the scenarios' virtual time; None outside simulation."""
    time_scale: float | None
    """Node seconds per wall second; None in simulation."""
    results_dir: str
    replay: str
    """The command that repeats this run."""
    versions: Versions
    profile: str | None = None
    """Of the simulation, ``full`` or ``light``; None outside simulation."""
    left_out: tuple[str, ...] = ()
    """What a run of everything did not include, each with the setting that says so."""
    job: str = ""
    """The Job of a cluster that made the run; empty where there was none."""


def count(cases: tuple[CaseRecord, ...]) -> Counts:
    """The counts of these cases."""
    tally = {outcome: sum(case.outcome is outcome for case in cases) for outcome in Outcome}
    return Counts(
        collected=len(cases),
        passed=tally[Outcome.PASSED],
        failed=tally[Outcome.FAILED],
        threshold=tally[Outcome.THRESHOLD],
        inconclusive=tally[Outcome.INCONCLUSIVE],
        error=tally[Outcome.ERROR],
        skipped=tally[Outcome.SKIPPED],
        not_run=tally[Outcome.NOT_RUN],
        samples=sum(case.samples for case in cases),
    )


def plain(value: object) -> object:
    """The value as JSON can say it: bytes in hex, sets sorted, other things as their own words.

    A figure that a report cannot print must not cost the report.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(inner) for inner in value), key=str)
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    return str(value)
