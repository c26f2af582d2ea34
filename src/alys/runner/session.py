"""One run from request to record: folder, driver, pytest, verdict, results.

pytest runs inside this process, hermetic: no configuration file, no conftest, no environment options, no installed plugins,
no cache, no output of its own. What it prints to standard error is kept aside and passed on only when it matters.
"""

import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.config import loader
from alys.config import settings as settings_module
from alys.report import record
from alys.runner import plugin, provenance, results, verdict
from alys.worlds import protocol

_ENVIRONMENT_OF_PYTEST = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, and the doors to time and to whoever watches."""

    suite: str
    """The label in reports."""
    target: str
    """What was typed: a suite's name or a path; goes into the replay line."""
    files: list[Path]
    settings: settings_module.Settings
    keyword: str | None = None
    """pytest's ``-k`` expression."""
    wall_clock: Callable[[], float]
    """Seconds since the Unix epoch, for names and labels."""
    stopwatch: Callable[[], float]
    """Monotonic seconds, for durations."""
    progress: Callable[[record.CaseRecord], None]
    """Called as each scenario ends."""


def run(request: RunRequest, open_driver: protocol.DriverFactory) -> record.RunRecord:
    """Run the scenarios, write the results, close everything; the record says how it went.

    Raises only when no results folder can be made (EnvironmentFailure). The results are written before the driver
    is closed.
    """
    began, started = request.stopwatch(), request.wall_clock()
    root = Path(request.settings.test_environment.results_dir)
    folder = results.make_folder(root, request.suite, started)
    evidence = _Evidence()
    with contextlib.ExitStack() as stack:
        events = results.EventLog(folder / "events.jsonl")
        stack.callback(events.close)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alys-")))
        try:
            driver = open_driver(request.settings)
            stack.callback(driver.close)
            evidence.deterministic = driver.deterministic
            _run_pytest(request, driver, scratch, events, evidence)
        except KeyboardInterrupt:
            evidence.exits.append(errors.ExitCode.INTERRUPTED)
        except errors.AlysError as error:
            evidence.exits.append(error.exit_code)
            evidence.causes.append(str(error))
        finished = _record(
            request, folder, started, request.stopwatch() - began, evidence, events.close()
        )
        results.write(folder, finished, _config_toml(request.settings))
        results.point_latest(folder)
    return finished


class _Evidence:
    """What the record is made of, gathered on the way."""

    def __init__(self) -> None:
        self.cases: list[record.CaseRecord] = []
        self.exits: list[errors.ExitCode] = []
        self.causes: list[str] = []
        self.deterministic = False


def _run_pytest(
    request: RunRequest,
    driver: protocol.Driver,
    scratch: Path,
    events: results.EventLog,
    evidence: _Evidence,
) -> None:
    settings = request.settings

    def info(name: str) -> protocol.ScenarioInfo:
        return protocol.ScenarioInfo(name=name, seed=settings.world.seed, scratch=scratch / name)

    scenarios = plugin.ScenarioPlugin(
        driver,
        info=info,
        clock=request.stopwatch,
        scenario_timeout_s=settings.test_scenarios.integration.timeout_seconds,
        run_timeout_s=settings.test_environment.timeout_seconds,
        events=events,
        progress=request.progress,
    )
    collector = _Collector()
    said = io.StringIO()
    with (
        _hermetic_environment(),
        contextlib.redirect_stdout(sys.stderr),
        contextlib.redirect_stderr(said),
    ):
        code = int(pytest.main(_arguments(request), plugins=[scenarios, collector]))
    evidence.cases = [*scenarios.cases, *scenarios.unfinished(collector.items)]
    _explain(code, scenarios, said.getvalue().strip(), request, evidence)


def _explain(
    code: int,
    scenarios: plugin.ScenarioPlugin,
    said: str,
    request: RunRequest,
    evidence: _Evidence,
) -> None:
    """Turn pytest's exit code, and what it said, into our exits and causes."""
    exit_code = verdict.from_pytest(code)
    if scenarios.collect_causes:
        # pytest calls a file that cannot be loaded an interruption.
        evidence.exits.append(errors.ExitCode.USAGE)
        evidence.causes += scenarios.collect_causes
        return
    evidence.exits.append(exit_code)
    if exit_code is errors.ExitCode.USAGE:
        lines = [line for line in said.splitlines() if line.strip()]
        evidence.causes.append(lines[0].removeprefix("ERROR: ") if lines else "pytest refused")
    elif exit_code is errors.ExitCode.INCONCLUSIVE:
        evidence.causes.append(_nothing_collected(request, scenarios.seen))
    elif exit_code is errors.ExitCode.FAIL:
        evidence.causes.append(
            f"pytest broke: {said.splitlines()[-1] if said else 'no reason given'}"
        )
    elif said:
        sys.stderr.write(said + "\n")


