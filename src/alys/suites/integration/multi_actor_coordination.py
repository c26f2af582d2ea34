"""One block with a peg-in and a peg-out proposal, and what the actors say to each other for it: no message more or less."""

from typing import Any

import pytest

from alys.node.edges import ASKED, TOLD
from alys.oracles import edges
from alys.oracles.edges import Passed
from alys.suites.integration import bridge_operation_flow as bridge
from alys.wire import bitcoin
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import EthereumUser

pytestmark = pytest.mark.needs(nodes=1)  # the messages of one producing node are counted

FIRST_SATS = 150_000_000
SECOND_SATS = 70_000_000
WEI_PER_SAT = 10_000_000_000  # written out, as everywhere where it is checked
PAYOUT_WEI = 400_000_000_000_000_000

NODE = "/alys/node"
COUNTED = (
    ("chain", "engine"),
    ("chain", "bridge"),
    ("chain", "stream"),
    ("engine", "bridge"),
    ("bridge", "chain"),
    ("bridge", "stream"),
    ("stream", "bridge"),
)
"""The edges between Chain, Engine, Bridge and Stream; there are no others."""


async def test_multi_actor_coordination(world: NetworkWorld) -> None:
    """Peg-in and peg-out meet in one block; edges, counts and correlation ids are those of the flow."""
    alice, bob = world.ethereum_user("alice"), world.ethereum_user("bob")
    depositor = world.depositor()
    required = world.network.spec.required_confirmations
    first = await depositor.deposit(world.federation_address, alice.address, FIRST_SATS)
    await world.confirm(required)
    await world.eventually(alice.balance, "the first deposit is minted", timeout_s=90)
    second = await depositor.deposit(world.federation_address, bob.address, SECOND_SATS)
    await world.confirm(required - 1)
    request, height = await _request_in_the_last_block_before_work_is_due(world, alice)
    await world.confirm(1)
    await bridge_state(world, second, "ready")
    await _one_block_carries_both(world, request, second, height + 1)
    minted = await bob.balance()
    world.check(
        minted == SECOND_SATS * WEI_PER_SAT, "the peg-in of that block is exact", wei=minted
    )
    await _settle(world, request)
    await _messages_are_those_of_the_flow(world, (first, second), request)


async def bridge_state(world: NetworkWorld, txid: str, state: str) -> None:
    """The node's record of a deposit reaches a state."""

    async def there() -> bool:
        found = await bridge.operation(world, lambda one: one["txid"] == txid)
        return found is not None and found["state"] == state

    await world.eventually(there, f"the deposit is {state}")


async def _request_in_the_last_block_before_work_is_due(
    world: NetworkWorld, alice: EthereumUser
) -> tuple[str, int]:
    """Let the request be in the very block after which production halts: what comes next then waits for us.

    Returns the operation and the height of that block.
    """
    limit = world.network.spec.max_blocks_without_pow

    async def last_but_one() -> Any:
        status: Any = await world.node.call("alys_status")
        return status if status["height"] - status["finalisedHeight"] >= limit - 1 else None

    while True:
        await world.eventually(last_but_one, "all but one block before work is due", timeout_s=120)
        await world.node.call("alys_pauseProduction", "the request goes into the next block")
        status: Any = await world.node.call("alys_status")
        if status["height"] - status["finalisedHeight"] == limit - 1:
            break
        # This machine was slow and the last block is there already: the next round, then.
        await world.node.call("alys_resumeProduction")
        await world.miner.mine()
    tx_hash = await alice.request_peg_out(world.depositor().address, PAYOUT_WEI)
    await world.node.call("alys_resumeProduction")
    operation = await bridge.operation_of(world, tx_hash)

    async def halted() -> bool:
        now: Any = await world.node.call("alys_status")
        return bool(now["state"] == "halted")

    await world.eventually(halted, "production halts")
    return operation, int(status["height"]) + 1


async def _one_block_carries_both(
    world: NetworkWorld, request: str, deposit: str, height: int
) -> None:
    world.check(await world.miner.mine(), "the node takes the AuxPoW")
    await bridge_state(world, deposit, "minted")
    block: Any = await world.node.call("getblockbyheight", height)
    listed = [pegin["txid"] for pegin in block["pegins"]]
    world.check(listed == [deposit], "the block mints the deposit", height=height, pegins=listed)
    raw = block["payoutProposal"]
    world.check(raw is not None, "the same block proposes the payout", height=height)
    found = await bridge.operation(world, lambda one: one["id"] == request)
    txid = bitcoin.parse_tx(bytes.fromhex(raw)).txid
    world.check(
        found["txid"] == txid, "the operation names the proposed transaction", proposal=txid
    )


async def _settle(world: NetworkWorld, request: str) -> None:
    """Finality for the block that proposed, signatures, Bitcoin."""

    async def state(wanted: str) -> Any:
        return await bridge.operation(
            world, lambda one: one["id"] == request and one["state"] == wanted
        )

    world.check(await world.miner.mine(), "the node takes the next AuxPoW")
    await world.eventually(lambda: state("broadcast"), "the payout is broadcast", timeout_s=120)
    await world.confirm(world.network.spec.payout_confirmations)
    await world.eventually(lambda: state("settled"), "the payout is settled", timeout_s=60)


