"""evm_, anvil_ and hardhat_: what users of anvil expect of a development node. Meaning in ``development``, shapes here.

Numbers may be JSON numbers, 0x quantities or decimal text, as anvil takes them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from alys.models.ethereum import execution, info_calls, params
from alys.models.ethereum.development import Development
from alys.wire.ethereum import BadEthereumData, from_data, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

BLOCKS_MAX = 10_000
"""More to mine in one call are refused: nothing else is answered meanwhile."""


def _number(value: object, what: str, bits: int = 64) -> int:
    """Raises BadEthereumData for what is no number from 0 to 2^bits - 1."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        found = int(value) if len(value) < 100 else 1 << bits
    elif isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        found = _padded_quantity(value, what)
    if not 0 <= found < 1 << bits:
        raise BadEthereumData(what, f"{value!r} does not fit in {bits} bits")
    return found


def _padded_quantity(value: object, what: str) -> int:
    """A quantity with or without leading zeros: anvil takes 32-byte words as numbers too."""
    if isinstance(value, str) and value[:2] in ("0x", "0X") and len(value) > 3:
        value = "0x" + (value[2:].lstrip("0") or "0")
    return from_quantity(value, what)


def _address(value: object) -> bytes:
    return from_data(value, 20, "address")


# Mining


def _mine(dev: Development, count: object = 1, interval: object = None) -> None:
    """anvil_mine: so many blocks, their times so far apart (seconds)."""
    dev.undriven("anvil_mine")
    step = None if interval is None else max(1, _number(interval, "interval", 32))
    for place in range(_blocks(count)):
        head = int(dev.client.tree.head.header.timestamp)
        dev.mine(head + step if step is not None and place else None)


def _blocks(count: object) -> int:
    """How many to mine; raises BadEthereumData, and RpcError for too many."""
    found = 1 if count is None else _number(count, "blocks")
    if found > BLOCKS_MAX:
        raise RpcError(INVALID_PARAMS, f"{found} blocks at once, at most {BLOCKS_MAX} are mined")
    return found


def _evm_mine(dev: Development, asked: object = None) -> str:
    """One block; at a time when one is given, several as ``{blocks, timestamp}``."""
    dev.undriven("evm_mine")
    options = asked if isinstance(asked, Mapping) else {"timestamp": asked}
    count = _blocks(options.get("blocks"))
    if options.get("timestamp") is not None:
        dev.set_next_time(_number(options["timestamp"], "timestamp"))
    for _ in range(count):
        dev.mine()
    return "0x0"


def _set_automine(dev: Development, enabled: object) -> None:
    wanted = params.flag(enabled, "automine")
    if wanted:
        dev.undriven("automining")
    dev.automine = wanted
    dev.sent()


def _set_interval(dev: Development, seconds: object) -> None:
    """0 ends it. As in anvil, blocks then come by the clock alone."""
    wanted = _number(seconds, "interval", 32)
    if wanted:
        dev.undriven("interval mining")
        dev.automine = False
    dev.mine_every(wanted)


# Time


def _increase_time(dev: Development, seconds: object) -> int:
    """All that was added so far."""
    dev.undriven("evm_increaseTime")
    dev.offset += _number(seconds, "seconds", 48)
    return dev.offset


def _set_next_time(dev: Development, time: object) -> None:
    dev.undriven("evm_setNextBlockTimestamp")
    dev.set_next_time(_number(time, "timestamp"))


def _set_time(dev: Development, time: object) -> int:
    """How far the clock is from the real one then."""
    dev.undriven("evm_setTime")
    return dev.set_time(_number(time, "timestamp", 48))


def _set_time_step(dev: Development, seconds: object) -> None:
    dev.undriven("anvil_setBlockTimestampInterval")
    step = _number(seconds, "seconds", 32)
    if step == 0:
        raise RpcError(INVALID_PARAMS, "the times of blocks must be at least a second apart")
    dev.time_step = step


def _remove_time_step(dev: Development) -> bool:
    had, dev.time_step = dev.time_step is not None, None
    return had


# State


def _set_balance(dev: Development, address: object, wei: object) -> None:
    dev.undriven("anvil_setBalance")
    dev.set_account(_address(address), balance=_number(wei, "balance", 256))


def _add_balance(dev: Development, address: object, wei: object) -> None:
    dev.undriven("anvil_addBalance")
    account = _address(address)
    old = int(dev.client.tree.head.state.account(account).balance)
    dev.set_account(account, balance=old + _number(wei, "balance", 256))


def _set_nonce(dev: Development, address: object, nonce: object) -> None:
    dev.undriven("anvil_setNonce")
    dev.set_account(_address(address), nonce=_number(nonce, "nonce"))


def _set_code(dev: Development, address: object, code: object) -> None:
    dev.undriven("anvil_setCode")
    dev.set_account(_address(address), code=from_data(code, what="code"))


def _set_storage(dev: Development, address: object, slot: object, value: object) -> bool:
    dev.undriven("anvil_setStorageAt")
    key = params.storage_key(slot)
    dev.set_storage(_address(address), key, int.from_bytes(params.storage_key(value), "big"))
    return True


