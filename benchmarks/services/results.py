"""A finished comparison as data: ``services.json``."""

import msgspec

from benchmarks.results import Machine


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is called, and how long one call took on either side, round by round, in milliseconds."""

    service: str
    name: str
    how: str
    calls: int
    """In a round."""
    ours_ms: list[float]
    theirs_ms: list[float]
    """Empty where the other side is not here; in the order of the rounds."""


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a service is measured beside."""

    service: str
    name: str
    said: str
    """What it calls itself, or why it is not here."""
    here: bool


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run found."""

    machine: Machine
    rounds: int
    quick: bool
    others: list[Other]
    cases: list[Case]
    load: list[float] = []
    """How many processes wanted to run at the beginning and at the end, averaged over a minute."""


def render(found: Comparison) -> str:
    """One JSON object over several lines, ending with a newline."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def parse(text: str) -> Comparison:
    """The results behind such a text; raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(text, type=Comparison)
