"""One run from request to record: folder, driver, pytest, verdict, results.

pytest runs inside this process. What it prints to standard error before the scenarios begin is kept aside, and its first
line is told when it refused to start; what scenarios print goes to standard error, so that standard output stays ours.
"""

import contextlib
import functools
import io
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.config import loader, logs
from alys.config import settings as settings_module
from alys.report import record
from alys.runner import (
    hermetic,
    outcomes,
    plugin,
    provenance,
    replays,
    results,
    selection,
    verdict,
)
from alys.worlds import protocol
from alys.worlds.undisturbed import Undisturbed


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
    world: str = ""
    """What reports call the world, where it is none of those that settings name."""
    replay: Callable[[Path], str] | None = None
    """The line that repeats the run, given its folder; None: ``alys test`` as it was typed."""
    left_out: tuple[str, ...] = ()
    """What the settings leave out of a run of everything, for the report."""
    only: frozenset[str] | None = None
    """The names of the scenarios that are wanted; None: all that ``keyword`` lets through."""
    flake_seeds: int = 0
    """On how many new seeds a red scenario is replayed, besides its own; 0: it is not replayed."""
    wall_clock: Callable[[], float]
    """Seconds since the Unix epoch, for names and labels."""
    stopwatch: Callable[[], float]
    """Monotonic seconds, for durations."""
    progress: Callable[[record.CaseRecord], None]
    """Called as each scenario ends."""
    besides: tuple[Callable[[Path], record.CaseRecord], ...] = ()
    """What is done when the scenarios are over, each given the run's folder; each is one more case."""
    begun: Callable[[], None] = lambda: None
    """Called once the results folder is there: from then on every end of the run leaves a report."""


def run(request: RunRequest, open_driver: protocol.DriverFactory) -> record.RunRecord:
    """Run the scenarios, close everything, write the results; the record says how it went.

    Raises EnvironmentFailure when the results cannot be written, UsageError for a scenario file that cannot have
    its name; whatever else goes wrong is in the record. Ctrl-C ends the scenarios, a second one also the closing.
    """
    hermetic.refuse_taken_names(request.files)
    began, started = request.stopwatch(), request.wall_clock()
    root = Path(request.settings.test_environment.results_dir)
    evidence = _Evidence()
    with contextlib.ExitStack() as stack:
        calm = stack.enter_context(Undisturbed())  # a folder that was made gets its report
        folder = results.make_folder(root, request.suite, started)
        request.begun()
        events = results.EventLog(folder / "events.jsonl")
        stack.callback(events.close)
        if request.settings.monitoring.log_collection:
            log_format = request.settings.test_environment.log_format
            stack.enter_context(logs.Collected(folder / results.LOG, log_format))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alys-")))
        with evidence.of("cannot open the world"):
            calm.end()
            driver = open_driver(request.settings)
            stack.enter_context(_closed(driver))
            evidence.deterministic = driver.deterministic
            _run_scenarios(request, driver, scratch, events, evidence)
        _run_besides(request, folder, evidence)
        if request.flake_seeds:
            with evidence.of("cannot replay what was red"):
                _replay(request, open_driver, folder / "events.jsonl", scratch, evidence)
        with Undisturbed():
            took = request.stopwatch() - began
            finished = _record(request, folder, started, took, evidence, events.close())
            results.keep_left_over(folder, finished.exit_code, request.settings, scratch)
            results.write(folder, finished, _config_toml(request.settings))
            results.point_latest(folder)
    return finished


