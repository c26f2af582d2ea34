"""The accounts after a block, in one persistent trie that blocks share where they are equal.

Theory of operation. The specification keeps a state as dictionaries, and copies all of them at every call of the EVM, so
that it can go back. Here the trie of ``trie`` is the state: its leaves carry the accounts, each with the trie of its
storage. A sealed state is never written to. ``fork`` gives the specification a state of its own shape whose dictionaries
are thin: what was changed since the fork, over the trie (``Overlay``). A copy of such a dictionary copies the changes
alone, and what the trie was asked is remembered for all copies. ``seal`` puts the changes into the trie and hashes what
they touched. So neither a block nor a call pays for the accounts that it does not touch, and a refused block leaves
nothing behind (the specification's own ``state_transition`` leaves its withdrawals).
"""

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ethereum.crypto.hash import keccak256
from ethereum.forks.shanghai.fork_types import EMPTY_ACCOUNT
from ethereum_types.bytes import Bytes, Bytes20, Bytes32
from ethereum_types.numeric import U256, Uint
from typing_extensions import override

from alys.models.ethereum import trie
from alys.models.ethereum.forks import Account, Fork, Rules, State, rules_of
from alys.models.ethereum.genesis import GenesisAccount

_NO_SLOT = U256(0)
_ABSENT: Any = object()


class Entry:
    """What the state trie's leaf carries: an account of any fork, and the trie of its storage."""

    __slots__ = ("account", "address", "storage")

    def __init__(self, address: Bytes20, account: Account, storage: trie.Node | None) -> None:
        self.address = address
        self.account = account
        self.storage = storage


class SealedState:
    """All accounts at one block. Read it, or ``fork`` it; nothing here changes it."""

    __slots__ = ("_accounts", "root")

    def __init__(self, accounts: trie.Node | None) -> None:
        self._accounts = accounts
        self.root = trie.root_of(accounts)
        """The state root that a header commits to."""

    def fork(self, rules: Rules) -> State:
        """A state that the specification of a fork may execute on."""
        kind = rules.fork_types.Account

        def read(address: bytes) -> Any:
            entry = self._entry(address)
            if entry is None:
                return None
            found = entry.account
            if type(found) is kind:
                return found
            return kind(found.nonce, found.balance, found.code)

        def every() -> Iterator[tuple[Any, Any]]:
            for leaf in trie.leaves(self._accounts):
                yield leaf.item.address, read(leaf.item.address)

        state = rules.state.State(
            _main_trie=rules.trie.Trie(secured=True, default=None, _data=Overlay(read, every)),
            _storage_tries=_Storages(self._storage, rules),
        )
        state._snapshots = _Snapshots(state)
        return state

    def seal(self, changed: State) -> "SealedState":
        """The state after execution on a fork of this one; this very object when nothing changed."""
        accounts, storages = changed._main_trie._data, changed._storage_tries
        node = self._accounts
        for address in sorted(accounts.changed.keys() | storages.changed.keys()):
            node = self._sealed(node, address, accounts, storages)
        return self if node is self._accounts else SealedState(node)

    def _sealed(
        self, node: trie.Node | None, address: Bytes20, accounts: "Overlay", storages: "_Storages"
    ) -> trie.Node | None:
        old = self._entry(address)
        account = accounts.get(address)
        if account is None:
            return node if old is None else trie.drop(node, _path(address))
        before = None if old is None else old.storage
        storage = storages.sealed(address, before)
        if old is not None and storage is before and _same(old.account, account):
            return node
        value = _encoded(account, trie.root_of(storage))
        return trie.put(node, _path(address), value, Entry(address, account, storage))

    def account(self, address: bytes) -> Account:
        """The account at 20 bytes; an empty one where there is none. Its class is that of the fork that wrote it."""
        entry = self._entry(address)
        return EMPTY_ACCOUNT if entry is None else entry.account

    def storage(self, address: bytes, key: bytes) -> int:
        """The value of a storage slot (32-byte key), 0 where nothing was stored."""
        leaf = trie.get(self._storage(address), _path(key))
        return 0 if leaf is None else int(leaf.item[1])

    def storage_root(self, address: bytes) -> bytes:
        """The root of one account's storage."""
        return trie.root_of(self._storage(address))

    def account_proof(self, address: bytes) -> list[bytes]:
        """The nodes from the state root to an account, or to where it would be."""
        return trie.proof(self._accounts, _path(address))

    def storage_proof(self, address: bytes, key: bytes) -> list[bytes]:
        """The nodes from an account's storage root to a slot, or to where it would be."""
        return trie.proof(self._storage(address), _path(key))

    def accounts(self) -> Iterator[tuple[bytes, Account]]:
        """Every account there is, by ascending address."""
        entries = [leaf.item for leaf in trie.leaves(self._accounts)]
        for entry in sorted(entries, key=lambda one: one.address):
            yield bytes(entry.address), entry.account

    def storage_of(self, address: bytes) -> dict[bytes, int]:
        """All storage slots of one account that are not zero."""
        items = (leaf.item for leaf in trie.leaves(self._storage(address)))
        return {bytes(key): int(value) for key, value in items}

    def _entry(self, address: bytes) -> Entry | None:
        leaf = trie.get(self._accounts, _path(address))
        return None if leaf is None else leaf.item

    def _storage(self, address: bytes) -> trie.Node | None:
        entry = self._entry(address)
        return None if entry is None else entry.storage


