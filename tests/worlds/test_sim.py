"""A simulated run is its seed: the real command, in processes of its own."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli
from alys.config.settings import Settings
from alys.sim.dispatch import SimulationError
from alys.sim.schedules import Pct, Recording, Replay, ScheduleMaker, Uniform
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

ROOT = Path(__file__).parents[2]


def alys(
    results: Path, *words: str, suite: str = "integration", hash_seed: str = "0"
) -> dict[str, Any]:
    """Run ``alys test SUITE --world sim -o json`` in a fresh interpreter."""
    environment = dict(os.environ)  # noqa: TID251 - for a child process
    environment.update(PYTHONHASHSEED=hash_seed, PYTHONPATH=str(ROOT / "src"))
    command = [sys.executable, "-m", "alys", "test", suite, "--world", "sim", "-o", "json"]
    done = subprocess.run(
        [*command, "--results-dir", str(results), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def events(told: dict[str, Any]) -> bytes:
    """The run's events as written."""
    return (Path(told["results_dir"]) / "events.jsonl").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["integration", "stream_actor", "supervision"])
def test_one_seed_is_one_trace_whatever_the_hash_seed(tmp_path: Path, suite: str) -> None:
    first = alys(tmp_path, "--seed", "7", suite=suite, hash_seed="0")
    again = alys(tmp_path, "--seed", "7", suite=suite, hash_seed="0")
    other = alys(tmp_path, "--seed", "7", suite=suite, hash_seed="4711")
    assert first["trace_hash"] == again["trace_hash"] == other["trace_hash"]
    assert events(first) == events(again) == events(other)
    # The hash, recomputed by whoever reads the file.
    digest = hashlib.blake2b(events(first), digest_size=32).hexdigest()
    assert first["trace_hash"] == digest


@pytest.mark.slow
def test_another_seed_is_another_order_and_another_hash(tmp_path: Path) -> None:
    words = ("-k", "block_production")
    seven = alys(tmp_path, "--seed", "7", *words)
    eight = alys(tmp_path, "--seed", "8", *words)
    assert seven["trace_hash"] != eight["trace_hash"]

    def order(told: dict[str, Any]) -> list[str]:
        records = [json.loads(line) for line in events(told).splitlines()]
        names = {r["id"]: r["message"] for r in records if r.get("kind") == "sent"}
        return [names[r["id"]] for r in records if r.get("kind") == "handling"]

    assert order(seven) != order(eight)


def scenario(folder: Path, text: str) -> Path:
    """A scenario file of one's own."""
    path = folder / "own_scenario.py"
    path.write_text(text)
    return path


