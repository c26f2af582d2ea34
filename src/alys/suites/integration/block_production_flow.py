"""Blocks: whose slot it is, what they stand on, who approves them, when they stop and how they go on."""

from typing import Any

import msgspec
import pytest

from alys.chain import slots
from alys.chain.blocks import ConsensusBlock
from alys.chain.validity import Reason
from alys.models.ethereum import execution
from alys.wire import ethereum
from alys.wire.engine import ExecutionPayload
from alys.worlds import forger, network
from alys.worlds.network_world import NetworkWorld

pytestmark = pytest.mark.needs(nodes=1)  # the slots of one producing node are judged

BLOCKS_CHECKED = 3


async def test_block_production_flow(world: NetworkWorld) -> None:
    """Consecutive blocks in turn; forgeries get no approval; no AuxPoW, no more blocks; governance is told."""
    await _blocks_follow_each_other(world)
    await _forged_blocks_get_no_approvals(world)
    await _production_waits_for_work(world)


async def height(world: NetworkWorld) -> int:
    """The node's head."""
    status: Any = await world.node.call("alys_status")
    return int(status["height"])


async def _reached(world: NetworkWorld, wanted: int) -> bool:
    return await height(world) >= wanted


async def _blocks_follow_each_other(world: NetworkWorld) -> None:
    first = world.network.first_height
    last = first + BLOCKS_CHECKED
    await world.eventually(lambda: _reached(world, last), f"{BLOCKS_CHECKED} blocks", timeout_s=120)
    parent: Any = await world.node.call("getblockbyheight", first)
    for number in range(first + 1, last + 1):
        block: Any = await world.node.call("getblockbyheight", number)
        await _check_link(world, parent, block)
        parent = block
    head: Any = await world.node.call("alys_status")
    executed: Any = await world.ethereum.call("eth_getBlockByHash", head["executionHash"], False)
    world.check(
        executed is not None and int(executed["number"], 16) == head["height"],
        "the execution client has the node's head at the same height",
        head=head["height"],
    )


async def _check_link(world: NetworkWorld, parent: Any, block: Any) -> None:
    spec = world.network.spec
    payload, number = block["executionPayload"], block["height"]
    where = {"height": number}
    world.check(number == parent["height"] + 1, "heights are consecutive", **where)
    world.check(block["parentRoot"] == parent["root"], "a block names its parent's root", **where)
    world.check(
        payload["parentHash"] == parent["executionPayload"]["blockHash"],
        "payloads are linked like the blocks that carry them",
        **where,
    )
    executed: Any = await world.ethereum.call("eth_getBlockByNumber", payload["blockNumber"], False)
    world.check(
        executed["hash"] == payload["blockHash"], "the execution client has this payload", **where
    )
    author = slots.author_index(block["slot"], len(spec.authorities))
    signers = block["approvals"]["indices"]
    world.check(author in signers, "the authority whose slot it is has signed", slot=block["slot"])
    world.check(author == network.PRODUCER, "only the node's own slots have blocks", **where)
    world.check(
        len(signers) >= spec.quorum, "two thirds of the authorities approved", signers=signers
    )
    start = slots.slot_start(block["slot"], spec.slot_duration_ms)
    time = ethereum.from_quantity(payload["timestamp"])
    world.check(time >= start, "a block is not made before its slot", time=time, start=start)


async def _forged_blocks_get_no_approvals(world: NetworkWorld) -> None:
    """The same block, once as it should be and twice changed in one place."""
    await world.node.call("alys_pauseProduction", "forgeries are being offered")
    block = await _honest_block(world)
    own = forger.signed_by(block, network.PRODUCER, world.network.scheme)
    honest = await world.offer(own)
    world.check(
        all(verdict.approved for verdict in honest),
        "co-signers approve an honest block",
        said=msgspec.to_builtins(honest),
    )
    late = msgspec.structs.replace(block, slot=block.slot + 1)
    await _refused(world, late, Reason.OUT_OF_TURN, "a block out of turn")
    wrong_root = bytes(32)
    payload = msgspec.structs.replace(block.payload, state_root=wrong_root)
    claimed = msgspec.structs.replace(payload, block_hash=_hash_of(payload))
    lying = msgspec.structs.replace(block, payload=claimed)
    await _refused(world, lying, Reason.PAYLOAD_NOT_VALID, "a block with a wrong state root")
    await world.node.call("alys_resumeProduction")


