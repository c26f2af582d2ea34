"""Two answers beside each other, and what may differ between them."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.contract.bitcoin.service import Answer, Number


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """A place where two answers differ. ``path`` has ``*`` for every place in a list."""

    path: str
    ours: Any
    theirs: Any


_ABSENT = "(absent)"


def unlike(ours: Answer, theirs: Answer, *, values: bool) -> list[Unlike]:
    """Where two answers differ; with ``values`` False only fields and types count, of errors everything always does."""
    if ours.code is not None or theirs.code is not None:
        pairs = [
            ("code", ours.code, theirs.code),
            ("message", first_line(ours.message), first_line(theirs.message)),
            ("status", ours.status, theirs.status),
        ]
        return [Unlike(path=path, ours=a, theirs=b) for path, a, b in pairs if a != b]
    found = list(_walk("", ours.result, theirs.result, values))
    if ours.status != theirs.status:
        found.append(Unlike(path="status", ours=ours.status, theirs=theirs.status))
    return found


def first_line(message: str | None) -> str | None:
    """A message; of a help text, which is bitcoind's answer to too few or too many parameters, the usage alone."""
    if message is not None and "\n\nResult" in message:
        return message.partition("\n\n")[0]
    return message


def _walk(path: str, ours: Any, theirs: Any, values: bool) -> Iterator[Unlike]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            step = "*" if re.fullmatch("[0-9a-f]{64}", name) else name
            yield from _walk(
                f"{path}.{step}", ours.get(name, _ABSENT), theirs.get(name, _ABSENT), values
            )
    elif isinstance(ours, list) and isinstance(theirs, list):
        if values and len(ours) != len(theirs):
            yield Unlike(path=f"{path}[]", ours=ours, theirs=theirs)
            return
        for one, other in zip(ours, theirs, strict=False):
            yield from _walk(f"{path}[*]", one, other, values)
    elif _kind(ours) != _kind(theirs) or (values and ours != theirs):
        yield Unlike(path=path, ours=ours, theirs=theirs)


def _kind(value: Any) -> str:
    if value == _ABSENT:
        return _ABSENT
    return "number" if type(value) in (int, Number) else type(value).__name__
