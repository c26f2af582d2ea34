"""What a process takes, by the operating system's word."""

import os
from pathlib import Path

from alys.shells import process_usage


def test_this_process_has_memory_and_uses_its_processor() -> None:
    before = process_usage.usage(os.getpid())
    block = bytearray(b"\x01" * (64 * 2**20))
    sum(range(5_000_000))
    after = process_usage.usage(os.getpid())
    assert before is not None
    assert after is not None
    assert after.resident_bytes - before.resident_bytes > len(block) // 2
    assert after.cpu_seconds > before.cpu_seconds


def test_fields_are_counted_after_a_name_with_spaces_and_parentheses(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "statm").write_text("900 25 3 1 0 40 0\n")
    fields = ["S", *["0"] * 10, "150", "50", "9", "9"]
    (tmp_path / "7" / "stat").write_text(f"7 (a (b) c) {' '.join(fields)}\n")
    found = process_usage.usage(7, tmp_path)
    assert found is not None
    assert found.resident_bytes == 25 * os.sysconf("SC_PAGE_SIZE")
    assert found.cpu_seconds == 200 / os.sysconf("SC_CLK_TCK")


def test_a_process_that_is_gone_has_none(tmp_path: Path) -> None:
    assert process_usage.usage(7, tmp_path) is None
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "statm").write_text("")
    assert process_usage.usage(7, tmp_path) is None
