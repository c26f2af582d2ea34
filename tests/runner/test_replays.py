"""What was red is replayed and judged, and stays red."""

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from alys.config.settings import WorldKind
from alys.report import record
from alys.report.record import Outcome
from alys.runner import replays
from tests.report import records
from tests.runner import runs, tiny_world

SOURCE = """
    import builtins

    async def test_always(world):
        await world.turn()
        world.check(False, "never holds")

    async def test_by_seed(world):
        world.check(world.seed % 2 == 1, "odd seeds only")

    async def test_by_count(world):
        builtins.ALYS_TURNS.append(1)
        world.check(len(builtins.ALYS_TURNS) % 2 == 0, "every second time")

    async def test_by_course(world):
        builtins.ALYS_COURSES.append(1)
        for _ in builtins.ALYS_COURSES:
            await world.turn()
        world.check(False, "not the same way twice")

    async def test_good(world):
        world.check(True, "holds")
"""


@pytest.fixture(autouse=True)
def _counts() -> Iterator[None]:
    """What is outside any seed: it outlives a run."""
    tiny_world.fresh()
    outside = vars(builtins)
    outside.update(ALYS_TURNS=[], ALYS_COURSES=[])
    yield
    del outside["ALYS_TURNS"], outside["ALYS_COURSES"]


def run(folder: Path, world: WorldKind = "sim", source: str = SOURCE) -> record.RunRecord:
    """On seed 8, with four new seeds."""
    asked = runs.request(folder, source, told=runs.settings(folder, seed=8, world=world))
    return runs.run(msgspec.structs.replace(asked, flake_seeds=4))


def kinds(done: record.RunRecord) -> dict[str, str | None]:
    """The verdicts by scenario."""
    return {case.name: case.flake.kind if case.flake else None for case in done.cases}


def test_each_red_scenario_gets_its_verdict_and_the_run_stays_red(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert kinds(done) == {
        "always": "deterministic",
        "by_seed": "schedule-dependent",
        "by_count": "environmental",
        "by_course": "environmental",
        "good": None,
    }
    assert (done.verdict, done.exit_code, done.counts.failed) == ("fail", 1, 4)


def test_it_is_replayed_twice_on_its_seed_and_once_on_each_new_one(tmp_path: Path) -> None:
    (case,) = run(tmp_path, source="async def test_red(world): assert False").cases
    assert case.flake is not None
    assert [(one.world, one.seed, one.result) for one in case.flake.replays] == [
        ("sim", seed, "red") for seed in (8, 8, 9, 10, 11, 12)
    ]


def test_what_is_green_is_not_run_again(tmp_path: Path) -> None:
    run(tmp_path)
    assert tiny_world.LOG.events.count("open good") == 1
    assert tiny_world.LOG.events.count("open always") == 7


def test_a_green_run_replays_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, source=runs.PASSING).exit_code == 0
    assert tiny_world.LOG.events.count("driver closed") == 2


def test_the_local_world_asks_simulation_too(tmp_path: Path) -> None:
    source = """
        async def test_red(world):
            world.check(world.name == "sim" and world.seed != 9, "only in simulation")
    """
    (case,) = run(tmp_path, "local", source).cases
    assert case.flake is not None
    assert [one.world for one in case.flake.replays] == ["local"] * 6 + ["sim"] * 5
    assert case.flake.kind == "schedule-dependent"
    assert "--world sim --seed 9 repeats it" in case.flake.sentence


def test_every_report_says_it(tmp_path: Path) -> None:
    done = run(tmp_path)
    folder = runs.results_of(done)
    by_name = {
        case["name"]: case for case in json.loads((folder / "report.json").read_text())["cases"]
    }
    assert by_name["by_seed"]["flake"]["kind"] == "schedule-dependent"
    assert by_name["good"]["flake"] is None
    suite = ElementTree.parse(folder / "junit.xml").getroot()
    told = {
        case.get("name"): [row.get("value") for row in case.iter("property")][:1]
        for case in suite.iter("testcase")
    }
    assert told["by_count"] == ["environmental"]
    assert told["good"] == []
    page = (folder / "report.html").read_text()
    assert "schedule-dependent</span> red again on its seed (2 of 2)" in page


def test_traces_of_replays_do_not_go_into_the_runs(tmp_path: Path) -> None:
    done = run(tmp_path)
    log = (runs.results_of(done) / "events.jsonl").read_text()
    assert log.count('"kind":"scenario"') == 5


def test_ctrl_c_during_replays_ends_the_run_as_interrupted(tmp_path: Path) -> None:
    tiny_world.LOG.interrupt_at_turn = None
    source = """
        import builtins
        async def test_red(world):
            builtins.ALYS_TURNS.append(1)
            if len(builtins.ALYS_TURNS) == 3:
                raise KeyboardInterrupt
            assert False
    """
    done = run(tmp_path, source=source)
    assert (done.verdict, done.exit_code) == ("interrupted", 130)
    assert done.cases[0].outcome is Outcome.FAILED
    assert len(tiny_world.LOG.events) < 15


def test_a_case_without_replays_has_no_verdict() -> None:
    settings = runs.settings(Path()).world
    (case,) = replays.judged([records.failed()], settings, {}, {"peg_out": []})
    assert case == records.failed()


def test_inconclusive_is_no_red() -> None:
    cases = [records.failed(), records.case("x", outcome=Outcome.INCONCLUSIVE), records.case("y")]
    assert replays.red(cases) == {"peg_out"}
