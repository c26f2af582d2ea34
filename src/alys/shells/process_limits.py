"""What this process may use of the machine: its control group's limits, else all there is.

Version 2 of control groups first (``memory.max``, ``cpu.max``), then version 1, as a container sees them: its own group is
mounted at the root of the file system of groups.
"""

import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def memory_bytes(groups: Path = GROUPS) -> float:
    """The smaller of the group's limit and the machine's memory."""
    machine = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limits = [
        float(words[0])
        for name in ("memory.max", "memory/memory.limit_in_bytes")
        if (words := _words(groups / name)) and words[0] != "max"
    ]
    return min([machine, *limits])


def cpu_cores(groups: Path = GROUPS) -> float:
    """The smaller of the group's quota and the cores that the process may run on."""
    machine = float(len(os.sched_getaffinity(0)))
    quota = _words(groups / "cpu.max")
    if not quota:
        quota = [
            *_words(groups / "cpu/cpu.cfs_quota_us"),
            *_words(groups / "cpu/cpu.cfs_period_us"),
        ]
    if len(quota) != 2 or quota[0] in ("max", "-1"):
        return machine
    return min(machine, float(quota[0]) / float(quota[1]))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
