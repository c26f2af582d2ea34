"""Witnesses on their way between nodes on sockets: COMPLETE from each, a peer that comes late, and forged ones."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from alys.base.prng import SeededRandom
from alys.models.governance.node import GovernanceNode
from alys.shells.generated import gossip_pb2_grpc
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import (
    KEYS,
    NOW,
    SECRETS,
    ask,
    payout,
    pegin,
    registration,
    statuses,
)
from tests.shells.ports import free_ports
from tests.shells.waiting import until

SECONDS = 20.0
TOKEN = "token-of-the-federation"
METADATA = (("authorization", f"Bearer {TOKEN}"),)


class Three:
    """Three nodes that know each other's targets; ``start`` opens one."""

    def __init__(self) -> None:
        self.ports = free_ports(3)
        self.targets = [f"127.0.0.1:{port}" for port in self.ports]
        self.nodes = [self._node(member) for member in range(3)]
        self.running: dict[int, RunningGovernance] = {}

    def _peers(self, member: int) -> list[str]:
        return [target for n, target in enumerate(self.targets) if n != member]

    def _node(self, member: int) -> GovernanceNode:
        return GovernanceNode(
            f"governance-{member + 1}",
            SECRETS[member],
            KEYS,
            2,
            lambda: NOW,
            SeededRandom(member),
            bearer_token=TOKEN,
            peers=self._peers(member),
        )

    async def start(self, *members: int) -> None:
        for member in members:
            node, port = self.nodes[member], self.ports[member]
            self.running[member] = await serve_governance(
                node, port=port, peers=self._peers(member)
            )

    def all_there(self) -> bool:
        return all(all(node.witnesses.peers.values()) for node in self.nodes)

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self.running.values()))

    async def asked(self, member: int, request: pb.StreamRequest) -> list[pb.StreamResponse]:
        """Every answer to a request on a stream of its own, to the one that ends it."""
        async with grpc.aio.insecure_channel(self.targets[member]) as channel:
            call: Any = rpc.GovernanceStreamStub(channel).Stream(metadata=METADATA, timeout=SECONDS)
            for one in (registration(), pegin(), request):
                await call.write(one)
            assert (await call.read()).registration_ack.accepted
            answers: list[pb.StreamResponse] = []
            while not answers or statuses(answers)[-1] in ("PENDING", "PARTIAL"):
                answers.append(await call.read())
        return answers


def with_three(run: Callable[[Three], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        three = Three()
        try:
            return await run(three)
        finally:
            await three.close()

    return asyncio.run(life())


def test_each_of_three_nodes_completes_what_each_was_asked() -> None:
    async def run(three: Three) -> list[list[pb.StreamResponse]]:
        await three.start(0, 1, 2)
        return list(await asyncio.gather(*(three.asked(n, ask(payout())) for n in range(3))))

    for answers in with_three(run):
        assert statuses(answers)[-1] == "COMPLETE"
        keys = [one.public_key for one in answers[-1].signature_response.signatures]
        assert len(set(keys)) == len(keys) >= 2


def test_a_peer_that_was_away_gets_what_it_missed_and_is_missed_meanwhile() -> None:
    async def run(three: Three) -> pb.StreamResponse:
        await three.start(0)
        assert three.nodes[0].health().status == pb.HEALTH_STATUS_DEGRADED
        waits = asyncio.gather(three.asked(0, ask(payout(), timeout=300)))
        await until(lambda: three.nodes[0].witnesses.of(payout().txid))
        await three.start(1, 2)
        await until(three.all_there)
        assert three.nodes[0].health().status == pb.HEALTH_STATUS_HEALTHY
        await three.asked(1, ask(payout(), timeout=300))
        return (await waits)[0][-1]

    assert statuses([with_three(run)]) == ["COMPLETE"]


def test_nodes_that_meet_later_have_found_each_other_then() -> None:
    async def run(three: Three) -> pb.HealthResponse:
        await three.start(1, 2)
        alone = GovernanceNode(
            "governance-1", SECRETS[0], KEYS, 2, lambda: NOW, SeededRandom(1), bearer_token=TOKEN
        )
        server = await serve_governance(alone)
        try:
            assert alone.health().info["peers"] == "0 of 0"
            await server.meet(three.targets[1:])
            return alone.health()
        finally:
            await server.close()

    health = with_three(run)
    assert health.info["peers"] == "2 of 2"
    assert health.status == pb.HEALTH_STATUS_HEALTHY


def test_a_peer_that_is_gone_is_noticed() -> None:
    async def run(three: Three) -> None:
        await three.start(0, 1, 2)
        await until(three.all_there)
        await three.running.pop(2).close()
        await until(lambda: not three.nodes[0].witnesses.peers[three.targets[2]])
        assert three.nodes[0].health().info["peers_missing"] == three.targets[2]

    with_three(run)


def test_a_forged_witness_over_the_wire_is_refused_and_completes_nothing() -> None:
    async def run(three: Three) -> tuple[gossip_pb2.WitnessReceipt, list[str], Any]:
        await three.start(0)
        waits = asyncio.gather(three.asked(0, ask(payout(), timeout=300, required=2)))
        await until(lambda: three.nodes[0].witnesses.of(payout().txid))
        forged = gossip_pb2.WitnessBundle(node_id="mallory")
        forged.request.CopyFrom(ask(payout()).signature_request)
        forged.witnesses.add(public_key=KEYS[1], signature=bytes(63) + b"\x01")
        async with grpc.aio.insecure_channel(three.targets[0]) as channel:
            stub = gossip_pb2_grpc.WitnessGossipStub(channel)
            receipt = await stub.Pass(forged, metadata=METADATA, timeout=SECONDS)
        assert not waits.done()
        state: Any = three.nodes[0].state()
        await three.start(1)
        await three.asked(1, ask(payout()))
        return receipt, statuses((await waits)[0]), state["gossip"]

    receipt, said, gossip = with_three(run)
    assert receipt.kept == 0
    assert KEYS[1].hex() in receipt.refused[0]
    assert gossip["last_refused"] == [{"passed_by": "mallory", "reason": receipt.refused[0]}]
    assert gossip["held"][payout().txid] == [KEYS[0].hex()]
    assert said == ["PARTIAL", "COMPLETE"], "the sound one is taken all the same"


@pytest.mark.parametrize(
    "metadata", [(), (("authorization", "Bearer other"),)], ids=["none", "wrong"]
)
def test_nobody_passes_witnesses_on_without_the_token(
    metadata: tuple[tuple[str, str], ...],
) -> None:
    async def run(three: Three) -> grpc.StatusCode:
        await three.start(0)
        async with grpc.aio.insecure_channel(three.targets[0]) as channel:
            stub = gossip_pb2_grpc.WitnessGossipStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Pass(gossip_pb2.WitnessBundle(), metadata=metadata, timeout=SECONDS)
        return refused.value.code()

    assert with_three(run) is grpc.StatusCode.UNAUTHENTICATED