def run(path: Path, results: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The command in this process; what it printed."""
    cli.main(["test", str(path), "--world", "sim", "--seed", "7", "-o", "json",
              "--results-dir", str(results), *words])  # fmt: skip
    return json.loads(capsys.readouterr().out)


def test_a_scenario_that_waits_for_nothing_possible_times_out_and_says_for_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(
        tmp_path,
        "async def test_waits(world):\n"
        "    async def never():\n        return False\n"
        "    await world.eventually(never, 'the moon', timeout_s=1e9)\n",
    )
    config = tmp_path / "short.toml"
    config.write_text("[test_scenarios.integration]\ntimeout = 2\n")
    told = run(path, tmp_path / "r", capsys, "--config", str(config))
    assert told["exit_code"] == 1
    assert "did not end within 2 s" in told["cause"]
    assert "the moon" in told["cause"]


@pytest.mark.slow
@pytest.mark.parametrize("world", ["sim", "local"])
def test_what_the_actors_did_outlives_their_world_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: str
) -> None:
    path = scenario(
        tmp_path,
        "async def test_ends_badly(world):\n"
        "    fault = await world.actors.crash('/alys/node/consensus/chain')\n"
        "    await world.actors.bitten(fault)\n"
        "    world.check(False, 'all is well')\n",
    )
    config = tmp_path / "forgetful.toml"
    config.write_text("[cleanup]\npreserve_metrics = false\n")
    told = run(path, tmp_path / "r", capsys, "--world", world)
    assert told["exit_code"] == 1
    actors = told["cases"][0]["facts"]["actors"]
    assert actors["/alys/node/consensus/chain"]["failures"] == 1
    assert actors["/alys/cosigner-1/consensus/engine"]["messages_processed"] > 0
    told = run(path, tmp_path / "r", capsys, "--world", world, "--config", str(config))
    assert told["exit_code"] == 1
    assert "actors" not in told["cases"][0]["facts"]


def test_ambient_time_in_a_scenario_is_trapped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(
        tmp_path,
        "import time\n"
        "async def test_asks_the_machine(world):\n"
        "    world.check(time.time() > 0, 'time passes')\n",
    )
    told = run(path, tmp_path / "r", capsys)
    assert told["exit_code"] == 1
    assert "time.time" in told["cause"]


def test_a_deadlock_is_named_and_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reply that nobody fills: with the node's own timers the run reaches its limit, and says so."""
    path = scenario(
        tmp_path,
        "from alys.actors.reply import Reply\n"
        "async def test_stuck(world):\n"
        "    world.check(True, 'begun')\n"
        "    await Reply(world.dispatcher)\n",
    )
    config = tmp_path / "short.toml"
    config.write_text("[test_scenarios.integration]\ntimeout = 2\n")
    told = run(path, tmp_path / "r", capsys, "--config", str(config))
    assert told["exit_code"] == 1
    assert "did not end within 2 s" in told["cause"]


def test_what_an_error_says_does_not_reach_the_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Libraries put addresses and paths into their texts; the kind of an error counts, its words do not."""
    hashes = set()
    for words in ("first words", "other words"):
        path = scenario(
            tmp_path,
            "async def test_crashes(world):\n"
            "    cell = world.system.whereis('node/chain').cell\n"
            f"    cell.fail(RuntimeError({words!r}), None)\n"
            "    await world.sleep(1)\n"
            "    world.check(True, 'still here')\n",
        )
        told = run(path, tmp_path / "r", capsys)
        assert told["exit_code"] == 1
        assert words in told["cause"]
        hashes.add(told["trace_hash"])
    assert len(hashes) == 1


def test_the_simulation_errors_are_not_mistaken_for_usage() -> None:
    assert int(SimulationError.exit_code) == 1


@pytest.mark.slow
def test_governance_nodes_that_pass_witnesses_on_change_no_outcome_and_keep_the_trace_one(
    tmp_path: Path,
) -> None:
    config = tmp_path / "gossip.toml"
    config.write_text("[world]\ngovernance_gossip = true\n")
    words = ("--config", str(config), "--seed", "7")
    first = alys(tmp_path, *words)
    other = alys(tmp_path, *words, hash_seed="4711")
    assert first["trace_hash"] == other["trace_hash"]
    assert b'"Passed"' in events(first)
    assert b'"Passed"' not in events(alys(tmp_path, "--seed", "7"))


def test_a_driver_makes_each_world_the_schedule_that_it_was_given(tmp_path: Path) -> None:
    """The same seed under another schedule is another trace, and one that can be replayed from what was recorded."""

    def blocks(make: ScheduleMaker) -> SimWorld:
        driver = SimDriver(Settings(), make)
        info = ScenarioInfo(name="schedules", seed=7, scratch=tmp_path)
        world = driver.world(info)
        assert isinstance(world, SimWorld)

        async def life() -> None:
            try:
                await world.open()
                await world.sleep(3.0)
            finally:
                await world.close()

        driver.wait(driver.start(world, life(), 60.0))
        return world

    recorded = blocks(lambda random: Recording(Pct(random)))
    recording = recorded.schedule
    assert isinstance(recording, Recording)
    assert len(recording.picks) > 100
    replayed = blocks(lambda _: Replay(recording.picks))
    assert list(replayed.trace()) == list(recorded.trace())
    assert list(blocks(Uniform).trace()) != list(recorded.trace())
