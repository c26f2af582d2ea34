"""Values of any type that a message or a record has, for properties: made from annotations, so a new field needs no new strategy."""

import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from alys.base.units import Wei
from alys.chain.blocks import AuxPowHeader, ConsensusBlock
from alys.chain.federation import Federation

Values = st.SearchStrategy[Any]

INT_MIN, INT_MAX = -(2**63), 2**64 - 1
"""What MessagePack has room for."""
SIZES = (0, 1, 20, 32, 48, 96)
"""Lengths of bytes that mean something, and some."""

_roots = st.binary(min_size=32, max_size=32)
_texts = st.text(st.characters(codec="utf-8"), max_size=12)
_bytes = st.one_of(st.sampled_from(SIZES).flatmap(lambda n: st.binary(min_size=n, max_size=n)))
_atoms: dict[Any, Values] = {
    int: st.one_of(st.integers(0, 1000), st.integers(INT_MIN, INT_MAX)),
    bool: st.booleans(),
    str: _texts,
    bytes: _bytes,
    float: st.floats(allow_nan=False),
    type(None): st.none(),
    Any: st.integers(0, 9),
}


def of(kind: Any) -> Values:
    """Values of an annotation."""
    if kind is Wei:
        return st.integers(
            0, 2**100
        )  # twenty bitcoins' worth are more than MessagePack has room for
    if kind in _atoms:
        return _atoms[kind]
    made = _narrow(kind)
    if made is not None:
        return made
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(list(kind))
    if isinstance(kind, typing.NewType):
        return of(kind.__supertype__)
    return _generic(kind)


def struct(kind: type[msgspec.Struct], **narrower: Values) -> Values:
    """A struct with every field drawn, but for those that are given."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    drawn = {
        name: narrower[name] if name in narrower else of(told) for name, told in fields.items()
    }
    return st.builds(kind, **drawn)


def _generic(kind: Any) -> Values:
    origin, told = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of(one) for one in told])
    if origin is typing.Literal:
        return st.sampled_from(told)
    if origin is typing.Annotated:
        return of(told[0])
    if origin is tuple and told[-1:] == (Ellipsis,):
        return st.lists(of(told[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(of(one) for one in told))
    if origin is frozenset:
        return st.frozensets(of(told[0]), max_size=3)
    if origin in (dict, Mapping):
        return st.dictionaries(of(told[0]), of(told[1]), max_size=3)
    raise AssertionError(f"no values of {kind}: teach tests/node/values.py to make some")


def _narrow(kind: Any) -> Values | None:
    """Structs that refuse some values of their fields' types."""
    if kind is Federation:
        keys = st.lists(_roots, min_size=1, max_size=3, unique=True)
        return keys.flatmap(
            lambda chosen: st.builds(
                Federation, keys=st.just(tuple(chosen)), threshold=st.integers(1, len(chosen))
            )
        )
    if kind is AuxPowHeader:
        address = st.binary(min_size=20, max_size=20)
        return struct(kind, range_start=_roots, range_end=_roots, fee_recipient=address)
    if kind is ConsensusBlock:
        return struct(kind, parent_root=_roots)
    return None
