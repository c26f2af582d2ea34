"""Which worlds there are, by name. A world's module is loaded when it is asked for: one run needs one of them."""

import importlib
from typing import cast

from alys.base import errors
from alys.config import settings as settings_module
from alys.worlds import protocol

MODULES = {"local": "alys.worlds.local", "sim": "alys.worlds.sim"}


def open_driver(settings: settings_module.Settings) -> protocol.Driver:
    """The driver of the world that the settings name.

    Raises UsageError for a name that is none, EnvironmentFailure for the remote world, of which only the settings exist.
    """
    kind = settings.world.kind
    if kind == "remote" and kind not in MODULES:
        raise errors.EnvironmentFailure(
            "the world remote is not built yet: use --world local or sim, without mock_services"
        )
    if kind not in MODULES:
        raise errors.UsageError(f"no world {kind!r}; there are: {', '.join(sorted(MODULES))}")
    module = importlib.import_module(MODULES[kind])
    return cast(protocol.DriverFactory, module.open_driver)(settings)
