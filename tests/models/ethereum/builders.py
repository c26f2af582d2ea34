"""A client, somebody who has ether, and the calls that make blocks."""

import dataclasses
from typing import Any

import coincurve
from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.transactions import (
    LegacyTransaction,
    signing_hash_155,
    signing_hash_pre155,
)
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes0, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from alys.models.ethereum.forks import Fork, Schedule, rules_of
from alys.models.ethereum.genesis import Genesis, GenesisAccount, dev_genesis
from alys.models.ethereum.light import Light
from alys.models.ethereum.node import EthereumNode
from alys.models.ethereum.transactions import SignedTransaction, decode
from alys.models.ethereum.tree import Block
from alys.wire import ethereum
from alys.wire.engine import PayloadAttributes, Withdrawal
from alys.wire.ethereum import BURN_ADDRESS, from_data, to_data

START = 1_767_225_600
ZERO = "0x" + "00" * 32
ETHER = 10**18
SECRET = bytes(31) + b"\x09"
USER = ethereum.address_of(SECRET)
PAYEE = b"\x42" * 20


PROFILES = ["full"]
"""The last one is that of the clients made now; ``conftest`` puts another there for the tests that run in both."""


def make_node(**balances: int) -> EthereumNode:
    """A fresh client; ``user`` has ten ether unless told otherwise."""
    return EthereumNode(
        dev_genesis(START, balances={USER: balances.get("user", 10 * ETHER)}),
        lambda: START + 1e6,
        light=Light() if PROFILES[-1] == "light" else None,
    )


def signed(nonce: int = 0, **changes: Any) -> bytes:
    """A transfer of one ether by the user."""
    fields: dict[str, Any] = {
        "chain_id": 121212,
        "nonce": nonce,
        "to": PAYEE,
        "value": ETHER,
        "gas": 21_000,
        "max_fee": 3 * 10**9,
        "max_tip": 10**9,
    }
    return ethereum.sign_transaction(SECRET, **{**fields, **changes})


def send(node: EthereumNode, raw: bytes) -> str:
    """Into the pool."""
    return str(node.handle("eth_sendRawTransaction", [to_data(raw)]))


def head_of(node: EthereumNode) -> Any:
    """The head as JSON-RPC shows it."""
    return node.handle("eth_getBlockByNumber", ["latest", False])


def forkchoice(
    node: EthereumNode,
    head: str,
    attributes: dict[str, Any] | None = None,
    *,
    safe: str = ZERO,
    finalized: str = ZERO,
) -> Any:
    """engine_forkchoiceUpdatedV2."""
    state = {"headBlockHash": head, "safeBlockHash": safe, "finalizedBlockHash": finalized}
    return node.handle_engine("engine_forkchoiceUpdatedV2", [state, attributes])


def attributes(time: int, *withdrawals: Withdrawal) -> dict[str, Any]:
    """PayloadAttributesV2."""
    return {
        "timestamp": hex(time),
        "prevRandao": ZERO,
        "suggestedFeeRecipient": to_data(BURN_ADDRESS),
        "withdrawals": [one.to_json() for one in withdrawals],
    }


def built(node: EthereumNode, *withdrawals: Withdrawal, seconds: int = 2) -> dict[str, Any]:
    """A payload on the head, not imported."""
    head = head_of(node)
    time = int(head["timestamp"], 16) + seconds
    begun = forkchoice(node, head["hash"], attributes(time, *withdrawals))
    payload = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])["executionPayload"]
    assert isinstance(payload, dict)
    return payload


def imported(node: EthereumNode, payload: dict[str, Any]) -> Any:
    """engine_newPayloadV2."""
    return node.handle_engine("engine_newPayloadV2", [payload])


def mined(node: EthereumNode, *withdrawals: Withdrawal, seconds: int = 2) -> dict[str, Any]:
    """A block on the head, made the head."""
    payload = built(node, *withdrawals, seconds=seconds)
    assert imported(node, payload)["status"] == "VALID"
    forkchoice(node, payload["blockHash"])
    return payload


def rehashed(payload: dict[str, Any], **changes: str) -> dict[str, Any]:
    """The payload changed, with the hash that its header then really has."""
    from alys.models.ethereum import execution
    from alys.wire.engine import ExecutionPayload

    changed = {**payload, **changes}
    header = execution.header_of(ExecutionPayload.from_json(changed))
    return {**changed, "blockHash": to_data(execution.hash_of(header))}


