"""Blocks come, stand on each other, and stop where they must."""

import itertools
from typing import Any

from alys.suites.conformance import _looking as looking
from alys.wire import ethereum
from alys.worlds.network_world import NetworkWorld

BLOCKS = 4
BURN_ADDRESS = "0x000000000000000000000000000000000000dead"


async def test_blocks(world: NetworkWorld) -> None:
    """On the execution chain, and where the node shows them in its own."""
    await looking.work(world)
    with world.proving("blocks.produced") as proof:
        last = await looking.blocks_later(world, BLOCKS)
        proof.evidence = f"blocks {last - BLOCKS + 1} to {last}"
    await _linked(world, last)
    if world.asks_node:
        with world.proving("blocks.approved") as proof:
            await world.audit()
            found = world.production()
            found.require("authors", "links", "quorums", "times")
            proof.evidence = (
                f"{found.samples['quorums']} blocks, final up to {found.finalised_height}"
            )
        await _stops_for_want_of_work(world)
    await looking.books(world)


async def _linked(world: NetworkWorld, last: int) -> None:
    blocks: list[Any] = []
    for number in range(last - BLOCKS, last + 1):
        tag = ethereum.to_quantity(number)
        blocks.append(await world.ethereum.call("eth_getBlockByNumber", tag, False))
    with world.proving("blocks.linked") as proof:
        for parent, block in itertools.pairwise(blocks):
            where = ethereum.from_quantity(block["number"])
            world.check(
                block["parentHash"] == parent["hash"], "a block names its parent", block=where
            )
            world.check(
                ethereum.from_quantity(block["timestamp"])
                > ethereum.from_quantity(parent["timestamp"]),
                "a block is later than its parent",
                block=where,
            )
        proof.evidence = f"{BLOCKS} blocks up to {last}"
    with world.proving("blocks.fees") as proof:
        for block in blocks[1:]:
            world.check(
                block["miner"].lower() == BURN_ADDRESS,
                "tips go to the burn address",
                block=block["number"],
                miner=block["miner"],
            )
        proof.evidence = f"{BLOCKS} blocks up to {last}"


async def _stops_for_want_of_work(world: NetworkWorld) -> None:
    """The node's slot comes round twice and nothing is made; a proof, and it goes on."""
    spec = world.network.spec
    turn = len(spec.authorities) * spec.slot_duration_ms / 1000
    world.keep_mining(False)
    with world.proving("blocks.work_due") as proof:
        end = world.now() + (spec.max_blocks_without_pow + 4) * turn

        async def over() -> bool:
            return world.now() >= end

        await world.eventually(over, "time for more blocks than may be made", timeout_s=600)
        stopped = await looking.height(world)
        await world.audit()
        final = world.production().finalised_height
        world.check(
            stopped - final == spec.max_blocks_without_pow,
            "without work there are exactly max_blocks_without_pow blocks",
            height=stopped,
            finalised=final,
            limit=spec.max_blocks_without_pow,
        )
        world.check(await world.miner.mine(), "the node takes a proof of work")

        async def goes_on() -> bool:
            return await looking.height(world) > stopped

        await world.eventually(goes_on, "blocks again, after the proof", timeout_s=60)
        proof.evidence = (
            f"stopped at {stopped}, {stopped - final} above the last final one, and went on"
        )
    await looking.work(world)