class _Evidence:
    """What the record is made of, gathered on the way."""

    def __init__(self) -> None:
        self.cases: list[record.CaseRecord] = []
        self.befell: list[tuple[errors.ExitCode, str]] = []
        """What befell the run as a whole, with its cause."""
        self.deterministic = False

    @contextlib.contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Let nothing out that goes wrong inside: it becomes a cause, and the results are written all the same."""
        try:
            yield
        except KeyboardInterrupt:
            self.befell.append((errors.ExitCode.INTERRUPTED, "interrupted"))
        except errors.AlysError as error:
            self.befell.append((error.exit_code, str(error)))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            cause = f"{step}: {type(error).__name__}: {error}"
            self.befell.append((errors.ExitCode.FAIL, cause))


@contextlib.contextmanager
def _closed(driver: protocol.Driver) -> Iterator[None]:
    """The last attempt to close, when an impatient second Ctrl-C ended the first; what it says was said before."""
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            driver.close()


def _run_scenarios(
    request: RunRequest,
    driver: protocol.Driver,
    scratch: Path,
    events: results.EventLog,
    evidence: _Evidence,
) -> None:
    """Run pytest, close the driver, and gather what both have to say."""
    settings, outside, said = request.settings, sys.stderr, io.StringIO()

    if not request.files:
        evidence.befell.append((errors.ExitCode.INCONCLUSIVE, _nothing_chosen(request)))
        return

    def info(name: str, file: Path) -> protocol.ScenarioInfo:
        return protocol.ScenarioInfo(
            name=name,
            seed=settings.world.seed,
            scratch=scratch / name,
            placement=selection.placement(file),
        )

    def collected() -> None:
        sys.stderr = outside  # from here on, what is said comes from the scenarios

    scenarios = plugin.ScenarioPlugin(
        driver,
        info=info,
        clock=request.stopwatch,
        scenario_timeout_s=lambda file: selection.scenario_seconds(file, settings.test_scenarios),
        run_timeout_s=selection.run_seconds(request.suite, settings),
        events=events,
        progress=request.progress,
        collected=collected,
        only=request.only,
    )
    with scenarios.unawaited:
        with (
            evidence.of("pytest broke"),
            hermetic.surroundings(request.files),
            contextlib.redirect_stdout(outside),
        ):
            with contextlib.redirect_stderr(said):
                code = int(
                    pytest.main(
                        hermetic.arguments(request.files, request.keyword), plugins=[scenarios]
                    )
                )
            evidence.befell += _explain(code, scenarios, said.getvalue().strip(), request)
        with evidence.of("cannot close the world"):
            driver.close()
        scenarios.write_down_the_rest()
        if forgotten := scenarios.unawaited.take(lambda file, _: file in request.files):
            evidence.befell.append((errors.ExitCode.FAIL, outcomes.forgotten(forgotten).cause))
    evidence.cases = scenarios.cases
    outside.writelines(scenarios.unawaited.rest())


def _replay(
    request: RunRequest,
    open_driver: protocol.DriverFactory,
    events: Path,
    scratch: Path,
    evidence: _Evidence,
) -> None:
    """Run what was red again, on its seed and on new ones, and give each case its verdict."""
    settings, deterministic = request.settings, evidence.deterministic

    def again(world: replays.World, seed: int, names: frozenset[str]) -> replays.Pass:
        where = msgspec.structs.replace(settings.world, kind=world, seed=seed)
        told = msgspec.structs.replace(
            request,
            settings=msgspec.structs.replace(settings, world=where),
            only=names,
            progress=lambda case: request.progress(replays.marked(case, world, seed)),
        )
        with tempfile.TemporaryDirectory(dir=scratch, prefix="again-") as kept:
            there = _Evidence()
            log = results.EventLog(Path(kept) / "events.jsonl")
            with there.of("cannot open the world"):
                driver = open_driver(told.settings)
                there.deterministic = driver.deterministic
                with _closed(driver):
                    _run_scenarios(told, driver, Path(kept), log, there)
            log.close()
            if any(code is errors.ExitCode.INTERRUPTED for code, _ in there.befell):
                raise KeyboardInterrupt
            hashes = results.scenario_hashes(Path(kept) / "events.jsonl", names)
        return replays.Pass(cases=there.cases, hashes=hashes if there.deterministic else {})

    red = replays.red(evidence.cases)
    hashes = results.scenario_hashes(events, red) if deterministic else {}
    seen = replays.make(settings.world.kind, settings.world.seed, request.flake_seeds, red, again)
    evidence.cases = replays.judged(evidence.cases, settings.world, hashes, seen)


def _run_besides(request: RunRequest, folder: Path, evidence: _Evidence) -> None:
    """Not after an interruption: who ended the scenarios wants no more."""
    for one in request.besides:
        if errors.ExitCode.INTERRUPTED in [code for code, _ in evidence.befell]:
            return
        with evidence.of("what is run besides the scenarios broke"):
            case = one(folder)
            evidence.cases.append(case)
            request.progress(case)


def _explain(
    code: int, scenarios: plugin.ScenarioPlugin, said: str, request: RunRequest
) -> list[tuple[errors.ExitCode, str]]:
    """Turn pytest's exit code, and what it said, into our exits and causes."""
    if scenarios.collect_causes:
        # pytest calls a file that cannot be loaded an interruption.
        return [(errors.ExitCode.USAGE, cause) for cause in scenarios.collect_causes]
    exit_code = verdict.from_pytest(code)
    if scenarios.broken is not None:
        traceback.print_exception(scenarios.broken, file=sys.stderr)
        cause = f"pytest broke: {type(scenarios.broken).__name__}: {scenarios.broken}"
        return [(exit_code, cause)]
    match exit_code:
        case errors.ExitCode.PASS:
            return []
        case errors.ExitCode.USAGE:
            lines = [line.strip() for line in said.splitlines() if line.strip()]
            return [(exit_code, lines[0].removeprefix("ERROR: ") if lines else "pytest refused")]
        case errors.ExitCode.INCONCLUSIVE:
            return [(exit_code, _nothing_collected(request, scenarios.seen))]
        case errors.ExitCode.INTERRUPTED:
            return [(exit_code, "interrupted")]
        case _:
            return [(exit_code, f"pytest ended with exit code {code}")]


