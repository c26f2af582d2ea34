"""The node's figures, the targets beside them, and the part of RESULTS.md that shows both."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.arithmetic import median, percentile
from benchmarks.results import Machine

FILE = "node.json"
"""Beside the page."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is measured, and what it should be."""

    name: str
    title: str
    unit: str
    at_most: float
    """In the unit; the 95th percentile is held against it."""
    how: str
    """How it is taken."""


_RESTART = (
    "from the message that makes it fail until its new instance has taken up its state and answers, the supervisor's "
    "wait included; node time runs as the wall's"
)

TARGETS = (
    Target(
        name="production",
        title="block production",
        unit="ms",
        at_most=500,
        how="from the begin of the node's slot until the block is built and executed by its client, judged like any other, "
        "approved by its author and handed to the network",
    ),
    Target(
        name="validation",
        title="block validation",
        unit="ms",
        at_most=50,
        how="from taking up somebody's block until it is approved: every rule, Bitcoin looked up, executed by the own client",
    ),
    Target(
        name="import",
        title="block import",
        unit="ms",
        at_most=50,
        how="from the approval that makes the quorum until block and state are saved, the client has the head, and the bridge is told",
    ),
    Target(
        name="mint",
        title="mint after the sixth confirmation",
        unit="s of node time",
        at_most=30,
        how="from the answer to the call that mined the sixth block until the depositor's balance is there, looked for every "
        "quarter of a node second; slots of two seconds, every third of them the node's",
    ),
    Target(
        name="restart_chain",
        title="restart of Chain",
        unit="ms",
        at_most=500,
        how=f"{_RESTART}; Chain waits a tenth of a second, twice that when it failed lately",
    ),
    Target(
        name="restart_stream",
        title="restart of Stream",
        unit="ms",
        at_most=500,
        how=f"{_RESTART}; it answers before its streams are registered again",
    ),
    Target(
        name="restart_bridge",
        title="restart of Bridge",
        unit="ms",
        at_most=500,
        how=f"{_RESTART}; the design gives Bridge a fixed wait of one second before every restart, which is all of it",
    ),
    Target(
        name="node_restart",
        title="restart of the node after kill -9",
        unit="ms",
        at_most=5_000,
        how="from the order to start until the new process answers on its RPC with the head that it had; most of it is Python's start",
    ),
    Target(
        name="reconnect",
        title="reconnection to a governance node",
        unit="ms",
        at_most=2_000,
        how="from the moment that the governance node takes connections again until the stream is registered; node time runs as the wall's",
    ),
    Target(
        name="memory",
        title="resident memory of the node's process",
        unit="MB",
        at_most=512,
        how="by /proc at the end of each round; two co-signing authorities live in the same process",
    ),
    Target(
        name="actor_memory",
        title="the largest actor",
        unit="MB",
        at_most=10,
        how="state and mailbox, looked into every half second, the largest of all actors at each look",
    ),
)
BY_NAME = {target.name: target for target in TARGETS}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the samples of all rounds together."""

    name: str
    samples: int
    median: float
    p95: float
    worst: float

    @property
    def met(self) -> bool:
        """Whether the target is kept."""
        return self.p95 <= BY_NAME[self.name].at_most


class NodeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    machine: Machine
    rounds: int
    quick: bool
    time_scale: float
    figures: tuple[Figure, ...]

    def missed(self) -> list[str]:
        """The targets that are not kept, in words."""
        return [
            f"{BY_NAME[one.name].title}: p95 {shown(one.p95)} {BY_NAME[one.name].unit}, "
            f"target {shown(BY_NAME[one.name].at_most)}"
            for one in self.figures
            if not one.met
        ]


def figure(name: str, values: Sequence[float]) -> Figure:
    """What many samples come to; raises ValueError when there are none."""
    return Figure(
        name=name,
        samples=len(values),
        median=round(median(values), 3),
        p95=round(percentile(values, 95), 3),
        worst=round(max(values), 3),
    )


def shown(value: float) -> str:
    """A number as the eye takes it in."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def render(found: NodeFigures) -> str:
    """One JSON object over several lines, ending with a newline."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def kept_section(folder: Path) -> str:
    """The part of the page for the figures that are kept in a folder; empty where there are none."""
    path = folder / FILE
    if not path.exists():
        return ""
    return section(msgspec.json.decode(path.read_bytes(), type=NodeFigures))


def section(found: NodeFigures) -> str:
    """The part of the page."""
    lines = [
        "| figure | target | median | p95 | worst | samples | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found.figures:
        target = BY_NAME[one.name]
        cells = (
            target.title,
            f"at most {shown(target.at_most)} {target.unit}",
            shown(one.median),
            shown(one.p95),
            shown(one.worst),
            str(one.samples),
            "yes" if one.met else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    missed = found.missed()
    verdict = f"Missed: {'; '.join(missed)}." if missed else "All are met."
    machine = found.machine
    how = "\n".join(
        f"- {BY_NAME[one.name].title}: {BY_NAME[one.name].how}." for one in found.figures
    )
    quick = "A quick run: good for a look and not for a verdict.\n\n" if found.quick else ""
    return f"""
## The node

Made by `make bench-node` (`python -m benchmarks.node.run`); the same figures as data are in `node.json`. Targets are those that the
node's design states, held against the 95th percentile (nearest rank) of the samples of all {found.rounds} rounds together.

{quick}{chr(10).join(lines)}

{verdict}

{how}

The first four, and memory, come from the local world in parts: the services (three execution clients that really execute, among
them), the node with its two co-signers, and whoever asks them are a process each, and all of them share the machine. Node time runs
{found.time_scale:g} times as fast as the wall's, so slots are short; durations without another word are the wall's. The times of blocks
are taken in the node's process by the observer whose histograms it exports
([metrics](../docs/reference/metrics.md)), sample by sample. The blocks hold a deposit at most; what transactions cost beside that is on
[a page of its own](ETHEREUM_BLOCKS.md).

{machine.cpu}, {machine.cores} cores ({machine.cores_usable} usable); {machine.system}; {machine.python}.
"""