def withdrawal(address: bytes, gwei: int) -> Withdrawal:
    """A credit."""
    return Withdrawal(index=0, validator_index=0, address=address, amount_gwei=gwei)


def block_of(node: EthereumNode, payload: dict[str, Any]) -> Block:
    """The executed block that a payload became."""
    found = node.tree.get(from_data(payload["blockHash"]))
    assert found is not None
    return found


def decoded(nonce: int = 0, **changes: Any) -> SignedTransaction:
    """What ``signed`` gives, with its sender recovered."""
    return decode(signed(nonce, **changes), 121212)


def legacy(
    *,
    protected: bool,
    nonce: int = 0,
    gas_price: int = 3 * 10**9,
    gas: int = 21_000,
    to: bytes | None = PAYEE,
    value: int = ETHER,
    data: bytes = b"",
) -> bytes:
    """A transfer of one ether by the user, of the first transaction type; unprotected it holds for every chain."""
    unsigned = LegacyTransaction(
        nonce=U256(nonce),
        gas_price=Uint(gas_price),
        gas=Uint(gas),
        to=Bytes0() if to is None else Address(to),
        value=U256(value),
        data=Bytes(data),
        v=U256(0),
        r=U256(0),
        s=U256(0),
    )
    digest = signing_hash_155(unsigned, U64(121212)) if protected else signing_hash_pre155(unsigned)
    signature = coincurve.PrivateKey(SECRET).sign_recoverable(digest, hasher=None)
    finished = dataclasses.replace(
        unsigned,
        v=U256(signature[64] + (35 + 2 * 121212 if protected else 27)),
        r=U256.from_be_bytes(signature[:32]),
        s=U256.from_be_bytes(signature[32:64]),
    )
    return bytes(rlp.encode(finished))


def genesis_of(fork: Fork, begins: int = 0) -> Genesis:
    """A chain that is of one fork from a height on (a merged one from its first second); the user has ten ether."""
    if fork >= Fork.PARIS:
        times = () if fork is Fork.PARIS else ((0, fork),)
        schedule, difficulty = Schedule(by_time=times), 0
    else:
        schedule = Schedule(by_block=((begins, fork),), by_time=(), terminal_total_difficulty=None)
        difficulty = 1 << 17
    return Genesis(
        timestamp=START,
        schedule=schedule,
        difficulty=difficulty,
        accounts=(GenesisAccount(address=USER, balance=10 * ETHER),),
    )


def attributes_of(parent: Block, *withdrawals: Withdrawal, seconds: int = 2) -> PayloadAttributes:
    """What a block on that parent is asked to be."""
    return PayloadAttributes(
        timestamp=int(parent.header.timestamp) + seconds,
        prev_randao=b"\x05" * 32,
        suggested_fee_recipient=BURN_ADDRESS,
        withdrawals=withdrawals,
        parent_beacon_block_root=b"\x06" * 32,
    )


def blob(nonce: int = 0, *, hashes: tuple[bytes, ...] = (b"\1" + bytes(31),)) -> bytes:
    """A transfer of one wei by the user with blobs that nobody has (EIP-4844)."""
    rules = rules_of(Fork.CANCUN).transactions
    unsigned = rules.BlobTransaction(
        chain_id=U64(121212),
        nonce=U256(nonce),
        max_priority_fee_per_gas=Uint(10**9),
        max_fee_per_gas=Uint(3 * 10**9),
        gas=Uint(21_000),
        to=Address(PAYEE),
        value=U256(1),
        data=Bytes(),
        access_list=(),
        max_fee_per_blob_gas=U256(10**9),
        blob_versioned_hashes=tuple(Bytes32(one) for one in hashes),
        y_parity=U256(0),
        r=U256(0),
        s=U256(0),
    )
    digest = rules.signing_hash_4844(unsigned)
    signature = coincurve.PrivateKey(SECRET).sign_recoverable(digest, hasher=None)
    finished = dataclasses.replace(
        unsigned,
        y_parity=U256(signature[64]),
        r=U256.from_be_bytes(signature[:32]),
        s=U256.from_be_bytes(signature[32:64]),
    )
    return bytes(rules.encode_transaction(finished))
