"""Headers ahead of their blocks: what is taken, what is refused, who has what."""

import msgspec
import pytest

from alys.models.bitcoin import headers as module
from alys.models.bitcoin import rules
from alys.models.bitcoin.headers import HeaderTree, TooMany
from alys.models.bitcoin.rules import Rejected
from tests.models.bitcoin.builders import START, fork, make_node, mine


def test_headers_are_known_before_their_blocks_and_with_them() -> None:
    node = make_node(3)
    tree = HeaderTree(node.chain, node.now)
    blocks = fork(node, 2, 3)
    for block in blocks:
        tree.add(block.header)
    assert tree.without_block(blocks[-1].hash) == [block.hash for block in blocks]
    node.chain.accept(blocks[0])
    assert tree.without_block(blocks[-1].hash) == [block.hash for block in blocks[1:]]
    step = tree.get(blocks[-1].hash)
    assert step is not None
    assert (step.height, step.parent) == (5, blocks[1].hash)
    assert tree.add(blocks[0].header).height == 3
    assert tree.get("ab" * 32) is None


def test_a_header_is_judged_as_in_a_block() -> None:
    node = make_node(12)
    tree = HeaderTree(node.chain, node.now)
    good = fork(node, 12, 1)[0].header
    old = rules.mined(msgspec.structs.replace(good, time=START))
    for header, reason in (
        (rules.mined(msgspec.structs.replace(good, previous="ab" * 32)), "prev-blk-not-found"),
        (msgspec.structs.replace(good, bits=0x1D00FFFF), "high-hash"),
        (old, "time-too-old"),
    ):
        with pytest.raises(Rejected) as refused:
            tree.add(header)
        assert refused.value.reason == reason


def test_nothing_stands_on_an_invalid_block() -> None:
    node = make_node(3)
    tree = HeaderTree(node.chain, node.now)
    child = fork(node, 3, 1)[0].header
    node.handle("invalidateblock", [node.chain.tip.hash])
    with pytest.raises(Rejected, match="bad-prevblk"):
        tree.add(child)


def test_who_has_a_block_has_those_before_it_and_no_others() -> None:
    node = make_node(6)
    tree = HeaderTree(node.chain, node.now)
    side = fork(node, 3, 2)
    for block in side:
        tree.add(block.header)
    main = [entry.hash for entry in node.chain.active]
    assert tree.has(main[6], main[2])
    assert tree.has(main[6], main[6])
    assert not tree.has(main[2], main[6])
    assert tree.has(side[1].hash, main[3])
    assert not tree.has(side[1].hash, main[4])
    assert not tree.has(main[6], side[0].hash)
    assert not tree.has(main[6], "ab" * 32)


def test_a_locator_thins_out_towards_the_genesis_block() -> None:
    node = make_node(60)
    tree = HeaderTree(node.chain, node.now)
    names = tree.locator(node.chain.tip.hash)
    heights = [node.chain.index[name].height for name in names]
    assert heights[:11] == list(range(60, 49, -1))
    assert heights[11:] == [48, 44, 36, 20, 0]
    assert tree.locator(node.chain.active[0].hash) == (node.chain.active[0].hash,)


def test_what_is_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_MAX", 2)
    node = make_node(1)
    tree = HeaderTree(node.chain, node.now)
    blocks = fork(node, 1, 4)
    for block in blocks[:2]:
        tree.add(block.header)
    with pytest.raises(TooMany):
        tree.add(blocks[2].header)
    node.chain.accept(blocks[0])
    tree.add(blocks[2].header)
    assert tree.without_block(blocks[2].hash) == [blocks[1].hash, blocks[2].hash]


def test_a_block_that_failed_where_it_stands_has_no_good_header() -> None:
    node = make_node(1)
    mine(node, 1)
    bad = fork(node, 2, 1)[0]
    node.chain._failed.add(bad.hash)
    with pytest.raises(Rejected, match="duplicate-invalid"):
        HeaderTree(node.chain, node.now).add(bad.header)
