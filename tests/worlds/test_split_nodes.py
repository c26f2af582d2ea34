"""Nodes with a process each: killed by SIGKILL, started again on store and ports, cut off over real sockets."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.test_nodes import HEAD
from tests.worlds.test_sim import run, scenario


def federation(folder: Path, capsys: Any, body: str, count: int = 3) -> Any:
    """A scenario whose nodes have processes of their own; what the run said."""
    mark = f'@pytest.mark.needs(nodes={count}, placement="split")'
    text = HEAD + f"\n{mark}\nasync def test_it(world):\n"
    path = scenario(folder, text + textwrap.indent(textwrap.dedent(body), "    "))
    return run(path, folder / "results", capsys, "--world", "local")


@pytest.mark.slow
def test_a_node_is_killed_and_another_process_takes_up_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
        from alys.node.errors import PortDown
        await all_at(world, 3)
        pids = {index: world.nodes.pid(index) for index in range(3)}
        world.check(len(set(pids.values())) == 3, "each has a process", pids=list(pids.values()))
        await world.nodes.kill(0)
        try:
            await world.node.call("alys_status")
        except PortDown:
            world.check(True, "nobody answers for it")
        else:
            world.check(False, "a dead node answered")
        await all_at(world, 6)
        before = world.node_urls[0]
        await world.nodes.start(0)
        world.check(world.nodes.urls[0] == before, "under the same address")
        world.check(world.nodes.pid(0) != pids[0], "another process")
        stored = await world.nodes.call(0, "getblockbyheight", 2)
        world.check(stored is not None, "on the same store")
        await all_at(world, 9)
        await world.nodes.stop(2)
        await all_at(world, 11)
        await world.nodes.start(2)
        await all_at(world, 14)
    """
    told = federation(tmp_path, capsys, body)
    assert told["exit_code"] == 0, told["causes"]


@pytest.mark.slow
def test_processes_are_cut_off_from_each_other_and_joined_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = federation(tmp_path, capsys, "await cut_off_and_back(world)")
    assert told["exit_code"] == 0, told["causes"]


def test_a_node_that_dies_by_itself_fails_the_run_and_what_cannot_be_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
        import os, signal
        from alys.base.errors import UsageError
        said = []
        for wrong in (world.nodes.kill(2), world.nodes.start(0)):
            try:
                await wrong
            except UsageError as error:
                said.append(str(error))
        world.note(said=said)
        os.kill(world.nodes.pid(1), signal.SIGKILL)
        async def never():
            return False
        await world.eventually(never, "the end")
    """
    told = federation(tmp_path, capsys, body, count=2)
    assert told["exit_code"] == 1
    assert "the process of node 1 died with exit code -9 (SIGKILL)" in told["causes"][0]
    rides, up = told["cases"][0]["facts"]["said"]
    assert "lives and dies with node 0" in rides
    assert "node 0 is up" in up
