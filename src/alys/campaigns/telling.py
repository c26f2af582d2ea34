"""Orders, work and plans in words, and as the Python text that makes them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from alys.base import faults
from alys.base.trouble import AnyTrouble
from alys.campaigns.plan import (
    Announce,
    At,
    Burn,
    Deposit,
    On,
    Order,
    Plan,
    Transfer,
    Vanish,
    Work,
)

WIDTH = 96
"""Characters in a line of Python text, indentation included, before it is broken."""
INDENT = "    "


def order(given: Order) -> str:
    """``kill node-1 (down_s=1.0) when /alys/node/bridge/bridge takes up BlockSeen for the 6th time``."""
    return f"{fault(given.fault)} {given.target}{_figures(given.fault)} {when(given.when)}"


def fault(given: AnyTrouble) -> str:
    """Its word, without the underscores of data."""
    return given.kind.replace("_", " ")


def when(given: At | On) -> str:
    """``after 3 s``, or the message that it waits for."""
    match given:
        case At(seconds=seconds):
            return f"after {seconds:g} s"
        case On(actor=actor, message=message, nth=nth):
            return f"when {actor} takes up {message} for the {ordinal(nth)} time"


def work(given: Work) -> str:
    """Who does what, and when."""
    form = "good"
    match given:
        case Deposit(user=user, sats=sats, form=form):
            what = f"user {user} deposits {sats} sats"
        case Burn(user=user, sats=sats, form=form):
            what = f"user {user} asks for a payout of {sats} sats"
        case Transfer(user=user, to=to, gwei=gwei):
            what = f"user {user} pays user {to} {gwei} gwei"
        case Announce(node=node):
            what = f"somebody insists at node {node} on every deposit"
        case Vanish(user=user, sats=sats):
            what = f"user {user} deposits {sats} sats and takes them back"
        case _:
            begun = ", which has just begun anew" if given.restart else ""
            what = f"somebody offers node {given.node}{begun} a forged block: {given.form}"
    return f"{what}{'' if form == 'good' else f' ({form})'} after {given.at:g} s"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _figures(given: AnyTrouble) -> str:
    plain = {name: value for name, value in faults.plain(given).items() if name != "kind"}
    told = ", ".join(f"{name}={value}" for name, value in plain.items())
    return f" ({told})" if told else ""


# As Python


def python(given: Plan) -> str:
    """The expression that makes an equal plan; what is as it is by default is left out, the seed and the profile never are."""
    return _text(given, 0, 0)


def names(given: Plan) -> dict[str, set[str]]:
    """What the expression needs, by module."""
    found: dict[str, set[str]] = {}
    for part in _structs(given):
        found.setdefault(type(part).__module__, set()).add(type(part).__name__)
    return found


def _structs(given: object) -> Iterator[msgspec.Struct]:
    if isinstance(given, msgspec.Struct):
        yield given
        for _, value in _told(given):
            yield from _structs(value)
    elif isinstance(given, tuple):
        for one in given:
            yield from _structs(one)


def _told(given: msgspec.Struct) -> list[tuple[str, Any]]:
    """The fields that say something."""
    always = ("profile",) if isinstance(given, Plan) else ()
    return [
        (field.name, getattr(given, field.name))
        for field in msgspec.structs.fields(given)
        if field.name in always or getattr(given, field.name) != field.default
    ]


def _text(value: object, depth: int, taken: int) -> str:
    """In one line where it fits behind what is there, else one part a line, as the formatters of Python do it."""
    if isinstance(value, msgspec.Struct):
        parts = [(f"{name}=", inner) for name, inner in _told(value)]
        return _list(f"{type(value).__name__}(", parts, ")", depth, taken)
    if isinstance(value, tuple):
        if len(value) == 1:
            return _list("(", [("", value[0])], ",)", depth, taken)
        return _list("(", [("", one) for one in value], ")", depth, taken)
    return _plain(value)


def _list(
    opened: str, parts: Sequence[tuple[str, object]], closed: str, depth: int, taken: int
) -> str:
    short = ", ".join(f"{name}{_text(value, depth, -10_000)}" for name, value in parts)
    line = f"{opened}{short}{closed}"
    if taken + len(line) <= WIDTH - len(INDENT) * depth:
        return line
    inner = INDENT * (depth + 1)
    lines = [f"{inner}{name}{_text(value, depth + 1, len(name) + 1)}," for name, value in parts]
    return "\n".join([opened, *lines, f"{INDENT * depth}{closed.lstrip(',')}"])


def _plain(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 100_000:
        return f"{value:_}"
    return (
        f'"{value}"'
        if isinstance(value, str) and '"' not in value and value.isprintable() and "\\" not in value
        else repr(value)
    )
