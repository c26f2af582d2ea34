"""The fork tree alone: branches, markers, memory of refusals."""

import dataclasses

import msgspec
import pytest
from ethereum_types.numeric import U256, Uint

from alys.models.ethereum import tree as tree_module
from alys.models.ethereum.execution import genesis_block, hash_of
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.transactions import SignedTransaction
from alys.models.ethereum.tree import Block, BlockTree
from tests.models.ethereum.builders import START, decoded

GENESIS = genesis_block(dev_genesis(START, bridge=False))


def child(parent: Block, salt: int = 0, *transactions: SignedTransaction) -> Block:
    """A block on ``parent``; nothing in it was executed, which is not the tree's business."""
    header = dataclasses.replace(
        parent.header,
        parent_hash=type(parent.header.parent_hash)(parent.hash),
        number=parent.header.number + Uint(1),
        timestamp=parent.header.timestamp + U256(1 + salt),
    )
    return msgspec.structs.replace(
        parent, hash=hash_of(header), header=header, transactions=transactions
    )


def chain(tree: BlockTree, parent: Block, length: int, salt: int = 0) -> list[Block]:
    blocks = []
    for _ in range(length):
        parent = child(parent, salt)
        tree.insert(parent)
        blocks.append(parent)
    return blocks


def test_inserting_moves_no_head() -> None:
    tree = BlockTree(GENESIS)
    (block,) = chain(tree, GENESIS, 1)
    assert tree.head is GENESIS
    assert tree.get(block.hash) is block
    assert not tree.is_canonical(block)
    assert tree.at(1) is None


def test_a_change_of_head_names_what_left_and_what_came_in_order() -> None:
    tree = BlockTree(GENESIS)
    left, right = chain(tree, GENESIS, 2), chain(tree, GENESIS, 3, salt=1)
    first = tree.set_head(left[-1])
    assert (first.removed, first.added) == ((), tuple(left))
    second = tree.set_head(right[-1])
    assert second.removed == (left[1], left[0])
    assert second.added == tuple(right)
    assert tree.canonical == [GENESIS, *right]


def test_a_transaction_is_found_on_the_canonical_branch_only() -> None:
    tree = BlockTree(GENESIS)
    one, two = decoded(0), decoded(1)
    left, right = child(GENESIS, 0, one, two), child(GENESIS, 1, two)
    tree.insert(left)
    tree.insert(right)
    tree.set_head(left)
    assert (tree.transaction(one.hash), tree.transaction(two.hash)) == ((left, 0), (left, 1))
    tree.set_head(right)
    assert (tree.transaction(one.hash), tree.transaction(two.hash)) == (None, (right, 0))


def test_descent_is_judged_along_branches() -> None:
    tree = BlockTree(GENESIS)
    left, right = chain(tree, GENESIS, 3), chain(tree, GENESIS, 3, salt=1)
    tree.set_head(left[-1])
    for branch, other in ((left, right), (right, left)):
        assert tree.descends(branch[2], GENESIS)
        assert tree.descends(branch[2], branch[0])
        assert tree.descends(branch[1], branch[1])
        assert not tree.descends(branch[0], branch[2])
        assert not tree.descends(branch[2], other[0])


def test_markers_fall_with_their_branch() -> None:
    tree = BlockTree(GENESIS)
    left, right = chain(tree, GENESIS, 1), chain(tree, GENESIS, 1, salt=1)
    tree.set_head(left[0])
    tree.safe, tree.finalized = left[0], GENESIS
    tree.set_head(right[0])
    markers: list[Block | None] = [tree.safe, tree.finalized]
    assert markers == [None, GENESIS]
    tree.finalized = right[0]
    tree.set_head(left[0])
    assert tree.finalized is None


def test_the_hashes_before_are_the_branchs_own_oldest_first_and_no_more_than_256() -> None:
    tree = BlockTree(GENESIS)
    left, right = chain(tree, GENESIS, 300), chain(tree, GENESIS, 2, salt=1)
    tree.set_head(left[-1])
    assert tree.hashes_before(right[1]) == [GENESIS.hash, right[0].hash, right[1].hash]
    assert tree.hashes_before(left[-1]) == [block.hash for block in left[-256:]]
    assert tree.hashes_before(GENESIS) == [GENESIS.hash]


def test_refusals_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "REFUSED_HASHES_MAX", 2)
    tree = BlockTree(GENESIS)
    for number in range(3):
        tree.refuse(bytes([number]) * 32, GENESIS.hash)
    remembered = [tree.last_valid_of_refused(bytes([number]) * 32) for number in range(3)]
    assert remembered == [None, GENESIS.hash, GENESIS.hash]


def test_a_block_without_its_parent_never_enters() -> None:
    tree = BlockTree(GENESIS)
    with pytest.raises(AssertionError):
        tree.insert(child(child(GENESIS)))
