"""A reorganisation on command: the client moves by itself to a longer branch, beside what its consensus client told it."""

import hashlib

from alys.base.faults import BadFault, Reorg
from alys.models.ethereum.client import Client
from alys.models.ethereum.tree import Block
from alys.wire.engine import PayloadAttributes


def reorganise(client: Client, fault: Reorg) -> int:
    """Replace the last ``depth`` blocks by one more; how many were replaced. Raises BadFault, and has changed nothing then.

    The new blocks have no withdrawals, no transactions of the old ones, and a second between them. The old blocks stay known, so
    that a consensus client can go back to them; their transactions wait in the pool. What is final cannot be replaced, nor what was
    made by work.
    """
    tree = client.tree
    old = tree.head
    fork = tree.at(old.number - fault.depth)
    if fork is None:
        raise _too_deep(fault, f"{old.number} blocks stand on the genesis block")
    if tree.finalized is not None and tree.finalized.number > fork.number:
        raise _too_deep(fault, f"block {tree.finalized.number} is final, the head is {old.number}")
    first = tree.at(fork.number + 1)
    if first is not None and int(first.header.difficulty):
        raise _too_deep(fault, f"block {first.number} was made by work")
    new = fork
    for _ in range(fault.depth + 1):
        new = client.build(new, _attributes(new))
        tree.insert(new)
    client.adopt(new)
    return fault.depth


def _attributes(parent: Block) -> PayloadAttributes:
    return PayloadAttributes(
        timestamp=int(parent.header.timestamp) + 1,
        prev_randao=hashlib.sha256(b"reorg" + parent.hash).digest(),
        suggested_fee_recipient=bytes(20),
        withdrawals=(),
    )


def _too_deep(fault: Reorg, why: str) -> BadFault:
    return BadFault(f"the fault reorg: depth {fault.depth} is too deep: {why}")
