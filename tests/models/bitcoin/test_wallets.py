"""Which wallets there are, and which one a call means."""

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.wire.jsonrpc import RpcError
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import refusal


@pytest.fixture
def node() -> BitcoinNode:
    return builders.make_node()


def test_a_node_begins_without_a_wallet(node: BitcoinNode) -> None:
    assert node.handle("listwallets", []) == []
    code, message = refusal(node, "getnewaddress")
    assert (code, message.startswith("No wallet is loaded.")) == (-18, True)
    assert refusal(node, "getbalance", 1, 2, 3, 4, 5)[0] == -1


def test_of_several_wallets_one_is_chosen_by_its_path(node: BitcoinNode) -> None:
    for name in ("a", "b"):
        node.handle("createwallet", [name])
    assert refusal(node, "getwalletinfo")[0] == -19
    for name in ("a", "b"):
        assert node.handle("getwalletinfo", [], name)["walletname"] == name
    with pytest.raises(RpcError) as refused:
        node.handle("getwalletinfo", [], "c")
    assert refused.value.code == -18
    node.handle("unloadwallet", [], "a")
    assert node.handle("getwalletinfo", [])["walletname"] == "b"


def test_a_wallet_that_is_unloaded_keeps_what_it_has(node: BitcoinNode) -> None:
    node.handle("createwallet", ["a"])
    address = node.handle("getnewaddress", [])
    node.handle("unloadwallet", ["a"])
    builders.mine(node, 1, address)
    assert node.handle("loadwallet", ["a"]) == {"name": "a"}
    assert node.handle("getbalances", [])["mine"]["immature"] == 50
    assert node.handle("listwalletdir", []) == {"wallets": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("createwallet", ["a"], -4),
        ("loadwallet", ["a"], -35),
        ("loadwallet", ["b"], -18),
        ("unloadwallet", ["b"], -18),
        ("unloadwallet", [], -8),
        ("createwallet", ["b", False, False, "secret"], -4),
        ("createwallet", ["b", False, False, None, False, False], -4),
    ],
)
def test_what_cannot_be_done_with_wallets(
    node: BitcoinNode, method: str, params: list[object], code: int
) -> None:
    node.handle("createwallet", ["a"])
    assert refusal(node, method, *params)[0] == code
    assert node.handle("listwallets", []) == ["a"]
