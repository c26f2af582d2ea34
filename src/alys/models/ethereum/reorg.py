"""A reorganisation on command: the client moves by itself to a longer branch, beside what its consensus client told it."""

import hashlib

from alys.base.faults import BadFault, Reorg
from alys.models.ethereum.client import Client
from alys.models.ethereum.tree import Block
from alys.wire.engine import ForkchoiceState, PayloadAttributes
from alys.wire.ethereum import ZERO_HASH


def reorganise(client: Client, fault: Reorg) -> int:
    """Replace the last ``depth`` blocks by one more; how many were replaced. Raises BadFault, and has changed nothing then.

    The new blocks have no withdrawals, no transactions of the old ones, and a second between them. The old blocks stay known, so
    that a consensus client can go back to them; their transactions wait in the pool. What is final cannot be replaced.
    """
    tree = client.tree
    old = tree.head
    fork = tree.at(old.number - fault.depth)
    if fork is None:
        raise BadFault(
            f"the fault reorg: depth {fault.depth} is too deep: {old.number} blocks stand on the genesis block"
        )
    if tree.finalized is not None and tree.finalized.number > fork.number:
        raise BadFault(
            f"the fault reorg: depth {fault.depth} is too deep: block {tree.finalized.number} is final, the head is {old.number}"
        )
    safe = tree.safe
    new = fork
    try:
        for _ in range(fault.depth + 1):
            new = _next(client, new)
    finally:
        tree.set_head(old)
        tree.safe = safe
    client.forkchoice_updated(_state(client, new), None)
    return fault.depth


def _next(client: Client, parent: Block) -> Block:
    """A block on the parent, whose branch is the canonical one then."""
    client.tree.set_head(parent)
    drawn = hashlib.sha256(b"reorg" + parent.hash).digest()
    attributes = PayloadAttributes(
        timestamp=int(parent.header.timestamp) + 1,
        prev_randao=drawn,
        suggested_fee_recipient=bytes(20),
        withdrawals=(),
    )
    begun = client.forkchoice_updated(_state(client, parent), attributes)
    assert begun.payload_id is not None, "a later block on the head can be begun"
    block = client.get_payload(begun.payload_id)
    client.tree.insert(block)
    return block


def _state(client: Client, head: Block) -> ForkchoiceState:
    """The head, with what is safe and final on its branch."""
    tree = client.tree
    marks = [
        mark.hash if mark is not None and tree.descends(head, mark) else ZERO_HASH
        for mark in (tree.safe, tree.finalized)
    ]
    return ForkchoiceState(
        head_block_hash=head.hash, safe_block_hash=marks[0], finalized_block_hash=marks[1]
    )
