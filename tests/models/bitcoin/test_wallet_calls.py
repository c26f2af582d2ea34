"""The calls that look into a wallet. Their answers beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin.wallet_calls import CALLS
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import refusal
from tests.models.bitcoin.test_wallet import funded


def test_coins_are_listed_by_depth_address_and_amount() -> None:
    node, _ = funded()
    (coin,) = node.handle("listunspent", [])
    assert (coin["confirmations"], coin["safe"]) == (101, True)
    assert node.handle("listunspent", [102]) == []
    assert node.handle("listunspent", [1, 100]) == []
    assert len(node.handle("listunspent", [0, 999, [coin["address"]]])) == 1
    other = node.handle("getnewaddress", [])
    assert node.handle("listunspent", [0, 999, [other]]) == []
    assert node.handle("listunspent", {"query_options": {"minimumAmount": 51}}) == []


def test_a_locked_coin_is_listed_as_such_alone() -> None:
    node, _ = funded()
    (coin,) = node.handle("listunspent", [])
    place = {"txid": coin["txid"], "vout": coin["vout"]}
    assert node.handle("lockunspent", [False, [place]]) is True
    assert node.handle("listunspent", []) == []
    assert node.handle("listlockunspent", []) == [place]
    told = (-8, "Invalid parameter, output already locked")
    assert refusal(node, "lockunspent", False, [place]) == told
    assert node.handle("lockunspent", [True, [place]]) is True
    told = (-8, "Invalid parameter, expected locked output")
    assert refusal(node, "lockunspent", True, [place]) == told


def test_transactions_are_listed_the_latest_last() -> None:
    node, _ = funded()
    sent = [node.handle("sendtoaddress", [builders.ADDRESS, n]) for n in (1, 2)]
    assert [one["txid"] for one in node.handle("listtransactions", ["*", 2])] == sent
    assert [one["txid"] for one in node.handle("listtransactions", ["*", 1, 1])] == sent[:1]


def test_what_came_since_a_block() -> None:
    node, _ = funded()
    before = node.handle("listsinceblock", [])
    assert (len(before["transactions"]), before["lastblock"]) == (1, node.chain.tip.hash)
    sent = node.handle("sendtoaddress", [builders.ADDRESS, 1])
    since = node.handle("listsinceblock", [before["lastblock"]])
    assert [one["txid"] for one in since["transactions"]] == [sent]


def test_every_call_of_the_table_is_reached_by_its_name() -> None:
    node = builders.make_node()
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
