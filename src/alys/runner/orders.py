"""An order of a run, as the service's users send it: JSON judged key by key, and turned into the words of ``alys test``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alys.base import errors
from alys.config import schema
from alys.config.errors import nearest_name
from alys.runner import catalogue
from alys.shells.run_desk import Order

KEYS = ("suite", "world", "seed", "keyword")
KEYWORD_CHARACTERS_MAX = 200
_NAME = re.compile(r"[a-z_]+")
"""Of a suite; whatever else ``alys test`` takes is a path."""


def read(told: object, common: Sequence[str] = ()) -> Order:
    """The order; ``common`` are words that every run gets. Raises UsageError that names key, nearest name and what is allowed.

    Only built-in suites can be ordered: a path would be a file of the machine that serves.
    """
    if not isinstance(told, dict):
        raise errors.UsageError('an order is an object: {"suite": "integration"}')
    for key in told:
        if key not in KEYS:
            raise errors.UsageError(
                f"unknown key {key!r}{_hint(key, KEYS)}; keys: {', '.join(KEYS)}"
            )
    suite = _suite(told.get("suite"))
    words = [suite, "-o", "json", *common]
    world = _value(told, "world", ("world", "kind"))
    seed = _value(told, "seed", ("world", "seed"))
    keyword = _keyword(told.get("keyword"))
    words += ["--world", world] if world is not None else []
    words += ["--seed", str(seed)] if seed is not None else []
    words += [f"-k{keyword}"] if keyword is not None else []  # in one word, whatever it begins with
    return Order(suite=suite, words=tuple(words), world=world, seed=seed, keyword=keyword)


def suites() -> list[str]:
    """What can be ordered."""
    return [*catalogue.suites(), *catalogue.WHOLE]


def _suite(name: object) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name) and not Path(name).exists():
        catalogue.resolve(name)
        return name
    if name is None:
        raise errors.UsageError(f"an order names its suite; suites: {', '.join(suites())}")
    raise errors.UsageError(
        f"no suite {name!r}{_hint(name, suites())}; suites: {', '.join(suites())}"
    )


def _value(told: dict[Any, Any], key: str, target: schema.Path) -> Any:
    """The setting that a key stands for, checked like one; None where it is not given."""
    value = told.get(key)
    return None if value is None else schema.check(target, value, f"order, {key}")


def _keyword(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > KEYWORD_CHARACTERS_MAX or not value.isprintable():
        raise errors.UsageError(
            f"keyword is an expression of at most {KEYWORD_CHARACTERS_MAX} characters, as for pytest's -k"
        )
    return value


def _hint(word: object, names: Sequence[str]) -> str:
    near = nearest_name(str(word), names)
    return f"; did you mean {near!r}?" if near else ""
