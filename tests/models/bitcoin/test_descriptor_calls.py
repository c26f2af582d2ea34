"""The calls about descriptors, addresses and signed texts. Their answers beside bitcoind's: tests/contract/bitcoin."""

import pytest

from alys.models.bitcoin.descriptor_calls import CALLS
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, COIN, PAYEE_ADDRESS, SCRIPT, SECRET, refusal

KEY = bitcoin.pubkey_of(SECRET).hex()


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node()


def test_a_scan_finds_the_coins_of_the_descriptors(node: BitcoinNode) -> None:
    tx = builders.payment(builders.coinbase_at(node, 1))
    builders.send(node, tx)
    assert node.handle("scantxoutset", ["start", [f"addr({PAYEE_ADDRESS})"]])["unspents"] == []
    builders.mine(node)
    found = node.handle("scantxoutset", ["start", [f"addr({PAYEE_ADDRESS})"]])
    (coin,) = found["unspents"]
    assert (coin["txid"], coin["vout"], coin["height"]) == (tx.txid, 0, 101)
    assert bitcoin.sats_of(found["total_amount"]) == 50 * COIN - builders.FEE
    assert (found["height"], found["success"]) == (101, True)
    assert found["txouts"] == len(node.chain.coins) == 101
    mine = node.handle("scantxoutset", ["start", [{"desc": f"raw({SCRIPT.hex()})"}]])
    assert sorted(coin["height"] for coin in mine["unspents"]) == list(range(2, 102))
    both = [f"addr({ADDRESS})", f"addr({PAYEE_ADDRESS})"]
    assert len(node.handle("scantxoutset", ["start", both])["unspents"]) == 101


def test_a_scan_by_key_finds_every_script_of_it(node: BitcoinNode) -> None:
    found = node.handle("scantxoutset", ["start", [f"combo({KEY})"]])
    assert {coin["desc"].partition("(")[0] for coin in found["unspents"]} == {"wpkh"}
    assert len(found["unspents"]) == 100


def test_a_scan_over_a_range_finds_the_keys_in_it(node: BitcoinNode) -> None:
    root = bitcoin.master_key(SECRET)
    script = bitcoin.p2wpkh_script(root.descendant((0, 5)).pubkey)
    builders.mine(node, 1, bitcoin.script_to_address(script) or "")
    for end, count in ((4, 0), (5, 1), ([5, 9], 1), ([6, 9], 0)):
        scan = {"desc": f"wpkh({root.public.text}/0/*)", "range": end}
        assert len(node.handle("scantxoutset", ["start", [scan]])["unspents"]) == count


def test_scans_end_at_once_so_there_is_none_to_ask_about(node: BitcoinNode) -> None:
    assert node.handle("scantxoutset", ["status"]) is None
    assert node.handle("scantxoutset", ["abort"]) is False


def test_a_scan_that_cannot_be_made(node: BitcoinNode) -> None:
    assert refusal(node, "scantxoutset", "go", []) == (-8, "Invalid action 'go'")
    assert refusal(node, "scantxoutset", "start")[0] == -1
    assert refusal(node, "scantxoutset", "start", [7])[0] == -8
    assert refusal(node, "scantxoutset", "start", [{}])[0] == -8
    told = (-5, "wpkh(): key 'x' is not valid")
    assert refusal(node, "scantxoutset", "start", ["wpkh(x)"]) == told


@pytest.mark.parametrize(
    "range_", [[1, 0], [0, 1, 2], "x", [-1, 2], -1, 1 << 31, [0, 1_000_000], [0.5, 1]]
)
def test_a_range_that_is_none(node: BitcoinNode, range_: object) -> None:
    scan = {"desc": f"wpkh({bitcoin.master_key(SECRET).public.text}/*)", "range": range_}
    assert refusal(node, "scantxoutset", "start", [scan])[0] == -8


def test_a_signed_text_is_verified_by_its_address(node: BitcoinNode) -> None:
    signature = node.handle("signmessagewithprivkey", [bitcoin.wif_of(SECRET), "text"])
    legacy = bitcoin.script_to_address(bitcoin.p2pkh_script(bitcoin.pubkey_of(SECRET)))
    assert node.handle("verifymessage", [legacy, signature, "text"]) is True
    assert node.handle("verifymessage", [legacy, signature, "texts"]) is False
    assert refusal(node, "verifymessage", ADDRESS, signature, "text")[0] == -3


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
