"""What a process holds, so that what stays after refused requests can be told."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the garbage collector sees, and what Python has allocated since the watch began."""

    objects: int
    allocated: int
    """In bytes."""


def held_after(run: Callable[[], None]) -> Held:
    """What is held once something has run, garbage collected."""
    run()
    gc.collect()
    return Held(objects=len(gc.get_objects()), allocated=tracemalloc.get_traced_memory()[0])


def growth_of(run: Callable[[], None]) -> Held:
    """What a third run leaves behind of what the second held; the first may fill caches."""
    run()
    tracemalloc.start()
    try:
        before = held_after(run)
        after = held_after(run)
    finally:
        tracemalloc.stop()
    return Held(
        objects=after.objects - before.objects, allocated=after.allocated - before.allocated
    )


def resident_bytes(pid: int) -> int:
    """The resident set of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def open_files(pid: int) -> int:
    """How many file descriptors a process has (Linux)."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
