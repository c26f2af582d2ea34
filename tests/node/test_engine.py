"""Only VALID with the very hash is acceptance; a client that cannot do V2 is none of ours."""

from typing import Any

import pytest

from alys.actors.errors import AskError
from alys.models.ethereum.node import EthereumNode
from alys.node.engine import (
    PATIENCE_SECONDS,
    BuildPayload,
    BurnDetected,
    Engine,
    ExecutePayload,
    GetGenesis,
    GetPayloadFacts,
    SetHead,
    accepts,
)
from alys.node.errors import EngineRefused, PortDown
from alys.wire import ethereum
from alys.wire.engine import ExecutionPayload, PayloadStatus, Status
from alys.wire.ethereum import ZERO_HASH
from tests.models.ethereum.builders import ETHER, built, make_node, mined, send, signed
from tests.node.bench import Bench

CAN = ["engine_forkchoiceUpdatedV2", "engine_getPayloadV2", "engine_newPayloadV2"]


def started(client: EthereumNode, bridge: str | None = None) -> Bench:
    bench = Bench()
    bench.service("port", lambda method, *params: client.handle_engine(method, list(params)))
    bench.start("engine", lambda: Engine("port", bridge))
    return bench


def test_valid_with_its_own_hash_is_accepted_and_nothing_else() -> None:
    own, other = b"a" * 32, b"b" * 32
    status = PayloadStatus(status=Status.VALID, latest_valid_hash=own, validation_error=None)
    assert accepts(status, own).valid
    for kind, latest in (
        (Status.VALID, other),
        (Status.VALID, None),
        (Status.INVALID, own),
        (Status.SYNCING, None),
        (Status.ACCEPTED, own),
    ):
        said = PayloadStatus(status=kind, latest_valid_hash=latest, validation_error=None)
        verdict = accepts(said, own)
        assert not verdict.valid
        assert kind.value in verdict.reason


def test_a_client_without_version_two_does_not_start() -> None:
    bench = Bench()
    bench.service("port", lambda method, *params: CAN[:2])
    bench.start("engine", lambda: Engine("port", None))
    assert isinstance(bench.failures.errors[0], EngineRefused)
    assert "engine_newPayloadV2" in str(bench.failures.errors[0])


def test_it_reads_the_genesis_and_executes_what_is_valid() -> None:
    client = make_node()
    bench = started(client)
    genesis = bench.ask("engine", GetGenesis(block_hash=client.tree.genesis.hash))
    assert genesis.block_hash == client.tree.genesis.hash
    with pytest.raises((AskError, EngineRefused), match=r"no block 0x7878|EngineRefused"):
        bench.ask("engine", GetGenesis(block_hash=b"x" * 32))
    payload = ExecutionPayload.from_json(built(make_node()))
    assert bench.ask("engine", ExecutePayload(payload=payload)).valid
    assert client.tree.head is client.tree.genesis  # executing moves no head
    bench.ask("engine", SetHead(head_hash=payload.block_hash, finalised_hash=ZERO_HASH))
    assert client.tree.head.hash == payload.block_hash


def test_a_head_that_the_client_does_not_have_is_refused() -> None:
    bench = started(make_node())
    with pytest.raises((AskError, EngineRefused), match=r"SYNCING|EngineRefused"):
        bench.ask("engine", SetHead(head_hash=b"x" * 32, finalised_hash=ZERO_HASH))


