"""How values stand in the trace: ``plain`` says it, and ``body_of`` compiles the same for one class of messages."""

import enum
import typing
from collections.abc import Callable, Mapping
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
    """Compiled from the annotations of a message's fields.

    Calling it raises one of ``NOT_AS_ANNOTATED`` for a message with a value that is not what its annotation says; then ``plain``
    has to do.
    """
    fields = getattr(kind, "__struct_fields__", ())
    try:
        hints = typing.get_type_hints(kind)
    except Exception:  # an annotation that only a type checker can see
        hints = {}
    parts = [f'"{name}":{_field(f"m.{name}", hints.get(name, Any))}' for name in fields]
    source = f"""lambda m: f'{{{{{",".join(parts)}}}}}'"""
    tools = {"text": encode_basestring, "other": _other_field, "truth": _TRUTH}
    body: Body = eval(source, tools)
    return body


def _field(value: str, hint: Any) -> str:
    """What stands for a field in the f-string: an expression that raises where the value is of another type."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if hint is int:
        return f"{{{value}:d}}"
    if hint is str:
        return f"{{text({value})}}"
    if hint is bool:
        return f"{{truth[{value}]}}"
    if hint is bytes:
        return f'"{{{value}.hex()}}"'
    return f"{{other({value})}}"


def _other_field(value: object) -> str:
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
    if isinstance(value, bytes | bytearray | memoryview):
        return value.hex()
    if isinstance(value, Ref):
        return name_of(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=msgspec.json.encode)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _other(value)


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
