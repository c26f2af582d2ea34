"""The first block of an EVM chain: its parameters and accounts, as a geth-style genesis.json says them or as our own.

The development genesis has the bridge contract from the start. Supply in a peg must come from deposits alone, so the development genesis gives nobody any ether unless asked to.
"""

import importlib.resources
from collections.abc import Mapping
from typing import Any

import msgspec

from alys.models.ethereum import geth_config
from alys.models.ethereum.forks import Rules, Schedule, rules_of
from alys.models.ethereum.geth_config import BadGenesis, number, shown
from alys.wire.ethereum import BRIDGE_ADDRESS, BadEthereumData, from_data, to_data, to_quantity

__all__ = ["BadGenesis"]

DEV_CHAIN_ID = 121212
GAS_LIMIT = 30_000_000
BASE_FEE_WEI = 10**9
"""EIP-1559's INITIAL_BASE_FEE."""


class GenesisAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the genesis allocation."""

    address: bytes
    balance: int = 0
    """In wei."""
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[bytes, int] = {}
    """32-byte keys."""


class Genesis(msgspec.Struct, frozen=True, kw_only=True):
    """What block 0 commits to, and which forks the chain has. Fields that block 0's fork does not know are ignored."""

    chain_id: int = DEV_CHAIN_ID
    schedule: Schedule = Schedule()
    """Shanghai from block 0 on unless told otherwise."""
    timestamp: int
    """Seconds since the Unix epoch."""
    gas_limit: int = GAS_LIMIT
    difficulty: int = 0
    nonce: bytes = bytes(8)
    mix_hash: bytes = bytes(32)
    coinbase: bytes = bytes(20)
    base_fee_per_gas: int = BASE_FEE_WEI
    blob_gas_used: int = 0
    excess_blob_gas: int = 0
    extra_data: bytes = b""
    accounts: tuple[GenesisAccount, ...] = ()

    @property
    def rules(self) -> Rules:
        """Of block 0."""
        return rules_of(self.schedule.fork_of_genesis(self.timestamp))


class ContractArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled contract as committed beside its source."""

    runtime: str
    """The code an account holds, as 0x hex."""
    abi: list[dict[str, object]]


def dev_genesis(
    timestamp: int, bridge: bool = True, balances: Mapping[bytes, int] | None = None
) -> Genesis:
    """The development network's genesis; ``balances`` (address to wei) is for tests that need no peg."""
    accounts = [
        GenesisAccount(address=address, balance=wei) for address, wei in (balances or {}).items()
    ]
    if bridge:
        runtime = from_data(bridge_artifact().runtime)
        accounts.append(GenesisAccount(address=BRIDGE_ADDRESS, nonce=1, code=runtime))
    return Genesis(timestamp=timestamp, accounts=tuple(accounts))


def bridge_artifact() -> ContractArtifact:
    """The bridge contract, compiled from ``bridge.sol`` with the settings that stand beside the code."""
    text = importlib.resources.files(__package__).joinpath("bridge.json").read_bytes()
    return msgspec.json.decode(text, type=ContractArtifact)


def read_genesis(document: object) -> Genesis:
    """A genesis from the object in a geth-style genesis.json; raises BadGenesis naming the key and what stands there.

    What geth demands is demanded: ``config``, ``alloc``, ``gasLimit``, ``difficulty``, and each account's ``balance``.
    """
    fields = _object(document, "file")
    config = _object(_needed(fields, "config"), "config")
    difficulty = number(_needed(fields, "difficulty"), "difficulty", 256)
    for name in ("number", "gasUsed", "parentHash", "parentBeaconBlockRoot"):
        _check_nothing(fields.get(name), name)
    mix = fields.get("mixHash", fields.get("mixhash", "0x" + "00" * 32))
    fee = fields.get("baseFeePerGas")
    return Genesis(
        chain_id=number(_needed(config, "chainId", "config."), "config.chainId", 64),
        schedule=geth_config.read_schedule(config, difficulty),
        timestamp=number(fields.get("timestamp", 0), "timestamp", 64),
        gas_limit=number(_needed(fields, "gasLimit"), "gasLimit", 64),
        difficulty=difficulty,
        nonce=number(fields.get("nonce", 0), "nonce", 64).to_bytes(8, "big"),
        mix_hash=_bytes(mix, "mixHash", 32),
        coinbase=_bytes(fields.get("coinbase", "0x" + "00" * 20), "coinbase", 20),
        base_fee_per_gas=BASE_FEE_WEI if fee is None else number(fee, "baseFeePerGas", 256),
        blob_gas_used=number(fields.get("blobGasUsed") or 0, "blobGasUsed", 64),
        excess_blob_gas=number(fields.get("excessBlobGas") or 0, "excessBlobGas", 64),
        extra_data=_bytes(fields.get("extraData") or "0x", "extraData"),
        accounts=_read_accounts(_object(_needed(fields, "alloc"), "alloc")),
    )


