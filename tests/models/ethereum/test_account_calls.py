"""Accounts of the node's own: it fills transactions in, signs them, and knows no others."""

from typing import Any

import coincurve
import pytest

from alys.models.ethereum.transactions import decode
from alys.wire.ethereum import from_data, keccak256, to_data
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import USER, make_node
from tests.models.ethereum.development import ALICE, BOB, DevNode


def test_a_node_that_was_not_told_to_has_none() -> None:
    node = make_node()
    assert node.handle("eth_accounts", []) == []
    assert node.handle("eth_mining", []) is False
    sent = {"from": to_data(USER), "to": to_data(BOB)}
    error = refused(node.handle, "eth_sendTransaction", [sent])
    assert (error.code, error.message) == (-32000, "unknown account")


def test_a_transaction_is_filled_in() -> None:
    node = DevNode()
    assert node.ask("eth_accounts") == [to_data(ALICE), to_data(BOB)]
    tx = node.ask("eth_getTransactionByHash", node.pay(5))
    assert (tx["from"], tx["nonce"], tx["gas"]) == (to_data(ALICE), "0x0", hex(21_000))
    assert int(tx["maxPriorityFeePerGas"], 16) == 10**9
    assert node.ask("eth_getTransactionByHash", node.pay(5))["nonce"] == "0x1"


def test_what_is_given_is_kept() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    given: dict[str, Any] = {
        "gas": "0x7530",
        "gasPrice": hex(9 * 10**9),
        "nonce": "0x4",
        "data": "0x",
    }
    tx = node.ask("eth_getTransactionByHash", node.pay(**given))
    assert (tx["gas"], tx["nonce"]) == ("0x7530", "0x4")
    assert tx["maxFeePerGas"] == tx["maxPriorityFeePerGas"] == hex(9 * 10**9)
    fees: dict[str, Any] = {"maxFeePerGas": hex(7 * 10**9), "maxPriorityFeePerGas": "0x1"}
    tx = node.ask("eth_getTransactionByHash", node.pay(**fees))
    assert (tx["maxFeePerGas"], tx["maxPriorityFeePerGas"]) == (hex(7 * 10**9), "0x1")


def test_signing_sends_nothing() -> None:
    node = DevNode()
    signed = node.ask("eth_signTransaction", {"from": to_data(ALICE), "to": to_data(BOB)})
    raw = from_data(signed["raw"])
    assert decode(raw, 121212).sender == ALICE
    assert signed["tx"]["hash"] == to_data(keccak256(raw))
    assert (node.number(), node.ask("txpool_status")["pending"]) == (0, "0x0")


def test_a_signed_message_recovers_to_its_account() -> None:
    node = DevNode()
    signature = from_data(node.ask("eth_sign", to_data(BOB), to_data(b"hello")))
    assert signature[64] in (27, 28)
    digest = keccak256(b"\x19Ethereum Signed Message:\n5hello")
    compact = signature[:64] + bytes([signature[64] - 27])
    key = coincurve.PublicKey.from_signature_and_message(compact, digest, hasher=None)
    assert keccak256(key.format(compressed=False)[1:])[12:] == BOB
    assert refused(node.ask, "eth_sign", to_data(USER), "0x").message == "unknown account"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"from": None}, -32602, "from"),
        ({"value": "0x1" + "0" * 64}, -32602, "value"),
        ({"nonce": "0x1" + "0" * 16}, -32602, "nonce"),
        ({"chainId": "0x1"}, -32602, "chainId does not match"),
        ({"accessList": [{"address": to_data(BOB), "storageKeys": []}]}, -32602, "accessList"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, -32000, "both gasPrice and"),
        ({"value": hex(20_000 * 10**18)}, -32000, "insufficient funds"),
        ({"nonce": "0x0", "value": hex(20_000 * 10**18), "gas": "0x5208"}, -32000, "insufficient"),
        ({"to": "0x" + "bb" * 20, "value": "0x1"}, 3, "execution reverted"),
    ],
)
def test_what_cannot_be_sent_is_refused(changes: dict[str, Any], code: int, words: str) -> None:
    node = DevNode()
    sent = {"from": to_data(ALICE), "to": to_data(BOB), **changes}
    error = refused(node.ask, "eth_sendTransaction", sent)
    assert (error.code, words in error.message) == (code, True), error.message
    assert node.number() == 0
