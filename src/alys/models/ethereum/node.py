"""An Ethereum execution client behind its two RPCs, sans I/O: method and params in, JSON values out.

``handle`` is the public port (eth_, net_, web3_, debug_), ``handle_engine`` the authenticated one for consensus clients,
which also serves the public calls. Codes and words are geth's where clients match on them.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from alys.base.faults import ETHEREUM
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import Random, SeededRandom
from alys.models.ethereum import chain_calls, engine_calls, gas_calls, reorg
from alys.models.ethereum.client import Client
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData
from alys.wire.jsonrpc import INVALID_PARAMS, Dialect, Params, RpcError, method_not_found

Method = Callable[..., Any]

PUBLIC: Mapping[str, Method] = {**chain_calls.METHODS, **gas_calls.METHODS}
AUTHENTICATED: Mapping[str, Method] = {**PUBLIC, **engine_calls.METHODS}
SUBSCRIPTIONS = frozenset({"eth_subscribe", "eth_unsubscribe"})
"""The calls of a connection that stays."""


class EthereumNode:
    """One client: its chain and pool, and the calls of its two RPCs. ``now`` ages the pool and nothing else.

    ``misbehaviour`` has what it was told to do wrong, with its chance; what a fault does to an answer is done by who carries it.
    """

    def __init__(
        self, genesis: Genesis, now: Callable[[], float], chance: Random | None = None
    ) -> None:
        self.misbehaviour = Misbehaviour(
            now,
            chance or SeededRandom(0),
            Scope(service=ETHEREUM, calls=frozenset(AUTHENTICATED) | SUBSCRIPTIONS),
            {"reorg": lambda fault: reorg.reorganise(self.client, fault)},
        )
        self.client = Client(genesis, self.misbehaviour.now)
        self.tree = self.client.tree

    @property
    def listeners(self) -> list[Callable[[Block], None]]:
        """Told of each new head."""
        return self.client.listeners

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call on the public port; raises RpcError."""
        return _call(self.client, PUBLIC, method, params)

    def handle_engine(self, method: str, params: Params) -> Any:
        """The result of a call on the Engine port; raises RpcError."""
        return _call(self.client, AUTHENTICATED, method, params)


def _call(client: Client, table: Mapping[str, Method], name: str, params: Params) -> Any:
    method = table.get(name)
    if method is None:
        raise method_not_found(name, Dialect.ETHEREUM)
    if isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "non-array args")
    least, most = _arity(method)
    if len(params) < least:
        raise RpcError(INVALID_PARAMS, f"missing value for required argument {len(params)}")
    if len(params) > most:
        raise RpcError(INVALID_PARAMS, f"too many arguments, want at most {most}")
    try:
        return method(client, *params)
    except BadEthereumData as error:
        raise RpcError(INVALID_PARAMS, str(error)) from error


@functools.cache
def _arity(method: Method) -> tuple[int, int]:
    """How many parameters a call must and may have, the client not counted."""
    taken = list(inspect.signature(method).parameters.values())[1:]
    return sum(one.default is inspect.Parameter.empty for one in taken), len(taken)
