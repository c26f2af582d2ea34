"""Log filters as callers write them, and eth_getLogs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from alys.models.ethereum import branches, params, views
from alys.models.ethereum.branches import Change
from alys.models.ethereum.client import Client
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import from_data, from_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

LOGS_MAX = 100_000
"""An answer with more is refused: it would be hundreds of megabytes."""


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which logs somebody wants. Where it begins and ends is as it was written, since ``latest`` moves."""

    addresses: frozenset[bytes]
    topics: tuple[frozenset[bytes], ...]
    block_hash: bytes | None = None
    begin: object = None
    end: object = None

    def of(self, moved: Change) -> Iterator[dict[str, Any]]:
        """The logs of a change of head that it covers; a begin or end that is no number bounds nothing."""
        first, last = _number(self.begin), _number(self.end)
        for log in branches.logs(moved, self.addresses, self.topics):
            number = int(log["blockNumber"], 16)
            if (first is None or number >= first) and (last is None or number <= last):
                yield log


def log_filter(client: Client, asked: object) -> LogFilter:
    """A filter object; raises BadEthereumData, and RpcError where its range cannot be."""
    wanted = params.as_object({} if asked is None else asked, "filter")
    found = LogFilter(
        addresses=params.addresses(wanted.get("address")),
        topics=params.topics(wanted.get("topics")),
        block_hash=_block_hash(wanted),
        begin=wanted.get("fromBlock"),
        end=wanted.get("toBlock"),
    )
    if found.block_hash is None:
        _heights(client, found)
    return found


def _block_hash(wanted: Mapping[str, Any]) -> bytes | None:
    if wanted.get("blockHash") is None:
        return None
    if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
        raise RpcError(INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock")
    return from_data(wanted["blockHash"], 32, "blockHash")


def logs(client: Client, wanted: LogFilter) -> list[dict[str, Any]]:
    """The logs of the chain that a filter covers; raises RpcError for an unknown block and for too many."""
    found: list[dict[str, Any]] = []
    for block in _blocks(client, wanted):
        found.extend(views.logs(block, wanted.addresses, wanted.topics))
        if len(found) > LOGS_MAX:
            raise RpcError(INVALID_PARAMS, f"query returns more than {LOGS_MAX} logs")
    return found


def _blocks(client: Client, wanted: LogFilter) -> list[Block]:
    """The blocks a filter covers; those above the head are not there yet."""
    tree = client.tree
    if wanted.block_hash is not None:
        found = tree.get(wanted.block_hash)
        if found is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return [found]
    first, last = _heights(client, wanted)
    return tree.canonical[first : last + 1]


def _heights(client: Client, wanted: LogFilter) -> tuple[int, int]:
    first, last = _height(client, wanted.begin), _height(client, wanted.end)
    if first > last:
        raise RpcError(INVALID_PARAMS, "invalid block range params")
    return first, last


def _height(client: Client, tag: object) -> int:
    """Where a filter begins or ends; a number may lie above the head."""
    number = _number(tag)
    if number is not None:
        return number
    return params.block(client.tree, "latest" if tag is None else tag).number


def _number(tag: object) -> int | None:
    """A height written as a number; None for a tag."""
    if isinstance(tag, str) and tag.startswith("0x"):
        return from_quantity(tag, "block number")
    return None


def _logs(client: Client, asked: object = None) -> list[dict[str, Any]]:
    return logs(client, log_filter(client, asked))


METHODS: dict[str, Callable[..., Any]] = {"eth_getLogs": _logs}
"""By name: called with the client and the parameters as they came."""