def genesis_state(accounts: tuple[GenesisAccount, ...]) -> SealedState:
    """The state of block 0."""
    rules = rules_of(Fork.SHANGHAI)
    nothing = SealedState(None)
    state = nothing.fork(rules)
    for entry in accounts:
        address = Bytes20(entry.address)
        account = rules.fork_types.Account(
            Uint(entry.nonce), U256(entry.balance), Bytes(entry.code)
        )
        rules.state.set_account(state, address, account)
        for key, value in entry.storage.items():
            rules.state.set_storage(state, address, Bytes32(key), U256(value))
    return nothing.seal(state)


class Overlay:
    """What the specification takes for the dictionary of a trie: changes over something that is only read."""

    __slots__ = ("_every", "_read", "_seen", "changed")

    def __init__(
        self,
        read: Callable[[bytes], Any],
        every: Callable[[], Iterator[tuple[Any, Any]]],
    ) -> None:
        """``read`` gives what is below at a key, None for nothing; ``every`` all of it."""
        self._read = read
        self._every = every
        self._seen: dict[bytes, Any] = {}
        self.changed: dict[Any, Any] = {}
        """What was put since the fork; None for what was taken away."""

    def __copy__(self) -> "Overlay":
        copied = Overlay.__new__(Overlay)
        copied._read, copied._every, copied._seen = self._read, self._every, self._seen
        copied.changed = self.changed.copy()
        return copied

    def get(self, key: bytes, default: Any = None) -> Any:
        """As a dictionary's."""
        found = self.changed.get(key, _ABSENT)
        if found is _ABSENT:
            found = self._seen.get(key, _ABSENT)
            if found is _ABSENT:
                found = self._seen[key] = self._read(key)
        return default if found is None else found

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def __setitem__(self, key: bytes, value: Any) -> None:
        self.changed[key] = value

    def __delitem__(self, key: bytes) -> None:
        self.changed[key] = None

    def items(self) -> Iterator[tuple[Any, Any]]:
        """All of it, for the specification's own root before Byzantium and for tests; slow."""
        for key, value in self._every():
            if key not in self.changed:
                yield key, value
        for key, value in self.changed.items():
            if value is not None:
                yield key, value

    @override
    def __eq__(self, other: object) -> bool:
        """Whether both hold the same; the specification asks whether nothing is left of an account's storage."""
        if other != {}:
            return isinstance(other, Mapping | Overlay) and dict(self.items()) == dict(
                other.items()
            )
        return next(self.items(), None) is None

    __hash__ = None  # type: ignore[assignment]  # as a dictionary's


