"""Reads a log level the way the document's users type it: ``info``, or ``info,alys.node=debug,alys::actors=trace``."""

from alys.config import errors

LEVELS = {"error": 40, "warn": 30, "warning": 30, "info": 20, "debug": 10, "trace": 5, "off": 100}
"""By name: the number that the standard library's logging uses; ``trace`` lies below its lowest."""


def parse(text: str, where: str) -> dict[str, int]:
    """Level by logger name; the empty name is the default level, ``info`` unless told.

    Raises ConfigError, naming ``where`` the text was read, for a level that is none.
    """
    found = {"": LEVELS["info"]}
    for directive in filter(None, (part.strip() for part in text.split(","))):
        module, _, level = directive.rpartition("=")
        number = LEVELS.get(level.strip().lower())
        if number is None:
            raise errors.ConfigError(
                f"log level {level!r} cannot stand",
                key="test_environment.log_level",
                where=where,
                allowed="error, warn, info, debug, trace, off; per module: info,alys.node=debug",
                nearest=errors.nearest_name(level, LEVELS),
            )
        found[module.strip().replace("::", ".")] = number
    return found
