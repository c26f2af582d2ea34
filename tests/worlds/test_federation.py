"""A federation on one machine: everything is said, whoever dies comes back, and the ledger is read at the end."""

import asyncio
import os
import re
import signal
from pathlib import Path

import msgspec
import pytest

from alys.config.settings import Settings, WorldSettings
from alys.worlds.federation import Federation
from alys.worlds.protocol import ScenarioInfo
from tests.shells.waiting import until

NODES = 2


async def heard(lines: list[str], pattern: str) -> str:
    """The first line that matches, once it is there."""
    found = await until(lambda: [line for line in lines if re.search(pattern, line)], 60.0)
    return str(found[0])


@pytest.mark.slow
def test_it_says_where_everything_is_raises_the_dead_and_ends_with_the_ledger(
    tmp_path: Path,
) -> None:
    settings = msgspec.structs.replace(Settings(), world=WorldSettings(nodes=NODES))
    info = ScenarioInfo(name="up", seed=7, scratch=tmp_path / "world")
    lines: list[str] = []

    async def use(over: asyncio.Event) -> None:
        try:
            where = await heard(lines, r"^node 1 .*http://")
            await heard(lines, r"^node 1 +height [1-9]\d* .*peers 2 +active")
            pid = int(where.rpartition("process ")[2].rstrip(")"))
            os.kill(pid, signal.SIGKILL)
            await heard(lines, r"^node 1 .*died with exit code -9 \(SIGKILL\); it is started again")
            back = await heard(lines, r"^node 1 +is back: process \d+")
            assert str(pid) not in back
            lines.clear()
            await heard(lines, r"^node 1 +height [1-9]\d* .*peers 2 +active")
        finally:
            over.set()

    async def both() -> None:
        over = asyncio.Event()
        live = Federation(settings, info).live(over, lines.append, status_seconds=0.5, traffic=True)
        await asyncio.gather(live, use(over))

    asyncio.run(both())
    assert lines[-1].startswith("the ledger balances at block ")
    assert not (tmp_path / "world").exists()
