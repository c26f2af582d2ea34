"""Puts the settings together: defaults, what the front door chose, then the file, then the environment, then the flags; later ones win.

Every value remembers where it came from, so that a complaint names the file and line, the variable or the flag. The
environment is a mapping that is passed in; only the front door knows the real one.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from alys.config import errors, lines, loglevels, schema, settings

Where = str
Layer = dict[schema.Path, tuple[object, Where]]


def load(
    path: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[schema.Path, tuple[str, object]],
    chosen: Mapping[schema.Path, object] | None = None,
) -> settings.Settings:
    """The resolved settings.

    ``flags`` maps a setting's path to the flag's name and its value; a value of None means the flag was not given.
    ``chosen`` replaces defaults: the seed, say, which nothing below the front door may choose.
    Raises ConfigError for a missing or broken file, an unknown key, or a value out of bounds.
    """
    values: Layer = {target: (value, "default") for target, value in (chosen or {}).items()}
    if path is not None:
        values |= read_file(path)
    values |= read_environment(environment)
    for target, (flag, value) in flags.items():
        if value is not None:
            checked = schema.check(target, value, f"flag {flag}", from_text=True)
            values[target] = (checked, f"flag {flag}")
    _check_together(values)
    return _build({target: value for target, (value, _) in values.items()})


def read_file(path: Path) -> Layer:
    """The settings of a TOML file with the place of each."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except OSError as error:
        raise errors.ConfigError(
            f"cannot read the configuration file: {error.strerror}", where=str(path)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise errors.ConfigError(f"not valid TOML: {error}", where=str(path)) from error
    places = lines.key_lines(text)

    def where(target: schema.Path) -> Where:
        return f"{path}:{lines.line_of(places, target)}"

    return {
        target: (schema.check(target, value, where(target)), where(target))
        for target, value in _flatten(tree, (), where)
    }


def _flatten(
    tree: Mapping[str, Any], prefix: schema.Path, where: Callable[[schema.Path], Where]
) -> Iterator[tuple[schema.Path, object]]:
    """The settings of a nested table; raises ConfigError at the first key that does not exist."""
    known_leaves, known_sections = set(schema.leaves()), set(schema.sections())
    for name, value in tree.items():
        target = (*prefix, name)
        if target in known_leaves:
            yield target, value
        elif target in known_sections and isinstance(value, Mapping):
            yield from _flatten(value, target, where)
        elif target in known_sections:
            raise errors.ConfigError(
                f"{'.'.join(target)} is a section, not a value",
                key=".".join(target),
                where=where(target),
            )
        else:
            raise _unknown(target, where(target))


def _unknown(target: schema.Path, where: Where) -> errors.ConfigError:
    """Names the nearest sibling; failing that, the place where a setting of this name does live."""
    everything = [*schema.sections(), *schema.leaves()]
    siblings = {path[-1]: ".".join(path) for path in everything if path[:-1] == target[:-1]}
    near = errors.nearest_name(target[-1], siblings)
    elsewhere = [".".join(path) for path in everything if path[-1] == target[-1]]
    nearest = siblings[near] if near else (elsewhere[0] if elsewhere else None)
    return errors.ConfigError(
        f"unknown key {'.'.join(target)!r}",
        key=".".join(target),
        where=where,
        allowed="" if nearest else (", ".join(sorted(siblings)) or "no section of this name"),
        nearest=nearest,
    )


def _seconds(text: str) -> str:
    """``300s`` as the document writes it, or plain ``300``."""
    return text.strip().removesuffix("s")


def _list(text: str) -> object:
    """Comma or line separated; YAML dashes in front of items are allowed, because the document writes them."""
    items = (line.strip().removeprefix("-").strip() for line in text.replace(",", "\n").split("\n"))
    return [item for item in items if item]


ENVIRONMENT: dict[str, tuple[schema.Path, Callable[[str], object]]] = {
    "TEST_ENVIRONMENT": (("test_environment", "name"), str),
    "TEST_TIMEOUT": (("test_environment", "timeout_seconds"), _seconds),
    "LOG_LEVEL": (("test_environment", "log_level"), str),
    "RUST_LOG": (("test_environment", "log_level"), str),  # after LOG_LEVEL: it wins
    "GOVERNANCE_ENDPOINTS": (("mock_services", "governance_nodes"), _list),
    "BITCOIN_RPC_URL": (("mock_services", "bitcoin_rpc_url"), str),
    "ETHEREUM_RPC_URL": (("mock_services", "ethereum_rpc_url"), str),
    "ENGINE_API_URL": (("mock_services", "engine_api_url"), str),
    "ALYS_WORLD": (("world", "kind"), str),
    "ALYS_SEED": (("world", "seed"), str),
    "ALYS_TIME_SCALE": (("world", "time_scale"), str),
    "ALYS_RESULTS_DIR": (("test_environment", "results_dir"), str),
}
"""Every variable that is honoured, in the order in which they override each other. An empty one counts as unset."""


def read_environment(environment: Mapping[str, str]) -> Layer:
    """The settings that the environment gives."""
    found: Layer = {}
    for name, (target, parse) in ENVIRONMENT.items():
        if text := environment.get(name, ""):
            where = f"environment variable {name}"
            found[target] = (schema.check(target, parse(text), where, from_text=True), where)
    return found


def _check_together(values: Layer) -> None:
    """What a single value's type cannot say."""
    level, where = values.get(("test_environment", "log_level"), ("info", "default"))
    loglevels.parse(str(level), where)
    for target, (value, place) in values.items():
        if target[0] == "mock_services" and value:
            # Silently starting our own services instead would test something else than was asked for.
            raise errors.ConfigError(
                f"{'.'.join(target)} names a service by URL, but the worlds local and sim start their own",
                key=".".join(target),
                where=place,
                allowed="empty",
            )


def _build(values: Mapping[schema.Path, object]) -> settings.Settings:
    """The frozen tree with these values in place of the defaults."""
    tree: dict[str, Any] = msgspec.to_builtins(settings.Settings())
    for target, value in values.items():
        table = tree
        for name in target[:-1]:
            table = table[name]
        table[target[-1]] = value
    return msgspec.convert(tree, settings.Settings)


def dump(resolved: settings.Settings) -> str:
    """The settings as a TOML file that ``load`` reads back to an equal tree."""
    tree: dict[str, Any] = msgspec.to_builtins(resolved)
    parts: list[str] = []
    for section in schema.sections():
        table = tree
        for name in section:
            table = table[name]
        rows = [
            f"{key} = {_literal(value)}"
            for key, value in table.items()
            if not isinstance(value, dict)
        ]
        if rows:
            parts.append("\n".join([f"[{'.'.join(section)}]", *rows]))
    return "\n\n".join(parts) + "\n"


def _literal(value: object) -> str:
    """A TOML value. JSON's text and number forms are TOML's too; its lists as well."""
    return msgspec.json.encode(value).decode()
