"""Three ``alys mock governance`` processes that pass witnesses to each other, asked by a plain gRPC client."""

import queue
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from alys.shells.generated import governance_pb2_grpc as rpc
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.cli.test_mock import SECRETS, Mock, started
from tests.models.governance.builders import (
    DEPOSIT_SATS,
    KEYS,
    ask,
    make_node,
    payout,
    pegin,
    registration,
    statuses,
)
from tests.shells.ports import free_ports

SECONDS = 60.0
TOKEN = (("authorization", f"Bearer {SECRETS['GOVERNANCE_TOKEN']}"),)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Mock]]:
    """The development federation as processes."""
    ports = free_ports(3)
    logs = tmp_path_factory.mktemp("logs")
    with ExitStack() as stack:
        yield [
            stack.enter_context(_started(member, ports, logs / str(member))) for member in range(3)
        ]


def _started(member: int, ports: list[int], log: Path) -> Any:
    peers = ",".join(f"127.0.0.1:{port}" for n, port in enumerate(ports) if n != member)
    return started(
        "governance",
        log,
        GRPC_PORT=str(ports[member]),
        GOVERNANCE_NODE_ID=f"governance-node-{member + 1}",
        GOVERNANCE_PEERS=peers,
    )


class Asked:
    """One request on a stream of its own, which stays open until ``until``."""

    def __init__(self, node: Mock, request: pb.StreamRequest) -> None:
        self._channel = grpc.insecure_channel(node.doors["grpc"])
        self._requests: queue.SimpleQueue[pb.StreamRequest | None] = queue.SimpleQueue()
        for one in (registration(), pegin(), request):
            self._requests.put(one)
        stub = rpc.GovernanceStreamStub(self._channel)
        sent = iter(self._requests.get, None)
        self._call: Any = stub.Stream(sent, metadata=TOKEN, timeout=SECONDS)
        assert next(self._call).registration_ack.accepted

    def until(self, last: str) -> list[pb.StreamResponse]:
        """The answers up to the one of this status."""
        answers: list[pb.StreamResponse] = []
        while last not in statuses(answers):
            answers.append(next(self._call))
        self._requests.put(None)
        self._channel.close()
        return answers


def keys_of(answer: pb.StreamResponse, tx: bitcoin.Tx) -> set[bytes]:
    """Whose signatures an answer has; each must hold."""
    federation = make_node().federation
    prevouts = (bitcoin.TxOut(value=DEPOSIT_SATS, script=federation.output_script()),)
    digest = bitcoin.taproot_script_path_sighash(tx, 0, prevouts, federation.leaf_script())
    found = answer.signature_response.signatures
    assert all(bitcoin.schnorr_verify(one.public_key, digest, one.signature) for one in found)
    return {one.public_key for one in found}


def sees_all(node: Mock) -> None:
    """Wait until the node has found both of its peers."""
    end = time.monotonic() + SECONDS  # noqa: TID251
    while not all((peers := node.admin("/state")["gossip"]["peers"]).values()):
        assert time.monotonic() < end, peers  # noqa: TID251


@pytest.mark.slow
def test_each_process_completes_with_the_witnesses_of_all_three(three: list[Mock]) -> None:
    tx = payout()
    asked = [Asked(node, ask(tx, required=3)) for node in three]
    for one in asked:
        answers = one.until("COMPLETE")
        assert keys_of(answers[-1], tx) == set(KEYS)
        assert set(statuses(answers[:-1])) <= {"PARTIAL"}
    for node in three:
        state = node.admin("/state")
        assert state["gossip"]["held"][tx.txid]
        # A witness may come before the deposit that it is about; the node gets it again with its own.
        refused = [one["reason"] for one in state["gossip"]["last_refused"]]
        assert all(reason.startswith("unknown prevout") for reason in refused)
        sees_all(node)


@pytest.mark.slow
def test_a_process_that_signs_wrongly_is_refused_by_the_others(three: list[Mock]) -> None:
    tx = payout(paid=1_234)
    three[0].admin("/faults", {"wrong_signature": True})
    try:
        asked = [Asked(node, ask(tx, required=3, request_id="lied", timeout=2)) for node in three]
        sound = [one.until("TIMEOUT")[-1] for one in asked[1:]]
    finally:
        three[0].admin("/faults", {"wrong_signature": False})
    for answer in sound:
        assert keys_of(answer, tx) == {KEYS[1], KEYS[2]}
        assert answer.signature_response.failure_reason.startswith("2 of 3")
    for node in three[1:]:
        refused = node.admin("/state")["gossip"]["last_refused"]
        assert refused[-1]["passed_by"].startswith("governance-node-")
        assert KEYS[0].hex() in refused[-1]["reason"]
