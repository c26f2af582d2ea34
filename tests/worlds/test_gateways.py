"""Gateways that fail, in memory and on real sockets: restarted, each is what its node had before."""

import json
from pathlib import Path

import pytest

from tests.worlds import gateways
from tests.worlds.test_bitcoin_reorgs import simulate
from tests.worlds.test_local import start

OWN_SCENARIO = """
from tests.worlds import gateways


async def test_gateways_that_fail(world):
    await gateways.each_fails_once(world)
"""


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_node_lives_through_the_failure_of_each_in_memory(seed: int, tmp_path: Path) -> None:
    simulate(gateways.each_fails_once, seed, tmp_path)


@pytest.mark.slow
def test_a_node_lives_through_the_failure_of_each_on_real_sockets(tmp_path: Path) -> None:
    path = tmp_path / "own_scenario.py"
    path.write_text(OWN_SCENARIO)
    with start(tmp_path / "results", "-o", "json", suite=str(path)) as process:
        out, err = process.communicate(timeout=300)
    told = json.loads(out)
    assert (process.returncode, told["verdict"]) == (0, "pass"), told.get("cause", err)
