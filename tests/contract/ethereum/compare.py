"""Two answers beside each other."""

from collections.abc import Iterator
from typing import Any

import msgspec

from tests.contract.ethereum.client import Answer

ABSENT = "(absent)"


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """A place where two answers differ; ``path`` has ``*`` for every place in a list, ``error`` for the code."""

    path: str
    ours: Any
    theirs: Any


def unlike(ours: Answer, theirs: Answer) -> list[Unlike]:
    """Where two answers differ: in any value, or in an error's code and data. Words are each client's own."""
    if ours.code is None and theirs.code is None:
        return list(_walk("", ours.result, theirs.result))
    if ours.code != theirs.code:
        shown = [
            one.result if one.code is None else f"{one.code} {one.message}"
            for one in (ours, theirs)
        ]
        return [Unlike(path="error", ours=shown[0], theirs=shown[1])]
    return list(_walk("data", ours.data, theirs.data))


def _walk(path: str, ours: Any, theirs: Any) -> Iterator[Unlike]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            yield from _walk(f"{path}.{name}", ours.get(name, ABSENT), theirs.get(name, ABSENT))
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield Unlike(path=f"{path}[]", ours=ours, theirs=theirs)
            return
        for one, other in zip(ours, theirs, strict=True):
            yield from _walk(f"{path}[*]", one, other)
    elif ours != theirs:
        yield Unlike(path=path, ours=ours, theirs=theirs)
