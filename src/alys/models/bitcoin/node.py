"""A Bitcoin regtest node behind its RPC, sans I/O: method and params in, JSON values out.

What bitcoind answers is the specification: codes, words, shapes. The calls stand in the modules named ``_calls``, by what
they are about, and here those about the node itself; ``METHODS`` is the table of all. The node has no wallet until one is
made.
"""

from collections.abc import Callable
from typing import Any

from alys.base.faults import BITCOIN
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import Random, SeededRandom
from alys.models.bitcoin import (
    block_calls,
    chain_calls,
    control_calls,
    descriptor_calls,
    mempool_calls,
    mining_calls,
    peer_calls,
    raw_calls,
    reorg,
    transaction_calls,
    wallet_calls,
    wallet_keys_calls,
    wallet_send_calls,
)
from alys.models.bitcoin.calls import Call, table
from alys.models.bitcoin.chainstate import BlockEvent
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.waits import Wait, wait_of
from alys.models.bitcoin.wallets import Wallets
from alys.wire.jsonrpc import Dialect, Params, method_not_found


class BitcoinNode(NodeState):
    """One node; ``now`` is the Unix time in seconds. With the default ``genesis_time`` it is on the real regtest chain.

    ``misbehaviour`` has what it was told to do wrong, with its chance; what a fault does to an answer is done by who carries it.
    ``chance`` is what wallets make their keys of too; without one every node makes the same.
    """

    def __init__(
        self,
        now: Callable[[], float],
        genesis_time: int = REGTEST_TIME,
        chance: Random | None = None,
    ) -> None:
        self.misbehaviour = Misbehaviour(
            now,
            chance or SeededRandom(0),
            Scope(service=BITCOIN, calls=frozenset(METHODS)),
            {"reorg": lambda fault: reorg.reorganise(self, fault)},
        )
        super().__init__(self.misbehaviour.now, genesis_time)
        self.wallets = Wallets((chance or SeededRandom(0)).fork("wallets"))

    @property
    def listeners(self) -> list[Callable[[BlockEvent], None]]:
        """Told of each block that joins or leaves the best chain, after the mempool; they must not call the node back.

        What a lost block held waits again only when the chain stands still.
        """
        return self.chain.listeners

    def waits(self, method: str, params: Params) -> Wait | None:
        """What a call waits for before it is answered, None for most; ``handle`` answers without waiting."""
        return wait_of(self, method, params)

    def handle(self, method: str, params: Params, wallet: str | None = None) -> Any:
        """The result of one call, with ``wallet`` on the path of that wallet; raises RpcError."""
        call = METHODS.get(method)
        if call is None:
            raise method_not_found(method, Dialect.BITCOIN)
        if method not in WALLET_METHODS:
            return call(self, params)
        self.wallets.asked = wallet
        self.wallets.recall(self)
        try:
            return call(self, params)
        finally:
            self.wallets.keep(self)


def help(node: NodeState, command: str | None = None) -> str:
    """All calls, or how to make one."""
    if command is None:
        return "\n".join(METHODS[name].usage for name in sorted(METHODS))
    known = METHODS.get(command)
    return f"help: unknown command: {command}" if known is None else known.usage


WALLET_METHODS: dict[str, Call] = {
    **wallet_calls.CALLS,
    **wallet_keys_calls.CALLS,
    **wallet_send_calls.CALLS,
}

METHODS: dict[str, Call] = {
    **block_calls.CALLS,
    **transaction_calls.CALLS,
    **WALLET_METHODS,
    **mining_calls.CALLS,
    **chain_calls.CALLS,
    **control_calls.CALLS,
    **descriptor_calls.CALLS,
    **mempool_calls.CALLS,
    **peer_calls.CALLS,
    **raw_calls.CALLS,
    **table(help),
}
