"""The Chain actor in a whole simulated network: pausing, restarting over its store, bringing a peer up to the head."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from alys.config.settings import Settings
from alys.node.messages import SyncState
from alys.node.tree import cosigner_tree
from alys.node.work import SYNCING
from alys.wire.jsonrpc import RpcError
from alys.worlds.network import Network
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

Scenario = Callable[[NetworkWorld], Awaitable[None]]


def in_a_world(tmp_path: Path, scenario: Scenario, seed: int = 3) -> SimWorld:
    """Open a world, run, close it with the last audit."""
    driver = SimDriver(Settings())
    world = driver.world(ScenarioInfo(name="chain", seed=seed, scratch=tmp_path))
    assert isinstance(world, SimWorld)

    async def life() -> None:
        await world.open()
        try:
            await scenario(world)
        finally:
            await world.close()

    driver.wait(driver.start(world, life(), 100.0))
    return world


async def status(world: NetworkWorld) -> Any:
    return await world.node.call("alys_status")


async def reached(world: NetworkWorld, height: int) -> None:
    async def there() -> bool:
        return bool((await status(world))["height"] >= height)

    await world.eventually(there, f"height {height}", timeout_s=120)


def test_while_paused_nothing_is_made_and_then_it_goes_on(tmp_path: Path) -> None:
    async def scenario(world: NetworkWorld) -> None:
        await reached(world, 1)
        await world.node.call("alys_pauseProduction", "lunch")
        before = await status(world)
        assert (before["state"], before["reason"]) == ("paused", "lunch")
        await world.sleep(30)
        assert (await status(world))["height"] == before["height"]
        await world.node.call("alys_resumeProduction")
        await reached(world, before["height"] + 1)

    in_a_world(tmp_path, scenario)


def test_a_node_that_is_behind_gives_no_work(tmp_path: Path) -> None:
    async def scenario(world: NetworkWorld) -> None:
        await reached(world, 2)
        miner = ["createauxblock", "0x" + "a1" * 20]
        work: Any = await world.node.call(*miner)
        assert work["height"] >= 2
        chain = world.system.whereis("node/chain")
        world.system.tell(chain, SyncState(synced=False, own_height=2, best_height=900))
        with pytest.raises(RpcError, match="Chain is syncing") as refused:
            await world.node.call(*miner)
        assert refused.value.code == SYNCING
        assert (await status(world))["reason"] == "not synced: height 2 of 900"
        world.system.tell(chain, SyncState(synced=False, own_height=2, best_height=3))
        assert await world.node.call(*miner), "one block that is under way is no reason"

    in_a_world(tmp_path, scenario)


@pytest.mark.parametrize("seed", range(3))
def test_a_cosigner_that_missed_blocks_is_brought_up_and_then_signs(
    tmp_path: Path, seed: int
) -> None:
    """With two of three the chain goes on; who comes back over an old store catches up by itself."""

    async def scenario(world: NetworkWorld) -> None:
        world.keep_mining()
        await reached(world, 1)
        system = world.system
        gone = next(cell for cell in system.cells() if cell.name == "cosigner-2")
        await world.await_reply(system.stop(gone))
        await reached(world, 4)
        block: Any = await world.node.call("getblockbyheight", 4)
        assert block["approvals"]["indices"] == [0, 1]
        system.spawn(cosigner_tree(world.network.spec, world.network.authority(2)))

        async def signs_again() -> bool:
            head: Any = await world.node.call("getheadblock")
            assert isinstance(world.network, Network)
            client = world.network.clients[2]
            return bool(client.tree.head.number == head["height"] and head["height"] > 5)

        await world.eventually(signs_again, "the co-signer has the head", timeout_s=120)

    in_a_world(tmp_path, scenario, seed)


def test_the_node_goes_on_from_its_store_after_a_restart(tmp_path: Path) -> None:
    async def scenario(world: NetworkWorld) -> None:
        world.keep_mining()
        await reached(world, 2)
        before = await status(world)
        cell = world.system.whereis("node/chain").cell
        cell.fail(RuntimeError("killed by the test"), None)
        await world.sleep(20)
        world.recorder.crashes.clear()  # the one that was provoked
        await reached(world, before["height"] + 2)
        first: Any = await world.node.call("getblockbyheight", before["height"])
        assert first["root"] == before["headRoot"]

    world = in_a_world(tmp_path, scenario)
    restarts = [line for line in world.trace() if '"kind":"restarted"' in line]
    assert len(restarts) == 1


def test_a_deposit_that_waits_to_be_minted_outlives_a_restart_of_chain(tmp_path: Path) -> None:
    """Bridge told of it once; Chain, which had it in memory, is told again when it begins again."""

    async def scenario(world: NetworkWorld) -> None:
        alice = world.ethereum_user("alice")
        await reached(world, 1)
        await world.node.call("alys_pauseProduction", "the deposit must wait")
        await world.depositor().deposit(world.federation_address, alice.address, 50_000_000)
        await world.confirm(6)

        async def ready() -> bool:
            listed: Any = await world.node.call("alys_operations")
            return [one["state"] for one in listed] == ["ready"]

        await world.eventually(ready, "the deposit is ready")
        await world.sleep(5)
        world.system.whereis("node/chain").cell.fail(RuntimeError("killed by the test"), None)
        await world.sleep(5)
        world.recorder.crashes.clear()  # the one that was provoked
        assert (await status(world))["state"] == "paused", "a pause outlives a restart"
        await world.node.call("alys_resumeProduction")
        await world.eventually(alice.balance, "it is minted all the same", timeout_s=60)

    in_a_world(tmp_path, scenario)


async def listed(world: NetworkWorld) -> bool:
    """Whether any block lists a signed payout."""
    height = (await status(world))["height"]
    found: list[Any] = [
        await world.node.call("getblockbyheight", number) for number in range(1, height + 1)
    ]
    return any(block["finalizedPayouts"] for block in found)


def test_a_signed_payout_is_listed_by_a_block_though_chain_began_again(tmp_path: Path) -> None:
    """The signatures came in before, and nobody signs twice; a deposit that is minted is told again as minted."""

    async def scenario(world: NetworkWorld) -> None:
        alice = world.ethereum_user("alice")
        world.keep_mining()
        txid = await world.depositor().deposit(world.federation_address, alice.address, 90_000_000)
        await world.confirm(6)
        await world.eventually(alice.balance, "the deposit is minted", timeout_s=90)
        await alice.request_peg_out(world.depositor().address, 300_000_000_000_000_000)

        async def in_state(*states: str) -> bool:
            listed: Any = await world.node.call("alys_operations")
            return [one["state"] for one in listed if one["kind"] == "pegout"] in [
                [state] for state in states
            ]

        signing = ("finalised", "signed", "broadcast")
        await world.eventually(lambda: in_state(*signing), "it is final", 120)
        world.keep_mining(False)
        await world.eventually(lambda: in_state("signed", "broadcast"), "it is signed", 120)
        await world.sleep(5)
        assert not await listed(world)
        world.system.whereis("node/chain").cell.fail(RuntimeError("killed by the test"), None)
        await world.sleep(5)
        world.recorder.crashes.clear()  # the one that was provoked
        world.keep_mining()

        await world.eventually(lambda: listed(world), "a block lists it", timeout_s=120)
        before = sum(one["message"] == "BlockImported" for one in world.messages())
        await world.node.call("alys_pauseProduction", "only the announcement shall be heard")
        await world.node.call("alys_announceDeposit", txid)

        async def told() -> bool:
            minted = [
                one["body"]["minted"]
                for one in world.messages()
                if one["message"] == "BlockImported"
            ][before:]
            return any(minted)

        await world.eventually(told, "Chain says that the deposit is minted")

    in_a_world(tmp_path, scenario)
