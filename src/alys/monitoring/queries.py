"""Reads as much PromQL as is needed to say which series and labels an expression uses.

Not a parser: a scanner that knows words, strings and brackets. It errs on the strict side: a word that it does not know is taken
for a series, and so has to be in the catalogue.
"""

import re

import msgspec

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<range>\[[^\]]*\])"""
    r"""|(?P<number>[0-9][0-9a-z.]*)|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>.)"""
)
_WORDS = frozenset({"and", "or", "unless", "bool", "offset"})
_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What an expression names."""

    series: tuple[tuple[str, frozenset[str]], ...]
    """Each selector: the series, and the labels that it is selected by."""
    grouping: frozenset[str]
    """Labels in ``by``, ``on`` and their kin."""


def use_of(expression: str) -> Use:
    """The series and labels of an expression."""
    tokens = [
        (found.lastgroup, found.group())
        for found in _TOKEN.finditer(expression)
        if found.lastgroup != "space"
    ]
    selectors: list[tuple[str, frozenset[str]]] = []
    grouping: set[str] = set()
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if kind != "word" or text in _WORDS:
            continue
        if text in _LISTS:
            if following == "(":
                words, place = _until(tokens, place, ")")
                grouping.update(words)
        elif following == "{":
            words, place = _until(tokens, place, "}")
            selectors.append((text, frozenset(words)))
        elif following not in ("(", "by", "without"):
            selectors.append((text, frozenset()))
    return Use(series=tuple(selectors), grouping=frozenset(grouping))


def complaints(expression: str, known: dict[str, frozenset[str]]) -> list[str]:
    """What is wrong with an expression: series nobody exports, labels they do not have, words not a series."""
    use = use_of(expression)
    found = [] if use.series else [f"names no series: {expression}"]
    labels: set[str] = set()
    for name, selected in use.series:
        if name not in known:
            found.append(f"nobody exports {name}: {expression}")
            continue
        labels |= known[name]
        found += [f"{name} has no label {label}" for label in sorted(selected - known[name])]
    return found + [f"no series has the label {label}" for label in sorted(use.grouping - labels)]


def _until(tokens: list[tuple[str | None, str]], place: int, end: str) -> tuple[list[str], int]:
    """The words up to a closing bracket, and the place after it."""
    words = []
    while place < len(tokens) and tokens[place][1] != end:
        if tokens[place][0] == "word":
            words.append(tokens[place][1])
        place += 1
    return words, place + 1
