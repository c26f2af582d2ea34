"""eth_subscribe: what one connection wants to be told, and the telling of it.

A subscription begins with the head of its moment. After a reorganisation the logs of blocks that fell away come again, with
``removed`` true, before those of the new branch; newHeads shows each block of the new branch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alys.models.ethereum import branches, log_calls, views
from alys.models.ethereum.branches import Change
from alys.models.ethereum.client import Client
from alys.models.ethereum.log_calls import LogFilter
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.transactions import SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, Params, RpcError

SUBSCRIPTIONS_MAX = 256
"""Of one connection; more are refused."""

KINDS = ("newHeads", "logs", "newPendingTransactions", "syncing")

Notify = Callable[[Mapping[str, Any]], None]
"""Gets each notification as the JSON object to send."""


class _Subscription(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    logs: LogFilter | None = None
    full: bool = False
    """Whole transactions, not their hashes."""


class Connection:
    """The subscriptions of one connection to a client; ``close`` it, or it listens for ever."""

    def __init__(
        self, client: Client, handle: Callable[[str, Params], Any], notify: Notify
    ) -> None:
        """``handle`` answers all other calls."""
        self._client = client
        self._handle = handle
        self._notify = notify
        self._wanted: dict[str, _Subscription] = {}
        self._count = 0
        self._head = client.tree.head
        client.listeners.append(self._on_head)
        client.pool.listeners.append(self._on_transaction)

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call on this connection; raises RpcError."""
        if method not in ("eth_subscribe", "eth_unsubscribe"):
            return self._handle(method, params)
        if not isinstance(params, list):
            raise RpcError(INVALID_PARAMS, "non-array args")
        try:
            if method == "eth_subscribe":
                return self._subscribe(params)
            return self._unsubscribe(params)
        except BadEthereumData as error:
            raise RpcError(INVALID_PARAMS, str(error)) from error

    def close(self) -> None:
        """Tell nothing more."""
        self._client.listeners.remove(self._on_head)
        self._client.pool.listeners.remove(self._on_transaction)
        self._wanted.clear()

    def _subscribe(self, asked: list[Any]) -> str:
        if not asked or not isinstance(asked[0], str):
            raise RpcError(INVALID_PARAMS, "expected subscription name as first argument")
        kind, *rest = asked
        if kind not in KINDS:
            raise RpcError(METHOD_NOT_FOUND, f'no "{kind}" subscription in eth namespace')
        most = 1 if kind in ("logs", "newPendingTransactions") else 0
        if len(rest) > most:
            raise RpcError(INVALID_PARAMS, f"too many arguments, want at most {most + 1}")
        if len(self._wanted) >= SUBSCRIPTIONS_MAX:
            raise RpcError(
                SERVER_ERROR, f"too many subscriptions: {SUBSCRIPTIONS_MAX} on one connection"
            )
        detail = rest[0] if rest else None
        if kind == "logs":
            wanted = _Subscription(kind=kind, logs=log_calls.log_filter(self._client, detail))
        else:
            wanted = _Subscription(kind=kind, full=detail is True)
        self._count += 1
        name = to_quantity(self._count)
        self._wanted[name] = wanted
        return name

    def _unsubscribe(self, asked: list[Any]) -> bool:
        if len(asked) != 1 or not isinstance(asked[0], str):
            raise RpcError(INVALID_PARAMS, "expected the subscription's id as only argument")
        if self._wanted.pop(asked[0], None) is None:
            raise RpcError(SERVER_ERROR, "subscription not found")
        return True

    def _on_head(self, head: Block) -> None:
        moved = branches.change(self._client.tree, self._head, head)
        self._head = head
        for name, wanted in list(self._wanted.items()):
            for result in _of_head(wanted, moved):
                self._tell(name, result)

    def _on_transaction(self, transaction: SignedTransaction) -> None:
        for name, wanted in list(self._wanted.items()):
            if wanted.kind == "newPendingTransactions":
                whole = views.transaction(transaction, None, 0) if wanted.full else None
                self._tell(name, whole or to_data(transaction.hash))

    def _tell(self, name: str, result: Any) -> None:
        self._notify(
            {
                "jsonrpc": "2.0",
                "method": "eth_subscription",
                "params": {"subscription": name, "result": result},
            }
        )


def _of_head(wanted: _Subscription, moved: Change) -> list[Any]:
    if wanted.logs is not None:
        return list(wanted.logs.of(moved))
    if wanted.kind == "newHeads":
        return [views.header(block) for block in moved.added]
    return []


def refuse(method: str) -> None:
    """Say that subscriptions need a connection, where there is none (HTTP). Raises RpcError for their methods."""
    if method in ("eth_subscribe", "eth_unsubscribe"):
        raise RpcError(METHOD_NOT_FOUND, "notifications not supported")
