"""The flags that say how plans are drawn."""

import pytest

from alys.base import errors
from alys.cli import drawing


def test_what_is_not_given_is_the_default() -> None:
    assert (drawing.faults(None), drawing.profile(None)) == ("all", "mixed")
    assert (drawing.faults("all"), drawing.profile("full")) == ("all", "full")


def test_a_word_that_is_none_is_refused_with_the_nearest_and_all() -> None:
    with pytest.raises(
        errors.UsageError, match=r"'fulll' .* 'full'\?; allowed: light, full, mixed"
    ):
        drawing.profile("fulll")
    with pytest.raises(errors.UsageError, match=r"--faults 'xyz' cannot stand; allowed: all"):
        drawing.faults("xyz")


def test_settings_are_of_the_flag_or_of_the_environment_and_the_world_is_simulated() -> None:
    told = drawing.settings({"ALYS_WORLD": "local", "RUST_LOG": "warn"}, output="json")
    assert (told.test_environment.report_format, told.test_environment.log_level) == (
        "json",
        "warn",
    )
    assert told.world.kind == "sim"
    assert drawing.settings({}).test_environment.report_format == "text"
