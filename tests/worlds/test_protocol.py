"""The words between scenarios, runner and worlds."""

from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.worlds import protocol, scorecard
from tests.runner import tiny_world


def test_a_timeout_names_the_scenario_and_what_it_waited_for() -> None:
    error = protocol.ScenarioTimeout(name="peg_in", timeout_s=180.0, waiting_for="the mint")
    assert str(error) == "peg_in did not end within 180 s while waiting for: the mint"
    assert str(protocol.ScenarioTimeout(name="x", timeout_s=0.5)) == "x did not end within 0.5 s"
    assert (error.waiting_for, error.exit_code) == ("the mint", errors.ExitCode.FAIL)


def test_what_a_world_is_told_does_not_change(tmp_path: Path) -> None:
    info = protocol.ScenarioInfo(name="x", seed=1, scratch=tmp_path)
    with pytest.raises(AttributeError):
        info.seed = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        msgspec.structs.replace(info, nosuch=1)


def test_the_scorecard_gives_a_world_what_the_protocol_asks_of_it(tmp_path: Path) -> None:
    """The assignments are checked by mypy; the members here."""
    info = protocol.ScenarioInfo(name="x", seed=1, scratch=tmp_path)
    world: protocol.World = tiny_world.TinyWorld("sim", info)
    assert isinstance(world, scorecard.Scorecard)
    members = {name for name in vars(protocol.World) if not name.startswith("_")}
    assert members >= {"check", "samples", "facts", "eventually", "trace", "open", "close"}
    assert all(hasattr(world, name) for name in members)
