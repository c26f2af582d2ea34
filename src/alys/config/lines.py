"""Finds the line on which a TOML key stands. tomllib reads values but does not say where they were.

A line scanner, not a second parser: the text has already passed tomllib, so only headers and ``key =`` at the start of a
line matter. A key inside a multi-line string may fool it; then a message names a wrong line, and nothing else.
"""

import re

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_PAIR = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_"'-]+)*)\s*=""")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line numbers, from 1, by the full path of each key and each section."""
    found: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = _parts(header.group(1))
            found.setdefault(section, number)
        elif pair := _PAIR.match(line):
            found.setdefault((*section, *_parts(pair.group(1))), number)
    return found


def line_of(lines: dict[tuple[str, ...], int], path: tuple[str, ...]) -> int:
    """The line of a key; where it has none of its own (an inline table), the nearest section round it, else 1."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1
