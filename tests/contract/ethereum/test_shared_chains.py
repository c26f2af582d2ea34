"""A chain that one client builds is the other's, block by block: state roots, receipts and hashes by two EVMs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.models.ethereum import execution
from alys.models.ethereum.forks import Fork
from alys.models.ethereum.genesis import Genesis, dev_genesis
from alys.models.ethereum.transactions import decode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests.contract.ethereum.engine_target import Target, credit, ethereumjs, ours
from tests.models.ethereum.builders import (
    ETHER,
    START,
    USER,
    attributes_of,
    blob,
    genesis_of,
    legacy,
    signed,
)

STORES = bytes.fromhex("6007600055600b6000526001601ff3")
"""Puts 7 at slot 0 and leaves the code 0x0b."""

CLEARS = bytes.fromhex("6001600055600060005500")
"""Puts 1 at slot 0 and takes it away again, with a refund."""

TRANSIENT = bytes.fromhex("600760005d60005c60005500")
"""Cancun's TSTORE and TLOAD (EIP-1153), then SSTORE."""


def shared_genesis(fork: Fork) -> Genesis:
    """The development genesis with an account that has ether, in that fork."""
    begun = dev_genesis(START, balances={USER: 100 * ETHER})
    return msgspec.structs.replace(begun, schedule=genesis_of(fork).schedule)


def sent(fork: Fork) -> list[list[bytes]]:
    """Transactions for one block after another: every type that both pools take, contracts, a burn, a failure."""
    burn = ethereum.encode_request_peg_out("bcrt1q")
    blocks = [
        [signed(0), legacy(protected=True, nonce=1)],
        [signed(2, to=None, value=0, gas=200_000, data=STORES)],
        [signed(3, to=BRIDGE_ADDRESS, data=burn, gas=100_000)],
        [signed(4, to=BRIDGE_ADDRESS, data=b"\1\2\3\4", gas=100_000)],
        [signed(5, to=None, value=0, gas=200_000, data=CLEARS)],
        [],
    ]
    if fork >= Fork.CANCUN:
        blocks.append([signed(6, to=None, value=0, gas=200_000, data=TRANSIENT)])
    return blocks


@pytest.fixture(scope="module", params=[Fork.SHANGHAI, Fork.CANCUN], ids=["shanghai", "cancun"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Target, Target]]:
    """Ours and @ethereumjs/client on one genesis."""
    fork = request.param
    genesis = shared_genesis(fork)
    folder: Path = tmp_path_factory.mktemp(f"shared-{fork.name.lower()}")
    with (
        ethereumjs(folder / "theirs", genesis, fork) as theirs,
        ours(folder / "ours", genesis, fork) as mine,
    ):
        yield mine, theirs


def follow(builder: Target, follower: Target, transactions: list[list[bytes]]) -> list[Any]:
    """What ``builder`` made of the transactions, each block of which ``follower`` took."""
    payloads = []
    for number, raws in enumerate(transactions):
        for raw in raws:
            builder.eth("eth_sendRawTransaction", to_data(raw))
        payload = builder.mine(credit(bytes([number + 1]) * 20, number))
        assert len(payload["transactions"]) == len(raws)
        judged = follower.give(payload)
        assert judged["status"] == "VALID", judged
        follower.forkchoice(payload["blockHash"])
        assert follower.head()["hash"] == builder.head()["hash"] == payload["blockHash"]
        payloads.append(payload)
    return payloads


@pytest.mark.slow
def test_both_take_a_block_with_blobs(both: tuple[Target, Target]) -> None:
    """Neither pool has them, so the block is made here."""
    if both[0].fork < Fork.CANCUN:
        return
    genesis = shared_genesis(Fork.CANCUN)
    first = execution.genesis_block(genesis)
    hashes = (b"\1" + b"\xaa" * 31, b"\1" + b"\xbb" * 31)
    tx = decode(blob(hashes=hashes), genesis.chain_id, Fork.CANCUN)
    made = execution.build(first, attributes_of(first), [tx], genesis, [first.hash])
    assert made.transactions == (tx,)
    root = to_data(made.header.parent_beacon_block_root)
    for target in both:
        payload = execution.payload_of(made).to_json()
        status = target.engine(
            "engine_newPayloadV3", payload, [to_data(one) for one in hashes], root
        )
        assert status["status"] == "VALID", (target.name, status)
        lie = target.engine("engine_newPayloadV3", payload, [], root)
        assert lie["status"] == "INVALID", target.name


@pytest.mark.slow
def test_what_ours_builds_ethereumjs_takes_and_the_other_way_round(
    both: tuple[Target, Target],
) -> None:
    mine, theirs = both
    assert mine.head()["hash"] == theirs.head()["hash"]
    follow(mine, theirs, sent(mine.fork))
    more = 6 + (mine.fork >= Fork.CANCUN)
    back = [[signed(more)], [signed(more + 1, to=None, value=0, gas=200_000, data=STORES)], []]
    follow(theirs, mine, back)
    for raws in (*sent(mine.fork), *back):
        for raw in raws:
            name = to_data(ethereum.keccak256(raw))
            ours_of_it = mine.eth("eth_getTransactionReceipt", name)
            theirs_of_it = theirs.eth("eth_getTransactionReceipt", name)
            for part in ("status", "gasUsed", "cumulativeGasUsed", "logsBloom", "blockHash"):
                assert ours_of_it[part] == theirs_of_it[part], part
