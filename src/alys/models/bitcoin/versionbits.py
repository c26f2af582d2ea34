"""BIP9 on regtest: one deployment that stands for nothing, ``testdummy``, and the version of blocks that signal for it.

A miner signals while the deployment is started or locked in, so a chain mined by one node has it active after three periods.
"""

import enum

from alys.models.bitcoin.chainstate import Entry

PERIOD_BLOCKS = 144
THRESHOLD_BLOCKS = 108
TESTDUMMY_BIT = 28
TOP_BITS = 0x20000000


class Status(enum.Enum):
    """What a deployment is in a period."""

    DEFINED = "defined"
    STARTED = "started"
    LOCKED_IN = "locked_in"
    ACTIVE = "active"


def status_after(parent: Entry) -> Status:
    """The status in the block that stands on this one."""
    return _status(_before_period(parent))


def since(parent: Entry) -> int:
    """The height of the first block that has that status."""
    status = status_after(parent)
    first = (parent.height + 1) // PERIOD_BLOCKS * PERIOD_BLOCKS
    step = _before_period(parent)
    while step is not None and first > 0:
        earlier = _ancestor(step, step.height - PERIOD_BLOCKS)
        if _status(earlier) is not status:
            break
        first -= PERIOD_BLOCKS
        step = earlier
    return first if status is not Status.DEFINED else 0


def block_version(parent: Entry) -> int:
    """The version of a block made on this one."""
    signalling = status_after(parent) in (Status.STARTED, Status.LOCKED_IN)
    return TOP_BITS | (1 << TESTDUMMY_BIT if signalling else 0)


def signals(entry: Entry) -> bool:
    """Whether a block signals for the deployment."""
    version = entry.block.header.version
    return version >> 29 == 1 and bool(version >> TESTDUMMY_BIT & 1)


def of_period(entry: Entry) -> list[bool]:
    """Which blocks signalled, from the first of the period that a block is in up to that block."""
    found = []
    step: Entry | None = entry
    for _ in range(entry.height % PERIOD_BLOCKS + 1):
        assert step is not None, "a period is on the chain"
        found.append(signals(step))
        step = step.parent
    return found[::-1]


def _before_period(parent: Entry) -> Entry | None:
    """The last block before the period of the block that stands on this one; None in the first period."""
    return _ancestor(parent, (parent.height + 1) // PERIOD_BLOCKS * PERIOD_BLOCKS - 1)


def _ancestor(entry: Entry, height: int) -> Entry | None:
    step: Entry | None = entry
    while step is not None and step.height > height:
        step = step.parent
    return step


_KNOWN: dict[str, Status] = {}
"""Statuses by the hash of the block before their period: a block's history never changes."""

_KNOWN_MAX = 10_000


def _status(last: Entry | None) -> Status:
    """The status in the period after this block, the last of one."""
    unknown: list[Entry] = []
    while last is not None and last.hash not in _KNOWN:
        unknown.append(last)
        last = _ancestor(last, last.height - PERIOD_BLOCKS)
    status = Status.DEFINED if last is None else _KNOWN[last.hash]
    if len(_KNOWN) > _KNOWN_MAX:
        _KNOWN.clear()
    for entry in reversed(unknown):
        status = _KNOWN[entry.hash] = _next(status, entry)
    return status


def _next(before: Status, last: Entry) -> Status:
    if before is Status.DEFINED:
        return Status.STARTED
    if before is Status.STARTED:
        locked_in = sum(of_period(last)) >= THRESHOLD_BLOCKS
        return Status.LOCKED_IN if locked_in else before
    return Status.ACTIVE
