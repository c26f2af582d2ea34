"""The settings tree read as a schema: which keys there are, what each allows, and how a value is checked."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from alys.config import errors, settings

Path = tuple[str, ...]


def leaves(kind: type[msgspec.Struct] = settings.Settings, prefix: Path = ()) -> Iterator[Path]:
    """The path of every setting, in the order of the file."""
    for field in msgspec.structs.fields(kind):
        path = (*prefix, field.name)
        if _is_section(field.type):
            yield from leaves(field.type, path)
        else:
            yield path


def sections(kind: type[msgspec.Struct] = settings.Settings, prefix: Path = ()) -> Iterator[Path]:
    """The path of every section, parents first."""
    for field in msgspec.structs.fields(kind):
        if _is_section(field.type):
            yield (*prefix, field.name)
            yield from sections(field.type, (*prefix, field.name))


def type_of(path: Path) -> Any:
    """The annotated type of a setting; KeyError if there is none at this path."""
    kind: Any = settings.Settings
    for name in path:
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        kind = fields[name]
    return kind


def allowed(path: Path) -> str:
    """What a setting accepts, in words."""
    kind = type_of(path)
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(str(value) for value in typing.get_args(kind))
    base = kind
    bounds: list[str] = []
    if typing.get_origin(kind) is typing.Annotated:
        base, *metas = typing.get_args(kind)
        bounds = [words for meta in metas for words in _bounds(meta)]
    name = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(
        base, "a list of texts"
    )
    return " ".join([name, *bounds])


def check(path: Path, value: object, where: str, *, from_text: bool = False) -> Any:
    """The value in the type of its setting; raises ConfigError naming key, place and what is allowed.

    ``from_text`` is for the environment and flags, where everything is text: "10" is then a number.
    """
    try:
        return msgspec.convert(value, type_of(path), strict=not from_text)
    except msgspec.ValidationError:
        key = ".".join(path)
        choices = typing.get_args(type_of(path)) if _is_choice(path) else ()
        raise errors.ConfigError(
            f"{key} = {value!r} cannot stand",
            key=key,
            where=where,
            allowed=allowed(path),
            nearest=errors.nearest_name(str(value), [str(choice) for choice in choices]),
        ) from None


def _is_choice(path: Path) -> bool:
    return typing.get_origin(type_of(path)) is typing.Literal


def _is_section(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, msgspec.Struct)


def _bounds(meta: msgspec.Meta) -> list[str]:
    words = [
        ("from", meta.ge),
        ("above", meta.gt),
        ("to", meta.le),
        ("below", meta.lt),
        ("in steps of", meta.multiple_of),
    ]
    said = [f"{word} {limit}" for word, limit in words if limit is not None]
    return [*said, "not empty"] if meta.min_length else said
