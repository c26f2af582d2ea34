"""The calls that make wallets and change their descriptors. Their answers beside bitcoind's: tests/contract/bitcoin."""

from typing import Any

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.wallet_keys_calls import CALLS
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import START, Clock, refusal

KEY = bitcoin.with_checksum(f"wpkh({bitcoin.pubkey_of(builders.SECRET).hex()})")
RANGED = f"wpkh({bitcoin.master_key(bytes(16)).public.text}/0/*)"


@pytest.fixture
def node() -> BitcoinNode:
    node = builders.make_node(3, Clock(START + 60))
    node.handle("createwallet", ["w", True])
    return node


def imported(node: BitcoinNode, **request: Any) -> Any:
    (answer,) = node.handle("importdescriptors", [[request]])
    return answer.get("error", {}).get("message", answer["success"])


def test_what_a_descriptor_was_paid_before_is_found_as_the_timestamp_says(
    node: BitcoinNode,
) -> None:
    late = START + 5 * 60 * 60
    assert imported(node, desc=KEY, timestamp=late) is True
    assert node.handle("getwalletinfo", [])["txcount"] == 0
    assert imported(node, desc=KEY, timestamp=0) is True
    assert node.handle("getwalletinfo", [])["txcount"] == 3


def test_an_active_descriptor_gives_addresses(node: BitcoinNode) -> None:
    desc = bitcoin.with_checksum(RANGED)
    assert imported(node, desc=desc, timestamp="now", active=True, next_index=4) is True
    script = bitcoin.parse_descriptor(RANGED).outputs(4)[0].script
    assert node.handle("getnewaddress", []) == bitcoin.script_to_address(script)
    assert refusal(node, "getnewaddress", "", "bech32m")[0] == -12


def test_a_range_is_watched_to_its_end(node: BitcoinNode) -> None:
    desc = bitcoin.with_checksum(RANGED)
    far = bitcoin.parse_descriptor(RANGED).outputs(200)[0].script
    builders.mine(node, 1, bitcoin.script_to_address(far) or "")
    assert imported(node, desc=desc, timestamp=0) is True
    assert node.handle("getwalletinfo", [])["txcount"] == 0
    assert imported(node, desc=desc, timestamp=0, range=[100, 200]) is True
    assert node.handle("getwalletinfo", [])["txcount"] == 1


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"desc": RANGED}, "Missing checksum"),
        ({"desc": KEY, "range": 1}, "Range should not be specified for an un-ranged descriptor"),
        ({"desc": KEY, "active": True}, "Active descriptors must be ranged"),
        (
            {"desc": KEY, "internal": True, "label": "x"},
            "Internal addresses should not have a label",
        ),
        (
            {"desc": bitcoin.with_checksum(RANGED), "label": "x"},
            "Ranged descriptors should not have a label",
        ),
        ({}, "Descriptor not found."),
    ],
)
def test_what_is_not_imported_is_told_and_the_others_are(
    node: BitcoinNode, request_: dict[str, Any], told: str
) -> None:
    good = {"desc": KEY, "timestamp": 0}
    answers = node.handle("importdescriptors", [[{"timestamp": 0, **request_}, good]])
    assert answers[0]["error"]["message"] == told
    assert answers[1] == {"success": True}


def test_a_rescan_finds_nothing_twice(node: BitcoinNode) -> None:
    imported(node, desc=KEY, timestamp=0)
    assert node.handle("rescanblockchain", []) == {"start_height": 0, "stop_height": 3}
    assert node.handle("getwalletinfo", [])["txcount"] == 3


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