# Going back


def _snapshot(dev: Development) -> str:
    dev.undriven("evm_snapshot")
    return to_quantity(dev.snapshot())


def _revert(dev: Development, number: object) -> bool:
    dev.undriven("evm_revert")
    return dev.revert(_number(number, "snapshot id"))


def _reset(dev: Development, forking: object = None) -> None:
    if isinstance(forking, Mapping) and forking.get("forking"):
        raise RpcError(INVALID_PARAMS, "this node forks no other chain: anvil_reset takes none")
    dev.undriven("anvil_reset")
    dev.reset()


# Others' accounts, and the pool


def _impersonate(dev: Development, address: object) -> None:
    dev.undriven("anvil_impersonateAccount")
    dev.impersonated.add(_address(address))


def _stop_impersonating(dev: Development, address: object) -> None:
    dev.impersonated.discard(_address(address))


def _impersonate_all(dev: Development, enabled: object) -> None:
    wanted = params.flag(enabled, "auto-impersonation")
    if wanted:
        dev.undriven("anvil_autoImpersonateAccount")
    dev.impersonate_all = wanted


def _drop(dev: Development, tx_hash: object) -> str | None:
    name = from_data(tx_hash, 32, "hash")
    return to_data(name) if dev.client.pool.drop(name) else None


def _drop_all(dev: Development) -> None:
    for waiting in dev.client.pool.by_sender().values():
        for transaction in waiting:
            dev.client.pool.drop(transaction.hash)


def _drop_of(dev: Development, address: object) -> None:
    for transaction in dev.client.pool.by_sender().get(_address(address), []):
        dev.client.pool.drop(transaction.hash)


def _set_coinbase(dev: Development, address: object) -> None:
    dev.undriven("anvil_setCoinbase")
    dev.coinbase = _address(address)


def _node_info(dev: Development) -> dict[str, Any]:
    client = dev.client
    head = client.tree.head
    base_fee = execution.next_base_fee(head.header)
    return {
        "currentBlockNumber": to_quantity(head.number),
        "currentBlockTimestamp": int(head.header.timestamp),
        "currentBlockHash": to_data(head.hash),
        "hardFork": client.rules_ahead().name,
        "transactionOrder": "fees",
        "environment": {
            "baseFee": to_quantity(base_fee),
            "chainId": client.chain_id,
            "gasLimit": to_quantity(int(head.header.gas_limit)),
            "gasPrice": to_quantity(base_fee),
        },
        "forkConfig": {"forkUrl": None, "forkBlockNumber": None, "forkRetryBackoff": None},
    }


def _metadata(dev: Development) -> dict[str, Any]:
    head = dev.client.tree.head
    return {
        "clientVersion": info_calls.CLIENT_VERSION,
        "chainId": dev.client.chain_id,
        "latestBlockNumber": head.number,
        "latestBlockHash": to_data(head.hash),
    }


_BOTH: dict[str, Callable[..., Any]] = {
    "dropTransaction": _drop,
    "impersonateAccount": _impersonate,
    "metadata": _metadata,
    "mine": _mine,
    "reset": _reset,
    "setBalance": _set_balance,
    "setCode": _set_code,
    "setCoinbase": _set_coinbase,
    "setNonce": _set_nonce,
    "setStorageAt": _set_storage,
    "stopImpersonatingAccount": _stop_impersonating,
}
"""What anvil and hardhat both have."""

METHODS: dict[str, Callable[..., Any]] = {
    **{f"anvil_{name}": method for name, method in _BOTH.items()},
    **{f"hardhat_{name}": method for name, method in _BOTH.items()},
    "anvil_addBalance": _add_balance,
    "anvil_autoImpersonateAccount": _impersonate_all,
    "anvil_dropAllTransactions": _drop_all,
    "anvil_getAutomine": lambda dev: dev.automine,
    "anvil_getIntervalMining": lambda dev: dev.mining_interval,
    "anvil_increaseTime": _increase_time,
    "anvil_nodeInfo": _node_info,
    "anvil_removeBlockTimestampInterval": _remove_time_step,
    "anvil_removePoolTransactions": _drop_of,
    "anvil_revert": _revert,
    "anvil_setAutomine": _set_automine,
    "anvil_setBlockTimestampInterval": _set_time_step,
    "anvil_setIntervalMining": _set_interval,
    "anvil_setNextBlockTimestamp": _set_next_time,
    "anvil_setTime": _set_time,
    "anvil_snapshot": _snapshot,
    "evm_increaseTime": _increase_time,
    "evm_mine": _evm_mine,
    "evm_revert": _revert,
    "evm_setAccountNonce": _set_nonce,
    "evm_setAutomine": _set_automine,
    "evm_setIntervalMining": _set_interval,
    "evm_setNextBlockTimestamp": _set_next_time,
    "evm_setTime": _set_time,
    "evm_snapshot": _snapshot,
    "hardhat_getAutomine": lambda dev: dev.automine,
}
"""By name: called with the development side and the parameters as they came."""
