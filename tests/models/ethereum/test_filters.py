"""Filters that are polled: each poll shows what came since the one before, and who never polls is forgotten."""

from typing import Any

import pytest

from alys.models.ethereum import filters
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.asking import peg_out, refused, sibling
from tests.models.ethereum.builders import (
    ETHER,
    START,
    USER,
    forkchoice,
    head_of,
    make_node,
    mined,
    send,
    signed,
)


def changes(node: EthereumNode, name: str) -> Any:
    return node.handle("eth_getFilterChanges", [name])


def test_a_block_filter_shows_each_block_once() -> None:
    node = make_node()
    name = node.handle("eth_newBlockFilter", [])
    assert changes(node, name) == []
    hashes = [mined(node)["blockHash"] for _ in range(2)]
    assert changes(node, name) == hashes
    assert changes(node, name) == []


def test_a_transaction_filter_shows_what_came_even_when_it_is_mined_already() -> None:
    node = make_node()
    send(node, signed(0))
    name = node.handle("eth_newPendingTransactionFilter", [])
    later = send(node, signed(1))
    mined(node)
    assert changes(node, name) == [later]
    assert changes(node, name) == []


def test_a_log_filter_shows_new_logs_and_all_of_them_when_asked_for_all() -> None:
    node = make_node()
    old = send(node, peg_out(ETHER))
    mined(node)
    wanted = {"address": to_data(BRIDGE_ADDRESS), "fromBlock": "0x0", "toBlock": "latest"}
    name = node.handle("eth_newFilter", [wanted])
    new = send(node, peg_out(ETHER, nonce=1))
    mined(node)
    assert [log["transactionHash"] for log in changes(node, name)] == [new]
    assert changes(node, name) == []
    logs = node.handle("eth_getFilterLogs", [name])
    assert [log["transactionHash"] for log in logs] == [old, new]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"address": to_data(b"\x01" * 20)}, 0),
        ({"topics": [None, "0x" + "00" * 12 + USER.hex()]}, 1),
        ({"fromBlock": "0x2"}, 0),
        ({"fromBlock": "0x0", "toBlock": "0x1"}, 1),
        ({"toBlock": "latest"}, 1),
    ],
)
def test_a_log_filter_keeps_to_what_it_was_asked_for(wanted: Any, shown: int) -> None:
    node = make_node()
    name = node.handle("eth_newFilter", [{"fromBlock": "0x0", "toBlock": "0x9", **wanted}])
    send(node, peg_out(ETHER))
    mined(node)
    assert len(changes(node, name)) == shown


def test_a_reorganisation_takes_logs_back_and_names_every_new_block() -> None:
    node = make_node()
    other = sibling(node, head_of(node), 7)
    logs, blocks = node.handle("eth_newFilter", [{}]), node.handle("eth_newBlockFilter", [])
    send(node, peg_out(ETHER))
    first = mined(node)
    assert [log["removed"] for log in changes(node, logs)] == [False]
    assert changes(node, blocks) == [first["blockHash"]]
    forkchoice(node, other["blockHash"])
    taken = changes(node, logs)
    assert [(log["removed"], log["blockHash"]) for log in taken] == [(True, first["blockHash"])]
    assert changes(node, blocks) == [other["blockHash"]]


@pytest.mark.parametrize("method", ["eth_getFilterChanges", "eth_getFilterLogs"])
def test_an_unknown_filter_is_refused_in_geths_words(method: str) -> None:
    error = refused(make_node().handle, method, ["0x1"])
    assert (error.code, error.message) == (-32000, "filter not found")
    assert refused(make_node().handle, method, [1]).code == -32602


def test_only_log_filters_have_all_their_logs() -> None:
    node = make_node()
    name = node.handle("eth_newBlockFilter", [])
    assert refused(node.handle, "eth_getFilterLogs", [name]).message == "filter not found"


def test_an_uninstalled_filter_is_gone() -> None:
    node = make_node()
    name = node.handle("eth_newBlockFilter", [])
    assert node.handle("eth_uninstallFilter", [name]) is True
    assert node.handle("eth_uninstallFilter", [name]) is False
    assert refused(changes, node, name).message == "filter not found"


def test_a_filter_that_nobody_polls_is_forgotten_after_five_minutes() -> None:
    clock = [float(START)]
    node = EthereumNode(dev_genesis(START), lambda: clock[0])
    polled, forgotten = (node.handle("eth_newBlockFilter", []) for _ in range(2))
    clock[0] += filters.FILTER_SECONDS - 1
    assert changes(node, polled) == []
    clock[0] += 2
    assert changes(node, polled) == []
    assert refused(changes, node, forgotten).message == "filter not found"
    assert len(node.filters) == 1


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "FILTERS_MAX", 2)
    node = make_node()
    for _ in range(2):
        node.handle("eth_newBlockFilter", [])
    with pytest.raises(RpcError, match="too many filters: 2"):
        node.handle("eth_newBlockFilter", [])
