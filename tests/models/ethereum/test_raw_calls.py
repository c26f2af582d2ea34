"""debug_getRaw...: bytes whose hashes are those in the headers."""

from typing import Any

import pytest
from ethereum_rlp import rlp

from alys.wire.ethereum import from_data, keccak256
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import head_of, legacy, make_node, mined, send, signed


def filled() -> tuple[Any, str, str]:
    node = make_node()
    first, second = send(node, legacy(protected=True)), send(node, signed(1))
    mined(node)
    return node, first, second


def test_a_header_hashes_to_the_blocks_hash_and_begins_the_block() -> None:
    node, _, _ = filled()
    head = head_of(node)
    for named in ("latest", "0x1", head["hash"]):
        raw = from_data(node.handle("debug_getRawHeader", [named]))
        assert "0x" + keccak256(raw).hex() == head["hash"]
        block = from_data(node.handle("debug_getRawBlock", [named]))
        assert len(block) == int(head["size"], 16)
        parts: Any = rlp.decode(block)
        header, transactions, uncles, withdrawals = parts
        assert rlp.encode(header) == raw
        assert (len(transactions), uncles, withdrawals) == (2, [], [])


def test_a_transaction_is_what_was_sent() -> None:
    node, first, second = filled()
    assert node.handle("debug_getRawTransaction", [second]) == "0x" + signed(1).hex()
    raw = from_data(node.handle("debug_getRawTransaction", [first]))
    assert "0x" + keccak256(raw).hex() == first
    assert node.handle("debug_getRawTransaction", ["0x" + "00" * 32]) == "0x"
    wanted = node.handle("debug_getRawTransaction", [second])
    assert node.handle("eth_getRawTransactionByHash", [second]) == wanted
    head = head_of(node)["hash"]
    for place, found in (("0x1", wanted), ("0x2", "0x")):
        assert node.handle("eth_getRawTransactionByBlockHashAndIndex", [head, place]) == found
        assert node.handle("eth_getRawTransactionByBlockNumberAndIndex", ["0x1", place]) == found
    assert node.handle("eth_getRawTransactionByBlockNumberAndIndex", ["0x9", "0x0"]) == "0x"


def test_receipts_are_as_the_trie_holds_them() -> None:
    node, _, _ = filled()
    untyped, typed = map(from_data, node.handle("debug_getRawReceipts", ["latest"]))
    assert (untyped[0] >= 0xC0, typed[0]) == (True, 2)
    parts: Any = rlp.decode(typed[1:])
    status, gas, _, logs = parts
    assert (status, int.from_bytes(gas, "big"), logs) == (b"\x01", 42_000, [])


@pytest.mark.parametrize("method", ["Header", "Block", "Receipts"])
def test_a_block_that_is_not_there_is_refused(method: str) -> None:
    error = refused(make_node().handle, f"debug_getRaw{method}", ["0x5"])
    assert (error.code, error.message) == (-32000, "header not found")
