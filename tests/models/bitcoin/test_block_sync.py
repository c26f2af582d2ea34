"""Blocks between peers, message by message: what is asked of whom, what ends a connection, what is announced how."""

import pytest

from alys.models.bitcoin import block_sync as module
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import NULL_HASH, Block
from alys.wire.bitcoin_p2p import Item, Kind, Message
from tests.models.bitcoin.builders import (
    Clock,
    fork,
    make_node,
    mine,
    with_coinbase,
    with_header,
)
from tests.models.bitcoin.peering import Stranger, of_kind


def headers_of(blocks: list[Block]) -> p2p.Headers:
    return p2p.Headers(headers=tuple(block.header for block in blocks))


def asked(messages: list[Message]) -> list[str]:
    """The blocks that GetData asks for."""
    return [
        item.hash
        for message in messages
        if isinstance(message, p2p.GetData)
        for item in message.items
        if item.kind == Kind.WITNESS_BLOCK
    ]


def test_blocks_of_a_longer_branch_are_asked_for_a_few_at_a_time() -> None:
    node = make_node(2)
    blocks = fork(node, 0, 20)
    stranger = Stranger(node)
    first = asked(stranger.answer(headers_of(blocks)))
    assert first == [block.hash for block in blocks[:16]]
    assert asked(stranger.answer(p2p.BlockMessage(block=blocks[0]))) == [blocks[16].hash]
    stranger.say(*[p2p.BlockMessage(block=block) for block in blocks[1:]])
    assert node.chain.tip.hash == blocks[-1].hash
    assert not node.peers.blocks.asked


def test_a_shorter_branch_is_not_worth_asking_for() -> None:
    node = make_node(5)
    blocks = fork(node, 2, 2)
    stranger = Stranger(node)
    assert stranger.answer(headers_of(blocks)) == []
    assert asked(stranger.answer(headers_of(fork(node, 2, 3)))) != []


def test_a_block_is_asked_of_one_peer_and_of_the_next_when_that_one_leaves() -> None:
    node = make_node(1)
    blocks = fork(node, 1, 2)
    one, two = Stranger(node), Stranger(node)
    assert len(asked(one.answer(headers_of(blocks)))) == 2
    assert asked(two.answer(headers_of(blocks))) == []
    node.peers.disconnected(one.peer)
    assert asked(two.heard()) == [block.hash for block in blocks]
    two.say(p2p.NotFound(items=(Item(kind=Kind.WITNESS_BLOCK, hash=blocks[0].hash),)))
    assert list(node.peers.blocks.asked) == [blocks[1].hash]


def test_a_peer_that_keeps_a_block_too_long_is_dropped() -> None:
    clock = Clock()
    node = make_node(1, clock)
    stranger = Stranger(node)
    stranger.say(headers_of(fork(node, 1, 1)))
    clock.seconds += module.BLOCK_SECONDS + 1
    node.peers.tick()
    assert stranger.peer.reason.endswith(f"did not come within {module.BLOCK_SECONDS} s")


def test_a_block_that_comes_before_its_parent_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(1)
    blocks = fork(node, 1, 3)
    stranger = Stranger(node)
    stranger.say(headers_of(blocks))
    stranger.say(p2p.BlockMessage(block=blocks[2]), p2p.BlockMessage(block=blocks[1]))
    assert node.chain.tip.height == 1
    stranger.say(p2p.BlockMessage(block=blocks[0]))
    assert node.chain.tip.height == 4
    monkeypatch.setattr(module, "EARLY_MAX", 0)
    more = fork(node, 4, 2)
    stranger.say(headers_of(more), p2p.BlockMessage(block=more[1]), p2p.BlockMessage(block=more[0]))
    assert node.chain.tip.height == 5
    node.peers.tick()
    assert asked(stranger.heard())[-1:] == [more[1].hash]


def test_a_block_that_nobody_asked_for_is_taken_when_its_parent_is_there() -> None:
    node = make_node(1)
    blocks = fork(node, 1, 2)
    stranger = Stranger(node)
    (question,) = stranger.answer(p2p.BlockMessage(block=blocks[1]))
    assert isinstance(question, p2p.GetHeaders)
    stranger.say(p2p.BlockMessage(block=blocks[0]))
    assert node.chain.tip.hash == blocks[0].hash


def test_headers_that_break_a_rule_end_the_connection() -> None:
    node = make_node(12)
    blocks = fork(node, 12, 3)
    stranger = Stranger(node)
    stranger.say(p2p.Headers(headers=(blocks[0].header, blocks[2].header)))
    assert stranger.peer.reason == "non-continuous headers sequence"
    stranger = Stranger(node)
    stranger.say(headers_of([with_header(blocks[0], time=5)]))
    assert stranger.peer.reason.startswith("invalid header received: time-too-old")
    stranger = Stranger(node)
    late = with_header(blocks[0], time=blocks[0].header.time + 10_000)
    stranger.say(headers_of([late]))
    assert not stranger.peer.closed, "clocks differ"
    stranger.say(p2p.Headers(headers=()))
    assert not stranger.peer.closed


