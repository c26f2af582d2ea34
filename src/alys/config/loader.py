"""Puts the settings together: defaults, what the front door chose, then the file, then the environment, then the flags; later ones win.

Every value remembers where it came from, so that a complaint names the file and line, the variable or the flag. The
environment is a mapping that is passed in; only the front door knows the real one.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from alys.config import checks, environment, errors, forms, lines, schema, secrets, settings
from alys.config.environment import Layer

RESOLVED = "# Resolved settings of a run, which this file repeats."
"""The first line of a dump. Who overruled whom is not in it, so its values are not held against each other again."""

Flags = Mapping[schema.Path, tuple[str, object]]


class Resolved(NamedTuple):
    """The settings, and for each where it was said: ``default``, ``chosen``, a file and line, a variable or a flag."""

    settings: settings.Settings
    origins: dict[schema.Path, str]


def load(
    path: Path | None,
    variables: Mapping[str, str],
    flags: Flags,
    chosen: Mapping[schema.Path, object] | None = None,
) -> settings.Settings:
    """The resolved settings.

    ``flags`` maps a setting's path to the flag's name and its value; a value of None means the flag was not given.
    ``chosen`` replaces defaults: the seed, say, which nothing below the front door may choose.
    Raises ConfigError for a missing or broken file, an unknown key, a value out of bounds, or two that contradict each other.
    """
    return resolve(path, variables, flags, chosen).settings


def resolve(
    path: Path | None,
    variables: Mapping[str, str],
    flags: Flags,
    chosen: Mapping[schema.Path, object] | None = None,
) -> Resolved:
    """As ``load``, with the origin of every value."""
    values = _defaults()
    values |= {target: (value, "default") for target, value in (chosen or {}).items()}
    if path is not None:
        values |= read_file(path)
    values |= environment.read(variables)
    secrets.read(variables)  # only looked at: a key that is none is told before anything starts
    for target, (flag, value) in flags.items():
        if value is not None:
            checked = schema.check(target, value, f"flag {flag}", from_text=True)
            values[target] = (checked, f"flag {flag}")
    _overrule_services(values)
    if values["world", "kind"][0] == "remote" and values["world", "time_scale"][1] == "default":
        values["world", "time_scale"] = (
            1.0,
            "default",
        )  # what is elsewhere may not know how to hurry
    judged = path is not None and path.read_text(encoding="utf-8").startswith(RESOLVED)
    if found := list(checks.contradictions(values, judged=judged)):
        raise found[0].one_of(len(found)) if path is not None else found[0]
    origins = {target: where for target, (_, where) in values.items()}
    return Resolved(_build({target: value for target, (value, _) in values.items()}), origins)


def _overrule_services(values: Layer) -> None:
    """A world that starts its own services, chosen by a later word than services elsewhere were named by, does without these.

    Nodes named without any governance node were meant for the local world, where they stand in the place of its own.
    """
    kind, said = values["world", "kind"]
    if kind == "remote" or (kind == "local" and not values["mock_services", "governance_nodes"][0]):
        return
    for target in [path for path in values if path[0] == "mock_services"]:
        if checks.rank(said) > checks.rank(values[target][1]) > 0:
            values[target] = (_defaults()[target][0], f"overruled by {said}")


def problems(path: Path) -> list[errors.ConfigError]:
    """Everything that is wrong with a file on its own, in the order of its lines."""
    try:
        layer, found = _file_layer(path)
    except errors.ConfigError as error:
        return [error]
    found += checks.contradictions(_defaults() | layer)
    return sorted(found, key=lambda problem: _line_of(problem.where))


def read_file(path: Path) -> Layer:
    """The settings of a TOML file with the place of each."""
    layer, found = _file_layer(path)
    if found:
        raise found[0].one_of(len(found))
    return layer


def _file_layer(path: Path) -> tuple[Layer, list[errors.ConfigError]]:
    """What can be read of a file, and what is wrong with it; raises ConfigError where it is no TOML at all."""
    text, tree = _parse(path)
    places = lines.key_lines(text)

    def where(target: schema.Path) -> str:
        return f"{path}:{lines.line_of(places, target)}"

    layer: Layer = {}
    found: list[errors.ConfigError] = []
    for target, value in _flatten(tree, (), where, found):
        try:
            layer[target] = (schema.check(target, value, where(target)), where(target))
        except errors.ConfigError as error:
            found.append(error)
    return layer, found


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise errors.ConfigError(
            f"cannot read the configuration file: {error.strerror}", where=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise errors.ConfigError(f"not valid TOML: {error}", where=str(path)) from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(str(error), text.splitlines(), str(path)) from error


def _no_toml(said: str, text_lines: list[str], path: str) -> errors.ConfigError:
    """The parser's complaint with its place in front, as all others have it, and what stands there."""
    number = len(text_lines)
    if at := re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", said):
        said, number = said[: at.start()], int(at.group(1) or number)
    there = text_lines[number - 1].strip() if 0 < number <= len(text_lines) else ""
    return errors.ConfigError(
        f"not valid TOML: {said} in {schema.shown(there)}",
        key=there.partition("=")[0].strip(),
        where=f"{path}:{number}",
        allowed='key = value, texts in quotes ("k8s"), each key and section once',
    )


