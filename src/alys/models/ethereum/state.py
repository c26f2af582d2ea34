"""The accounts after a block: a state of the specification and its root, both shared with the parent where equal.

A sealed state is never written to. Execution works on a ``fork`` of it, so a refused block leaves nothing behind (the
specification's own ``state_transition`` leaves its withdrawals), and ``seal`` hashes only what the fork changed.
"""

from collections.abc import Iterator

from ethereum.crypto.hash import keccak256
from ethereum.forks.shanghai import state as eels_state
from ethereum.forks.shanghai.fork_types import EMPTY_ACCOUNT, Address, encode_account
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes32
from ethereum_types.numeric import U256, Uint

from alys.models.ethereum import trie
from alys.models.ethereum.forks import Account, Fork, Rules, State, rules_of
from alys.models.ethereum.genesis import GenesisAccount


class SealedState:
    """All accounts at one block. Read it, or ``fork`` it; nothing here changes it."""

    __slots__ = ("_accounts", "_state", "root")

    def __init__(self, state: State, accounts: trie.Node | None) -> None:
        self._state = state
        self._accounts = accounts
        self.root = trie.root_of(accounts)
        """The state root that a header commits to."""

    def fork(self, rules: Rules) -> State:
        """A copy that the specification of a fork may execute on."""
        kind = rules.fork_types.Account
        accounts = {
            address: account
            if type(account) is kind
            else kind(account.nonce, account.balance, account.code)
            for address, account in self._state._main_trie._data.items()
        }
        storage = self._state._storage_tries
        return rules.state.State(
            _main_trie=rules.trie.Trie(secured=True, default=None, _data=accounts),
            _storage_tries={
                address: rules.trie.copy_trie(slots) for address, slots in storage.items()
            },
        )

    def seal(self, changed: State) -> "SealedState":
        """The state after execution on a fork of this one; this very object when nothing changed."""
        touched = sorted(_touched(self._state, changed))
        if not touched:
            return self
        node = self._accounts
        for address in touched:
            path = trie.nibbles(keccak256(address))
            account = changed._main_trie._data.get(address)
            if account is None:
                node = trie.drop(node, path)
            else:
                storage_root = eels_state.storage_root(changed, address)
                node = trie.put(node, path, encode_account(account, storage_root))
        return SealedState(changed, node)

    def account(self, address: bytes) -> Account:
        """The account at 20 bytes; an empty one where there is none."""
        found = self._state._main_trie._data.get(Address(address))
        return EMPTY_ACCOUNT if found is None else found

    def storage(self, address: bytes, key: bytes) -> int:
        """The value of a storage slot (32-byte key), 0 where nothing was stored."""
        return int(eels_state.get_storage(self._state, Address(address), Bytes32(key)))

    def storage_root(self, address: bytes) -> bytes:
        """The root of one account's storage."""
        return bytes(eels_state.storage_root(self._state, Address(address)))

    def account_proof(self, address: bytes) -> list[bytes]:
        """The nodes from the state root to an account, or to where it would be."""
        return trie.proof(self._accounts, trie.nibbles(keccak256(address)))

    def storage_proof(self, address: bytes, key: bytes) -> list[bytes]:
        """The nodes from an account's storage root to a slot, or to where it would be."""
        node = None
        for slot, value in self.storage_of(address).items():
            node = trie.put(node, trie.nibbles(keccak256(slot)), rlp.encode(Uint(value)))
        return trie.proof(node, trie.nibbles(keccak256(key)))

    def accounts(self) -> Iterator[tuple[bytes, Account]]:
        """Every account there is, by ascending address."""
        for address, account in sorted(self._state._main_trie._data.items()):
            if account is not None:
                yield bytes(address), account

    def storage_of(self, address: bytes) -> dict[bytes, int]:
        """All storage slots of one account that are not zero."""
        slots = self._state._storage_tries.get(Address(address))
        return {} if slots is None else {bytes(k): int(v) for k, v in slots._data.items()}


def genesis_state(accounts: tuple[GenesisAccount, ...]) -> SealedState:
    """The state of block 0."""
    rules = rules_of(Fork.SHANGHAI)
    nothing = SealedState(rules.state.State(), None)
    state = nothing.fork(rules)
    for entry in accounts:
        address = Address(entry.address)
        account = rules.fork_types.Account(
            Uint(entry.nonce), U256(entry.balance), Bytes(entry.code)
        )
        eels_state.set_account(state, address, account)
        for key, value in entry.storage.items():
            eels_state.set_storage(state, address, Bytes32(key), U256(value))
    return nothing.seal(state)


def _touched(before: State, after: State) -> set[Address]:
    """Addresses whose account or storage differs. Untouched accounts are the same objects, so this is quick."""
    old, new = before._main_trie._data, after._main_trie._data
    touched = {address for address in old if address not in new}
    for address, account in new.items():
        known = old.get(address)
        if known is not account and known != account:
            touched.add(address)
    old_storage, new_storage = before._storage_tries, after._storage_tries
    for address in old_storage.keys() | new_storage.keys():
        known_slots, slots = old_storage.get(address), new_storage.get(address)
        if known_slots is None or slots is None or known_slots._data != slots._data:
            touched.add(address)
    return touched