def _nothing_chosen(request: RunRequest) -> str:
    """pytest without a file would collect whatever lies around, so it is not asked."""
    return (
        f"nothing collected: {request.suite} has no scenario left ({'; '.join(request.left_out)})"
    )


def _nothing_collected(request: RunRequest, seen: list[str]) -> str:
    if request.keyword is not None and seen:
        return f"nothing collected: -k {request.keyword!r} matches none of: {', '.join(seen)}"
    files = ", ".join(path.name for path in request.files)
    return f"nothing collected: no `async def test_*(world)` in {files}"


def _record(
    request: RunRequest,
    folder: Path,
    started: float,
    duration_s: float,
    evidence: _Evidence,
    trace_hash: str,
) -> record.RunRecord:
    settings, cases = request.settings, tuple(evidence.cases)
    exit_code = verdict.decide(cases, [exit_code for exit_code, _ in evidence.befell])
    simulated = settings.world.kind == "sim"
    causes = _causes(exit_code, cases, evidence)
    whole = evidence.deterministic and exit_code is not errors.ExitCode.INTERRUPTED
    return record.RunRecord(
        run_id=folder.name,
        suite=request.suite,
        world=request.world or settings.world.kind,
        seed=settings.world.seed,
        verdict=verdict.WORDS[exit_code],
        exit_code=int(exit_code),
        cause=_first(causes),
        causes=tuple(causes),
        counts=record.count(cases),
        cases=cases,
        trace_hash=trace_hash if whole else None,
        started_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        simulated_s=sum(case.node_time_s or 0.0 for case in cases) if simulated else None,
        time_scale=None if simulated else settings.world.time_scale,
        profile=settings.world.profile if simulated else None,
        results_dir=str(folder),
        replay=(request.replay or functools.partial(replay_line, request))(folder),
        versions=provenance.versions(_config_toml(settings), settings.test_environment.image),
        left_out=request.left_out,
        job=settings.test_environment.job_name,
    )


def _causes(
    exit_code: errors.ExitCode, cases: tuple[record.CaseRecord, ...], evidence: _Evidence
) -> list[str]:
    """What gave this exit: what befell the run, then the scenarios; none for a pass."""
    if exit_code is errors.ExitCode.PASS:
        return []
    if exit_code is errors.ExitCode.INTERRUPTED:
        ended = sum(case.outcome is not record.Outcome.NOT_RUN for case in cases)
        return [f"interrupted after {ended} of {len(cases)} scenarios"]
    causes = [cause for code, cause in evidence.befell if code is exit_code]
    causes += [f"{case.name}: {case.cause}" for case in cases if case.exit_code == exit_code]
    return causes or ["no scenario passed" if cases else "nothing ran"]


def _first(causes: list[str]) -> str:
    """The one line on top of a report."""
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    return f"{causes[0]}{more}" if causes else ""


def _config_toml(settings: settings_module.Settings) -> str:
    """The resolved configuration without whose run it was and where its results go, which say nothing about the run."""
    return loader.dump(_plain(settings, results_dir="results"))


def _plain(settings: settings_module.Settings, **changes: str) -> settings_module.Settings:
    """The settings without image, name of a Job, and the address that the results are sent to: the report has these itself."""
    default = settings_module.TestEnvironment()
    plain = msgspec.structs.replace(
        settings.test_environment,
        image=default.image,
        job_name=default.job_name,
        results_url=default.results_url,
        results_upload_seconds=default.results_upload_seconds,
        **changes,
    )
    return msgspec.structs.replace(settings, test_environment=plain)


def replay_line(request: RunRequest, folder: Path) -> str:
    """The command that repeats the run: by flags alone where they say everything, else with its configuration."""
    settings, default = request.settings, settings_module.Settings()
    words = ["alys", "test", request.target, "--world", settings.world.kind]
    words += ["--seed", str(settings.world.seed)]
    if settings.world.kind != "sim" or settings.world.time_scale != default.world.time_scale:
        words += ["--time-scale", f"{settings.world.time_scale:g}"]
    if settings.world.nodes != 1:
        words += ["--nodes", str(settings.world.nodes)]
    if settings.world.profile != default.world.profile:
        words += ["--profile", settings.world.profile]
    if request.keyword is not None:
        words += ["-k", request.keyword]
    told = msgspec.structs.replace(
        default,
        world=msgspec.structs.replace(
            default.world,
            kind=settings.world.kind,
            seed=settings.world.seed,
            time_scale=settings.world.time_scale,
            nodes=settings.world.nodes,
            profile=settings.world.profile,
        ),
        test_environment=msgspec.structs.replace(
            default.test_environment,
            report_format=settings.test_environment.report_format,
            results_dir=settings.test_environment.results_dir,
        ),
    )
    if _plain(settings) != told:
        words += ["--config", str(folder / "config.resolved.toml")]
    return shlex.join(words)