async def _messages_are_those_of_the_flow(
    world: NetworkWorld, deposits: tuple[str, str], request: str
) -> None:
    await world.node.call("alys_pauseProduction", "the messages are being counted")
    passed = await _at_rest(world)
    trees = [NODE, *(f"/alys/cosigner-{n}" for n in (1, 2))]
    everything = edges.between(world.messages(), trees)
    world.sample(edges.check_allowed(everything, ASKED, TOLD))
    expected = await _needed(world, passed)
    world.sample(edges.check_counts(passed, COUNTED, expected))
    world.note(messages={" ".join(kind): count for kind, count in sorted(expected.items())})
    for deposit in deposits:
        found = await bridge.operation(world, lambda one, txid=deposit: one["txid"] == txid)
        steps = (("bridge", "chain", "PeginReady"), ("bridge", "stream", "NotifyPegin"))
        world.sample(edges.check_runs_through(passed, found["id"], steps))
        await _governance_heard(world, found["id"])
    payout_steps = (
        ("engine", "bridge", "BurnDetected"),
        ("bridge", "stream", "RequestSignatures"),
        ("stream", "bridge", "SignaturesCollected"),
        ("bridge", "chain", "PayoutSigned"),
    )
    world.sample(edges.check_runs_through(passed, request, payout_steps))
    await _governance_signed(world, request)


async def _at_rest(world: NetworkWorld) -> list[Passed]:
    """The messages within the node once the block under way, if any, is imported."""

    async def quiet() -> bool:
        passed = edges.between(world.messages(), [NODE])
        built = sum(one.message == "BuildPayload" for one in passed)
        imported = sum(one.message == "BlockImported" for one in passed)
        return built == imported

    await world.eventually(quiet, "every block that was begun is imported")
    return edges.between(world.messages(), [NODE])


async def _needed(world: NetworkWorld, passed: list[Passed]) -> dict[tuple[str, str, str], int]:
    """What the flow needs, from the number of blocks, two deposits and one payout.

    Status reports: one per block, per pause or resumption, and per halt; halts are told apart by what governance got.
    """
    status: Any = await world.node.call("alys_status")
    blocks = status["height"]
    reports = blocks + sum(
        one["message"] in ("PauseProduction", "ResumeProduction")
        for one in world.messages()
        if one["receiver"].startswith(f"{NODE}/consensus/chain#")
    )
    halts = sum(
        one["body"]["state"] == "halted"
        for one in world.messages()
        if one["message"] == "ReportStatus"
    )
    world.check(halts >= 1, "the halt before the AuxPoW was reported", halts=halts)
    # By heartbeats, so how many of the two deposits are known to be known depends on the time.
    noticed = sum(one.message == "PeginNoticed" for one in passed)
    world.check(noticed <= 2, "a deposit is known to be known once", times=noticed)
    return {
        ("chain", "bridge", "FederationsKnown"): 1,
        ("chain", "stream", "FederationsKnown"): 1,
        ("stream", "bridge", "RepeatUnconfirmed"): 1,
        ("stream", "bridge", "PeginNoticed"): noticed,
        ("chain", "engine", "GetGenesis"): 1,
        ("chain", "engine", "BuildPayload"): blocks,
        ("chain", "engine", "ExecutePayload"): blocks,
        ("chain", "engine", "SetHead"): blocks + 1,
        ("chain", "engine", "GetPayloadFacts"): blocks + 1,
        ("chain", "bridge", "ChainStarted"): 1,
        ("chain", "bridge", "BlockImported"): blocks,
        ("chain", "bridge", "PayoutsFinalised"): 1,
        ("chain", "stream", "ReportStatus"): reports + halts,
        ("engine", "bridge", "BurnDetected"): 1,
        ("bridge", "chain", "PeginReady"): 2,
        ("bridge", "chain", "PayoutSigned"): 1,
        ("bridge", "chain", "BitcoinSeen"): 1,
        ("bridge", "stream", "NotifyPegin"): 2,
        ("bridge", "stream", "RequestSignatures"): 1,
        ("stream", "bridge", "SignaturesCollected"): 1,
    }


async def _governance_heard(world: NetworkWorld, operation: str) -> None:
    """The coin of a deposit is known to every governance node under the operation's outpoint."""
    outpoint = operation.removeprefix("pegin:")
    for index in range(world.network.governance_nodes):
        state: Any = await world.governance.state(index)
        world.check(
            outpoint in state["coins"],
            "every governance node knows the minted deposit",
            node=index + 1,
            outpoint=outpoint,
        )


async def _governance_signed(world: NetworkWorld, operation: str) -> None:
    """The governance nodes answered under the operation's id and the number of the attempt."""
    for index in range(world.network.governance_nodes):
        state: Any = await world.governance.state(index)
        ids = [signed["request_id"] for signed in state["signed"]]
        world.check(
            ids == [f"{operation}/1"],
            "governance signed once, under the operation's correlation id",
            node=index + 1,
            ids=ids,
        )
