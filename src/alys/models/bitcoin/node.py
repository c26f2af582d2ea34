"""A Bitcoin regtest node behind its RPC, sans I/O: method and params in, JSON values out.

What bitcoind answers is the specification: codes, words, shapes. The calls stand in ``block_calls``,
``transaction_calls``, ``mining_calls`` and ``peer_calls``, and here those about the node itself; ``METHODS`` is the table of
all. The node has no wallet.
"""

from collections.abc import Callable
from typing import Any

from alys.base.faults import BITCOIN
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import Random, SeededRandom
from alys.models.bitcoin import block_calls, mining_calls, peer_calls, reorg, transaction_calls
from alys.models.bitcoin.calls import Call, table
from alys.models.bitcoin.chainstate import BlockEvent
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.jsonrpc import Dialect, Params, method_not_found


class BitcoinNode(NodeState):
    """One node; ``now`` is the Unix time in seconds. With the default ``genesis_time`` it is on the real regtest chain.

    ``misbehaviour`` has what it was told to do wrong, with its chance; what a fault does to an answer is done by who carries it.
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

    @property
    def listeners(self) -> list[Callable[[BlockEvent], None]]:
        """Told of each block that joins or leaves the best chain, after the mempool; they must not call the node back.

        What a lost block held waits again only when the chain stands still.
        """
        return self.chain.listeners

    def handle(self, method: str, params: Params) -> Any:
        """The result of one call; raises RpcError."""
        call = METHODS.get(method)
        if call is None:
            raise method_not_found(method, Dialect.BITCOIN)
        return call(self, params)


def validateaddress(node: NodeState, address: str) -> dict[str, Any]:
    """Whether a text is an address of this network, and what it means."""
    try:
        script = bitcoin.address_to_script(address)
    except bitcoin.BadAddress as error:
        return {"isvalid": False, "error_locations": [], "error": error.reason}
    program = bitcoin.witness_program(script)
    kind = bitcoin.script_type(script)
    view: dict[str, Any] = {
        "isvalid": True,
        "address": bitcoin.script_to_address(script),
        "scriptPubKey": script.hex(),
        "isscript": kind in ("scripthash", "witness_v0_scripthash", "witness_v1_taproot"),
        "iswitness": program is not None,
    }
    if program is not None:
        view.update(witness_version=program[0], witness_program=program[1].hex())
    return view


def uptime(node: NodeState) -> int:
    """Seconds since the node came up."""
    return node.uptime_seconds


def stop(node: NodeState) -> str:
    """Ask the node's owner to end it; until then it goes on answering."""
    node.stop_requested = True
    return "Bitcoin Core stopping"


def help(node: NodeState, command: str | None = None) -> str:
    """All calls, or how to make one."""
    if command is None:
        return "\n".join(METHODS[name].usage for name in sorted(METHODS))
    known = METHODS.get(command)
    return f"help: unknown command: {command}" if known is None else known.usage


METHODS: dict[str, Call] = {
    **block_calls.CALLS,
    **transaction_calls.CALLS,
    **mining_calls.CALLS,
    **peer_calls.CALLS,
    **table(help, stop, uptime, validateaddress),
}
