"""What a thorough run of everything does besides its suites: a small campaign, and the planted bugs, each until it is found.

Each is a command of its own in a process of its own, because this one has threads and sockets by then; its verdict is one more case of the
run, and its results are in the run's folder.
"""

import functools
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from alys.base.errors import ExitCode
from alys.config.settings import Settings
from alys.report import record
from alys.runner import catalogue, verdict

FOLDER = "simulation"
CAMPAIGN_SEEDS = 200
MUTANT_SEEDS = 1000
"""At most for each planted bug; all but a few need one (``benchmarks/DETECTION.md``), and a bug that needs many must not make a night red."""
MINUTES_MAX = 30
"""Of the campaign on a slow machine: fewer seeds are better than no night."""

_OUTCOMES = {
    ExitCode.PASS: record.Outcome.PASSED,
    ExitCode.FAIL: record.Outcome.FAILED,
    ExitCode.INCONCLUSIVE: record.Outcome.INCONCLUSIVE,
    ExitCode.INTERRUPTED: record.Outcome.NOT_RUN,
}


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the commands."""

    name: str
    """Of its case."""
    words: tuple[str, ...]
    figures: tuple[str, ...]
    """Keys of its answer that the report shows."""


SLICES = (
    Slice(
        name="simulated_campaign",
        words=("sim", "--seeds", f"0..{CAMPAIGN_SEEDS}", "--minutes", str(MINUTES_MAX)),
        figures=("seconds", "simulated_seconds", "seeds_per_second", "figures"),
    ),
    Slice(
        name="planted_bugs",
        words=("sim", "mutants", "--seeds", f"0..{MUTANT_SEEDS}", "--no-shrink"),
        figures=("seconds", "mutants"),
    ),
)


def wanted(suite: str, keyword: str | None, settings: Settings) -> bool:
    """Whether a run includes them: one of everything, thorough, of which no part was chosen."""
    return suite in catalogue.WHOLE and keyword is None and settings.test_environment.comprehensive


class Nightly:
    """The slices, as the run that includes them goes through them."""

    def __init__(
        self,
        environment: Mapping[str, str],
        stopwatch: Callable[[], float],
        slices: tuple[Slice, ...] = SLICES,
        program: tuple[str, ...] = (sys.executable, "-m", "alys"),
    ) -> None:
        self._environment = dict(environment)
        self._stopwatch = stopwatch
        self._slices = slices
        self._program = program

    def cases(self) -> tuple[Callable[[Path], record.CaseRecord], ...]:
        """One for each: given the folder of the run, run it, with its results below."""
        return tuple(functools.partial(self._run, one) for one in self._slices)

    def _run(self, one: Slice, run_folder: Path) -> record.CaseRecord:
        folder = run_folder / FOLDER
        folder.mkdir(exist_ok=True)
        began = self._stopwatch()
        results = [] if "mutants" in one.words else ["--results-dir", str(folder)]
        words = [*self._program, *one.words, *results, "-o", "json"]
        with (folder / f"{one.name}.log").open("wb") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
            )
            try:
                out, _ = process.communicate()
            finally:
                process.terminate()  # it is over, or nobody waits for it any more
                process.wait()
        took = self._stopwatch() - began
        (folder / f"{one.name}.json").write_bytes(out)
        return _case(one, process.returncode, out, took)


def _case(one: Slice, code: int, out: bytes, took: float) -> record.CaseRecord:
    try:
        told = msgspec.json.decode(out, type=dict[str, object])
    except msgspec.MsgspecError:
        told = {"cause": f"alys {' '.join(one.words)} ended with exit code {code} and no answer"}
        code = code or int(ExitCode.ENVIRONMENT)
    exit_code = ExitCode(code) if code in verdict.WORDS else ExitCode.ENVIRONMENT
    return record.CaseRecord(
        name=one.name,
        outcome=_OUTCOMES.get(exit_code, record.Outcome.ERROR),
        exit_code=int(exit_code),
        duration_s=round(took, 3),
        node_time_s=_number(told.get("simulated_seconds")),
        samples=_samples(told),
        cause=str(told.get("cause") or ""),
        detail=_detail(told),
        facts={key: told[key] for key in ("replay", *one.figures) if key in told},
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _samples(told: dict[str, object]) -> int:
    figures = told.get("figures")
    samples = figures.get("samples") if isinstance(figures, dict) else None
    if isinstance(samples, dict):
        return sum(count for count in samples.values() if isinstance(count, int))
    planted = told.get("mutants")
    return len(planted) if isinstance(planted, list) else 0


def _detail(told: dict[str, object]) -> str:
    causes = told.get("causes")
    return "\n".join(map(str, causes)) if isinstance(causes, list) else ""
