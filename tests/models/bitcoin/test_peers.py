"""Peers of a Bitcoin node: whole nodes joined in memory, and strangers that say one thing or another."""

import pytest

from alys.models.bitcoin import peers as module
from alys.models.bitcoin.peers import NodeKnown, NodeUnknown, address_of
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_p2p import Item, Kind
from tests.models.bitcoin.builders import (
    START,
    Clock,
    coinbase_at,
    funded_node,
    make_node,
    mine,
    payment,
    send,
)
from tests.models.bitcoin.peering import Link, Stranger, joined, of_kind, settle


def test_a_node_that_joins_gets_the_whole_chain_and_then_each_new_block() -> None:
    first, second = make_node(30), make_node()
    link = joined(second, first)
    assert second.chain.tip.hash == first.chain.tip.hash
    mine(first, 2)
    settle(link)
    assert second.chain.tip.hash == first.chain.tip.hash
    mine(second, 3)
    settle(link)
    assert first.chain.tip.hash == second.chain.tip.hash
    assert first.chain.tip.height == 35


def test_blocks_travel_in_either_direction_of_the_connection() -> None:
    first, second = make_node(5), make_node()
    joined(first, second)
    assert second.chain.tip.height == 5


def test_the_longer_of_two_branches_wins_however_deep_they_parted() -> None:
    clock = Clock()
    first, second = make_node(3, clock), make_node()
    joined(second, first)
    clock.seconds += 7
    mine(first, 40)
    mine(second, 41)
    link = joined(first, second)
    assert first.chain.tip.hash == second.chain.tip.hash
    assert first.chain.tip.height == 44
    mine(first, 1)
    settle(link)
    assert second.chain.tip.height == 45


def test_more_headers_than_one_message_holds_are_asked_for_until_all_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(p2p, "HEADERS_MAX", 7)
    first, second = make_node(40), make_node()
    joined(second, first)
    assert second.chain.tip.hash == first.chain.tip.hash


def test_transactions_go_from_node_to_node_and_into_the_next_block() -> None:
    one, two, three = funded_node(2), make_node(), make_node()
    links = (joined(two, one), joined(three, two))
    settle(*links)
    assert three.chain.tip.height == 101
    parent = payment(coinbase_at(one, 1), to=coinbase_at(one, 1).outputs[0].script)
    child = payment(parent)
    send(one, parent)
    send(one, child)
    settle(*links)
    assert list(three.mempool.waiting) == [parent.txid, child.txid]
    mine(three, 1)
    settle(*links)
    assert one.find(child.txid) is not None
    assert not one.mempool.waiting


def test_an_orphan_waits_for_its_parent_which_is_asked_for() -> None:
    node = funded_node(1)
    parent = payment(coinbase_at(node, 1), to=coinbase_at(node, 1).outputs[0].script)
    child = payment(parent)
    stranger = Stranger(node)
    asked = stranger.answer(p2p.TxMessage(tx=child))
    assert asked == [p2p.GetData(items=(Item(kind=Kind.WITNESS_TX, hash=parent.txid),))]
    assert not node.mempool.waiting
    stranger.say(p2p.TxMessage(tx=parent))
    assert list(node.mempool.waiting) == [parent.txid, child.txid]
    assert not node.peers.transactions.orphans


def test_greetings_show_services_height_and_a_nonce_of_its_own() -> None:
    node = make_node(4)
    node.peers.salt = b"s"
    stranger = Stranger(node, greet=False)
    greeting = stranger.answer(p2p.Version(services=9, time=0, nonce=1, agent=b"", height=0))
    ours = greeting[0]
    assert isinstance(ours, p2p.Version)
    assert (ours.services, ours.height, ours.time) == (0x409, 4, START)
    assert [type(one) for one in greeting[1:]] == [p2p.WtxidRelay, p2p.SendAddrV2, p2p.Verack]
    other = make_node()
    other.peers.salt = b"t"
    theirs = Stranger(other, greet=False).answer(
        p2p.Version(services=9, time=0, nonce=1, agent=b"", height=0)
    )[0]
    assert isinstance(theirs, p2p.Version)
    assert theirs.nonce != ours.nonce


def test_a_node_that_calls_itself_notices() -> None:
    node = make_node()
    link = Link(node, node)
    settle(link)
    assert link.there.reason == "connected to itself"
    assert not node.peers.all


def test_what_a_peer_asks_for_is_sent_and_what_is_not_there_is_named() -> None:
    node = funded_node(1)
    tx = payment(coinbase_at(node, 1))
    send(node, tx)
    block = node.chain.active[1].block
    stranger = Stranger(node)
    nothing = Item(kind=Kind.WTX, hash="ab" * 32)
    strange = Item(kind=99, hash=tx.txid)
    got = stranger.answer(
        p2p.GetData(
            items=(
                Item(kind=Kind.WITNESS_BLOCK, hash=block.hash),
                nothing,
                Item(kind=Kind.WTX, hash=tx.wtxid),
                strange,
                Item(kind=Kind.TX, hash=tx.txid),
            )
        )
    )
    blocks, txs = of_kind(got, p2p.BlockMessage), of_kind(got, p2p.TxMessage)
    assert blocks == [p2p.BlockMessage(block=block)]
    assert txs[0] == p2p.TxMessage(tx=tx)
    assert isinstance(txs[1], p2p.TxMessage)
    assert not txs[1].tx.inputs[0].witness
    assert of_kind(got, p2p.NotFound) == [p2p.NotFound(items=(nothing,))]


