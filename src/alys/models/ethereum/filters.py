"""Filters that a caller installs and polls: eth_newFilter and its kin.

A filter costs nothing while nobody polls it: it remembers where the chain or the pool stood at the last poll, and the
difference is worked out when it is asked for. Blocks never leave the tree, so a reorganisation in between is no trouble.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from alys.models.ethereum import branches, log_calls
from alys.models.ethereum.client import Client
from alys.models.ethereum.log_calls import LogFilter
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData, to_data, to_quantity
from alys.wire.jsonrpc import RpcError

FILTER_SECONDS = 5 * 60
"""A filter that nobody polled for so long is gone, as geth's is."""

FILTERS_MAX = 1024
"""More at a time are refused."""


class _Installed(msgspec.Struct, kw_only=True):
    """A filter and what it has shown. ``logs`` None: of blocks, or of transactions when ``arrivals`` is set."""

    head: Block
    asked: float
    logs: LogFilter | None = None
    arrivals: int | None = None


class Filters:
    """The filters of one client's callers."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._installed: dict[str, _Installed] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._installed)

    def install(self, *, logs: LogFilter | None = None, arrivals: int | None = None) -> str:
        """A new filter's name; raises RpcError when there are too many."""
        self._forget()
        if len(self._installed) >= FILTERS_MAX:
            raise RpcError(
                SERVER_ERROR, f"too many filters: {FILTERS_MAX}; uninstall those you are done with"
            )
        self._count += 1
        name = to_quantity(self._count)
        self._installed[name] = _Installed(
            head=self.client.tree.head, asked=self.client.now(), logs=logs, arrivals=arrivals
        )
        return name

    def changes(self, name: object) -> list[Any]:
        """What came since the last poll; raises RpcError for a filter that is not there."""
        found = self._find(name)
        found.asked = self.client.now()
        if found.arrivals is not None:
            late = self.client.pool.arrived_since(found.arrivals)
            found.arrivals = self.client.pool.arrivals
            return [to_data(one) for one in late]
        moved = branches.change(self.client.tree, found.head, self.client.tree.head)
        found.head = self.client.tree.head
        if found.logs is None:
            return [to_data(block.hash) for block in moved.added]
        return list(found.logs.of(moved))

    def logs(self, name: object) -> list[dict[str, Any]]:
        """All logs that the filter covers, shown before or not; raises RpcError for others than log filters."""
        found = self._find(name)
        if found.logs is None:
            raise RpcError(SERVER_ERROR, "filter not found")
        found.asked = self.client.now()
        return log_calls.logs(self.client, found.logs)

    def uninstall(self, name: object) -> bool:
        """Forget a filter; whether there was one."""
        self._forget()
        return self._installed.pop(_name(name), None) is not None

    def _find(self, name: object) -> _Installed:
        self._forget()
        found = self._installed.get(_name(name))
        if found is None:
            raise RpcError(SERVER_ERROR, "filter not found")
        return found

    def _forget(self) -> None:
        end = self.client.now() - FILTER_SECONDS
        for name in [name for name, one in self._installed.items() if one.asked < end]:
            del self._installed[name]


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise BadEthereumData("filter id", f"{value!r} is not a string")
    return value


def _new_filter(filters: Filters, asked: object = None) -> str:
    return filters.install(logs=log_calls.log_filter(filters.client, asked))


METHODS: dict[str, Callable[..., Any]] = {
    "eth_getFilterChanges": Filters.changes,
    "eth_getFilterLogs": Filters.logs,
    "eth_newBlockFilter": lambda filters: filters.install(),
    "eth_newFilter": _new_filter,
    "eth_newPendingTransactionFilter": lambda filters: filters.install(
        arrivals=filters.client.pool.arrivals
    ),
    "eth_uninstallFilter": Filters.uninstall,
}
"""By name: called with the filters and the parameters as they came."""
