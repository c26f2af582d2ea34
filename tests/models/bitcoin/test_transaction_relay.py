"""Transactions between peers, message by message."""

import pytest

from alys.models.bitcoin import transaction_relay as module
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import Tx
from alys.wire.bitcoin_p2p import Item, Kind, Message
from tests.models.bitcoin.builders import (
    Clock,
    coinbase_at,
    funded_node,
    mine,
    payment,
    send,
)
from tests.models.bitcoin.peering import Stranger, of_kind


def named(tx: Tx, kind: int = Kind.WTX) -> p2p.Inv:
    return p2p.Inv(items=(Item(kind=kind, hash=tx.wtxid if kind == Kind.WTX else tx.txid),))


def wanted(messages: list[Message]) -> list[Item]:
    return [item for one in messages if isinstance(one, p2p.GetData) for item in one.items]


def test_what_is_new_is_asked_for_once_and_taken() -> None:
    node = funded_node(1)
    tx = payment(coinbase_at(node, 1))
    one, two = Stranger(node), Stranger(node)
    assert wanted(one.answer(named(tx))) == [Item(kind=Kind.WTX, hash=tx.wtxid)]
    assert wanted(two.answer(named(tx))) == []
    one.say(p2p.TxMessage(tx=tx))
    assert list(node.mempool.waiting) == [tx.txid]
    assert one.heard() == [], "it knows"
    assert two.heard() == [], "it knows as well"
    three = Stranger(node)
    assert three.answer(named(tx)) == []
    three.say(p2p.TxMessage(tx=tx))
    assert len(node.mempool.waiting) == 1


def test_news_are_named_as_the_peer_wants_and_only_what_pays_enough() -> None:
    node = funded_node(3)
    modern, old, rich, mute = (
        Stranger(node),
        Stranger(node, wtxid=False),
        Stranger(node),
        Stranger(node, greet=False),
    )
    rich.say(p2p.FeeFilter(rate=50_000))
    mute.say(
        p2p.Version(services=9, time=0, nonce=5, agent=b"", height=0, relay=False), p2p.Verack()
    )
    mute.heard()
    tx = payment(coinbase_at(node, 1))
    send(node, tx)
    assert modern.heard() == [named(tx)]
    assert old.heard() == [named(tx, Kind.TX)]
    assert rich.heard() == mute.heard() == []
    dear = payment(coinbase_at(node, 2), fee=100_000)
    send(node, dear)
    assert rich.heard() == [named(dear)]
    assert rich.answer(p2p.MemPool()) == [named(dear)]
    assert len(of_kind(modern.answer(p2p.MemPool()), p2p.Inv)) == 1


def test_what_left_before_it_was_told_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p2p, "INVENTORY_MAX", 1)
    node = funded_node(2)
    stranger = Stranger(node)
    send(node, payment(coinbase_at(node, 1)))
    send(node, payment(coinbase_at(node, 2)))
    assert len(stranger.peer.news) == 1
    mine(node, 1)
    assert of_kind(stranger.heard(), p2p.Inv)[0].items[0].kind == Kind.BLOCK  # type: ignore[attr-defined]


def test_a_refused_transaction_is_asked_for_again_only_after_a_block() -> None:
    node = funded_node(1)
    cheap = payment(coinbase_at(node, 1), fee=1)
    stranger = Stranger(node)
    stranger.say(named(cheap), p2p.TxMessage(tx=cheap))
    assert not node.mempool.waiting
    stranger.heard()
    assert stranger.answer(named(cheap)) == []
    assert not stranger.peer.closed
    mine(node, 1)
    stranger.heard()
    assert len(wanted(stranger.answer(named(cheap)))) == 1


def test_whoever_else_has_it_is_asked_when_the_first_fails() -> None:
    clock = Clock()
    node = funded_node(1, clock)
    tx = payment(coinbase_at(node, 1))
    one, two, three, four = (Stranger(node) for _ in range(4))
    assert wanted(one.answer(named(tx)))
    for other in (two, three, four):
        other.say(named(tx))
    one.say(p2p.NotFound(items=named(tx).items))
    assert wanted(two.heard()) == list(named(tx).items)
    clock.seconds += module.ASKED_SECONDS + 1
    three.peer.close("gone")
    node.peers.tick()
    assert wanted(four.heard()) == list(named(tx).items)
    node.peers.disconnected(four.peer)
    assert not node.peers.transactions.asked


def test_a_peer_that_left_is_not_asked_next() -> None:
    node = funded_node(1)
    tx = payment(coinbase_at(node, 1))
    one, two = Stranger(node), Stranger(node)
    one.say(named(tx))
    two.say(named(tx))
    node.peers.disconnected(two.peer)
    one.say(p2p.NotFound(items=named(tx).items))
    assert not node.peers.transactions.asked


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASKED_MAX", "ORPHANS_MAX", "REFUSED_MAX"):
        monkeypatch.setattr(module, name, 1)
    node = funded_node(2)
    stranger = Stranger(node)
    txs = [payment(coinbase_at(node, height), fee=1) for height in (1, 2)]
    both = p2p.Inv(items=tuple(named(tx).items[0] for tx in txs))
    assert len(wanted(stranger.answer(both))) == 1
    stranger.say(*[p2p.TxMessage(tx=tx) for tx in txs])
    assert len(node.peers.transactions._refused) == 1
    orphans = [payment(payment(coinbase_at(node, height))) for height in (1, 2)]
    stranger.say(*[p2p.TxMessage(tx=tx) for tx in orphans])
    assert list(node.peers.transactions.orphans) == [orphans[1].wtxid]
    node.peers.disconnected(stranger.peer)
    assert not node.peers.transactions.orphans


def test_an_orphan_whose_parents_are_known_bad_is_not_kept() -> None:
    node = funded_node(1)
    parent = payment(coinbase_at(node, 1), fee=1, to=coinbase_at(node, 1).outputs[0].script)
    stranger = Stranger(node)
    stranger.say(p2p.TxMessage(tx=parent))
    node.peers.transactions._refused[parent.txid] = None
    stranger.say(p2p.TxMessage(tx=payment(parent)))
    assert not node.peers.transactions.orphans


def test_while_blocks_are_under_way_no_transactions_are_asked_for() -> None:
    node = funded_node(1)
    from tests.models.bitcoin.builders import fork

    stranger = Stranger(node)
    block = fork(node, node.chain.tip.height, 1)[0]
    stranger.say(p2p.Headers(headers=(block.header,)))
    stranger.heard()
    assert stranger.answer(named(payment(coinbase_at(node, 1)))) == []
