"""Messages between actors, judged from a trace: only along allowed edges, as many as were needed, about what they should be.

The oracle sees plain records of the ``sent`` kind: ``sender`` and ``receiver`` as ``path#uid``, ``message``, ``ask``,
``correlation``. An actor's name is the last step of its path; chain actors of different trees are ``peer`` to each other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError

Edge = tuple[str, str]
Table = Mapping[Edge, frozenset[str]]


_CHECKED = ("storage", "network", "peer", "sync", "bridge", "stream", "engine", "chain")
"""Whom the node's health check asks; nobody asks it, so no circle can close over it."""

MAY_ASK: frozenset[Edge] = frozenset(
    {
        *(("health", actor) for actor in _CHECKED),
        ("chain", "engine"),
        ("engine", "storage"),
        ("bridge", "stream"),
        ("stream", "storage"),
        ("bridge", "engine"),
        ("chain", "storage"),
        ("bridge", "storage"),
        ("peer", "storage"),
        ("sync", "storage"),
    }
)
"""Who may wait for whom (D5), written down here a second time: the node's own table could be what is wrong."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """One message between two of the judged actors."""

    sender: str
    receiver: str
    message: str
    asked: bool
    correlation: str | None

    @property
    def edge(self) -> Edge:
        """Sender and receiver."""
        return self.sender, self.receiver


class EdgeFault(AlysError):
    """What the trace shows that it should not, or does not show; ``faults`` has one line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def between(records: Iterable[Mapping[str, Any]], trees: Iterable[str]) -> list[Passed]:
    """The messages among the actors of these trees (``/alys/node`` and so on), in order; an actor's own timers are left out."""
    prefixes = tuple(f"{tree}/" for tree in trees)
    found = []
    for record in records:
        if record.get("kind") != "sent":
            continue
        sender, receiver = _path(record["sender"]), _path(record["receiver"])
        inside = sender.startswith(prefixes) and receiver.startswith(prefixes)
        if not inside or sender == receiver:
            continue
        names = sender.rpartition("/")[2], receiver.rpartition("/")[2]
        if names[0] == names[1]:
            names = names[0], "peer"
        found.append(
            Passed(
                sender=names[0],
                receiver=names[1],
                message=record["message"],
                asked=bool(record["ask"]),
                correlation=record["correlation"],
            )
        )
    return found


def check_allowed(passed: Iterable[Passed], asked: Table, told: Table) -> int:
    """Raise EdgeFault for messages off the tables; returns how many were looked at."""
    faults: Counter[str] = Counter()
    count = 0
    for one in passed:
        count += 1
        table = asked if one.asked else told
        if one.message not in table.get(one.edge, frozenset()):
            verb = "asks" if one.asked else "tells"
            faults[f"{one.sender} {verb} {one.receiver} {one.message}, which no edge allows"] += 1
    if faults:
        raise EdgeFault([f"{fault} ({number} times)" for fault, number in sorted(faults.items())])
    return count


def check_asks(passed: Iterable[Passed]) -> int:
    """Raise EdgeFault for a question along an edge where nobody may wait; returns how many questions there were."""
    asks = [one for one in passed if one.asked]
    bad = Counter(one for one in asks if one.edge not in MAY_ASK)
    if bad:
        faults = [
            f"{one.sender} asks {one.receiver} {one.message} ({count} times), and must not wait for it"
            for one, count in sorted(bad.items(), key=lambda item: item[0].edge)
        ]
        raise EdgeFault(faults)
    return len(asks)


def check_counts(
    passed: Iterable[Passed], edges: Iterable[Edge], expected: Mapping[tuple[str, str, str], int]
) -> int:
    """Raise EdgeFault unless exactly these messages passed on these edges; returns how many kinds were compared."""
    wanted_edges = frozenset(edges)
    actual = Counter(
        (one.sender, one.receiver, one.message) for one in passed if one.edge in wanted_edges
    )
    kinds = sorted({*actual, *expected})
    faults = [
        f"{sender} to {receiver}: {actual[sender, receiver, message]} {message}, "
        f"the flow needs {expected.get((sender, receiver, message), 0)}"
        for sender, receiver, message in kinds
        if actual[sender, receiver, message] != expected.get((sender, receiver, message), 0)
    ]
    if faults:
        raise EdgeFault(faults)
    return len(kinds)


def path_of(passed: Iterable[Passed], correlation: str) -> list[tuple[str, str, str]]:
    """Sender, receiver and message of everything about one operation, in order."""
    return [
        (one.sender, one.receiver, one.message) for one in passed if one.correlation == correlation
    ]


def check_runs_through(
    passed: Iterable[Passed], correlation: str, steps: Iterable[tuple[str, str, str]]
) -> int:
    """Raise EdgeFault unless the steps occur about this operation, in this order; returns how many there are."""
    found = path_of(passed, correlation)
    at = 0
    wanted = list(steps)
    for step in wanted:
        if step not in found[at:]:
            raise EdgeFault([f"{correlation}: no {' -> '.join(step)} after {at} of {found}"])
        at = found.index(step, at) + 1
    return len(wanted)


def _path(name: str) -> str:
    return name.partition("#")[0]
