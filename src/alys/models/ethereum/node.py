"""An Ethereum execution client behind its two RPCs, sans I/O: method and params in, JSON values out.

``handle`` is the public port (eth_, net_, web3_, txpool_, debug_, and on a development node evm_, anvil_, hardhat_), ``handle_engine`` the authenticated one for consensus
clients, which also serves the public calls; ``connect`` is for callers who stay and may subscribe. Codes and words are
geth's where clients match on them.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from alys.base.faults import ETHEREUM
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import Random, SeededRandom
from alys.models.ethereum import (
    account_calls,
    chain_calls,
    dev_calls,
    engine_calls,
    filters,
    gas_calls,
    info_calls,
    log_calls,
    pool_calls,
    proof_calls,
    raw_calls,
    reorg,
    subscriptions,
    trace_calls,
)
from alys.models.ethereum.client import Client
from alys.models.ethereum.development import Development
from alys.models.ethereum.filters import Filters
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.light import Light
from alys.models.ethereum.subscriptions import Connection, Notify
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData
from alys.wire.jsonrpc import INVALID_PARAMS, Dialect, Params, RpcError, method_not_found

Method = Callable[..., Any]

OF_CLIENT: Mapping[str, Method] = {
    **chain_calls.METHODS,
    **gas_calls.METHODS,
    **info_calls.METHODS,
    **log_calls.METHODS,
    **pool_calls.METHODS,
    **proof_calls.METHODS,
    **raw_calls.METHODS,
    **trace_calls.METHODS,
}
OF_DEVELOPMENT: Mapping[str, Method] = {**account_calls.METHODS, **dev_calls.METHODS}
PUBLIC: Mapping[str, Method] = {**OF_CLIENT, **filters.METHODS, **OF_DEVELOPMENT}
"""Every call of the public port; those of ``dev_calls`` are there on a development node alone."""
SENDS = ("eth_sendRawTransaction", "eth_sendTransaction")
"""After them the pool may have something to mine."""

DRIVES = ("engine_forkchoiceUpdated", "engine_newPayload")
"""How the calls begin by which a consensus client shows that it drives the chain."""

AUTHENTICATED: Mapping[str, Method] = {**PUBLIC, **engine_calls.METHODS}
SUBSCRIPTIONS = frozenset({"eth_subscribe", "eth_unsubscribe"})
"""The calls of a connection that stays."""


class EthereumNode:
    """One client: its chain and pool, and the calls of its two RPCs.

    ``now`` (Unix seconds) ages pool and filters; only on a ``development`` node it is also the time of blocks, until a
    consensus client comes. Such a node mines each transaction at once, and holds so many ``accounts`` of its own.
    ``light``, shared with the other clients of its network: it executes no opcodes.
    ``misbehaviour`` has what it was told to do wrong, with its chance; what a fault does to an answer is done by who carries it.
    """

    def __init__(
        self,
        genesis: Genesis,
        now: Callable[[], float],
        chance: Random | None = None,
        *,
        development: bool = False,
        accounts: int = 0,
        light: Light | None = None,
    ) -> None:
        self.misbehaviour = Misbehaviour(
            now,
            chance or SeededRandom(0),
            Scope(service=ETHEREUM, calls=frozenset(AUTHENTICATED) | SUBSCRIPTIONS),
            {"reorg": lambda fault: reorg.reorganise(self.client, fault)},
        )
        self.client = Client(genesis, self.misbehaviour.now, light)
        self.tree = self.client.tree
        self.filters = Filters(self.client)
        self.development = Development(self.client, enabled=development, accounts=accounts)

    @property
    def listeners(self) -> list[Callable[[Block], None]]:
        """Told of each new head."""
        return self.client.listeners

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call on the public port; raises RpcError."""
        return self._call(PUBLIC, method, params)

    def handle_engine(self, method: str, params: Params) -> Any:
        """The result of a call on the Engine port; raises RpcError."""
        result = self._call(AUTHENTICATED, method, params)
        if method.startswith(DRIVES):
            self.development.engine_called()
        return result

    def connect(
        self, notify: Notify, handle: Callable[[str, Params], Any] | None = None
    ) -> Connection:
        """A connection to the public port that may subscribe; ``notify`` gets each notification. ``close`` it at its end.

        ``handle`` answers the other calls of the connection, this node's own unless told.
        """
        return Connection(self.client, handle or self.handle, notify)

    def _call(self, table: Mapping[str, Method], name: str, params: Params) -> Any:
        method = table.get(name)
        if method is None or (name in dev_calls.METHODS and not self.development.enabled):
            subscriptions.refuse(name)
            raise method_not_found(name, Dialect.ETHEREUM)
        if isinstance(params, dict):
            raise RpcError(INVALID_PARAMS, "non-array args")
        least, most = _arity(method)
        if len(params) < least:
            raise RpcError(INVALID_PARAMS, f"missing value for required argument {len(params)}")
        if len(params) > most:
            raise RpcError(INVALID_PARAMS, f"too many arguments, want at most {most}")
        try:
            result = method(self._subject(name), *params)
        except BadEthereumData as error:
            raise RpcError(INVALID_PARAMS, str(error)) from error
        if name in SENDS:
            self.development.sent()
        return result

    def _subject(self, name: str) -> Client | Filters | Development:
        """What a call wants first."""
        if name in OF_DEVELOPMENT:
            return self.development
        return self.filters if name in filters.METHODS else self.client


@functools.cache
def _arity(method: Method) -> tuple[int, int]:
    """How many parameters a call must and may have, what it wants first not counted."""
    taken = list(inspect.signature(method).parameters.values())[1:]
    return sum(one.default is inspect.Parameter.empty for one in taken), len(taken)
