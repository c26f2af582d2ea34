"""The first block of an EVM chain: its parameters, its accounts, and the bridge contract that is there from the start.

Supply in a peg must come from deposits alone, so the development genesis gives nobody any ether unless asked to.
"""

import importlib.resources
from collections.abc import Mapping

import msgspec

from alys.models.ethereum.forks import Rules, Schedule, rules_of
from alys.wire.ethereum import BRIDGE_ADDRESS, from_data

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