def test_a_block_without_witness_flag_comes_without_its_witnesses() -> None:
    node = make_node(1)
    block = node.chain.tip.block
    asked = p2p.GetData(items=(Item(kind=Kind.BLOCK, hash=block.hash),))
    (got,) = of_kind(Stranger(node).answer(asked), p2p.BlockMessage)
    assert isinstance(got, p2p.BlockMessage)
    assert got.block.hash == block.hash
    assert not got.block.txs[0].inputs[0].witness


def test_an_invalid_block_is_not_given_away() -> None:
    node = make_node(2)
    lost = node.chain.tip.hash
    stranger = Stranger(node)
    node.handle("invalidateblock", [lost])
    item = Item(kind=Kind.WITNESS_BLOCK, hash=lost)
    said = stranger.answer(p2p.GetData(items=(item,)))
    assert [type(one) for one in said] == [p2p.Inv], "its new tip, and nothing about the old one"


def test_many_blocks_are_made_ready_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 600)
    node = make_node(30)
    stranger = Stranger(node)
    items = tuple(Item(kind=Kind.WITNESS_BLOCK, hash=one.hash) for one in node.chain.active[1:])
    stranger.say(p2p.GetData(items=items))
    assert len(stranger.peer.data_to_send()) < 1_500
    assert len(of_kind(stranger.heard(), p2p.BlockMessage)) >= 26


def test_who_asks_for_too_much_at_once_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WANTED_MAX", 5)
    stranger = Stranger(make_node())
    item = Item(kind=Kind.TX, hash="00" * 32)
    stranger.say(p2p.GetData(items=(item,) * 6))
    assert stranger.peer.reason == "it asks for more than it takes"


def test_the_number_of_peers_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOUND_MAX", 2)
    monkeypatch.setattr(module, "OUTBOUND_MAX", 1)
    peers = make_node().peers
    found = [peers.connected(f"10.0.0.1:{n}", inbound=True) for n in range(3)]
    assert [peer.reason for peer in found] == ["", "", "too many peers"]
    assert not peers.connected("10.0.0.2:1", inbound=False).closed
    assert peers.connected("10.0.0.3:1", inbound=False).closed
    assert len(peers.all) == 3


def test_nodes_can_be_added_removed_and_dropped() -> None:
    peers = make_node().peers
    peers.add("10.0.0.1:1")
    assert peers.missing() == ["10.0.0.1:1"]
    with pytest.raises(NodeKnown):
        peers.add("10.0.0.1:1")
    peer = peers.connected("10.0.0.1:1", inbound=False)
    assert peers.missing() == []
    peers.drop("10.0.0.1:1")
    assert peer.reason == "disconnected on request"
    peers.disconnected(peer)
    peers.disconnected(peer)
    assert list(peers.dropped) == [("10.0.0.1:1", "disconnected on request")]
    peers.remove("10.0.0.1:1")
    with pytest.raises(NodeUnknown):
        peers.remove("10.0.0.1:1")
    with pytest.raises(NodeUnknown):
        peers.drop(number=7)


def test_switched_off_there_are_no_peers() -> None:
    peers = make_node().peers
    peers.add("10.0.0.1:1")
    stranger = Stranger(make_node())
    peer = peers.connected("10.0.0.9:9", inbound=True)
    peers.switch(False)
    assert peer.closed
    assert peers.missing() == []
    assert peers.connected("10.0.0.9:9", inbound=True).reason == "the network is switched off"
    assert not stranger.peer.closed


def test_time_outs_reach_peers_and_what_they_were_asked_for() -> None:
    clock = Clock()
    node = make_node(0, clock)
    silent = Stranger(node, greet=False)
    clock.seconds += 61
    node.peers.tick()
    assert silent.peer.reason == "no handshake within 60 s"


def test_messages_without_meaning_here_change_nothing() -> None:
    stranger = Stranger(make_node())
    said = (
        p2p.SendCompact(announce=True, version=2),
        p2p.GetAddr(),
        p2p.Addr(nodes=((1, p2p.Address(host="10.0.0.1", port=1)),)),
        p2p.Unknown(command="later", payload=b"x"),
    )
    assert stranger.answer(*said) == []
    assert stranger.peer.ready


def test_an_address_that_is_a_name_is_zeros_on_the_wire() -> None:
    assert address_of("10.0.0.1:5") == p2p.Address(host="10.0.0.1", port=5)
    assert address_of("[::1]:5") == p2p.Address(host="::1", port=5)
    assert address_of("node") == p2p.Address(host="", port=0)
