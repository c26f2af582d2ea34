"""The settings tree read as a schema: which keys there are, what each allows, and how a value is checked."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from alys.config import errors, forms, settings

Path = tuple[str, ...]

_SHOWN_MAX = 80  # characters of a wrong value that a message repeats


def leaves(kind: type[msgspec.Struct] = settings.Settings, prefix: Path = ()) -> Iterator[Path]:
    """The path of every setting, in the order of the file."""
    for field in msgspec.structs.fields(kind):
        path = (*prefix, field.encode_name)
        if _is_section(field.type):
            yield from leaves(field.type, path)
        else:
            yield path


def sections(kind: type[msgspec.Struct] = settings.Settings, prefix: Path = ()) -> Iterator[Path]:
    """The path of every section, parents first."""
    for field in msgspec.structs.fields(kind):
        if _is_section(field.type):
            yield (*prefix, field.encode_name)
            yield from sections(field.type, (*prefix, field.encode_name))


def names_in(section: Path) -> list[str]:
    """The names that a section holds, in the order of the file; those of the top level for the empty path."""
    everything = [*sections(), *leaves()]
    return sorted({path[-1] for path in everything if path[:-1] == section})


def type_of(path: Path) -> Any:
    """The annotated type of a setting; KeyError if there is none at this path."""
    kind: Any = settings.Settings
    for name in path:
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = fields[name]
    return kind


def allowed(path: Path) -> str:
    """What a setting accepts, in words."""
    return _words(type_of(path))


def check(path: Path, value: object, where: str, *, from_text: bool = False) -> Any:
    """The value in the type of its setting; raises ConfigError naming key, place and what is allowed.

    ``from_text`` is for the environment and flags, where everything is text: "10" is then a number.
    """
    kind = type_of(path)
    try:
        checked = msgspec.convert(_read_forms(kind, value), kind, strict=not from_text)
    except (msgspec.ValidationError, ValueError):
        key = ".".join(path)
        raise errors.ConfigError(
            f"{key} = {shown(value)} cannot stand",
            key=key,
            where=where,
            allowed=allowed(path),
            nearest=_nearest_choice(kind, value),
        ) from None
    if isinstance(checked, tuple) and len(set(checked)) < len(checked):
        twice = next(item for item in checked if checked.count(item) > 1)
        raise errors.ConfigError(
            f"{'.'.join(path)} names {shown(twice)} twice",
            key=".".join(path),
            where=where,
            allowed="each once",
        )
    return checked


def shown(value: object) -> str:
    """A value for a message: in one line, not endless, and without the password of a URL."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = f"[{', '.join(shown(item) for item in value)}]"
    else:
        text = repr(forms.without_password(value) if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _words(kind: Any) -> str:
    base, metas = _parts(kind)
    if typing.get_origin(base) is typing.Literal:
        return ", ".join(str(value) for value in typing.get_args(base))
    if typing.get_origin(base) is tuple:
        item = typing.get_args(base)[0]
        listed = f"a list of: {_words(item)}"
        return f"{listed}; at least one" if any(meta.min_length for meta in metas) else listed
    bounds = [words for meta in metas for words in _bounds(meta)]
    name = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[base]
    form = _form(metas)
    return (
        ", ".join([form.words, *([" ".join(bounds)] if bounds else [])])
        if form
        else " ".join([name, *bounds])
    )


def _read_forms(kind: Any, value: object) -> object:
    """The value with its texts read in the form that the type asks for; raises ValueError."""
    base, metas = _parts(kind)
    if typing.get_origin(base) is tuple:
        item = typing.get_args(base)[0]
        listed = isinstance(value, list | tuple)
        return [_read_forms(item, one) for one in value] if listed else value  # type: ignore[attr-defined]
    form = _form(metas)
    return form.read(value) if form else value


def _form(metas: list[msgspec.Meta]) -> forms.Form | None:
    names = [meta.extra["form"] for meta in metas if meta.extra and "form" in meta.extra]
    return forms.FORMS[names[0]] if names else None


def _nearest_choice(kind: Any, value: object) -> str | None:
    """The choice that a wrong value, or the first wrong one of a list, most likely meant."""
    base, _ = _parts(kind)
    if typing.get_origin(base) is tuple and isinstance(value, list):
        item = typing.get_args(base)[0]
        return next((near for one in value if (near := _nearest_choice(item, one))), None)
    if typing.get_origin(base) is not typing.Literal:
        return None
    choices = [str(choice) for choice in typing.get_args(base)]
    return None if value in choices else errors.nearest_name(str(value), choices)


def _parts(kind: Any) -> tuple[Any, list[msgspec.Meta]]:
    """A type without its annotations, and those."""
    if typing.get_origin(kind) is typing.Annotated:
        base, *metas = typing.get_args(kind)
        return base, metas
    return kind, []


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
