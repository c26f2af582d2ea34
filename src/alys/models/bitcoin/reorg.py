"""A reorganisation on command: the last blocks of the best chain lose to a longer branch, as when another miner was faster."""

from alys.base.faults import BadFault, Reorg
from alys.models.bitcoin import mining
from alys.models.bitcoin.state import NodeState


def reorganise(node: NodeState, fault: Reorg) -> int:
    """Replace the last ``depth`` blocks by one more; how many were replaced. Raises BadFault, and has changed nothing then.

    The old blocks stay valid, on a branch of their own. Each new block pays whom the one that it replaces paid. What was confirmed
    is confirmed again by the first of them that has room, or waits in the mempool where the branch is to be empty.
    """
    chain = node.chain
    old = chain.tip
    fork = chain.at(old.height - fault.depth)
    if fork is None:
        raise BadFault(
            f"the fault reorg: depth {fault.depth} is too deep: {old.height} blocks stand on the genesis block"
        )
    replaced = chain.active[fork.height + 1 :]
    scripts = [entry.block.txs[0].outputs[0].script for entry in replaced]
    others = [e for e in chain.index.values() if e.parent is fork and not e.invalid]
    for entry in others:
        chain.invalidate(entry)
    try:
        for script in (*scripts, scripts[-1]):
            chosen = [] if fault.empty else mining.select(node.mempool)
            fees = sum(waiting.fee for waiting in chosen)
            txs = [waiting.tx for waiting in chosen]
            block = mining.make_block(chain, txs, fees, script, node.now())
            chain.accept(mining.mined(block))
    finally:
        for entry in others:
            chain.reconsider(entry)
    return len(replaced)