def _nothing_collected(request: RunRequest, seen: list[str]) -> str:
    if request.keyword is not None and seen:
        return f"nothing collected: -k {request.keyword!r} matches none of: {', '.join(seen)}"
    files = ", ".join(path.name for path in request.files)
    return f"nothing collected: no `async def test_*(world)` in {files}"


class _Collector:
    """Remembers the chosen items beyond the end of the session."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """After ``-k``."""
        self.items = list(session.items)


def _arguments(request: RunRequest) -> list[str]:
    off = (
        "cacheprovider",
        "terminal",
        "logging",
        "warnings",
        "faulthandler",
        "debugging",
        "pastebin",
    )
    arguments = [
        *(str(path) for path in request.files),
        "--config-file", os.devnull,
        "--rootdir", os.path.commonpath([path.parent for path in request.files]),
        "--disable-plugin-autoload",
        "--noconftest",
        "--strict-markers",
        "--import-mode=importlib",
        "--capture=no",
        "-o", "xfail_strict=true",
    ]  # fmt: skip
    for name in off:
        arguments += ["-p", f"no:{name}"]
    if request.keyword is not None:
        arguments += ["-k", request.keyword]
    return arguments


@contextlib.contextmanager
def _hermetic_environment() -> Iterator[None]:
    """Take away the variables that steer pytest, which reads them itself; put them back afterwards."""
    environment = os.environ  # noqa: TID251 - pytest reads these past every argument it is given
    kept = {name: environment.pop(name) for name in _ENVIRONMENT_OF_PYTEST if name in environment}
    try:
        yield
    finally:
        environment.update(kept)


def _record(
    request: RunRequest,
    folder: Path,
    started: float,
    duration_s: float,
    evidence: _Evidence,
    trace_hash: str,
) -> record.RunRecord:
    settings, cases = request.settings, tuple(evidence.cases)
    exit_code = verdict.decide(cases, evidence.exits)
    simulated = settings.world.kind == "sim"
    whole = evidence.deterministic and exit_code is not errors.ExitCode.INTERRUPTED
    return record.RunRecord(
        run_id=folder.name,
        suite=request.suite,
        world=settings.world.kind,
        seed=settings.world.seed,
        verdict=verdict.WORDS[exit_code],
        exit_code=int(exit_code),
        cause=_cause(exit_code, cases, evidence),
        counts=record.count(cases),
        cases=cases,
        trace_hash=trace_hash if whole else None,
        started_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        simulated_s=sum(case.node_time_s or 0.0 for case in cases) if simulated else None,
        time_scale=None if simulated else settings.world.time_scale,
        results_dir=str(folder),
        replay=replay_line(request, folder),
        versions=provenance.versions(_config_toml(settings)),
    )


def _cause(
    exit_code: errors.ExitCode, cases: tuple[record.CaseRecord, ...], evidence: _Evidence
) -> str:
    """One line for the verdict: what befell the run, else the first scenario that gave this exit."""
    if exit_code is errors.ExitCode.PASS:
        return ""
    if exit_code is errors.ExitCode.INTERRUPTED:
        ended = sum(case.outcome is not record.Outcome.NOT_RUN for case in cases)
        return f"interrupted after {ended} of {len(cases)} scenarios"
    if evidence.causes:
        return evidence.causes[0]
    guilty = [case for case in cases if case.exit_code == exit_code]
    if not guilty:
        return "no scenario passed" if cases else "nothing ran"
    more = f" (and {len(guilty) - 1} more)" if len(guilty) > 1 else ""
    return f"{guilty[0].name}: {guilty[0].cause}{more}"


def _config_toml(settings: settings_module.Settings) -> str:
    """The resolved configuration without the place of its results, which says nothing about the run."""
    plain = msgspec.structs.replace(settings.test_environment, results_dir="results")
    return loader.dump(msgspec.structs.replace(settings, test_environment=plain))


def replay_line(request: RunRequest, folder: Path) -> str:
    """The command that repeats the run: by flags alone where they say everything, else with its configuration."""
    settings, default = request.settings, settings_module.Settings()
    words = ["alys", "test", request.target, "--world", settings.world.kind]
    words += ["--seed", str(settings.world.seed)]
    if settings.world.kind == "local":
        words += ["--time-scale", f"{settings.world.time_scale:g}"]
    if request.keyword is not None:
        words += ["-k", request.keyword]
    told = msgspec.structs.replace(
        default,
        world=msgspec.structs.replace(
            default.world,
            kind=settings.world.kind,
            seed=settings.world.seed,
            time_scale=settings.world.time_scale,
        ),
        test_environment=msgspec.structs.replace(
            default.test_environment,
            report_format=settings.test_environment.report_format,
            results_dir=settings.test_environment.results_dir,
        ),
    )
    if settings != told:
        words += ["--config", str(folder / "config.resolved.toml")]
    return shlex.join(words)
