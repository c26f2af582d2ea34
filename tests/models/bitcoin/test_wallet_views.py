"""A wallet's things as objects. Beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin import wallet_views
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN
from tests.models.bitcoin.test_wallet import funded


def test_change_is_no_entry_of_its_own() -> None:
    node, wallet = funded()
    txid = node.handle("sendtoaddress", [builders.ADDRESS, 1])
    record = wallet.records[txid]
    (sent,) = wallet_views.entries(node, wallet, record)
    assert (sent["category"], bitcoin.sats_of(sent["amount"])) == ("send", -COIN)
    assert bitcoin.sats_of(sent["fee"]) == -(wallet_views.fee_of(wallet, record) or 0) < 0


def test_a_payment_to_oneself_is_sent_and_received() -> None:
    node, wallet = funded()
    own = node.handle("getnewaddress", ["me"])
    record = wallet.records[node.handle("sendtoaddress", [own, 1])]
    found = wallet_views.entries(node, wallet, record)
    assert [(one["category"], one["label"]) for one in found] == [("send", "me"), ("receive", "me")]


def test_a_coinbase_is_immature_then_generated() -> None:
    node, wallet = funded()
    (record,) = wallet.records.values()
    (ripe,) = wallet_views.entries(node, wallet, record)
    assert (ripe["category"], ripe["generated"]) == ("generate", True)
    node.handle("invalidateblock", [node.chain.tip.hash])
    (young,) = wallet_views.entries(node, wallet, record)
    assert young["category"] == "immature"
