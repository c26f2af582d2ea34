"""The life of one scenario, and its name."""

from collections.abc import Coroutine
from pathlib import Path

import pytest

from alys.runner import outcomes, running
from alys.worlds import protocol
from tests.runner import tiny_world


def under_way(tmp_path: Path) -> running.Running:
    info = protocol.ScenarioInfo(name="x", seed=1, scratch=tmp_path)
    return running.Running("x", tiny_world.TinyWorld("sim", info))


def finish(life: Coroutine[object, object, None]) -> None:
    while True:
        try:
            life.send(None)
        except StopIteration:
            return


def test_the_world_is_open_while_the_scenario_runs_and_closed_after(tmp_path: Path) -> None:
    log, subject = tiny_world.fresh(), under_way(tmp_path)

    async def scenario(world: tiny_world.TinyWorld) -> None:
        log.events.append("scenario")
        await world.turn()

    finish(subject.live(scenario, {"world": subject.world}, iter([10.0, 12.5]).__next__))
    assert log.events == ["open x", "scenario", "close x"]
    case = subject.record(outcomes.PASSED, now=99.0)
    assert (case.duration_s, case.node_time_s) == (2.5, 1.0)


def test_the_first_error_stands_and_carries_the_second_as_a_note(tmp_path: Path) -> None:
    tiny_world.fresh().fail_closing = OSError("left open")
    subject = under_way(tmp_path)

    async def scenario() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first") as caught:
        finish(subject.live(scenario, {}, lambda: 0.0))
    assert caught.value.__notes__ == ["closing the world failed too: OSError: left open"]


def test_a_case_that_was_cut_off_took_until_now(tmp_path: Path) -> None:
    subject = under_way(tmp_path)
    subject.began = 4.0
    assert subject.record(outcomes.CUT_OFF, now=6.0).duration_s == 2.0
    assert under_way(tmp_path).record(outcomes.NOT_RUN, now=6.0).duration_s == 0.0


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ([("a.py", "test_peg_in"), ("a.py", "test_pay[1-b c]")], ["peg_in", "pay-1-b-c"]),
        ([("a.py", "test_x"), ("b.py", "test_x")], ["a.x", "b.x"]),
        ([("a.py", "test_x"), ("s/a.py", "test_x")], ["a.x", "a.x.2"]),
        ([("a.py", "test_../../etc"), ("a.py", "test_[]")], ["..-..-etc", "scenario"]),
    ],
)
def test_names_are_unique_and_fit_for_a_file(
    wanted: list[tuple[str, str]], names: list[str]
) -> None:
    assert running.display_names([(Path(file), name) for file, name in wanted]) == names
