"""A wallet follows the chain: what it received, what it may spend, what became of it."""

import pytest

from alys.base.prng import SeededRandom
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.wallet import Wallet
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, START, Clock


def funded(clock: Clock | None = None) -> tuple[BitcoinNode, Wallet]:
    """A node with a wallet that has one coin to spend."""
    node = builders.make_node(0, clock)
    node.handle("createwallet", ["w"])
    builders.mine(node, 1, node.handle("getnewaddress", []))
    builders.mine(node, 100)
    wallet = node.wallets.loaded["w"]
    wallet.read()
    return node, wallet


def test_a_coinbase_is_counted_when_it_can_be_spent() -> None:
    node = builders.make_node()
    node.handle("createwallet", ["w"])
    builders.mine(node, 1, node.handle("getnewaddress", []))
    builders.mine(node, 99)
    wallet = node.wallets.loaded["w"]
    wallet.read()
    assert wallet.balances() == (0, 0, 50 * COIN)
    builders.mine(node)
    assert wallet.balances() == (50 * COIN, 0, 0)


def test_a_payment_from_elsewhere_is_pending_and_ones_own_change_is_not() -> None:
    node, wallet = funded()
    node.handle("sendtoaddress", [builders.ADDRESS, 1])
    trusted, pending, _ = wallet.balances()
    assert (48 * COIN < trusted < 49 * COIN, pending) == (True, 0)
    script = bitcoin.address_to_script(node.handle("getnewaddress", []))
    builders.send(node, builders.payment(builders.coinbase_at(node, 2), to=script))
    wallet.read()
    assert wallet.balances()[1] > 0


def test_a_lost_block_takes_its_coins_with_it_and_its_payments_wait_again() -> None:
    node, wallet = funded()
    txid = node.handle("sendtoaddress", [builders.ADDRESS, 1])
    (digest,) = builders.mine(node)
    wallet.read()
    assert wallet.depth(wallet.records[txid]) == 1
    node.handle("invalidateblock", [digest])
    wallet.read()
    assert wallet.depth(wallet.records[txid]) == 0
    assert wallet.is_trusted(wallet.records[txid])
    builders.mine(node)
    wallet.read()
    assert wallet.depth(wallet.records[txid]) == 1


def test_what_spends_a_coin_that_a_confirmed_one_spent_is_below_nothing() -> None:
    node, wallet = funded()
    txid = node.handle("sendtoaddress", [builders.ADDRESS, 1])
    first = node.mempool.waiting[txid].tx
    other = bitcoin.Tx(
        inputs=first.inputs, outputs=(bitcoin.TxOut(value=COIN, script=builders.SCRIPT),)
    )
    coins = {place: coin.output for place, coin in node.mempool.coins_of(first).items()}
    signer = wallet.signer(coin.script for coin in coins.values())
    signed = bitcoin.sign_input(other, 0, list(coins.values()), signer, bytes(32))
    node.chain.accept(builders.block_on_tip(node, [signed], 0))
    wallet.read()
    assert wallet.conflicts(first) == [signed.txid]
    assert wallet.depth(wallet.records[txid]) == -1
    assert not wallet.is_trusted(wallet.records[txid])


def test_the_same_chance_gives_the_same_keys_and_each_wallet_its_own() -> None:
    def addresses(seed: int) -> list[str]:
        node = BitcoinNode(Clock(), START, SeededRandom(seed))
        found = []
        for name in ("a", "b"):
            node.handle("createwallet", [name])
            found.append(node.handle("getnewaddress", [], name))
        return found

    assert addresses(1) == addresses(1)
    assert len({*addresses(1), *addresses(2)}) == 4


def test_payments_are_the_same_in_every_run() -> None:
    def story() -> list[str]:
        node, _ = funded()
        return [node.handle("sendtoaddress", [builders.ADDRESS, n]) for n in (1, 2, 3)]

    assert story() == story()


def test_a_wallet_reads_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    node, wallet = funded()
    looked: list[str] = []
    real = wallet._look

    def look(tx: bitcoin.Tx, time: int, *, own: bool = False) -> None:
        looked.append(tx.txid)
        real(tx, time, own=own)

    monkeypatch.setattr(wallet, "_look", look)
    wallet.read()
    assert looked == []
    builders.mine(node)
    wallet.read()
    assert looked == [node.chain.tip.block.txs[0].txid]
