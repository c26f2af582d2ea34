"""What a process takes of the machine, by the operating system's word: proc(5), ``statm`` and ``stat``."""

import os
from pathlib import Path

import msgspec

PROC = Path("/proc")
_RESIDENT = 1
"""Field of ``statm``: pages in memory."""
_USER, _SYSTEM = 11, 12
"""Fields of ``stat`` after the name in parentheses: clock ticks in user and in kernel mode, all threads."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One look."""

    resident_bytes: int
    cpu_seconds: float
    """Since the process began."""


def usage(pid: int, proc: Path = PROC) -> Usage | None:
    """None for a process that is gone, and where there is no /proc."""
    try:
        pages = (proc / str(pid) / "statm").read_text(encoding="ascii").split()[_RESIDENT]
        # The name may hold spaces and parentheses; what follows the last one does not.
        words = (proc / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, IndexError):
        return None
    ticks = int(words[_USER]) + int(words[_SYSTEM])
    return Usage(
        resident_bytes=int(pages) * os.sysconf("SC_PAGE_SIZE"),
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
    )