def _flatten(
    tree: Mapping[str, Any],
    prefix: schema.Path,
    where: Callable[[schema.Path], str],
    found: list[errors.ConfigError],
) -> Iterator[tuple[schema.Path, object]]:
    """The settings of a nested table; a key that does not exist goes to ``found``."""
    known_leaves, known_sections = set(schema.leaves()), set(schema.sections())
    for name, value in tree.items():
        target = (*prefix, name)
        if target in known_leaves:
            yield target, value
        elif target in known_sections and isinstance(value, Mapping):
            yield from _flatten(value, target, where, found)
        elif target in known_sections:
            found.append(
                errors.ConfigError(
                    f"{'.'.join(target)} is a section, not a value",
                    key=".".join(target),
                    where=where(target),
                    allowed=f"[{'.'.join(target)}] with {', '.join(schema.names_in(target))}",
                )
            )
        else:
            found.append(_unknown(target, where(target)))


def _unknown(target: schema.Path, where: str) -> errors.ConfigError:
    """Names the nearest sibling; failing that, the place where a setting of this name does live."""
    siblings = schema.names_in(target[:-1])
    near = errors.nearest_name(target[-1], siblings)
    everything = [*schema.sections(), *schema.leaves()]
    elsewhere = [".".join(path) for path in everything if path[-1] == target[-1]]
    nearest = ".".join((*target[:-1], near)) if near else (elsewhere[0] if elsewhere else None)
    return errors.ConfigError(
        f"unknown key {'.'.join(target)!r}",
        key=".".join(target),
        where=where,
        allowed=", ".join(siblings),
        nearest=nearest,
    )


def _line_of(where: str) -> int:
    line = where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _defaults() -> Layer:
    tree: dict[str, Any] = msgspec.to_builtins(settings.Settings())
    return {target: (_at(tree, target), "default") for target in schema.leaves()}


def _at(tree: dict[str, Any], target: schema.Path) -> Any:
    for name in target:
        tree = tree[name]
    return tree


def _build(values: Mapping[schema.Path, object]) -> settings.Settings:
    """The frozen tree with these values in place of the defaults."""
    tree: dict[str, Any] = msgspec.to_builtins(settings.Settings())
    for target, value in values.items():
        _at(tree, target[:-1])[target[-1]] = value
    return msgspec.convert(tree, settings.Settings)


def dump(resolved: settings.Settings, origins: Mapping[schema.Path, str] | None = None) -> str:
    """The settings as a TOML file that ``load`` reads back to an equal tree; with ``origins``, each line says its own.

    Passwords in URLs are left out: the file goes where results go.
    """
    tree: dict[str, Any] = msgspec.to_builtins(resolved)
    parts: list[str] = []
    for section in schema.sections():
        rows = [
            f"{name} = {_literal(value)}{_remark(origins, (*section, name))}"
            for name, value in _at(tree, section).items()
            if not isinstance(value, dict)
        ]
        if rows:
            parts.append("\n".join([f"[{'.'.join(section)}]", *rows]))
    return "\n\n".join([RESOLVED, *parts]) + "\n"


def _remark(origins: Mapping[schema.Path, str] | None, target: schema.Path) -> str:
    return f"  # {origins.get(target, 'default')}" if origins is not None else ""


def _literal(value: object) -> str:
    """A TOML value. JSON's text and number forms are TOML's too; its lists as well."""
    return forms.without_password(msgspec.json.encode(value).decode())
