"""What the process may use: the group's limit where there is one, else the machine."""

import os
from pathlib import Path

import pytest

from alys.shells import process_limits

CORES = len(os.sched_getaffinity(0))
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def group(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_without_a_group_it_is_the_machine(tmp_path: Path) -> None:
    assert process_limits.memory_bytes(tmp_path) == MEMORY
    assert process_limits.cpu_cores(tmp_path) == CORES


@pytest.mark.parametrize("name", ["memory_DOT_max", "memory__memory_DOT_limit_in_bytes"])
def test_both_versions_of_groups_limit_the_memory(tmp_path: Path, name: str) -> None:
    assert process_limits.memory_bytes(group(tmp_path, **{name: "1048576"})) == 1048576


def test_no_limit_and_one_above_the_machine_are_the_machine(tmp_path: Path) -> None:
    assert process_limits.memory_bytes(group(tmp_path, memory_DOT_max="max")) == MEMORY
    assert process_limits.memory_bytes(group(tmp_path, memory_DOT_max="9" * 18)) == MEMORY


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu_DOT_max": "50000 100000"}, 0.5),
        ({"cpu_DOT_max": "max 100000"}, CORES),
        ({"cpu_DOT_max": f"{(CORES + 5) * 100000} 100000"}, CORES),
        ({"cpu__cpu.cfs_quota_us": "25000", "cpu__cpu.cfs_period_us": "100000"}, 0.25),
        ({"cpu__cpu.cfs_quota_us": "-1", "cpu__cpu.cfs_period_us": "100000"}, CORES),
    ],
)
def test_a_quota_is_a_share_of_cores(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    assert process_limits.cpu_cores(group(tmp_path, **files)) == cores
