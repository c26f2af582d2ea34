"""The faults of a service as they stand: a line each, or the JSON values that the admin port shows."""

from collections.abc import Sequence

import msgspec

from alys.base.faults import Fault, plain
from alys.base.misbehaviour import Noted


def text(service: str, listed: Sequence[Noted]) -> str:
    """A line for each fault, or that there is none."""
    if not listed:
        return f"{service}: no faults\n"
    return "".join(f"{service}: {_line(one)}\n" for one in listed)


def json(service: str, listed: Sequence[Noted]) -> str:
    """One object."""
    told = {"service": service, "faults": [one.shown() for one in listed]}
    return msgspec.json.format(msgspec.json.encode(told)).decode() + "\n"


def _line(one: Noted) -> str:
    left = "" if one.left is None or one.ended else f", {one.left} left"
    state = f"ended ({one.ended})" if one.ended else "on"
    return f"{one.id}  {_figures(one.fault)}  {state}, touched {one.touched}{left}"


def _figures(fault: Fault) -> str:
    given = plain(fault)
    kind = given.pop("kind")
    return " ".join((kind, *(f"{name}={_word(value)}" for name, value in given.items())))


def _word(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
