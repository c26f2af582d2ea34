"""Copies of a store as folders: how one comes about whole or not at all, how many are kept, and how one becomes the store again.

A folder with LMDB's ``data.mdb`` is a store. Its snapshots are in ``<folder>-snapshots``, a folder each.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from alys.base.errors import UsageError

DATA = "data.mdb"
PARTIAL = ".partial"
"""End of the name of what is not whole yet, or no longer wanted."""


def snapshots_of(store: Path) -> Path:
    """Where the snapshots of the store in a folder are."""
    return store.with_name(f"{store.name}-snapshots")


def copy(make: Callable[[Path], object], final: Path) -> None:
    """Have ``make`` fill a folder, bring it to the disk, and only then give it its name; what had the name goes. Raises OSError."""
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(final.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        make(partial)
        _sync(partial / DATA)
        _sync(partial)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        _sync(final.parent)
    except BaseException:  # interrupted as well: half a copy must not stay
        shutil.rmtree(partial, ignore_errors=True)
        raise


def keep_newest(folder: Path, count: int) -> None:
    """Remove the oldest copies beyond so many."""
    found = sorted(snapshots_in(folder), key=lambda one: (one / DATA).stat().st_mtime_ns)
    for old in found[: max(0, len(found) - count)]:
        shutil.rmtree(old)


def snapshots_in(folder: Path) -> list[Path]:
    """Whole copies, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        one for one in folder.iterdir() if not one.name.endswith(PARTIAL) and (one / DATA).is_file()
    )


def size_of(store: Path) -> int:
    """Bytes of a store's data."""
    return (store / DATA).stat().st_size


def restore(snapshot: Path, store: Path) -> None:
    """Put a snapshot where the store was. Raises UsageError unless the one is a store and the other's place is free."""
    if not (snapshot / DATA).is_file():
        raise UsageError(f"{snapshot} is no snapshot: it has no {DATA}")
    if (store / DATA).exists():
        raise UsageError(
            f"{store} has a store: move it away first, it may hold what the snapshot lacks"
        )
    copy(lambda to: shutil.copyfile(snapshot / DATA, to / DATA), store)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
