"""Wallets outlive the process in what the node keeps."""

from alys.models.bitcoin import wallet_kept
from alys.models.bitcoin.node import BitcoinNode
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import START, Clock
from tests.models.bitcoin.test_wallet import funded


def again(node: BitcoinNode) -> BitcoinNode:
    """Another node with the same blocks and what the first one kept."""
    other = BitcoinNode(Clock(), START)
    for entry in node.chain.active[1:]:
        other.chain.accept(entry.block)
    other.kept.values.update(node.kept.values)
    return other


def test_a_wallet_comes_back_with_all_that_it_has() -> None:
    node, wallet = funded()
    node.handle("setlabel", [builders.ADDRESS, "a friend"])
    txid = node.handle("sendtoaddress", [builders.ADDRESS, 1, "rent", "landlord"])
    builders.mine(node)
    (coin,) = node.handle("listunspent", [])
    place = {"txid": coin["txid"], "vout": coin["vout"]}
    node.handle("lockunspent", [False, [place]])
    other = again(node)
    assert other.handle("listwallets", []) == []
    other.handle("loadwallet", ["w"])
    for method, params in (
        ("getbalances", []),
        ("listlockunspent", []),
        ("listlabels", []),
        ("listdescriptors", [True]),
        ("gettransaction", [txid]),
        ("getnewaddress", []),
        ("getrawchangeaddress", []),
    ):
        assert other.handle(method, params) == node.handle(method, params)
    assert wallet.name == "w"


def test_a_wallet_is_loaded_with_the_node_where_that_was_asked_for() -> None:
    node = builders.make_node()
    node.handle("createwallet", {"wallet_name": "a", "load_on_startup": True})
    node.handle("createwallet", ["b"])
    assert again(node).handle("listwallets", []) == ["a"]
    node.handle("unloadwallet", ["a", False])
    assert again(node).handle("listwallets", []) == []
    assert len(again(node).handle("listwalletdir", [])["wallets"]) == 2


def test_nothing_is_written_where_nothing_changed() -> None:
    node, _ = funded()
    node.kept.changed.clear()
    for method in ("getbalance", "listunspent", "listtransactions", "getwalletinfo"):
        node.handle(method, [])
    assert node.kept.changed == set()
    node.handle("getnewaddress", [])
    assert node.kept.changed != set()
    assert [one.name for one in wallet_kept.stored(node.kept)] == ["w"]
