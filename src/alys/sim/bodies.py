"""How values stand in the trace: ``plain`` says it, and ``body_of`` compiles the same for one class of messages."""

import enum
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from json.encoder import encode_basestring
from typing import Any, TypeAlias

import msgspec

from alys.actors.ref import Ref

_ATOMS = frozenset({str, int, float, bool, type(None)})

_TRUTH = {True: "true", False: "false"}

NOT_AS_ANNOTATED = (TypeError, ValueError, AttributeError, LookupError)

Body: TypeAlias = Callable[[Any], str]
"""A message as a JSON object."""

_encode = msgspec.json.Encoder().encode


def body_of(kind: type) -> Body:
    """Compiled from the annotations of a message's fields, those of structs within it included.

    Calling it raises one of ``NOT_AS_ANNOTATED`` for a message with a value that is not what its annotation says; then ``plain``
    has to do.
    """
    known = _bodies.get(kind)
    if known is None:
        known = _bodies[kind] = _compiled(kind)
    return known


_bodies: dict[type, Body] = {}


def _compiled(kind: type) -> Body:
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # an annotation that only a type checker can see
        hints = {}
    tools: dict[str, Any] = {**_TOOLS, "other": _plainly}
    fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    parts = []
    for name in fields:
        expression = _expression(f"m.{name}", hints.get(name, Any), tools)
        if expression == f"number(m.{name})":
            expression = f"m.{name}:d"
        parts.append(f'"{name}":{{{expression}}}')
    body: Body = eval(f"""lambda m: f'{{{{{",".join(parts)}}}}}'""", tools)
    return body


def _expression(value: str, hint: Any, tools: dict[str, Any]) -> str:
    """What stands for a value, as an expression that raises where it is of another type; ``tools`` gets what the expression needs."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _expression(value, arguments[0], tools)
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2 and _NOTHING in arguments:
        wanted = arguments[arguments[0] is _NOTHING]
        return f"(null if {value} is None else {_expression(value, wanted, tools)})"
    if origin in (tuple, list) and (origin is list or arguments[1:] == (Ellipsis,)):
        item = f"i{len(tools)}"
        tools[item] = None  # so that one within it has another name
        each = _expression(item, arguments[0], tools)
        return f"(left + comma.join([{each} for {item} in {value}]) + right)"
    if hint in _EXPRESSIONS:
        return _EXPRESSIONS[hint].format(value)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint not in _under_way:
        return _of_struct(value, hint, tools)
    return f"other({value})"


_NOTHING = type(None)
#: What expressions may name; they hold no quotation mark, as they stand within an f-string.
_TOOLS: dict[str, Any] = {
    "number": "{:d}".format, "text": encode_basestring, "truth": _TRUTH, "quote": '"', "comma": ",", "left": "[", "right": "]", "null": "null",
}  # fmt: skip
_EXPRESSIONS: dict[Any, str] = {
    int: "number({0})",
    str: "text({0})",
    bytes: "(quote + {0}.hex() + quote)",
    bool: "truth[{0}]",
}
_under_way: set[type] = set()
"""A struct may hold others of its own kind."""


def _of_struct(value: str, kind: type, tools: dict[str, Any]) -> str:
    _under_way.add(kind)
    try:
        number = len(tools)
        tools[f"k{number}"], tools[f"b{number}"] = kind, body_of(kind)
    finally:
        _under_way.discard(kind)
    return f"(b{number}({value}) if {value}.__class__ is k{number} else other({value}))"


def _plainly(value: object) -> str:
    return _encode(plain(value)).decode()


def name_of(ref: Ref) -> str:
    """An actor as ``path#uid``."""
    return f"{ref.path}#{ref.uid}"


def causes(error: BaseException | None) -> list[str]:
    """The types of an error and of what caused it, outermost first; never its text."""
    names: list[str] = []
    while error is not None and len(names) < 8:
        names.append(type(error).__name__)
        error = error.__cause__
    return names


def plain(value: object) -> object:
    """A value as JSON has it: bytes as hex, refs as ``path#uid``, structs and mappings as objects, sets sorted.

    Floats that JSON does not know become their names. A value of an unknown type becomes the name of its type:
    its ``repr`` might hold an address.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value if kind is not float else _finite(value)  # type: ignore[arg-type]
    if kind in _COMMON:
        return _COMMON[kind](value)
    if isinstance(value, bytes | bytearray | memoryview):
        return value.hex()
    if isinstance(value, Ref):
        return name_of(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=msgspec.json.encode)
    if isinstance(value, list | tuple):
        return _array(value)
    return _other(value)


def _object(value: Mapping[Any, Any]) -> object:
    return {key if key.__class__ is str else _key(key): plain(item) for key, item in value.items()}


def _array(value: Iterable[Any]) -> object:
    return [plain(item) for item in value]


#: The types that most values have, before it is asked what else a value may be.
_COMMON: dict[type, Callable[[Any], object]] = {
    bytes: bytes.hex,
    dict: _object,
    list: _array,
    tuple: _array,
}


def _finite(number: float) -> object:
    return number if number - number == 0 else repr(number)


def _key(key: object) -> str:
    made = plain(key)
    return made if isinstance(made, str) else msgspec.json.encode(made).decode()


def _other(value: Any) -> object:
    """Subclasses of the atoms, errors, and what nobody expected."""
    if isinstance(value, BaseException):
        return causes(value)
    for atom in (str, int, float):
        if isinstance(value, atom):
            return plain(atom(value))
    return f"<{type(value).__name__}>"
