"""Which worlds there are, by name. A world's module is loaded when it is asked for: one run needs one of them."""

import importlib
from typing import cast

from alys.base import errors
from alys.base.turns import Turns
from alys.config import keys as keys_module
from alys.config import settings as settings_module
from alys.worlds import protocol
from alys.worlds.undisturbed import Undisturbed

MODULES = {"local": "alys.worlds.local", "remote": "alys.worlds.remote", "sim": "alys.worlds.sim"}


def open_driver(
    settings: settings_module.Settings,
    keys: keys_module.ServiceKeys | None = None,
    turns: Turns | None = None,
) -> protocol.Driver:
    """The driver of the world that the settings name.

    Services elsewhere have doors that ``keys`` open, and chains at which ``turns`` are taken; a caller without ``turns`` takes care
    of that itself. Raises UsageError for a name that is none, and what the world's own ``open_driver`` raises.
    """
    kind = settings.world.kind
    if kind not in MODULES:
        raise errors.UsageError(f"no world {kind!r}; there are: {', '.join(sorted(MODULES))}")
    if settings.world.profile != "full" and kind != "sim":
        raise errors.UsageError(
            f"world.profile = {settings.world.profile} is for world sim alone, and this is world {kind}"
        )
    with Undisturbed():
        module = importlib.import_module(MODULES[kind])
    given = (settings,) if keys is None else (settings, keys, turns)
    return cast(protocol.Driver, module.open_driver(*given))
