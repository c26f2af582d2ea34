"""What the page says about the machine; never a path or a name of it."""

import os
import platform
from pathlib import Path

from benchmarks.latency import clock_cost
from benchmarks.results import Machine


def describe() -> Machine:
    """This machine, now."""
    return Machine(
        cpu=cpu_model(_text(Path("/proc/cpuinfo"))) or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        cores_usable=cores_usable(),
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        clock_ns=clock_cost(),
    )


def cores_usable() -> int:
    """Cores that this process may run on; fewer than there are when it is pinned."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # no such call outside Linux
        return os.cpu_count() or 1


def cpu_model(cpuinfo: str) -> str:
    """The first model name in the text of /proc/cpuinfo; empty when it has none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