async def _honest_block(world: NetworkWorld) -> ConsensusBlock:
    """What the node itself would make now; its slot and the one after have begun."""
    spec = world.network.spec
    status: Any = await world.node.call("alys_status")
    seconds = spec.slot_duration_ms / 1000

    async def slot() -> int | None:
        last = forger.last_slot_of(spec, network.PRODUCER, world.now() - seconds)
        return last if last > status["slot"] else None

    chosen = await world.eventually(slot, "a slot of the node that the head does not fill")
    assert chosen is not None, "eventually answers what is true"
    head: Any = await world.ethereum.call("eth_getBlockByNumber", "latest", False)
    time = max(
        ethereum.from_quantity(head["timestamp"]) + 1,
        int(slots.slot_start(chosen, spec.slot_duration_ms)),
    )
    payload = await forger.empty_payload(world.engine, head["hash"], time)
    return ConsensusBlock(
        parent_root=ethereum.from_data(status["headRoot"]), slot=chosen, payload=payload
    )


def _hash_of(payload: ExecutionPayload) -> bytes:
    """The hash that the changed header really has: only execution can tell that it lies."""
    return execution.hash_of(execution.header_of(payload))


async def _refused(world: NetworkWorld, block: ConsensusBlock, reason: Reason, what: str) -> None:
    verdicts = await world.offer(forger.signed_by(block, network.PRODUCER, world.network.scheme))
    world.check(
        all(not v.approved and v.reason == reason.value for v in verdicts),
        f"{what} gets no approvals",
        said=msgspec.to_builtins(verdicts),
    )


async def _production_waits_for_work(world: NetworkWorld) -> None:
    limit = world.network.spec.max_blocks_without_pow

    async def halted() -> Any:
        status: Any = await world.node.call("alys_status")
        return status if status["state"] == "halted" else None

    status: Any = await world.eventually(halted, "the node halts for want of work", timeout_s=180)
    world.check(
        status["reason"] == "max_blocks_without_pow", "the node says why", reason=status["reason"]
    )
    stopped = status["height"]
    world.check(
        stopped - status["finalisedHeight"] == limit,
        "it stops exactly at max_blocks_without_pow",
        height=stopped,
        limit=limit,
    )
    await _governance_sees(world, stopped, "NODE_STATUS_DEGRADED")
    await _no_block_for_two_turns(world, stopped)
    world.check(await world.miner.mine(), "the node takes the AuxPoW")
    await world.eventually(
        lambda: _reached(world, stopped + 1), "production resumes after an AuxPoW", timeout_s=60
    )
    block: Any = await world.node.call("getblockbyheight", stopped + 1)
    header = block["auxpowHeader"]
    world.check(
        header is not None and header["height"] == stopped,
        "the next block carries the AuxPoW over all blocks before it",
        header=header,
    )
    await _governance_sees(world, stopped + 1, "NODE_STATUS_ACTIVE")


async def _no_block_for_two_turns(world: NetworkWorld, stopped: int) -> None:
    """The node's slot comes round twice and nothing is made."""
    spec = world.network.spec
    end = world.now() + 2 * len(spec.authorities) * spec.slot_duration_ms / 1000

    async def over() -> bool:
        return world.now() >= end

    await world.eventually(over, "two turns of the node")
    found = await height(world)
    world.check(found == stopped, "no block is made without work", height=found, stopped=stopped)


async def _governance_sees(world: NetworkWorld, reached: int, status: str) -> None:
    """Every governance node was told of the height and the state."""
    for index in range(world.network.governance_nodes):

        async def told(index: int = index) -> Any:
            state: Any = await world.governance.state(index)
            last = state["last_status"]
            fits = last is not None and last["block_height"] >= reached and last["status"] == status
            return last if fits else None

        await world.eventually(told, f"governance {index + 1} sees {status} at {reached}")