def test_a_burn_is_told_with_its_operation_only_for_the_imported_head() -> None:
    client = make_node()
    data = ethereum.encode_request_peg_out("bcrt1q")
    tx = send(client, signed(to=ethereum.BRIDGE_ADDRESS, data=data, gas=200_000))
    block = mined(client)
    bench = started(client, "bridge")
    heard: list[Any] = bench.probe("bridge")
    question = GetPayloadFacts(
        block_hash=bytes.fromhex(block["blockHash"][2:]),
        base_fee_per_gas=int(block["baseFeePerGas"], 16),
    )
    facts = bench.ask("engine", question)
    assert [(one.wei, one.tx_hash) for one in facts.requests] == [(ETHER, tx)]
    assert facts.tips > 0
    assert heard == []
    imported = GetPayloadFacts(
        block_hash=question.block_hash, base_fee_per_gas=question.base_fee_per_gas, imported=True
    )
    bench.ask("engine", imported)
    bench.dispatcher.run_until_idle()
    (burn,) = heard
    assert isinstance(burn, BurnDetected)
    assert (burn.operation, burn.wei) == (f"pegout:{tx}:0", str(ETHER))


class Away:
    """A client that does not answer a call until so many were refused."""

    def __init__(self, method: str, refusals: float) -> None:
        self.client = make_node()
        self.method = method
        self.left = refusals
        self.bench = Bench()
        self.bench.service("port", self.answer)
        self.bench.start("engine", lambda: Engine("port", None))

    def answer(self, method: str, *params: Any) -> Any:
        if method == self.method and self.left > 0:
            self.left -= 1
            raise PortDown("port", "refused")
        return self.client.handle_engine(method, list(params))


def set_head(away: Away) -> Any:
    head = away.client.tree.head.hash
    return away.bench.ask("engine", SetHead(head_hash=head, finalised_hash=ZERO_HASH))


def test_a_client_that_is_away_after_an_import_is_waited_for() -> None:
    away = Away("engine_forkchoiceUpdatedV2", 5)
    set_head(away)
    assert (away.left, away.bench.failures.errors) == (0, [])
    assert 5 <= away.bench.dispatcher.simulated_seconds < 6


@pytest.mark.parametrize("at_once", [True, False])
def test_a_gateway_that_fails_under_a_call_is_waited_for(at_once: bool) -> None:
    client, bench = make_node(), Bench()
    bench.failing_gateway(
        "port",
        lambda method, *params: client.handle_engine(method, list(params)),
        "engine_forkchoiceUpdatedV2",
        at_once=at_once,
    )
    bench.start("engine", lambda: Engine("port", None))
    bench.ask("engine", SetHead(head_hash=client.tree.head.hash, finalised_hash=ZERO_HASH))
    assert [str(error) for error in bench.failures.errors] == ["spoiled"]


def test_it_is_waited_for_so_long_and_then_who_asked_is_told() -> None:
    away = Away("engine_forkchoiceUpdatedV2", float("inf"))
    with pytest.raises(EngineRefused, match="refused"):
        set_head(away)
    assert PATIENCE_SECONDS <= away.bench.dispatcher.simulated_seconds < PATIENCE_SECONDS + 2
    assert away.bench.failures.errors == []


def test_who_wants_a_judgement_is_told_at_once_unless_it_can_wait() -> None:
    away = Away("engine_newPayloadV2", 3)
    payload = ExecutionPayload.from_json(built(make_node()))
    with pytest.raises(EngineRefused, match="refused"):
        away.bench.ask("engine", ExecutePayload(payload=payload))
    assert away.bench.ask("engine", ExecutePayload(payload=payload, patient=True)).valid
    assert (away.left, away.bench.failures.errors) == (0, [])


def test_a_payload_on_another_parent_is_not_what_was_asked_for() -> None:
    client, other = make_node(), mined(make_node())
    bench = Bench()

    def lies(method: str, *params: Any) -> Any:
        if method == "engine_getPayloadV2":
            return {"executionPayload": {**other, "parentHash": "0x" + "77" * 32}}
        return client.handle_engine(method, list(params))

    bench.service("port", lies)
    bench.start("engine", lambda: Engine("port", None))
    head = client.tree.head
    asked = BuildPayload(
        parent_hash=head.hash,
        finalised_hash=ZERO_HASH,
        timestamp=int(head.header.timestamp) + 2,
        withdrawals=(),
    )
    with pytest.raises(EngineRefused, match="another parent"):
        bench.ask("engine", asked)
    assert bench.failures.errors == []
