"""The light profile: runs that know nothing of each other, and services whose values are those that bytes would carry."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.campaigns import draw, run
from alys.wire import jsonrpc
from alys.worlds import memory, network

ROOT = Path(__file__).parents[2]
SEEDS = (3, 4)
OPTIONS = draw.Options(weather_s=4.0)


def hashes(*seeds: int) -> list[str]:
    """Of runs one after the other in this process."""
    return [run.run(draw.plan_of(seed, OPTIONS)).trace_hash for seed in seeds]


def alone(seed: int, hash_seed: str) -> str:
    """Of a run in a process of its own."""
    code = (
        "from alys.campaigns import draw, run\n"
        f"plan = draw.plan_of({seed}, draw.Options(weather_s={OPTIONS.weather_s}))\n"
        "print(run.run(plan).trace_hash)"
    )
    environment = dict(os.environ)  # noqa: TID251 - for a child process
    environment.update(PYTHONHASHSEED=hash_seed, PYTHONPATH=str(ROOT / "src"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_two_worlds_in_one_process_are_two_worlds_in_two() -> None:
    """What is made once per process, and what is remembered, is of no consequence."""
    together = hashes(*SEEDS, *reversed(SEEDS))
    apart = [alone(seed, str(seed)) for seed in SEEDS]
    assert together == [*apart, *reversed(apart)]
    assert len(set(apart)) == len(apart)


@pytest.mark.slow
def test_what_crosses_as_it_is_would_cross_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer of a whole run is equal to what is read back from its bytes, and still is at the end: nobody writes to it."""
    seen: list[tuple[Any, bytes]] = []
    told = memory.Service.told

    def recorded(self: memory.Service, method: str, params: tuple[Any, ...]) -> Any:
        result = told(self, method, params)
        seen.append((result, jsonrpc.encode_json(result)))
        assert msgspec.json.decode(seen[-1][1]) == result, (method, params)
        return result

    monkeypatch.setattr(memory.Service, "told", recorded)
    run.run(draw.plan_of(5, OPTIONS))
    assert len(seen) > 300
    assert all(jsonrpc.encode_json(result) == then for result, then in seen)


def test_both_profiles_begin_from_the_same_bitcoin_blocks() -> None:
    """They are made once; each network has a node of its own on them."""
    one, other = (network.bitcoin_node(1_767_225_600, lambda: 1_767_225_600.0, bytes([7]) * 32) for _ in range(2))  # fmt: skip
    tip = one.chain.tip.hash
    assert one.handle("getblockcount", []) == network.BOOTSTRAP_BLOCKS
    address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
    one.handle("generatetoaddress", [1, address])
    assert one.chain.tip.hash != tip
    assert other.chain.tip.hash == tip
    assert len(other.chain.coins) == network.BOOTSTRAP_BLOCKS
    third = network.bitcoin_node(1_767_225_600, lambda: 1_767_225_600.0, bytes([7]) * 32)
    assert third.chain.tip.hash == tip
