"""The way from one head to another: what fell away, highest first, then what came, lowest first."""

from alys.models.ethereum import branches
from tests.models.ethereum.asking import peg_out, sibling
from tests.models.ethereum.builders import (
    block_of,
    forkchoice,
    head_of,
    make_node,
    mined,
    send,
)


def test_a_change_names_both_branches_in_order() -> None:
    node = make_node()
    other = sibling(node, head_of(node), 7)
    first = mined(node)
    second = mined(node)
    old = block_of(node, second)
    forkchoice(node, other["blockHash"])
    new = mined(node)
    change = branches.change(node.tree, old, block_of(node, new))
    assert change.removed == (block_of(node, second), block_of(node, first))
    assert change.added == (block_of(node, other), block_of(node, new))
    still = branches.change(node.tree, old, old)
    assert (still.removed, still.added) == ((), ())


def test_logs_that_fell_away_come_first_and_say_so() -> None:
    node = make_node()
    other = sibling(node, head_of(node), 7)
    tx = send(node, peg_out(10**18))
    old = block_of(node, mined(node))
    forkchoice(node, other["blockHash"])
    new = block_of(node, mined(node))  # the transaction is in the pool again
    change = branches.change(node.tree, old, new)
    told = [(log["removed"], log["blockHash"]) for log in branches.logs(change, frozenset(), ())]
    assert told == [(True, "0x" + old.hash.hex()), (False, "0x" + new.hash.hex())]
    assert {log["transactionHash"] for log in branches.logs(change, frozenset(), ())} == {tx}
