"""What callers pass in JSON-RPC parameters, read strictly: block tags, call objects, log filters.

Shape errors are ``BadEthereumData``, which the node turns into -32602; a block that is not there is RpcError -32000.
"""

from collections.abc import Mapping
from typing import Any

from alys.models.ethereum.simulate import AccessList, Call, Override
from alys.models.ethereum.tree import Block, BlockTree
from alys.wire.ethereum import BadEthereumData, from_data, from_quantity
from alys.wire.jsonrpc import RpcError

SERVER_ERROR = -32000
"""geth's code for refusals that have none of their own."""

TOPICS_MAX = 4
_HASH_TEXT = 66
"""Characters of a 32-byte hash with its 0x."""

NOBODY = bytes(20)
"""Who calls when the caller does not say."""


def as_object(value: object, what: str) -> Mapping[str, Any]:
    """A JSON object; raises BadEthereumData."""
    if not isinstance(value, Mapping):
        raise BadEthereumData(what, "is not an object")
    return value


def as_list(value: object, what: str) -> list[Any]:
    """A JSON array; raises BadEthereumData."""
    if not isinstance(value, list):
        raise BadEthereumData(what, "is not an array")
    return value


def flag(value: object, what: str) -> bool:
    """True or false; raises BadEthereumData."""
    if not isinstance(value, bool):
        raise BadEthereumData(what, f"{value!r} is neither true nor false")
    return value


def block_or_none(tree: BlockTree, tag: object) -> Block | None:
    """The block that a tag, a number or an EIP-1898 object names; None when there is none.

    ``pending`` is a block that may never be. A side branch is found by hash only, unless ``requireCanonical``. Raises RpcError for
    ``safe`` and ``finalized`` before a forkchoice has named them, and BadEthereumData.
    """
    if isinstance(tag, Mapping):
        return _by_object(tree, tag)
    if tag == "latest":
        return tree.head
    if tag == "pending":
        return tree.pending()
    if tag == "earliest":
        return tree.genesis
    if tag in ("safe", "finalized"):
        marked = tree.safe if tag == "safe" else tree.finalized
        if marked is None:
            raise RpcError(SERVER_ERROR, f"{tag} block not found")
        return marked
    return tree.at(number(tag, "block number"))


def _by_object(tree: BlockTree, named: Mapping[str, Any]) -> Block | None:
    if "blockHash" not in named:
        return tree.at(number(named.get("blockNumber"), "blockNumber"))
    found = tree.get(from_data(named["blockHash"], 32, "blockHash"))
    if found is not None and named.get("requireCanonical") and not tree.is_canonical(found):
        raise RpcError(SERVER_ERROR, "hash is not currently canonical")
    return found


def block(tree: BlockTree, tag: object) -> Block:
    """The same, but one that must be there; raises RpcError -32000. Here a bare hash names a block too, as in geth."""
    if isinstance(tag, str) and len(tag) == _HASH_TEXT:
        tag = {"blockHash": tag}
    found = block_or_none(tree, tag)
    if found is None:
        raise RpcError(SERVER_ERROR, "header not found")
    return found


def number(value: object, what: str, bits: int = 64) -> int:
    """A quantity below 2^bits; raises BadEthereumData."""
    found = from_quantity(value, what)
    if found >= 1 << bits:
        raise BadEthereumData(what, f"does not fit in {bits} bits")
    return found


def call(value: object, gas_limit: int) -> Call:
    """A call object of eth_call; gas is what the block allows unless less is asked. Raises BadEthereumData."""
    asked = as_object(value, "call")
    to, gas, sender = asked.get("to"), asked.get("gas"), asked.get("from")
    return Call(
        sender=NOBODY if sender is None else from_data(sender, 20, "from"),
        to=None if to is None else from_data(to, 20, "to"),
        data=_input(asked),
        value=number(asked.get("value") or "0x0", "value", 256),
        gas=gas_limit if gas is None else min(from_quantity(gas, "gas"), gas_limit),
        fee_cap=_fee_cap(asked),
        access_list=access_list(asked.get("accessList")),
    )


def _input(asked: Mapping[str, Any]) -> bytes:
    """``input``, which older callers name ``data``."""
    data = asked.get("input")
    if data is None:
        data = asked.get("data") or "0x"
    return from_data(data, what="input")


def _fee_cap(asked: Mapping[str, Any]) -> int:
    """The most that the caller pays per gas; 0: the call is free."""
    price, cap = asked.get("gasPrice"), asked.get("maxFeePerGas")
    if price is not None and (cap is not None or asked.get("maxPriorityFeePerGas") is not None):
        raise RpcError(
            SERVER_ERROR, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified"
        )
    found = cap if price is None else price
    return 0 if found is None else number(found, "gasPrice", 256)


def access_list(value: object) -> AccessList:
    """An EIP-2930 access list; raises BadEthereumData."""
    listed = [] if value is None else as_list(value, "accessList")
    entries = []
    for one in listed:
        entry = as_object(one, "access list entry")
        keys = as_list(entry.get("storageKeys") or [], "storageKeys")
        address = from_data(entry.get("address"), 20, "address")
        entries.append((address, tuple(from_data(key, 32, "storage key") for key in keys)))
    return tuple(entries)


def overrides(value: object) -> dict[bytes, Override]:
    """The accounts that a call shall find otherwise (eth_call's third parameter); raises BadEthereumData."""
    listed = as_object({} if value is None else value, "state overrides")
    return {from_data(who, 20, "address"): _override(what) for who, what in listed.items()}


def _override(value: object) -> Override:
    asked = as_object(value, "state override")
    balance, nonce, code = (asked.get(name) for name in ("balance", "nonce", "code"))
    whole, some = asked.get("state"), asked.get("stateDiff")
    if whole is not None and some is not None:
        raise BadEthereumData("state override", "has both 'state' and 'stateDiff'")
    return Override(
        balance=None if balance is None else number(balance, "balance", 256),
        nonce=None if nonce is None else number(nonce, "nonce"),
        code=None if code is None else from_data(code, what="code"),
        storage=_slots(some if whole is None else whole),
        cleared=whole is not None,
    )


def _slots(value: object) -> dict[bytes, int]:
    slots = as_object({} if value is None else value, "storage")
    return {
        storage_key(key): int.from_bytes(storage_key(word), "big") for key, word in slots.items()
    }


def storage_key(value: object) -> bytes:
    """A slot as data or as a quantity, at most 32 bytes; raises BadEthereumData."""
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
        raise BadEthereumData("storage key", f"{value!r} is not a hex string of at most 32 bytes")
    digits = value[2:]
    return from_data("0x" + digits.rjust(64, "0"), 32, "storage key")


def addresses(value: object) -> frozenset[bytes]:
    """A filter's addresses: one, several or (None) all, which is the empty set; raises BadEthereumData."""
    if value is None:
        return frozenset()
    listed = value if isinstance(value, list) else [value]
    return frozenset(from_data(one, 20, "address") for one in listed)


def topics(value: object) -> tuple[frozenset[bytes], ...]:
    """A filter's topics by position, the empty set for any; raises BadEthereumData."""
    if value is None:
        return ()
    listed = as_list(value, "topics")
    if len(listed) > TOPICS_MAX:
        raise BadEthereumData("topics", f"are {len(listed)}, a log has at most {TOPICS_MAX}")
    return tuple(_choices(one) for one in listed)


def _choices(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    listed = value if isinstance(value, list) else [value]
    if None in listed:
        return frozenset()
    return frozenset(from_data(one, 32, "topic") for one in listed)
