"""Without opcodes and with them a chain is the same chain, but for its state roots."""

from typing import Any

import msgspec
import pytest

from alys.base.prng import SeededRandom
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.genesis import Genesis, GenesisAccount, dev_genesis
from alys.models.ethereum.light import BLOCKS_SHARED_MAX, Light
from alys.models.ethereum.light_state import NotLight
from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.engine import Withdrawal
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    forkchoice,
    head_of,
    imported,
    rehashed,
)
from tests.models.ethereum.builders import attributes as attributes_on

SECRETS = tuple((100 + number).to_bytes(32, "big") for number in range(5))
USERS = tuple(map(ethereum.address_of, SECRETS))
MINER = b"\x77" * 20
PLACES = (*USERS, PAYEE, BURN_ADDRESS, BRIDGE_ADDRESS, MINER, b"\x99" * 20)
OWN = ("stateRoot", "hash", "parentHash")
"""What may differ in a block: the root is another one, and the hashes follow it."""

SEEDS = range(12)
BLOCKS = 8


class Pair:
    """Two clients that get the same to do, one in each profile."""

    def __init__(self, balance: int = 100 * ETHER) -> None:
        genesis = dev_genesis(START, balances=dict.fromkeys(USERS, balance))
        self.nodes = (
            EthereumNode(genesis, lambda: START + 1e6),
            EthereumNode(genesis, lambda: START + 1e6, light=Light()),
        )

    def both(self, what: Any) -> list[Any]:
        """What each of them answers, or the code of its refusal."""
        told = []
        for node in self.nodes:
            try:
                told.append(what(node))
            except RpcError as error:
                told.append((error.code, error.args))
        return told

    def alike(self, what: Any) -> Any:
        """What both of them answer."""
        full, light = self.both(what)
        assert full == light
        return full

    def block(self, withdrawals: tuple[Withdrawal, ...], coinbase: bytes, seconds: int = 2) -> None:
        """Each makes one of what waits, imports it and goes on with it."""

        def make(node: EthereumNode) -> str:
            payload = payload_of(node, withdrawals, coinbase, seconds)
            answer = imported(node, payload)
            forkchoice(node, payload["blockHash"])
            return str(answer["status"])

        assert self.alike(make) == "VALID"

    def compare(self) -> None:
        """All that JSON-RPC shows of the last block and of the accounts after it."""

        def shown(node: EthereumNode) -> tuple[Any, ...]:
            view = node.handle("eth_getBlockByNumber", ["latest", True])
            receipts = node.handle("eth_getBlockReceipts", ["latest"])
            balances = [node.handle("eth_getBalance", [to_data(one), "latest"]) for one in PLACES]
            nonces = [
                node.handle("eth_getTransactionCount", [to_data(one), "latest"]) for one in PLACES
            ]
            fields = {name: value for name, value in view.items() if name not in OWN}
            own = dict.fromkeys(("blockHash",), "")
            fields["transactions"] = [{**tx, **own} for tx in view["transactions"]]
            logs = [[{**log, **own} for log in one["logs"]] for one in receipts]
            plain = [{**one, **own, "logs": said} for one, said in zip(receipts, logs, strict=True)]
            return fields, plain, balances, nonces

        self.alike(shown)


def payload_of(
    node: EthereumNode, withdrawals: tuple[Withdrawal, ...], coinbase: bytes, seconds: int = 2
) -> dict[str, Any]:
    """What the client builds on its head."""
    head = head_of(node)
    asked = {
        **attributes_on(int(head["timestamp"], 16) + seconds, *withdrawals),
        "suggestedFeeRecipient": to_data(coinbase),
    }
    begun = forkchoice(node, head["hash"], asked)
    found = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])
    payload: dict[str, Any] = found["executionPayload"]
    return payload


