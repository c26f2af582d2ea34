"""``RESULTS.md``: the results as a table, and how they came about."""

from collections.abc import Sequence

from benchmarks.goals import GOALS
from benchmarks.results import Machine, Peer, Results, Row

_HEADER = """# Benchmarks

Made by `make bench` (`python -m benchmarks.run`); the same figures as data are in `results.json`. Goals stand in
`goals.py`.
"""

_METHOD = """## How it was measured

Q is the unit of throughput: one task puts {messages:,} messages into an unbounded `asyncio.Queue` (`await
queue.put(...)`), another gets them (`await queue.get()`), on the stock event loop; a message is a frozen struct with one
int, built in the loop. Q was {queue} here, {queue_ns:.0f} ns a message (from the slowest pass to the fastest: {spread:.0%} of that). One task
that puts and gets in turn, so that the queue never holds more than one message, makes {same_task}, {same_task_ratio:.2f} Q.

- {rounds} rounds. In each, every workload runs between two passes of Q; its ratio is formed with the mean of those two, and
  the ratio above is the median of the rounds' ratios. `ours` and the peers' figures are medians too.
- Stock asyncio event loop, one thread. The cyclic garbage collector runs as Python sets it up; it is also run once before
  each timed pass, so that nobody pays for another's garbage.
- Our systems run with supervision, lanes of priority and the observer `{observer}`.
- Latencies are single calls read off `perf_counter_ns`. Two readings cost {clock_ns:.0f} ns, which is part of every latency.
- Percentiles are nearest rank within a round; the median is taken over the rounds.
- Every workload counts what was handled and fails when that is not what was sent.
"""

_NO_PLOTS = "\nNo plots: matplotlib is not installed, or there is nothing to draw.\n"


def render(results: Results, plots: Sequence[str] = (), node: str = "") -> str:
    """The page; ``plots`` are file names beside it, ``node`` are the parts about the node and the simulation."""
    parts = [_HEADER]
    if results.quick:
        parts.append("\nA quick run: short passes, good for a look and not for a verdict.\n")
    parts += [
        _table(results),
        "".join(f"\n![{name}](plots/{name})\n" for name in plots) or _NO_PLOTS,
        "\n## What is measured\n\n" + _workloads(results),
        "\n" + _method(results),
        "\n## Checks\n\n" + _bullets(results.notes or ["none in this run"]),
        "\n## The machine\n\n" + _machine(results.machine),
        "\n## The peers\n\n" + _peers(results.peers),
        node,
    ]
    return "".join(parts)


def _table(results: Results) -> str:
    peers = [peer.name for peer in results.peers]
    head = ["workload", "goal", "ours", "ratio", "met", *peers]
    lines = [head, ["---"] * len(head)]
    lines += [_line(row, peers) for row in results.rows]
    met = sum(row.met for row in results.rows)
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"\n{met} of {len(results.rows)} goals are met.\n\n{table}"


def _line(row: Row, peers: Sequence[str]) -> list[str]:
    ratio = "" if row.ratio_to_queue is None else f"{row.ratio_to_queue:.2f} Q"
    ours = "-" if row.ours is None else figure(row.ours, row.unit)
    cells = [_peer_cell(row.peers.get(peer, "not measured"), row.unit) for peer in peers]
    return [row.title, goal(row), ours, ratio, verdict(row), *cells]


def goal(row: Row) -> str:
    """The bound in words."""
    bound = f"{row.goal:g} Q" if row.goal_unit == "Q" else figure(row.goal, row.unit)
    floor = "" if row.floor is None else f" (floor {row.floor:g})"
    return f"{row.sense.value} {bound}{floor}"


def verdict(row: Row) -> str:
    """Yes, no, or why there is none."""
    if row.met:
        return "yes"
    if row.ours is None:
        return f"no: {_one_line(row.failure)}"
    return "no, above its floor" if row.above_floor else "no"


def figure(value: float, unit: str) -> str:
    """A number as the eye takes it in, with its unit."""
    if unit.endswith("/s"):
        if value >= 1e6:
            return f"{value / 1e6:.2f} M/s"
        return f"{value / 1e3:.0f} k/s" if value >= 1e4 else f"{value / 1e3:.1f} k/s"
    if unit == "us":
        return f"{value:.2f} µs" if value < 100 else f"{value:.0f} µs"
    return f"{value:,.0f} {unit}"


def _peer_cell(cell: float | str, unit: str) -> str:
    return _one_line(cell) if isinstance(cell, str) else figure(cell, unit)


def _one_line(text: str) -> str:
    """Words that cannot break the table."""
    return " ".join(text.replace("|", "/").split())


def _workloads(results: Results) -> str:
    shown = {row.name for row in results.rows}
    return _bullets([f"{goal.title}: {goal.how}." for goal in GOALS if goal.name in shown])


def _method(results: Results) -> str:
    yardstick = results.yardstick
    return _METHOD.format(
        messages=yardstick.messages,
        queue=figure(yardstick.queue_per_second, "messages/s"),
        queue_ns=1e9 / yardstick.queue_per_second,
        spread=yardstick.spread,
        same_task=figure(yardstick.same_task_per_second, "messages/s"),
        same_task_ratio=yardstick.same_task_ratio,
        rounds=results.rounds,
        observer=results.observer,
        clock_ns=results.machine.clock_ns,
    )


def _machine(machine: Machine) -> str:
    cores = f"{machine.cores} cores"
    if machine.cores_usable != machine.cores:
        cores += f", {machine.cores_usable} of them for this run"
    return f"{machine.cpu}, {cores}; {machine.system}; {machine.python}.\n"


def _peers(peers: Sequence[Peer]) -> str:
    said = [
        f"{peer.name} {peer.version}: {peer.note}."
        if peer.version
        else f"{peer.name}: not installed."
        for peer in peers
    ]
    said.append(
        "Each runs in a process of its own, on the same messages and with smaller counts, after our pass of the same "
        "round; its memory is measured once, in a fresh process."
    )
    said.append(
        "Words in place of a number say what a peer does not have. No peer puts a new instance in the place of an actor "
        "whose handler raised; in asyncio's column a task awaits the failed one and starts another."
    )
    said.append(
        "Ray is left out: each of its actors is a process, so that the transport between processes would be measured."
    )
    return _bullets(said)


def _bullets(lines: Sequence[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)
