"""Several whole nodes in one world: each has a JSON-RPC of its own, can be killed, brought back and cut off."""

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import pytest

from alys.base.errors import UsageError
from alys.node.errors import PortDown
from alys.worlds import nodes
from tests.worlds.test_sim import run, scenario

HEAD = """
import pytest

async def heads(world, at_least=0):
    found = {}
    for index in range(world.nodes.count):
        if world.nodes.alive(index):
            status = await world.nodes.call(index, "alys_status")
            found[index] = (status["height"], status["headRoot"])
    enough = all(height >= at_least for height, _ in found.values())
    return {str(index): list(head) for index, head in found.items()} if enough else None

async def all_at(world, height):
    world.keep_mining()
    return await world.eventually(
        lambda: heads(world, height), f"height {height} everywhere", timeout_s=200
    )

async def cut_off_and_back(world):
    await all_at(world, 3)
    await world.nodes.partition([[0], [1, 2]])
    alone = (await world.nodes.call(0, "alys_status"))["height"]
    async def far():
        return (await world.nodes.call(1, "alys_status"))["height"] >= alone + 5
    await world.eventually(far, "two of three go on", timeout_s=300)
    stands = (await world.nodes.call(0, "alys_status"))["height"]
    world.check(stands <= alone + 1, "alone it makes no block", stands=stands, alone=alone)
    await world.nodes.heal()
    await all_at(world, alone + 7)
"""


def federation(
    folder: Path, capsys: Any, body: str, *words: str, count: int = 3, before: str = ""
) -> Any:
    """A scenario with so many whole nodes, and what it needs ``before``; what the run said."""
    text = HEAD + before + f"\n@pytest.mark.needs(nodes={count})\nasync def test_it(world):\n"
    path = scenario(folder, text + textwrap.indent(textwrap.dedent(body), "    "))
    return run(path, folder / "results", capsys, *words)


@pytest.mark.parametrize("world", ["sim", "local"])
def test_all_nodes_produce_in_their_slots_and_answer_for_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: str
) -> None:
    body = """
        await all_at(world, 6)
        slots = [(await world.nodes.call(2, "getblockbyheight", n))["slot"] for n in range(1, 7)]
        world.check({slot % 3 for slot in slots} == {0, 1, 2}, "all produce", slots=slots)
        for index in range(3):
            for stream in await world.nodes.call(index, "alys_governance"):
                world.check(stream["state"] == "ready", "each has its streams", index=index)
        first = (await world.nodes.call(0, "getblockbyheight", 5))["root"]
        for index in (1, 2):
            same = (await world.nodes.call(index, "getblockbyheight", 5))["root"] == first
            world.check(same, "one chain", index=index)
    """
    told = federation(tmp_path, capsys, body, "--world", world)
    assert told["exit_code"] == 0, told["causes"]


def test_a_killed_node_leaves_the_chain_going_and_comes_back_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
        from alys.node.errors import PortDown
        await all_at(world, 3)
        await world.nodes.kill(0)
        world.check(not world.nodes.alive(0), "it is down")
        try:
            await world.node.call("alys_status")
        except PortDown:
            world.check(True, "nobody answers for it")
        else:
            world.check(False, "a dead node answered")
        left = [view.path for view in await world.actors.tree("/alys/node")]
        world.check(not left, "nothing of it is left", left=left)
        before = world.auditor.looks
        await all_at(world, 8)
        world.check(world.auditor.looks > before, "the audit goes on at another node")
        await world.nodes.start(0)
        await all_at(world, 12)
        await world.nodes.stop(1)
        await all_at(world, 15)
        await world.nodes.start(1)
        await all_at(world, 18)
    """
    told = federation(tmp_path, capsys, body)
    assert told["exit_code"] == 0, told["causes"]


def test_a_node_that_is_cut_off_stands_still_and_catches_up_when_the_network_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = federation(tmp_path, capsys, "await cut_off_and_back(world)")
    assert told["exit_code"] == 0, told["causes"]


def test_what_cannot_be_is_told_with_what_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
        from alys.base.errors import UsageError
        said = []
        for wrong in (
            world.nodes.call(2, "alys_status"), world.nodes.stop(3), world.nodes.start(0), world.nodes.kill(0),
            world.nodes.partition([[0, 1], [1]]),
        ):
            try:
                await wrong
            except UsageError as error:
                said.append(str(error))
        world.note(said=said)
        world.check(True, "they were asked")
    """
    told = federation(tmp_path, capsys, body, "--world", "local", count=2)
    assert told["exit_code"] == 0, told["causes"]
    client, nobody, up, kill, twice = told["cases"][0]["facts"]["said"]
    assert "authority 2 is a co-signer" in client
    assert "world.nodes to 3" in client
    assert "no authority 3" in nobody
    assert "node 0 is up" in up
    assert "world.placement to split" in kill
    assert "authority 1 is in two groups" in twice


def test_an_onlooker_asks_the_first_node_that_is_up() -> None:
    class Side:
        def __init__(self, name: str) -> None:
            self.name = name

        async def call(self, method: str, *params: object) -> object:
            return self.name

    up = {0, 1}
    vantage = nodes.Vantage(up.__contains__, [Side("n0"), Side("n1")], [Side("e0"), Side("e1")])
    vantage.choose()
    up.remove(0)
    assert asyncio.run(vantage.node.call("x")) == "n0"  # a look is at one node to its end
    vantage.choose()
    assert asyncio.run(vantage.node.call("x")) == "n1"
    assert asyncio.run(vantage.ethereum.call("x")) == "e1"
    up.clear()
    with pytest.raises(PortDown, match="every node"):
        vantage.choose()


def test_groups_name_every_authority_once() -> None:
    assert nodes.placed([[1, 2]]) == {1: 0, 2: 0, 0: 1}
    with pytest.raises(UsageError, match="no authority 7"):
        nodes.placed([[7]])