def test_headers_from_nowhere_lead_to_a_question() -> None:
    node = make_node(3)
    blocks = fork(node, 1, 4)
    stranger = Stranger(node)
    (question,) = stranger.answer(headers_of(blocks[2:]))
    assert question == p2p.GetHeaders(locator=node.peers.blocks.tree.locator(node.chain.tip.hash))


def test_a_block_that_breaks_a_rule_ends_the_connection_and_is_not_asked_for_again() -> None:
    node = make_node(3)
    good = fork(node, 3, 1)[0]
    bad = with_coinbase(
        good, locktime=99, inputs=(good.txs[0].inputs[0],), outputs=good.txs[0].outputs * 2
    )
    stranger = Stranger(node)
    assert asked(stranger.answer(headers_of([bad]))) == [bad.hash]
    stranger.say(p2p.BlockMessage(block=bad))
    assert stranger.peer.reason.startswith(f"invalid block {bad.hash}: ")
    node.peers.disconnected(stranger.peer)
    other = Stranger(node)
    assert asked(other.answer(headers_of([bad]))) == []
    assert not other.peer.closed, "it only passes on a header"


def test_a_block_that_was_declared_invalid_by_hand_is_nobodys_fault() -> None:
    node = make_node(3)
    block = node.chain.tip.block
    node.handle("invalidateblock", [block.hash])
    stranger = Stranger(node)
    assert asked(stranger.answer(headers_of([block]))) == []
    stranger.say(p2p.BlockMessage(block=block))
    assert not stranger.peer.closed
    assert node.chain.tip.height == 2


def test_blocks_by_name_lead_to_headers() -> None:
    node = make_node(1)
    block = fork(node, 1, 1)[0]
    stranger = Stranger(node)
    name = p2p.Inv(items=(Item(kind=Kind.BLOCK, hash=block.hash),))
    (question,) = stranger.answer(name)
    assert isinstance(question, p2p.GetHeaders)
    stranger.answer(headers_of([block]))
    assert stranger.answer(name) == []
    assert stranger.peer.best == block.hash


def test_news_come_as_headers_to_who_wants_them_and_as_a_name_else() -> None:
    node = make_node(3)
    plain, modern = Stranger(node), Stranger(node)
    modern.say(p2p.SendHeaders(), headers_of([node.chain.tip.block]))
    mine(node, 2)
    assert plain.heard() == [p2p.Inv(items=(Item(kind=Kind.BLOCK, hash=node.chain.tip.hash),))]
    assert modern.heard() == [headers_of([entry.block for entry in node.chain.active[4:]])]
    assert plain.heard() == modern.heard() == []
    mine(node, module.ANNOUNCED_HEADERS_MAX + 1)
    assert of_kind(modern.heard(), p2p.Inv), "too many headers for an announcement"
    blocks = fork(node, node.chain.tip.height, 1)
    modern.say(p2p.BlockMessage(block=blocks[0]))
    assert of_kind(modern.heard(), p2p.Headers) == [], "it knows, it told us"


def test_headers_are_given_from_where_the_peer_parts() -> None:
    node = make_node(6)
    active = node.chain.active
    stranger = Stranger(node)

    def answer(question: Message) -> list[str]:
        (got,) = stranger.answer(question)
        assert isinstance(got, p2p.Headers)
        return [header.hash for header in got.headers]

    names = [entry.hash for entry in active]
    assert answer(p2p.GetHeaders(locator=("ab" * 32, names[3]))) == names[4:]
    assert answer(p2p.GetHeaders(locator=(names[1],), stop=names[3])) == names[2:4]
    assert answer(p2p.GetHeaders(locator=("ab" * 32,))) == names[1:]
    assert answer(p2p.GetHeaders(locator=(names[6],))) == []
    assert answer(p2p.GetHeaders(locator=(), stop=names[2])) == [names[2]]
    assert stranger.answer(p2p.GetHeaders(locator=(), stop=NULL_HASH)) == []


def test_the_old_question_for_blocks_is_answered_with_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "GETBLOCKS_MAX", 3)
    node = make_node(6)
    names = [entry.hash for entry in node.chain.active]
    stranger = Stranger(node)

    def answer(question: Message) -> list[str]:
        return [
            item.hash
            for message in of_kind(stranger.answer(question), p2p.Inv)
            for item in getattr(message, "items", ())
        ]

    assert answer(p2p.GetBlocks(locator=(names[1],))) == names[2:5]
    assert answer(p2p.GetBlocks(locator=(names[1],), stop=names[3])) == names[2:3]
    assert answer(p2p.GetBlocks(locator=(names[6],))) == []
