"""Selectors of labels and fields, as queries carry them."""

import re
from typing import Any

Document = dict[str, Any]

_SET = re.compile(r"\s*([^\s!=,]+)\s+(in|notin)\s+\(([^)]*)\)\s*")


def matches(document: Document, labels: str = "", fields: str = "") -> bool:
    """Whether an object is selected by both; an empty selector takes everything."""
    carried = document["metadata"].get("labels") or {}
    return all(_label(carried, term) for term in _terms(labels)) and all(
        _field(document, term) for term in _terms(fields)
    )


def text(selector: Document) -> str:
    """The query that stands for a ``matchLabels`` selector."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector["matchLabels"].items()))


def _terms(selector: str) -> list[str]:
    return [term for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _label(carried: dict[str, str], term: str) -> bool:
    found = _SET.fullmatch(term)
    if found is not None:
        values = {value.strip() for value in found.group(3).split(",")}
        return (carried.get(found.group(1)) in values) == (found.group(2) == "in")
    if "!=" in term:
        key, _, value = term.partition("!=")
        return carried.get(key.strip()) != value.strip()
    if "=" in term:
        key, _, value = term.replace("==", "=").partition("=")
        return carried.get(key.strip()) == value.strip()
    return (term.strip().lstrip("!") in carried) != term.strip().startswith("!")


def _field(document: Document, term: str) -> bool:
    unequal = "!=" in term
    path, _, value = term.replace("!=", "=").replace("==", "=").partition("=")
    place: Any = document
    for part in path.split("."):
        place = (place or {}).get(part) if isinstance(place, dict) else None
    return (str(place or "") == value) != unequal
