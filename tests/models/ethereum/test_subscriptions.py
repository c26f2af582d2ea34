"""eth_subscribe: what a connection is told, and that it is told no more when it has gone."""

from typing import Any

import pytest

from alys.models.ethereum import subscriptions
from alys.models.ethereum.node import EthereumNode
from alys.models.ethereum.subscriptions import Connection
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests.models.ethereum.asking import peg_out, refused, sibling
from tests.models.ethereum.builders import (
    ETHER,
    forkchoice,
    head_of,
    make_node,
    mined,
    send,
    signed,
)


class Heard:
    """A connection and what it was told, per subscription."""

    def __init__(self, node: EthereumNode) -> None:
        self.told: list[Any] = []
        self.connection: Connection = node.connect(self.told.append)

    def subscribe(self, *params: Any) -> str:
        return str(self.connection.handle("eth_subscribe", list(params)))

    def of(self, name: str) -> list[Any]:
        found = [
            one["params"]["result"] for one in self.told if one["params"]["subscription"] == name
        ]
        assert all(one["method"] == "eth_subscription" for one in self.told)
        return found


def test_new_heads_are_headers_without_a_body() -> None:
    node = make_node()
    heard = Heard(node)
    name = heard.subscribe("newHeads")
    mined(node)
    (header,) = heard.of(name)
    block = head_of(node)
    assert header == {key: block[key] for key in header}
    assert set(block) - set(header) == {"size", "transactions", "uncles", "withdrawals"}


def test_transactions_come_by_hash_or_whole() -> None:
    node = make_node()
    heard = Heard(node)
    hashes = heard.subscribe("newPendingTransactions")
    whole = heard.subscribe("newPendingTransactions", True)
    tx = send(node, signed())
    assert heard.of(hashes) == [tx]
    assert heard.of(whole) == [node.handle("eth_getTransactionByHash", [tx])]


def test_logs_come_filtered_and_are_taken_back_by_a_reorganisation() -> None:
    node = make_node()
    other = sibling(node, head_of(node), 7)
    heard = Heard(node)
    bridge = heard.subscribe("logs", {"address": to_data(BRIDGE_ADDRESS)})
    nothing = heard.subscribe("logs", {"address": "0x" + "11" * 20})
    heads = heard.subscribe("newHeads")
    send(node, peg_out(ETHER))
    first = mined(node)
    forkchoice(node, other["blockHash"])
    assert [(log["removed"], log["blockHash"]) for log in heard.of(bridge)] == [
        (False, first["blockHash"]),
        (True, first["blockHash"]),
    ]
    assert heard.of(nothing) == []
    assert [head["hash"] for head in heard.of(heads)] == [first["blockHash"], other["blockHash"]]


def test_an_ended_subscription_tells_nothing() -> None:
    node = make_node()
    heard = Heard(node)
    name, kept = heard.subscribe("newHeads"), heard.subscribe("newHeads")
    assert heard.connection.handle("eth_unsubscribe", [name]) is True
    mined(node)
    assert (len(heard.of(name)), len(heard.of(kept))) == (0, 1)
    error = refused(heard.connection.handle, "eth_unsubscribe", [name])
    assert (error.code, error.message) == (-32000, "subscription not found")


def test_a_closed_connection_listens_no_more() -> None:
    node = make_node()
    heard = Heard(node)
    heard.subscribe("newHeads")
    heard.subscribe("newPendingTransactions")
    heard.connection.close()
    send(node, signed())
    mined(node)
    assert heard.told == []
    assert (node.listeners, node.client.pool.listeners) == ([], [])


def test_other_calls_are_answered_on_the_same_connection() -> None:
    assert Heard(make_node()).connection.handle("eth_blockNumber", []) == "0x0"


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        (["blocks"], -32601, 'no "blocks" subscription in eth namespace'),
        ([], -32602, "expected subscription name as first argument"),
        ([7], -32602, "expected subscription name as first argument"),
        (["newHeads", {}], -32602, "too many arguments"),
        (["logs", {"address": "0x1"}], -32602, "address"),
        ({"kind": "logs"}, -32602, "non-array args"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(params: Any, code: int, words: str) -> None:
    error = refused(Heard(make_node()).connection.handle, "eth_subscribe", params)
    assert (error.code, words in error.message) == (code, True), error.message


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS_MAX", 1)
    heard = Heard(make_node())
    heard.subscribe("syncing")
    assert "too many subscriptions" in refused(heard.subscribe, "newHeads").message


@pytest.mark.parametrize("method", ["eth_subscribe", "eth_unsubscribe"])
def test_without_a_connection_there_are_none(method: str) -> None:
    error = refused(make_node().handle, method, ["newHeads"])
    assert (error.code, error.message) == (-32601, "notifications not supported")
