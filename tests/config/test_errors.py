"""What is said about a configuration that cannot stand."""

import pytest

from alys.base.errors import ExitCode
from alys.config import errors


def test_one_line_with_place_problem_hint_and_bounds() -> None:
    error = errors.ConfigError(
        "unknown key 'seeed'", key="seeed", where="a.toml:3", allowed="seed, kind", nearest="seed"
    )
    assert str(error) == "a.toml:3: unknown key 'seeed'; did you mean 'seed'?; allowed: seed, kind"
    assert (error.key, error.where, error.exit_code) == ("seeed", "a.toml:3", ExitCode.USAGE)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("integratoin", "integration"),
        ("INTEGRATION", "integration"),
        ("Cahos", "Chaos"),
        ("xyz", None),
    ],
)
def test_the_nearest_name_is_close_or_none(word: str, near: str | None) -> None:
    assert errors.nearest_name(word, ["integration", "Chaos", "performance"]) == near