def geth_genesis(genesis: Genesis) -> dict[str, Any]:
    """The object of a geth-style genesis.json with which other clients compute the same block 0."""
    document: dict[str, Any] = {
        "config": geth_config.written(genesis.schedule, genesis.chain_id),
        "nonce": to_data(genesis.nonce),
        "timestamp": to_quantity(genesis.timestamp),
        "extraData": to_data(genesis.extra_data),
        "gasLimit": to_quantity(genesis.gas_limit),
        "difficulty": to_quantity(genesis.difficulty),
        "mixHash": to_data(genesis.mix_hash),
        "coinbase": to_data(genesis.coinbase),
        "alloc": {
            to_data(account.address): _written_account(account) for account in genesis.accounts
        },
    }
    if genesis.rules.has_base_fee:
        document["baseFeePerGas"] = to_quantity(genesis.base_fee_per_gas)
    if genesis.rules.has_blobs:
        document["excessBlobGas"] = to_quantity(genesis.excess_blob_gas)
        document["blobGasUsed"] = to_quantity(genesis.blob_gas_used)
    return document


def _read_accounts(alloc: Mapping[str, Any]) -> tuple[GenesisAccount, ...]:
    accounts = {}
    for name, value in alloc.items():
        key = f"alloc.{name}"
        address = _bytes(name if name[:2] in ("0x", "0X") else "0x" + name, key, 20)
        if address in accounts:
            raise BadGenesis(key, "is there twice")
        account = _object(value, key)
        storage = _object(account.get("storage") or {}, f"{key}.storage")
        accounts[address] = GenesisAccount(
            address=address,
            balance=number(_needed(account, "balance", f"{key}."), f"{key}.balance", 256),
            nonce=number(account.get("nonce") or 0, f"{key}.nonce", 64),
            code=_bytes(account.get("code") or "0x", f"{key}.code"),
            storage={
                _word(slot, f"{key}.storage.{slot}"): int.from_bytes(
                    _word(word, f"{key}.storage.{slot}"), "big"
                )
                for slot, word in storage.items()
            },
        )
    return tuple(accounts.values())


def _written_account(account: GenesisAccount) -> dict[str, Any]:
    written: dict[str, Any] = {"balance": to_quantity(account.balance)}
    if account.nonce:
        written["nonce"] = to_quantity(account.nonce)
    if account.code:
        written["code"] = to_data(account.code)
    if account.storage:
        written["storage"] = {
            to_data(key): to_data(value.to_bytes(32, "big"))
            for key, value in account.storage.items()
        }
    return written


def _object(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadGenesis(key, f"is {shown(value)}: it must be an object")
    return value


def _needed(fields: Mapping[str, Any], name: str, before: str = "") -> object:
    if fields.get(name) is None:
        raise BadGenesis(before + name, "is not there")
    return fields[name]


def _check_nothing(value: object, key: str) -> None:
    """geth has these for tests of its own; block 0 has none of it."""
    if value is not None and value not in (0, "0x0", "0x00", "0x" + "00" * 32, "0x"):
        raise BadGenesis(key, f"is {shown(value)}: block 0 cannot have one")


def _bytes(value: object, key: str, length: int | None = None) -> bytes:
    try:
        return from_data(value, length)
    except BadEthereumData:
        size = "whole bytes" if length is None else f"{length} bytes"
        raise BadGenesis(key, f"is {shown(value)}: it must be 0x hex of {size}") from None


def _word(value: object, key: str) -> bytes:
    """32 bytes, of which those on the left may be left out."""
    text = str(value)
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not isinstance(value, str) or len(digits) > 64:
        raise BadGenesis(key, f"is {shown(value)}: it must be hex of at most 32 bytes")
    return _bytes("0x" + digits.rjust(64, "0"), key, 32)
