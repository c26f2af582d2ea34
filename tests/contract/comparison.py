"""What a comparison of a node of ours with a real one finds, and the table of what may differ, whatever the protocol."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

ABSENT = "(absent)"


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """A place where two answers differ. ``path`` has ``*`` for every place in a list and every name that is a hash."""

    path: str
    ours: Any
    theirs: Any


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted difference. ``path`` and ``method`` are patterns; ``call`` narrows it to one case's parameters."""

    method: str
    path: str
    reason: str
    call: str = "*"
    always: bool = True
    """False for what may be equal by chance."""

    def covers(self, method: str, params: Any, path: str) -> bool:
        """Whether this explains a difference."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, _literal(self.path))
            and fnmatchcase(json.dumps(params), _literal(self.call))
        )


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference in the answers to one call. ``reason`` is why it stays, None when nobody said."""

    method: str
    params: Any
    unlike: Unlike
    reason: str | None

    @property
    def text(self) -> str:
        """For a person who has to find out."""
        ours, theirs = str(self.unlike.ours)[:300], str(self.unlike.theirs)[:300]
        call = f"{self.method} {json.dumps(self.params)[:200]}"
        return f"{call}: {self.unlike.path}\n  ours:   {ours}\n  theirs: {theirs}"


Findings = Mapping[str, Sequence[Finding]]
"""By method."""


def row(method: str, path: str, reason: str, call: str = "*") -> Difference:
    """A difference that is always there."""
    return Difference(method=method, path=path, reason=reason, call=call)


def findings(
    rows: Sequence[Difference], method: str, params: Any, places: Sequence[Unlike]
) -> list[Finding]:
    """The places where the answers to one call differ, each with the reason that the rows give."""
    return [
        Finding(
            method=method,
            params=params,
            unlike=one,
            reason=next((row.reason for row in rows if row.covers(method, params, one.path)), None),
        )
        for one in places
    ]


def require_explained(found: Sequence[Finding]) -> None:
    """Every difference has its reason."""
    unexplained = {one.text for one in found if one.reason is None}
    assert not unexplained, "\n".join(sorted(unexplained))


def require_all_there(rows: Sequence[Difference], found: Findings) -> None:
    """Every listed difference still occurs, but for those that may be equal by chance."""
    every = [one for some in found.values() for one in some]
    gone = [
        f"{row.method} {row.path} {row.call}: {row.reason}"
        for row in rows
        if row.always
        and not any(row.covers(one.method, one.params, one.unlike.path) for one in every)
    ]
    assert not gone, "\n".join(gone)


def walk(path: str, ours: Any, theirs: Any, *, values: bool = True) -> Iterator[Unlike]:
    """Where two JSON values differ; with ``values`` False only fields and types count, and lists are compared as far as both go."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(name for name in theirs if name not in ours)]:
            step = "*" if re.fullmatch("[0-9a-f]{64}", name) else name
            one, other = ours.get(name, ABSENT), theirs.get(name, ABSENT)
            yield from walk(f"{path}.{step}", one, other, values=values)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if values and len(ours) != len(theirs):
            yield Unlike(path=f"{path}[]", ours=ours, theirs=theirs)
            return
        for one, other in zip(ours, theirs, strict=False):
            yield from walk(f"{path}[*]", one, other, values=values)
    elif _kind(ours) != _kind(theirs) or (values and ours != theirs):
        yield Unlike(path=path, ours=ours, theirs=theirs)


class Number(str):
    """A number with a point as it was written: 1.00000000 is another answer than 1.0."""

    __slots__ = ()


def _kind(value: Any) -> str:
    if value == ABSENT:
        return ABSENT
    return "number" if type(value) in (int, float, Number) else type(value).__name__


def _literal(pattern: str) -> str:
    """A pattern in which only ``*`` means something."""
    return pattern.replace("[", "[[]")
