"""The settings tree and the file that documents it."""

from pathlib import Path

import msgspec
import pytest

from alys.config import loader, schema, settings

DEFAULT = Path(settings.__file__).with_name("default.toml")


def test_the_default_file_says_what_the_defaults_are() -> None:
    assert loader.load(DEFAULT, {}, {}) == settings.Settings()


def test_the_default_file_leaves_out_only_the_seed() -> None:
    assert set(schema.leaves()) - set(loader.read_file(DEFAULT)) == {("world", "seed")}
    assert "# seed = " in DEFAULT.read_text()


def test_every_variable_and_flag_that_the_default_file_names_is_one() -> None:
    named = {word for line in DEFAULT.read_text().splitlines() for word in _variables(line)}
    document = {name for name in loader.ENVIRONMENT if not name.startswith("ALYS_")}
    assert named == document


def _variables(line: str) -> list[str]:
    return line.partition(" env ")[2].replace(",", " ").split() if " env " in line else []


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        settings.Settings().world.seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "port", ["bitcoin_rpc_port", "ethereum_rpc_port", "engine_api_port", "governance_base_port"]
)
def test_a_fixed_port_makes_scenarios_run_one_by_one(port: str) -> None:
    plain = settings.Settings()
    fixed = msgspec.structs.replace(plain, world=msgspec.structs.replace(plain.world, **{port: 1}))
    assert (plain.concurrency, fixed.concurrency) == (10, 1)