def something(chance: SeededRandom, nonces: list[int], base_fee: int) -> bytes:
    """A transaction that may be right, poor, late, or no request of the bridge at all."""
    who = chance.below(len(SECRETS))
    cap = base_fee * chance.choice((1, 1, 2, 3)) + chance.below(10**9) - 10 * (chance.below(8) == 0)
    fields: dict[str, Any] = {
        "chain_id": 121212,
        "nonce": nonces[who]
        + (chance.below(12) == 0)
        - (chance.below(12) == 0 and nonces[who] > 0),
        "max_fee": cap,
        "max_tip": chance.choice((0, 1, min(10**9, cap), cap, cap + 1)),
        "value": chance.choice((0, 1, 10**16 - 1, 10**16, ETHER, 3 * ETHER + 7, 10**21)),
    }
    if chance.below(2):
        address = "b" * chance.choice((0, 1, 31, 32, 33, 44, 64, 65, 97, 300))
        request = ethereum.encode_request_peg_out(address)
        data = chance.choice((request, request, request, request, b"", b"\1\2", b"\1" * 40))
        gas = chance.choice((200_000, 200_000, 60_000, 37_000, 34_500, 21_500, 1_000_000))
        fields.update(to=BRIDGE_ADDRESS, data=data, gas=gas)
    else:
        to = chance.choice((*USERS, PAYEE, BURN_ADDRESS, MINER, b"\x99" * 20))
        data = chance.choice((b"", b"", b"\0\0\1", bytes(range(64))))
        fields.update(to=to, data=data, gas=chance.choice((21_000, 22_100, 50_000)))
    raw = ethereum.sign_transaction(SECRETS[who], **fields)
    if fields["nonce"] == nonces[who]:
        nonces[who] += 1
    return raw


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_equal_work_leaves_equal_accounts_receipts_and_fees(seed: int) -> None:
    """Random transactions, burns and withdrawals, some of them refused: by both, in the same words, at the same moment."""
    chance = SeededRandom(seed).fork("equivalence")
    pair = Pair()
    for _ in range(BLOCKS):
        base_fee = int(head_of(pair.nodes[0])["baseFeePerGas"], 16)
        nonces = [
            int(pair.alike(lambda n, u=user: n.handle("eth_getTransactionCount", [to_data(u), "pending"])), 16)
            for user in USERS
        ]  # fmt: skip
        for _ in range(chance.below(10)):
            raw = something(chance, nonces, base_fee)
            pair.alike(lambda node, raw=raw: node.handle("eth_sendRawTransaction", [to_data(raw)]))
        credits = tuple(
            Withdrawal(
                index=number,
                validator_index=0,
                address=chance.choice(PLACES),
                amount_gwei=chance.choice((0, 1, 10**9, 123_456_789)),
            )
            for number in range(chance.below(5))
        )
        pair.block(credits, chance.choice((MINER, BURN_ADDRESS, USERS[0], b"\x99" * 20)))
        pair.compare()


@pytest.mark.parametrize("burnt_before", [False, True])
def test_a_burn_takes_the_same_gas_whatever_its_length(burnt_before: bool) -> None:
    """Every length of an address up to 200, then some beyond, where memory begins to cost more."""
    pair = Pair(balance=10**6 * ETHER)
    if burnt_before:
        pair.block((Withdrawal(index=0, validator_index=0, address=BURN_ADDRESS, amount_gwei=1),), MINER)  # fmt: skip
    lengths = [
        *range(0, 200, 7),
        31,
        32,
        33,
        255,
        256,
        257,
        447,
        448,
        449,
        511,
        512,
        513,
        999,
        1500,
        4000,
    ]
    for nonce, length in enumerate(lengths):
        raw = ethereum.sign_transaction(
            SECRETS[0],
            chain_id=121212,
            nonce=nonce,
            to=BRIDGE_ADDRESS,
            value=10**16,
            data=ethereum.encode_request_peg_out("x" * length),
            gas=400_000,
            max_fee=10**11,
            max_tip=1,
        )
        pair.alike(lambda node, raw=raw: node.handle("eth_sendRawTransaction", [to_data(raw)]))
    pair.block((), MINER)
    pair.compare()
    assert len(head_of(pair.nodes[1])["transactions"]) == len(lengths)