class _Storages:
    """What the specification takes for the dictionary of storage tries; each is made when it is asked for."""

    __slots__ = ("_below", "_rules", "changed")

    def __init__(self, below: Callable[[bytes], trie.Node | None], rules: Rules) -> None:
        self._below = below
        self._rules = rules
        self.changed: dict[Any, Any] = {}
        """The specification's tries that were asked for; None for what was taken away."""

    def copy(self) -> "_Storages":
        """One of its own, with tries of its own."""
        copied = _Storages(self._below, self._rules)
        copied.changed = {
            address: None if slots is None else self._rules.trie.copy_trie(slots)
            for address, slots in self.changed.items()
        }
        return copied

    def get(self, address: bytes, default: Any = None) -> Any:
        """As a dictionary's."""
        found = self.changed.get(address, _ABSENT)
        if found is _ABSENT:
            below = self._below(address)
            found = None if below is None else self._over(below)
            if found is not None:
                self.changed[address] = found
        return default if found is None else found

    def _over(self, node: trie.Node) -> Any:
        def read(key: bytes) -> Any:
            leaf = trie.get(node, _path(key))
            return None if leaf is None else leaf.item[1]

        def every() -> Iterator[tuple[Any, Any]]:
            return (leaf.item for leaf in trie.leaves(node))

        return self._rules.trie.Trie(secured=True, default=_NO_SLOT, _data=Overlay(read, every))

    def __contains__(self, address: bytes) -> bool:
        return self.get(address) is not None

    def __getitem__(self, address: bytes) -> Any:
        found = self.get(address)
        if found is None:
            raise KeyError(address)
        return found

    def __setitem__(self, address: bytes, slots: Any) -> None:
        self.changed[address] = slots

    def __delitem__(self, address: bytes) -> None:
        self.changed[address] = None

    def items(self) -> tuple[()]:
        """Nothing: the specification asks when it takes a snapshot, and ``_Snapshots`` copies in its place."""
        return ()

    def sealed(self, address: bytes, before: trie.Node | None) -> trie.Node | None:
        """One account's storage with its changes; ``before`` itself when there are none."""
        slots = self.changed.get(address, _ABSENT)
        if slots is _ABSENT:
            return before
        if slots is None:
            return None
        data = slots._data
        node, changes = (before, data.changed) if isinstance(data, Overlay) else (None, data)
        for key in sorted(changes):
            value = changes[key]
            path = _path(key)
            leaf = trie.get(node, path)
            if value is None:
                node = node if leaf is None else trie.drop(node, path)
            elif leaf is None or leaf.item[1] != value:
                node = trie.put(node, path, trie.string(trie.integer(int(value))), (key, value))
        return node


class _Snapshots(list[Any]):
    """Where the specification goes back to: its copies of the main trie, our copies of the storages."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = weakref.ref(
            state
        )  # the state holds us: a circle would wait for the collector

    @override
    def append(self, snapshot: Any) -> None:
        accounts, _ = snapshot
        state = self._state()
        assert state is not None
        super().append((accounts, state._storage_tries.copy()))


@functools.lru_cache(maxsize=1 << 16)
def _path(key: bytes) -> bytes:
    """Where a key is in a trie: the nibbles of its hash."""
    return trie.nibbles(keccak256(key))


def _same(one: Account, other: Account) -> bool:
    """Whether two accounts, of one fork or of two, hold the same."""
    return one is other or (
        one.nonce == other.nonce and one.balance == other.balance and one.code == other.code
    )


def _encoded(account: Account, storage_root: bytes) -> bytes:
    """An account as the state trie holds it."""
    return trie.listed(
        trie.string(trie.integer(int(account.nonce)))
        + trie.string(trie.integer(int(account.balance)))
        + trie.string(storage_root)
        + trie.string(_code_hash(account.code))
    )


@functools.lru_cache(maxsize=1024)
def _code_hash(code: bytes) -> bytes:
    return bytes(keccak256(code))
