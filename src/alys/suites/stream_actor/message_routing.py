"""Answers find their askers by the request id and by nothing else: out of order, among strangers, at a steady rate."""

from typing import Any

import pytest

from alys.oracles import edges
from alys.suites.integration import bridge_operation_flow as bridge
from alys.suites.stream_actor import _streams as on
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.network_world import NetworkWorld

pytestmark = pytest.mark.needs(nodes=1)  # the streams of one node are counted

RATE_PER_S = 100
REQUESTS_PER_NODE = 20
"""A multiple of how many answers the fault turns round at once."""

REVERSED, STRANGE = 0, 1
DEPOSIT_SATS = 80_000_000
PAYOUT_WEI = 200_000_000_000_000_000


async def test_message_routing(world: NetworkWorld) -> None:
    """Signatures to who asked, acks and errors to where they belong, strangers counted; and Bridge gets Bridge's."""
    payouts = await on.payouts(world)
    await _answers_find_their_askers(world, payouts)
    await _an_ack_goes_to_its_asker(world)
    await _an_error_is_shown(world, payouts)
    await _bridge_gets_its_signatures(world)


async def _answers_find_their_askers(world: NetworkWorld, payouts: on.Payouts) -> None:
    await world.governance.faults(REVERSED, reverse_answers=True)
    await world.governance.faults(STRANGE, foreign_answers=True)
    replies = []
    for number in range(REQUESTS_PER_NODE * len(on.indices(world))):
        endpoint = number % len(on.indices(world))
        name = f"routing {number}"
        replies.append((name, on.begin(world, name, payouts.request(number), endpoint)))
        await world.sleep(1 / RATE_PER_S)
    for number, (name, reply) in enumerate(replies):
        answer = await world.await_reply(reply)
        asked = number % len(on.indices(world))
        world.check(
            answer.endpoint == asked, "the node that was asked answers", endpoint=answer.endpoint
        )
        payouts.check(name, number, answer)
    await on.touched(world, REVERSED, "reverse_answers")
    strangers = await on.touched(world, STRANGE, "foreign_answers")
    views = await on.streams(world)
    counts = [view["unmatched"] for view in views]
    expected = [strangers if view["endpoint"] == STRANGE else 0 for view in views]
    world.check(
        counts == expected,
        "an answer under an unknown id is counted and given to nobody",
        counts=counts,
        expected=expected,
    )
    last = views[STRANGE]["last_unmatched"]
    world.check(last == f"never asked {strangers}", "the unknown id is reported", last=last)
    await world.governance.faults(REVERSED, reverse_answers=False)
    await world.governance.faults(STRANGE, foreign_answers=False)


async def _an_ack_goes_to_its_asker(world: NetworkWorld) -> None:
    """A heartbeat that somebody asked for is not one of Stream's own."""
    beat = pb.StreamRequest(heartbeat=pb.Heartbeat(timestamp=5, sequence=999_999))
    for index in on.indices(world):
        reply = on.begin(world, f"beat {index}", beat.SerializeToString(), index)
        answer = await world.await_reply(reply)
        ack = pb.StreamResponse.FromString(answer.response).heartbeat_ack
        world.check(
            (ack.sequence, ack.original_timestamp) == (999_999, 5),
            "the ack echoes sequence and timestamp to whoever asked",
            sequence=ack.sequence,
        )
    acked = [stream["heartbeats_acked"] for stream in await on.streams(world)]
    world.check(max(acked) < 999_999, "and is not taken for Stream's own", acked=acked)


async def _an_error_is_shown(world: NetworkWorld, payouts: on.Payouts) -> None:
    """Governance contradicts a notice; there is nobody to answer, so the status says it."""
    wrong = on.notice(payouts.coin.txid, on.COIN_SATS + 1)
    told = await world.await_reply(on.begin(world, "contradiction", wrong, 2))
    world.check(told.outcome == "delivered", "the notice is delivered", said=told.outcome)
    await on.in_state(world, 2, "ready", "conflicting deposit")


async def _bridge_gets_its_signatures(world: NetworkWorld) -> None:
    """A real payout: its signatures reach Bridge once, under the operation's id, and no other actor."""
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    world.keep_mining()
    await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)
    await world.eventually(alice.balance, "the deposit is minted", timeout_s=90)
    tx_hash = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    operation = await bridge.operation_of(world, tx_hash)

    async def broadcast() -> Any:
        return await bridge.operation(
            world, lambda one: one["id"] == operation and one["state"] == "broadcast"
        )

    await world.eventually(broadcast, "the payout is signed and broadcast", timeout_s=120)
    passed = edges.between(world.messages(), ["/alys/node"])
    steps = (("bridge", "stream", "RequestSignatures"), ("stream", "bridge", "SignaturesCollected"))
    world.sample(edges.check_runs_through(passed, operation, steps))
    handed = [one for one in world.messages() if one["message"] == "SignaturesCollected"]
    world.check(len(handed) == 1, "signatures are handed on once", times=len(handed))
