"""What the rounds of one workload gave, and the rows that come of it."""

from dataclasses import dataclass, field

from benchmarks.arithmetic import median, ratios
from benchmarks.goals import Goal, is_above_floor, is_met
from benchmarks.results import Row


@dataclass
class Samples:
    """Grows by one value a round; ``queue`` holds Q as it was beside each."""

    ours: dict[str, list[float]] = field(default_factory=dict)
    queue: list[float] = field(default_factory=list)
    peers: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    """Why a peer has no number."""
    failure: str = ""

    def add(self, values: dict[str, float], queue: float) -> None:
        """One round of ours."""
        for figure, value in values.items():
            self.ours.setdefault(figure, []).append(value)
        self.queue.append(queue)

    def add_peer(self, peer: str, found: dict[str, float] | str) -> None:
        """One round of a peer, or the words that end its rounds."""
        if isinstance(found, str):
            self.words[peer] = found
            return
        for figure, value in found.items():
            self.peers.setdefault(peer, {}).setdefault(figure, []).append(value)


def row(goal: Goal, samples: Samples, peers: list[str]) -> Row:
    """The verdict over one figure. What failed, or was never measured, has not met its goal."""
    each = [] if samples.failure else samples.ours.get(goal.name, [])
    each_ratio = ratios(each, samples.queue) if each and goal.unit.endswith("/s") else []
    ours = median(each) if each else None
    ratio = median(each_ratio) if each_ratio else None
    return Row(
        name=goal.name,
        title=goal.title,
        unit=goal.unit,
        ours=None if ours is None else short(ours),
        peers={peer: _cell(goal, samples, peer) for peer in peers},
        ratio_to_queue=None if ratio is None else short(ratio),
        goal=goal.target,
        goal_unit="Q" if goal.in_queues else goal.unit,
        sense=goal.sense,
        floor=goal.floor,
        met=ours is not None and is_met(goal, ours, ratio),
        above_floor=ours is not None and is_above_floor(goal, ours, ratio),
        rounds=len(each),
        each_round=[short(value) for value in each],
        each_ratio=[short(value) for value in each_ratio],
        failure=samples.failure or ("" if each else "not measured"),
    )


def _cell(goal: Goal, samples: Samples, peer: str) -> float | str:
    if peer in samples.words:
        return samples.words[peer]
    each = samples.peers.get(peer, {}).get(goal.name, [])
    return short(median(each)) if each else "not measured"


def short(value: float) -> float:
    """Five digits: more than the measurement is good for, and a file that can be read."""
    return float(f"{value:.5g}")
