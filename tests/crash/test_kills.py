"""kill -9 of the node's process at random moments, the short way: ``benchmarks/KILLS.md`` has the long one."""

from pathlib import Path

import pytest

from tests.crash import kills
from tests.crash.kills import Session

KILLS = 8
SEED = 100


@pytest.mark.slow
def test_coins_arrive_once_however_often_the_node_is_killed(tmp_path: Path) -> None:
    found = kills.session(SEED, KILLS, tmp_path)
    assert found.failure == ""
    assert found.kills == KILLS
    assert found.pegs >= 2
    assert found.idle < KILLS, "nothing was under way at any of the kills"


def test_the_page_names_what_was_lost() -> None:
    sound = Session(
        seed=1,
        nodes=1,
        kills=20,
        pegs=9,
        met={"pegin seen": 3},
        idle=1,
        starting=4,
        wall_seconds=60.4,
        failure="",
    )
    text = kills.page([sound], "abc1234", "2026-11-27")
    assert "| 1 | 1 | 20 | 4 | 1 | 9 | 60 | each minted once and paid once, ledger exact |" in text
    assert "- pegin seen: 3" in text
    assert "20 kills in 1 sessions with 9 coins in and out: nothing was lost" in text
