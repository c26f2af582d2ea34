"""Runs scenario files, given as text, in the tiny world."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import msgspec

from alys.config import scenarios
from alys.config import settings as settings_module
from alys.report import record
from alys.runner import session
from tests.runner import tiny_world

PASSING = """
    async def test_passing(world):
        await world.turn()
        world.check(True, "it holds")
"""


def scenario_file(folder: Path, source: str, name: str = "scenario") -> Path:
    """A file with this text."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


def settings(
    folder: Path,
    *,
    world: settings_module.WorldKind = "sim",
    seed: int = 7,
    at_once: int = 10,
    scenario_s: int = 180,
    run_s: int = 300,
) -> settings_module.Settings:
    """Settings whose results go into ``folder``."""
    return settings_module.Settings(
        world=settings_module.WorldSettings(kind=world, seed=seed),
        test_environment=settings_module.TestEnvironment(
            results_dir=str(folder / "results"), max_concurrent_tests=at_once, timeout_seconds=run_s
        ),
        test_scenarios=scenarios.TestScenarios(
            integration=scenarios.IntegrationSettings(timeout_seconds=scenario_s)
        ),
    )


def request(
    folder: Path,
    source: str,
    *,
    keyword: str | None = None,
    told: settings_module.Settings | None = None,
    tick_s: float = 0.001,
    begun: Callable[[], None] = lambda: None,
) -> session.RunRequest:
    """A request for one file; its clocks are counters, ``tick_s`` per reading."""
    path = scenario_file(folder, source)
    readings = itertools.count()
    return session.RunRequest(
        suite="scenario",
        target="scenario.py",
        files=[path],
        settings=told or settings(folder),
        keyword=keyword,
        wall_clock=lambda: 1_767_225_600.0,
        stopwatch=lambda: next(readings) * tick_s,
        progress=lambda case: tiny_world.LOG.events.append(f"told {case.name}"),
        begun=begun,
    )


def run(asked: session.RunRequest) -> record.RunRecord:
    """Run it in the tiny world."""
    return session.run(asked, tiny_world.open_driver)


def run_source(folder: Path, source: str, *, keyword: str | None = None) -> record.RunRecord:
    """Run one file's text one by one, with fresh notes."""
    tiny_world.fresh()
    return run(request(folder, source, keyword=keyword))


def results_of(done: record.RunRecord) -> Path:
    """The results folder."""
    return Path(done.results_dir)


def report_of(done: record.RunRecord) -> record.RunRecord:
    """What lies in ``report.json``."""
    return msgspec.json.decode(
        (results_of(done) / "report.json").read_bytes(), type=record.RunRecord
    )
