"""How values stand in the trace, plainly and compiled for a class: both say the same."""

import enum
import importlib
import json
import pkgutil
from typing import TYPE_CHECKING, Annotated, Any, NewType

import msgspec
import pytest

import alys.node
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.sim.bodies import NOT_AS_ANNOTATED, body_of, causes, plain
from tests.sim.little_world import Work

if TYPE_CHECKING:
    from nowhere import Unseen  # type: ignore[import-not-found]


class Colour(enum.Enum):
    RED = 1


class Inner(msgspec.Struct):
    raw: bytes


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x00\xff", "00ff"),
        (bytearray(b"\x01"), "01"),
        (Ref("/a", 3), "/a#3"),
        (Colour.RED, "RED"),
        (Inner(raw=b"\x02"), {"raw": "02"}),
        ({"k": Colour.RED, Ref("/a", 1): 1}, {"k": "RED", "/a#1": 1}),
        ({1: 2}, {"1": 2}),
        ((1, [None, True]), [1, [None, True]]),
        (frozenset({"b", "a", "c"}), ["a", "b", "c"]),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (0.1, 0.1),
        (object(), "<object>"),
        (ValueError("text"), ["ValueError"]),
        (True, True),
    ],
)
def test_values_are_shown_plainly_and_without_addresses(value: Any, shown: object) -> None:
    assert plain(value) == shown


def test_a_message_is_shown_with_its_fields() -> None:
    shown = plain(Work(words=frozenset({"b", "a"}), amounts={"x": 1.5}))
    assert shown == {"words": ["a", "b"], "amounts": {"x": 1.5}, "raw": "00ff"}


def test_causes_are_types_outermost_first() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    assert causes(error) == ["ValueError", "KeyError"]
    assert causes(None) == []


Sats = NewType("Sats", int)


class Everything(Message, frozen=True, kw_only=True):
    """A field of each kind that is compiled, and some that are not."""

    count: int
    sats: Sats
    bounded: Annotated[int, msgspec.Meta(ge=0)]
    words: str
    raw: bytes
    yes: bool
    maybe: bytes | None
    share: float
    who: Ref
    colour: Colour


EVERYTHING = Everything(
    count=-5,
    sats=Sats(7),
    bounded=0,
    words='quo"te\\ \n \x00 é ☃',
    raw=b"\x00\xff",
    yes=True,
    maybe=None,
    share=0.1,
    who=Ref('/a"b', 3),
    colour=Colour.RED,
)


def test_a_compiled_body_says_what_the_plain_one_says() -> None:
    assert json.loads(body_of(Everything)(EVERYTHING)) == plain(EVERYTHING)
    assert json.loads(body_of(Work)(WORK := Work(words=frozenset("ba"), amounts={}))) == plain(WORK)


def test_a_value_that_is_not_what_its_field_says_is_refused_and_never_written_wrongly() -> None:
    body = body_of(Everything)
    for field, wrong in [
        ("count", None), ("count", "5"), ("sats", 0.5), ("words", 5), ("words", None),
        ("raw", None), ("raw", "00"), ("yes", None), ("yes", "yes"),
    ]:  # fmt: skip
        with pytest.raises(NOT_AS_ANNOTATED):
            body(msgspec.structs.replace(EVERYTHING, **{field: wrong}))


class Leaf(msgspec.Struct, frozen=True):
    """Within others."""

    raw: bytes
    below: "tuple[Leaf, ...]" = ()


class Bigger(Leaf, frozen=True):
    """Stands where a leaf is announced."""

    more: int = 1


class Nested(Message, frozen=True, kw_only=True):
    """What is compiled to any depth."""

    leaf: Leaf
    leaves: tuple[Leaf, ...]
    rows: list[tuple[int, ...]]
    maybe: Leaf | None
    flags: tuple[bool, ...]
    pair: tuple[int, str]
    either: int | str
    odd: list[bytes | None]


def test_what_is_nested_is_compiled_too_and_says_the_same() -> None:
    nested = Nested(
        leaf=Leaf(b"\x01", (Leaf(b"\x02"),)),
        leaves=(Leaf(b"\x03"), Bigger(b"\x04")),
        rows=[(1, 2), ()],
        maybe=None,
        flags=(True, False),
        pair=(1, "x"),
        either="y",
        odd=[b"\x05", None],
    )
    body = body_of(Nested)
    assert json.loads(body(nested)) == plain(nested)
    other = msgspec.structs.replace(nested, maybe=Leaf(b""), leaves=())
    assert json.loads(body(other)) == plain(other)


class Hidden(Message, frozen=True, kw_only=True):
    """An annotation that is no name at run time."""

    what: "Unseen"
    count: int


def test_annotations_that_only_a_type_checker_sees_are_no_hindrance() -> None:
    hidden = Hidden(what=b"\x01", count=2)
    assert json.loads(body_of(Hidden)(hidden)) == {"what": "01", "count": 2}


class Empty(Message, frozen=True, kw_only=True):
    """Says all by its name."""


def test_a_message_without_fields_is_an_empty_object() -> None:
    assert body_of(Empty)(Empty()) == "{}"


def test_every_message_of_the_node_can_be_compiled() -> None:
    """A broken expression would only show where such a message is sent."""
    for module in pkgutil.iter_modules(alys.node.__path__):
        importlib.import_module(f"alys.node.{module.name}")
    kinds: list[Any] = [Message]
    for kind in kinds:
        kinds += kind.__subclasses__()
        body_of(kind)
    assert len(kinds) > 100
