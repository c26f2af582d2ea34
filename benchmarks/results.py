"""A finished run as data: ``results.json``, and all that the page and the plots are made of."""

import msgspec

from benchmarks.goals import Sense


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: ours, the peers', and the verdict."""

    name: str
    title: str
    unit: str
    ours: float | None
    """The median over the rounds; None when the workload did not come to its end."""
    peers: dict[str, float | str]
    """A number, or the words that say why there is none."""
    ratio_to_queue: float | None
    """The median of the rounds' own ratios; None for what is no rate."""
    goal: float
    goal_unit: str
    """The unit, or "Q"."""
    sense: Sense
    floor: float | None
    met: bool
    above_floor: bool
    rounds: int
    each_round: list[float]
    each_ratio: list[float]
    failure: str = ""


class Yardstick(msgspec.Struct, frozen=True, kw_only=True):
    """Q as it was in this run: medians over all rounds of all workloads."""

    messages: int
    queue_per_second: float
    same_task_per_second: float
    same_task_ratio: float
    """One task that puts and gets in turn, in Q."""
    spread: float
    """Range of Q over the whole run, as a part of its median: how restless the machine was."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured."""

    cpu: str
    cores: int
    cores_usable: int
    system: str
    python: str
    clock_ns: float
    """What one pair of readings of the clock costs; it is part of every latency and is not subtracted."""


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else's runtime, and how it was set up."""

    name: str
    version: str
    """Empty when it is not installed."""
    note: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run found."""

    machine: Machine
    yardstick: Yardstick
    observer: str
    """Which observer our systems had."""
    rounds: int
    quick: bool
    peers: list[Peer]
    rows: list[Row]
    notes: list[str]
    """What the checks beside the stop-watch saw."""


def render(results: Results) -> str:
    """One JSON object over several lines, ending with a newline."""
    return msgspec.json.format(msgspec.json.encode(results), indent=2).decode() + "\n"


def parse(text: str) -> Results:
    """The results behind such a text; raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(text, type=Results)
