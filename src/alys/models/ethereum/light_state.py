"""The accounts after a block where no opcodes are executed: a map that is never written to, and a root over it.

The root is no Merkle root: SHA-256 over the sorted leaves, each a digest of all that an account is, so two states with one root
would be a collision of SHA-256. Nothing here has storage, for only opcodes write any.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NoReturn

import msgspec

from alys.base.errors import AlysError
from alys.models.ethereum.forks import Rules
from alys.models.ethereum.genesis import GenesisAccount
from alys.models.ethereum.state import SealedState
from alys.models.ethereum.trie import EMPTY_ROOT
from alys.wire.jsonrpc import METHOD_NOT_FOUND, RpcError


class LightAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the specification's ``Account`` has."""

    nonce: int = 0
    balance: int = 0
    code: bytes = b""

    @property
    def empty(self) -> bool:
        """Whether there is no such account (EIP-161)."""
        return not (self.nonce or self.balance or self.code)


EMPTY = LightAccount()


class OnlyFull(RpcError):
    """A call that takes opcodes or Merkle proofs, at a client that has neither; the caller's fault."""

    def __init__(self, what: str) -> None:
        super().__init__(
            METHOD_NOT_FOUND,
            f"{what} is not there in the light profile: set world.profile to full",
        )


class NotLight(AlysError):
    """A genesis that the light profile cannot execute; says why."""


class LightState:
    """All accounts at one block; the reading half of ``state.SealedState``."""

    __slots__ = ("_accounts", "_leaves", "root")

    def __init__(self, accounts: dict[bytes, LightAccount], leaves: dict[bytes, bytes]) -> None:
        """Both are this state's own from now on. ``leaves``: the digest of each account."""
        self._accounts = accounts
        self._leaves = leaves
        self.root = hashlib.sha256(b"".join(sorted(leaves.values()))).digest()
        """What a header commits to."""

    def changed(self, changes: Mapping[bytes, LightAccount]) -> "LightState":
        """The state with these accounts in the place of the old ones; an empty one goes. This one is left as it is."""
        if not changes:
            return self
        accounts, leaves = self._accounts.copy(), self._leaves.copy()
        for address, account in changes.items():
            if account.empty:
                accounts.pop(address, None)
                leaves.pop(address, None)
            else:
                accounts[address] = account
                leaves[address] = _leaf(address, account)
        return LightState(accounts, leaves)

    def account(self, address: bytes) -> LightAccount:
        """The account at 20 bytes; an empty one where there is none."""
        return self._accounts.get(address, EMPTY)

    def accounts(self) -> Iterator[tuple[bytes, LightAccount]]:
        """Every account there is, by ascending address."""
        return iter(sorted(self._accounts.items()))

    def storage(self, address: bytes, key: bytes) -> int:
        """Nothing was stored."""
        return 0

    def storage_of(self, address: bytes) -> dict[bytes, int]:
        """Nothing was stored."""
        return {}

    def storage_root(self, address: bytes) -> bytes:
        """Of an empty storage."""
        return EMPTY_ROOT

    def fork(self, rules: Rules) -> NoReturn:
        """Raises OnlyFull: the specification cannot execute on this."""
        raise OnlyFull("executing opcodes")

    def seal(self, changed: object) -> NoReturn:
        """Raises OnlyFull: see ``fork``."""
        raise OnlyFull("executing opcodes")

    def account_proof(self, address: bytes) -> NoReturn:
        """Raises OnlyFull: the root is no Merkle root."""
        raise OnlyFull("a proof")

    def storage_proof(self, address: bytes, key: bytes) -> NoReturn:
        """Raises OnlyFull: the root is no Merkle root."""
        raise OnlyFull("a proof")


AnyState = SealedState | LightState
"""The accounts after a block, in either profile."""


def light_genesis_state(accounts: tuple[GenesisAccount, ...]) -> LightState:
    """The state of block 0; raises NotLight for an account with storage."""
    if any(account.storage for account in accounts):
        raise NotLight("the light profile has no storage, but the genesis gives an account some")
    made = {
        account.address: LightAccount(
            nonce=account.nonce, balance=account.balance, code=account.code
        )
        for account in accounts
    }
    return LightState({}, {}).changed(made)


def _leaf(address: bytes, account: LightAccount) -> bytes:
    """Fields of fixed length, and the code last: no two accounts are one input."""
    told = address + account.nonce.to_bytes(8, "big") + account.balance.to_bytes(32, "big")
    return hashlib.sha256(told + account.code).digest()
