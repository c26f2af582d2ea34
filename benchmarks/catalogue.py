"""Our workloads: what is run, how often it does its work in a pass, and which check goes with it."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from benchmarks import latency, population, throughput
from benchmarks.throughput import Values

Check = Callable[[int], Coroutine[Any, Any, str]]


class Workload(NamedTuple):
    """One of them. A pass gives a value for every figure in ``figures``."""

    name: str
    figures: tuple[str, ...]
    run: Callable[[int], Coroutine[Any, Any, Values]]
    size: int
    quick_size: int
    """0: not in a quick run."""
    check: Check | None = None
    once: bool = False
    """One pass is enough, and long; there is nothing in it that varies."""
    fresh_peers: bool = False
    """Each peer does it once, in a process that has done nothing else."""


WORKLOADS = (
    Workload("tell", ("tell",), throughput.tell, 100_000, 20_000),
    Workload("tell_outside", ("tell_outside",), throughput.tell_outside, 100_000, 20_000),
    Workload("fan_in", ("fan_in",), throughput.fan_in, 100_000, 20_000, throughput.check_bound),
    Workload("ask_task", ("ask_task_p50", "ask_task_p99"), latency.ask_task, 20_000, 4_000),
    Workload("ask_actor", ("ask_actor_p50",), latency.ask_actor, 20_000, 4_000),
    Workload("ping_pong", ("ping_pong",), throughput.ping_pong, 50_000, 10_000),
    Workload("ring", ("ring",), throughput.ring, 100_000, 20_000),
    Workload("tell_async", ("tell_async",), throughput.tell_async, 100_000, 20_000),
    Workload("spawn", ("spawn",), population.spawn, 50_000, 10_000, population.check_started),
    Workload(
        "idle_bytes", ("idle_bytes",), population.idle_bytes, 100_000, 50_000, fresh_peers=True
    ),
    Workload("million_mb", ("million_mb",), population.million_mb, 1_000_000, 0, once=True),
    Workload("crash", ("crash_p50", "crash_p99"), latency.crash, 5_000, 1_000),
)


def chosen(only: str | None) -> list[Workload]:
    """All of them, or the one of that name (its own or a figure's); empty when nothing has it."""
    return [
        workload
        for workload in WORKLOADS
        if only is None or only == workload.name or only in workload.figures
    ]
