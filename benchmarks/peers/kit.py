"""What a peer brings: workloads by name, each with a size that takes it a moment, and reasons for those it lacks."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Values = dict[str, float]
STATM = Path("/proc/self/statm")
QUICK_PART = 5
"""A quick run does a fifth of the work."""


class Work(NamedTuple):
    """A workload as this peer does it."""

    run: Callable[[int], Values]
    size: int


class Kit(NamedTuple):
    """All that the worker process needs of a peer."""

    works: dict[str, Work]
    absent: dict[str, str]
    """Workload to the words that stand in its place."""


def reply_to(kit: Kit, workload: str, *, quick: bool) -> Values | str:
    """Run a workload once: its values, or why there are none."""
    work = kit.works.get(workload)
    if work is None:
        return kit.absent.get(workload, "not comparable")
    gc.collect()
    return work.run(max(1, work.size // QUICK_PART) if quick else work.size)


def resident_bytes() -> int:
    """Resident set of this process, garbage collected first."""
    gc.collect()
    pages = int(STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def expect(found: int, wanted: int) -> None:
    """A peer that loses messages has no rate."""
    if found != wanted:
        raise RuntimeError(f"{found} handled of {wanted} sent")
