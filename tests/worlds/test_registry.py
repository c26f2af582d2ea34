"""Worlds by name."""

from typing import get_args

import msgspec
import pytest

from alys.base import errors
from alys.config import settings
from alys.worlds import registry
from tests.runner import tiny_world


def told(kind: str) -> settings.Settings:
    plain = settings.Settings()
    return msgspec.structs.replace(plain, world=msgspec.structs.replace(plain.world, kind=kind))


def test_there_is_a_world_for_each_kind_that_the_settings_allow() -> None:
    assert set(registry.MODULES) == set(get_args(settings.WorldKind))


def test_the_module_is_loaded_and_asked_for_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_world.fresh()
    monkeypatch.setitem(registry.MODULES, "sim", "tests.runner.tiny_world")
    driver = registry.open_driver(told("sim"))
    assert isinstance(driver, tiny_world.TinyDriver)
    assert driver.name == "sim"


def test_a_world_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(errors.UsageError, match="no world 'mars'; there are: local, remote, sim"):
        registry.open_driver(told("mars"))


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_the_light_profile_is_for_simulation_alone(kind: str) -> None:
    plain = told(kind)
    light = msgspec.structs.replace(plain.world, profile="light")
    with pytest.raises(errors.UsageError, match=f"world sim alone, and this is world {kind}"):
        registry.open_driver(msgspec.structs.replace(plain, world=light))
