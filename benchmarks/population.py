"""Many idle actors: how fast they start, and what they weigh. Memory is measured in a fresh process.

`python -m benchmarks.population COUNT` is that process: it prints one JSON object and ends.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.ref import Ref
from benchmarks.arithmetic import rate
from benchmarks.messages import Get
from benchmarks.runtime import (
    PATIENCE_SECONDS,
    Broken,
    anonymous,
    expect,
    make_system,
    running_system,
    settle,
)
from benchmarks.throughput import Values

STATM = Path("/proc/self/statm")
MILLION = 1_000_000
CHILD_SECONDS = 120


class Idle(Actor):
    """Does nothing until it is asked."""

    def on_get(self, message: Get, ctx: Context) -> int:
        """I am here."""
        return message.n


class CountedIdle(Idle):
    """The same, and counts the starts."""

    starts = 0

    @override
    def on_start(self, ctx: Context) -> None:
        """One more."""
        CountedIdle.starts += 1


async def spawn(count: int) -> Values:
    """Start so many children from one shared spec, until the last has answered: by then all run."""
    async with running_system() as system:
        child = anonymous(Idle)
        first = last = system.spawn(child)
        await settle(system, first)
        started = perf_counter()
        for _ in range(count):
            last = system.spawn(child)
        await system.ask(last, Get(n=0), timeout=PATIENCE_SECONDS)
        seconds = perf_counter() - started
    return {"spawn": rate(count, seconds)}


async def check_started(count: int) -> str:
    """The same pass, untimed, with actors that count their start hooks: the last answer is behind every start."""
    CountedIdle.starts = 0
    async with running_system() as system:
        child = anonymous(CountedIdle)
        refs = [system.spawn(child) for _ in range(count)]
        await system.ask(refs[-1], Get(n=0), timeout=PATIENCE_SECONDS)
        expect("spawn, checked", CountedIdle.starts, count)
    return f"spawn, checked in a pass of its own: {count} start hooks had run when the last actor answered"


async def idle_bytes(count: int) -> Values:
    """Bytes that one idle actor adds to a process that holds so many."""
    return {"idle_bytes": _weigh(count) / count}


async def million_mb(count: int) -> Values:
    """Megabytes (10^6 bytes) that all of them add."""
    return {"million_mb": _weigh(count) / 1e6}


def _weigh(count: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.population", str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_SECONDS,
        cwd=Path(__file__).resolve().parent.parent,
    )
    if done.returncode != 0:
        raise Broken(f"the weighing process failed: {(done.stderr.splitlines() or ['?'])[-1]}")
    weighed: float = json.loads(done.stdout)["bytes"]
    return weighed


def resident_bytes() -> int:
    """Resident set of this process, garbage collected first."""
    gc.collect()
    if not STATM.exists():
        raise Broken("memory is read from /proc, which this system does not have")
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def _grow(count: int) -> int:
    """Bytes that ``count`` started actors add; the list of their refs is there beforehand."""
    system = make_system()
    child = anonymous(Idle)
    refs: list[Ref] = [system.spawn(child)] * count
    await settle(system, refs[0])
    before = resident_bytes()
    for n in range(count):
        refs[n] = system.spawn(child)
    await system.ask(refs[-1], Get(n=0), timeout=PATIENCE_SECONDS)
    return resident_bytes() - before


def main(arguments: list[str]) -> int:
    """Weigh, print, and leave without taking a million actors down one by one."""
    print(json.dumps({"bytes": asyncio.run(_grow(int(arguments[0])))}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
