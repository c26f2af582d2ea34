"""The local world in parts: what works by URL works, what cannot says so, and no part outlives its run."""

import json
import os
import select
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.test_local import ROOT, start, taken_port

__all__ = ["taken_port"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings that split the world."""
    path = tmp_path / "split.toml"
    path.write_text('[world]\nplacement = "split"\n')
    return path


def scenario(folder: Path, body: str) -> Path:
    """A scenario file with this body."""
    path = folder / "split_scenario.py"
    lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    path.write_text(f"import os, signal\n\nasync def test_it(world):\n{lines}\n")
    return path


def told_by(process: "subprocess.Popen[str]") -> tuple[dict[str, Any], str]:
    """The one object on standard output, and standard error."""
    with process:
        out, err = process.communicate(timeout=120)
    told: dict[str, Any] = json.loads(out)
    assert told["exit_code"] == process.returncode
    return told, err


def run(tmp_path: Path, config: Path, body: str) -> tuple[dict[str, Any], str]:
    path = scenario(tmp_path, body)
    return told_by(
        start(tmp_path / "results", "-o", "json", "--config", str(config), suite=str(path))
    )


@pytest.mark.slow
def test_a_deposit_is_minted_and_audited_over_sockets_alone(tmp_path: Path, config: Path) -> None:
    example = str(ROOT / "examples" / "peg_in.py")
    words = ["-o", "json", "--config", str(config), "--seed", "7"]
    told, err = told_by(start(tmp_path, *words, suite=example))
    assert (told["verdict"], told["counts"]["passed"]) == ("pass", 1), err
    (case,) = told["cases"]
    assert case["facts"]["ledger"]["samples"]["mints"] == 1


@pytest.mark.slow
def test_the_parts_are_processes_and_governance_is_reached_by_its_ports(
    tmp_path: Path, config: Path
) -> None:
    body = """
        pids = {os.getpid(), *(child.pid for child in world._children)}
        world.check(len(pids) == 3, "the runner, the services and the node are three processes")
        usage = world.load.usage()
        world.check(usage.resident_bytes > 2**20, "the node's process is looked at")
        state = await world.governance.state(0)
        world.check("public_key" in state, "the admin port answers")
        health = await world.governance.health(1)
        world.check(bool(health), "health answers")
        capabilities = await world.governance.capabilities(2)
        world.check(bool(capabilities), "capabilities answer")
    """
    told, err = run(tmp_path, config, body)
    assert told["verdict"] == "pass", err


@pytest.mark.slow
def test_what_needs_the_node_here_says_how_to_get_it(tmp_path: Path, config: Path) -> None:
    body = """
        said = []
        for needs in (
            lambda: world.actors.tree(),
            lambda: world.offer(b""),
            lambda: world.call_actor("node/chain", None),
            lambda: world.governance.stop(0),
            lambda: world.begin_call("node/chain", None),
            lambda: world.messages(),
        ):
            try:
                await needs()
            except Exception as error:
                said.append(str(error))
        world.note(said=said)
        await world.actors.crash("/alys/node/consensus/chain")
    """
    told, _ = run(tmp_path, config, body)
    assert (told["exit_code"], told["verdict"]) == (2, "usage")
    reason = "needs the node in the runner's process: set world.placement to one"
    assert f"world.actors.crash {reason}" in told["cause"]
    names = ["actors.tree", "offer", "call_actor", "governance.stop", "begin_call", "messages"]
    assert told["cases"][0]["facts"]["said"] == [f"world.{name} {reason}" for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_part_that_dies_is_a_failure_that_names_its_exit_code(
    tmp_path: Path, config: Path, number: int
) -> None:
    body = f"""
        os.kill(world._children[{number}].pid, signal.SIGKILL)

        async def never():
            return False

        await world.eventually(never, "nothing", timeout_s=600)
    """
    told, _ = run(tmp_path, config, body)
    what = ("the services' process", "the node's process")[number]
    assert (told["exit_code"], told["verdict"]) == (1, "fail")
    assert f"{what} died with exit code -9 (SIGKILL)" in told["cause"]


@pytest.mark.slow
def test_a_node_that_dies_while_it_is_asked_is_told_apart_from_one_that_is_silent(
    tmp_path: Path, config: Path
) -> None:
    body = """
        os.kill(world._children[1].pid, signal.SIGTERM)
        while True:
            await world.node.call("alys_status")
    """
    told, _ = run(tmp_path, config, body)
    assert "the node's process died with exit code -15 (SIGTERM)" in told["cause"]


@pytest.mark.slow
def test_a_port_in_use_is_told_with_the_last_words_of_the_part(
    tmp_path: Path, config: Path, taken_port: int
) -> None:
    with config.open("a") as more:
        more.write(f"bitcoin_rpc_port = {taken_port}\n")
    told, _ = run(tmp_path, config, "pass")
    assert (told["exit_code"], told["verdict"]) == (3, "environment")
    assert "the services' process did not start: exit code 3; it said last: " in told["cause"]
    assert f"cannot listen on 127.0.0.1:{taken_port}" in told["cause"]


@pytest.fixture
def under_way(tmp_path: Path, config: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A run in the middle of its scenario, and descriptors that become readable when its parts have ended."""
    body = """
        print("pids", *(child.pid for child in world._children), flush=True)

        async def never():
            return False

        await world.eventually(never, "the end", timeout_s=1700)
    """
    path = scenario(tmp_path, body)
    process = start(tmp_path / "results", "--config", str(config), suite=str(path))
    assert process.stderr is not None
    pids = next(line.split()[1:] for line in process.stderr if line.startswith("pids"))
    watched = [os.pidfd_open(int(pid)) for pid in pids]
    yield process, watched
    for descriptor in watched:
        os.close(descriptor)
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_part_outlives_the_run_however_that_ends(
    under_way: tuple["subprocess.Popen[str]", list[int]], number: signal.Signals
) -> None:
    process, watched = under_way
    os.killpg(process.pid, number)  # as a terminal does
    process.communicate(timeout=60)
    assert process.returncode == (-9 if number is signal.SIGKILL else 130)
    left = set(watched)
    while left:
        ended, _, _ = select.select(left, [], [], 30)
        assert ended, "a part outlived the run"
        left -= set(ended)
