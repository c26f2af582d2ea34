"""Reads a log level the way the document's users type it: ``info``, or ``info,alys.node=debug,alys::actors=trace``.

The rules are those of Rust's ``RUST_LOG``: directives with commas between; a level alone is for everything that no other
directive names; ``target=level`` is for a target and what lies below it; a target alone means all of it. ``::`` and ``.``
separate alike.
"""

import re

from alys.config import errors, forms

LEVELS = {"error": 40, "warn": 30, "warning": 30, "info": 20, "debug": 10, "trace": 5, "off": 100}
"""By name: the number that the standard library's logging uses; ``trace`` lies below its lowest."""

_TARGET = re.compile(r"\w+(\.\w+)*")


def parse(text: str, where: str) -> dict[str, int]:
    """Level by logger name; the empty name is the default level, ``info`` unless told.

    Raises ConfigError, naming ``where`` the text was read and the directive, for one that is none.
    """
    found = {"": LEVELS["info"]}
    for directive in filter(None, (part.strip() for part in text.split(","))):
        target, level = _directive(directive, where)
        found[target] = level
    return found


def _directive(directive: str, where: str) -> tuple[str, int]:
    """Target and level. A bare word is a level, or a target if it looks like one of ours: a typing error is neither."""
    name, equals, word = (part.strip() for part in directive.partition("="))
    target = name.replace("::", ".")
    if not equals:
        if name.lower() in LEVELS:
            return "", LEVELS[name.lower()]
        if _TARGET.fullmatch(target) and ("." in target or target.startswith("alys")):
            return target, LEVELS["trace"]
        raise _wrong(directive, name, where)
    if not _TARGET.fullmatch(target):
        raise _wrong(directive, "", where)
    if word.lower() not in LEVELS:
        raise _wrong(directive, word, where)
    return target, LEVELS[word.lower()]


def _wrong(directive: str, level: str, where: str) -> errors.ConfigError:
    return errors.ConfigError(
        f"test_environment.log_level: directive {directive!r} cannot stand",
        key="test_environment.log_level",
        where=where,
        allowed=forms.FORMS["directives"].words,
        nearest=errors.nearest_name(level, LEVELS) if level else None,
    )
