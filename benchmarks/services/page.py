"""``SERVICES.md``: the comparison as a table, and how it came about."""

from collections.abc import Sequence

from benchmarks.arithmetic import median, ratios
from benchmarks.services.results import Case, Comparison, Other

_HEADER = """# The services beside real nodes

Made by `make bench-services` (`python -m benchmarks.services.run`); the same figures as data are in `services.json`.

Milliseconds for one call, as one client sees them over one connection: the median of the rounds. The ratio is ours by theirs
in the same round, the median of the rounds, with the least and the greatest: below 1 ours is the faster.
"""

_METHOD = """## How it was measured

- {rounds} rounds after one that does not count. In each, every case runs on both sides, one right after the other, and who
  is first changes from round to round: a machine that is busy for a while spoils a round of both.
- Each side is a process of its own on this machine's loopback, asked by the same client: one connection that stays open, one
  call after the other, the answer read to its end and not decoded. A client's own part is in both figures.
- Both sides hold the same chain, made once and given to both: the same blocks, the same hashes.
- Ours are Python and execute by the executable specification (EELS); nothing in them is compiled but the libraries.
"""


def render(found: Comparison) -> str:
    """The page."""
    parts = [_HEADER]
    if found.quick:
        parts.append("\nA quick run: good for a look and not for a verdict.\n")
    parts.append("\n" + _table(found.cases))
    parts.append("\n## Beside whom\n\n" + "".join(map(_other, found.others)))
    parts.append("\n## What is called\n\n")
    parts += [f"- {case.name}: {case.how}; {case.calls} a round.\n" for case in found.cases]
    parts.append("\n" + _METHOD.format(rounds=found.rounds))
    parts.append("\n## The machine\n\n" + _machine(found))
    return "".join(parts)


def row(case: Case) -> tuple[str, ...]:
    """The cells of one case."""
    ours = _ms(median(case.ours_ms))
    if not case.theirs_ms:
        return (case.service, case.name, ours, "not here", "", "")
    each = ratios(case.ours_ms, case.theirs_ms)
    span = f"{_times(min(each))} to {_times(max(each))}"
    theirs = _ms(median(case.theirs_ms))
    return (case.service, case.name, ours, theirs, _times(median(each)), span)


def _table(cases: Sequence[Case]) -> str:
    head = ("service", "call", "ours, ms", "theirs, ms", "ratio", "from round to round")
    lines = [head, ("---",) * len(head), *map(row, cases)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _other(other: Other) -> str:
    said = other.said if other.here else f"not here: {other.said}"
    return f"- {other.service}: {other.name}, {said}.\n"


def _machine(found: Comparison) -> str:
    machine = found.machine
    cores = f"{machine.cores} cores, {machine.cores_usable} of them for this run"
    text = f"{machine.cpu}, {cores}; {machine.system}; {machine.python}.\n"
    if not found.load:
        return text
    begun, ended = found.load
    return (
        text + f"It had {begun:.1f} processes to run when this began, and {ended:.1f} at the end.\n"
    )