@pytest.mark.parametrize(
    "change",
    [
        {"gasUsed": "0x5209"},
        {"gasLimit": "0x1"},
        {"baseFeePerGas": "0x1"},
        {"blockNumber": "0x7"},
        {"timestamp": "0x1"},
        {"receiptsRoot": "0x" + "11" * 32},
        {"stateRoot": "0x" + "11" * 32},
        {"logsBloom": "0x" + "11" * 256},
        {"transactions": ["0x02"]},
        {"transactions": []},
        {"withdrawals": []},
        {"feeRecipient": "0x" + "12" * 20},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("told_before", [False, True], ids=["unknown", "after the true one"])
def test_a_block_that_lies_is_refused_by_both(change: dict[str, Any], told_before: bool) -> None:
    """Its hash is right; only who executes it can tell, and having executed the true one is no excuse."""
    pair = Pair()
    credit = (Withdrawal(index=0, validator_index=0, address=PAYEE, amount_gwei=5),)
    raw = ethereum.sign_transaction(
        SECRETS[0], chain_id=121212, nonce=0, to=PAYEE, value=1, gas=21_000, max_fee=10**10, max_tip=1
    )  # fmt: skip

    def verdict(node: EthereumNode) -> tuple[Any, ...]:
        node.handle("eth_sendRawTransaction", [to_data(raw)])
        payload = payload_of(node, credit, MINER)
        if told_before:
            assert imported(node, payload)["status"] == "VALID"
        answer = imported(node, rehashed(payload, **change))
        known = answer["latestValidHash"] == head_of(node)["hash"]
        return answer["status"], known, imported(node, payload)["status"]

    assert pair.alike(verdict) == ("INVALID", True, "VALID")


def test_clients_of_one_network_agree_whoever_executed() -> None:
    """A second client that shares nothing executes for itself, and comes to the same block."""
    genesis, light = dev_genesis(START, balances={USERS[0]: ETHER}), Light()
    shared = [EthereumNode(genesis, lambda: START + 1e6, light=light) for _ in range(2)]
    alone = EthereumNode(genesis, lambda: START + 1e6, light=Light())
    credit = (Withdrawal(index=0, validator_index=0, address=PAYEE, amount_gwei=5),)
    payload = payload_of(shared[0], credit, MINER)
    for node in (*shared, alone):
        assert imported(node, payload)["status"] == "VALID"
    blocks = [node.tree.get(ethereum.from_data(payload["blockHash"])) for node in (*shared, alone)]
    assert blocks[0] is blocks[1]
    assert blocks[2] is not blocks[0]
    assert blocks[2] is not None
    assert blocks[0] is not None
    assert blocks[2].state.root == blocks[0].state.root


def test_what_is_shared_is_bounded_and_forgetting_costs_time_alone() -> None:
    node = EthereumNode(dev_genesis(START), lambda: START + 1e6, light=Light())
    first = payload_of(node, (), MINER)
    for seconds in range(3, BLOCKS_SHARED_MAX + 5):
        payload_of(node, (), MINER, seconds)
    assert imported(node, first)["status"] == "VALID"


def test_a_genesis_that_takes_more_is_refused() -> None:
    cancun = msgspec.structs.replace(
        dev_genesis(START), schedule=Schedule(by_time=((0, Fork.CANCUN),))
    )
    with pytest.raises(NotLight, match="Shanghai"):
        EthereumNode(cancun, lambda: 0.0, light=Light())
    account = GenesisAccount(address=PAYEE, code=b"\0", storage={bytes(32): 1})
    stored = Genesis(timestamp=START, accounts=(account,))
    with pytest.raises(NotLight, match="storage"):
        EthereumNode(stored, lambda: 0.0, light=Light())
