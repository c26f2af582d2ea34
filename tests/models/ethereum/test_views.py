"""What JSON-RPC shows of a block, field by field, against figures that are computed another way."""

from typing import Any

from ethereum.forks.shanghai.blocks import Log
from ethereum.forks.shanghai.fork_types import Address
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes32

from alys.models.ethereum import views
from alys.wire.ethereum import BRIDGE_ADDRESS, encode_request_peg_out, from_data, keccak256, to_data
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    USER,
    block_of,
    make_node,
    mined,
    send,
    signed,
    withdrawal,
)

FIRST, SECOND = Bytes32(b"\x01" * 32), Bytes32(b"\x02" * 32)
LOG = Log(address=Address(PAYEE), topics=(FIRST, SECOND), data=Bytes())


def matches(address: bytes | None, *topics: set[bytes]) -> bool:
    addresses = frozenset() if address is None else frozenset({address})
    return views.matches(LOG, addresses, tuple(frozenset(one) for one in topics))


def test_the_shown_header_hashes_to_the_shown_hash() -> None:
    """Encoded here from the JSON alone, in the order of the yellow paper and EIPs 1559 and 4895."""
    node = make_node()
    send(node, signed())
    mined(node, withdrawal(PAYEE, 5))
    shown = node.handle("eth_getBlockByNumber", ["latest", False])
    data = """parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom"""
    numbers = """difficulty number gasLimit gasUsed timestamp"""
    fields: list[Any] = [from_data(shown[name]) for name in data.split()]
    fields += [minimal(shown[name]) for name in numbers.split()]
    fields += [from_data(shown[name]) for name in ("extraData", "mixHash", "nonce")]
    fields += [minimal(shown["baseFeePerGas"]), from_data(shown["withdrawalsRoot"])]
    assert to_data(keccak256(rlp.encode(fields))) == shown["hash"]
    body: list[Any] = [[signed()], [], [[b"", b"", PAYEE, b"\x05"]]]
    assert int(shown["size"], 16) == len(rlp.encode([fields, *body]))


def minimal(quantity: str) -> bytes:
    number = int(quantity, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def test_a_block_shows_its_transactions_as_hashes_or_whole() -> None:
    node = make_node()
    tx = send(node, signed())
    block = block_of(node, mined(node))
    assert views.block(block, full=False)["transactions"] == [tx]
    (whole,) = views.block(block, full=True)["transactions"]
    assert whole == node.handle("eth_getTransactionByHash", [tx])
    assert (whole["from"], whole["to"], whole["value"]) == (
        to_data(USER),
        to_data(PAYEE),
        hex(ETHER),
    )
    assert (whole["type"], whole["chainId"], whole["nonce"]) == ("0x2", hex(121212), "0x0")
    assert (whole["maxFeePerGas"], whole["maxPriorityFeePerGas"]) == (hex(3 * 10**9), hex(10**9))


def test_the_price_is_base_fee_and_tip_once_mined_and_the_cap_before() -> None:
    node = make_node()
    tx = send(node, signed())
    waiting = node.handle("eth_getTransactionByHash", [tx])
    assert (waiting["gasPrice"], waiting["blockHash"], waiting["transactionIndex"]) == (
        hex(3 * 10**9),
        None,
        None,
    )
    block = block_of(node, mined(node))
    price = hex(int(block.header.base_fee_per_gas) + 10**9)
    assert node.handle("eth_getTransactionByHash", [tx])["gasPrice"] == price
    assert views.receipts(block)[0]["effectiveGasPrice"] == price


def test_receipts_share_out_gas_and_log_numbers_and_name_created_contracts() -> None:
    node = make_node()
    burn = {"to": BRIDGE_ADDRESS, "data": encode_request_peg_out("a"), "gas": 100_000}
    send(node, signed(0, **burn))
    send(node, signed(1, to=None, value=0, gas=60_000))
    send(node, signed(2, **burn))
    send(node, signed(3, **{**burn, "value": 1}))  # below the minimum: reverts
    block = block_of(node, mined(node))
    shown = views.receipts(block)
    used = [int(receipt["gasUsed"], 16) for receipt in shown]
    totals = [int(receipt["cumulativeGasUsed"], 16) for receipt in shown]
    assert totals == [sum(used[: n + 1]) for n in range(4)]
    assert totals[-1] == int(block.header.gas_used)
    assert [receipt["status"] for receipt in shown] == ["0x1", "0x1", "0x1", "0x0"]
    assert [[log["logIndex"] for log in receipt["logs"]] for receipt in shown] == [
        ["0x0"],
        [],
        ["0x1"],
        [],
    ]
    created = keccak256(rlp.encode([USER, b"\x01"]))[12:]
    assert [receipt["contractAddress"] for receipt in shown] == [None, to_data(created), None, None]
    assert [log["logIndex"] for log in views.logs(block, frozenset(), ())] == ["0x0", "0x1"]


def test_a_log_passes_by_address_and_by_each_topic_position() -> None:
    assert matches(None)
    assert matches(PAYEE)
    assert not matches(USER)
    assert matches(None, {FIRST})
    assert not matches(None, {SECOND})
    assert matches(None, set(), {SECOND})
    assert matches(None, {FIRST, SECOND}, {SECOND})
    assert not matches(None, {FIRST}, {FIRST})
    assert not matches(None, set(), set(), set())  # a third position that the log lacks


def test_an_account_shows_code_and_storage_only_where_there_are_any() -> None:
    node = make_node()
    state = node.tree.head.state
    plain = views.account(state, USER, state.account(USER))
    assert plain == {
        "balance": str(10 * ETHER),
        "nonce": 0,
        "root": to_data(keccak256(rlp.encode(b""))),
        "codeHash": to_data(keccak256(b"")),
        "address": to_data(USER),
    }
    bridge = views.account(state, BRIDGE_ADDRESS, state.account(BRIDGE_ADDRESS))
    assert to_data(keccak256(from_data(bridge["code"]))) == bridge["codeHash"]
    assert "storage" not in bridge
