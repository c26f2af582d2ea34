"""Which rules hold for which block: the executable specification's modules per fork, and the schedule of a genesis.

The specification (EELS) has a package per fork, equal in shape and different in content. ``Rules`` is one such package
with what a client must know of it; whoever executes, hashes or reads a block asks the block's own rules. ``Schedule``
says which rules a block at a height and time has: forks by block number until the merge (homestead to gray glacier),
the merge by total difficulty (EIP-3675), forks by time after it.
"""

import enum
import functools
import importlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from typing_extensions import override

Header: TypeAlias = Any
"""A header as the specification of its fork has it; fields that a fork does not know are not there."""

Receipt: TypeAlias = Any
"""A receipt of any fork: ``post_state`` before Byzantium, ``succeeded`` from it on (EIP-658)."""

Log: TypeAlias = Any
"""A log of any fork."""

Account: TypeAlias = Any
"""An account of any fork: ``nonce``, ``balance``, ``code``. Accounts of two forks are never equal."""

State: TypeAlias = Any
"""The working state of any fork."""


class Fork(enum.IntEnum):
    """The forks that there are rules for, oldest first; each name is that of the specification's package."""

    FRONTIER = 0
    HOMESTEAD = 1
    DAO_FORK = 2
    TANGERINE_WHISTLE = 3
    SPURIOUS_DRAGON = 4
    BYZANTIUM = 5
    CONSTANTINOPLE = 6
    """With EIP-1283 taken out again, which geth calls Petersburg."""
    ISTANBUL = 7
    MUIR_GLACIER = 8
    BERLIN = 9
    LONDON = 10
    ARROW_GLACIER = 11
    GRAY_GLACIER = 12
    PARIS = 13
    SHANGHAI = 14
    CANCUN = 15


class Rules:
    """One fork's part of the specification. Its modules are named as there; compare rules by identity."""

    __slots__ = (
        "blocks",
        "bloom",
        "fork",
        "fork_types",
        "interpreter",
        "message",
        "name",
        "state",
        "transactions",
        "transition",
        "trie",
        "vm",
    )

    def __init__(self, fork: Fork) -> None:
        self.fork = fork
        self.name = fork.name.lower()
        self.blocks = self._module("blocks")
        self.bloom = self._module("bloom")
        self.fork_types = self._module("fork_types")
        self.state = self._module("state")
        self.transactions = self._module("transactions")
        self.transition = self._module("fork")
        """``fork.py``: header rules, transactions, withdrawals, rewards."""
        self.trie = self._module("trie")
        self.vm = self._module("vm")
        self.interpreter = self._module("vm.interpreter")
        self.message = self._module("utils.message")

    def _module(self, path: str) -> Any:
        return importlib.import_module(f"ethereum.forks.{self.name}.{path}")

    @override
    def __repr__(self) -> str:
        return f"<rules of {self.name}>"

    @property
    def has_status(self) -> bool:
        """Whether a receipt says how the transaction ended, instead of a state root (EIP-658)."""
        return self.fork >= Fork.BYZANTIUM

    @property
    def has_typed_transactions(self) -> bool:
        """Whether there are other transactions than legacy ones (EIP-2718)."""
        return self.fork >= Fork.BERLIN

    @property
    def has_base_fee(self) -> bool:
        """Whether blocks have a base fee (EIP-1559)."""
        return self.fork >= Fork.LONDON

    @property
    def is_merged(self) -> bool:
        """Whether a consensus client makes the blocks instead of work (EIP-3675)."""
        return self.fork >= Fork.PARIS

    @property
    def has_withdrawals(self) -> bool:
        """Whether blocks carry withdrawals (EIP-4895)."""
        return self.fork >= Fork.SHANGHAI

    @property
    def has_blobs(self) -> bool:
        """Whether there are blob transactions and a parent beacon block root (EIP-4844, EIP-4788)."""
        return self.fork >= Fork.CANCUN

    @property
    def legacy_transaction(self) -> Any:
        """The class of transactions without a type."""
        if self.has_typed_transactions:
            return self.transactions.LegacyTransaction
        return self.transactions.Transaction

    def header(self, values: Mapping[str, object]) -> Header:
        """A header of this fork from its fields by name; those that it does not have are left out."""
        return made(self.blocks.Header, values)


def made(kind: Any, values: Mapping[str, object]) -> Any:
    """An object of one of the specification's data classes, from those of the values that it has a field for."""
    return kind(**{name: values[name] for name in kind.__dataclass_fields__ if name in values})


@functools.cache
def rules_of(fork: Fork) -> Rules:
    """The rules of a fork; loaded at first use, since each takes from 20 ms to half a second."""
    return Rules(fork)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Which fork begins where. The default is a chain that is merged and in Shanghai from genesis on."""

    by_block: tuple[tuple[int, Fork], ...] = ((0, Fork.GRAY_GLACIER),)
    """First blocks of the forks up to gray glacier, oldest first; Frontier needs none."""
    by_time: tuple[tuple[int, Fork], ...] = ((0, Fork.SHANGHAI),)
    """First seconds of the forks after Paris, oldest first."""
    terminal_total_difficulty: int | None = 0
    """A block whose parent's chain has this total difficulty is merged; None never merges."""
    dao_block: int | None = None
    """Where the DAO's ether is moved and ten headers carry the mark of it."""

    @property
    def begins_merged(self) -> bool:
        """Whether block 1 is made by a consensus client."""
        return self.terminal_total_difficulty == 0

    def fork_at(self, number: int, timestamp: int, total_difficulty: int) -> Fork:
        """The fork of a block at a height and time whose parent's chain has that total difficulty."""
        terminal = self.terminal_total_difficulty
        if terminal is None or total_difficulty < terminal:
            return _last(self.by_block, number, Fork.FRONTIER)
        return self.merged_fork_at(timestamp)

    def merged_fork_at(self, timestamp: int) -> Fork:
        """The fork of a block that a consensus client makes at that time."""
        return _last(self.by_time, timestamp, Fork.PARIS)

    def fork_of_genesis(self, timestamp: int) -> Fork:
        """The fork whose header block 0 has: forks by time count from London on, merged or not, as in geth."""
        by_block = _last(self.by_block, 0, Fork.FRONTIER)
        if by_block < Fork.LONDON:
            return by_block
        return _last(self.by_time, timestamp, Fork.PARIS if self.begins_merged else by_block)

    def rules_at(self, number: int, timestamp: int, total_difficulty: int = 0) -> Rules:
        """The rules of that fork."""
        return rules_of(self.fork_at(number, timestamp, total_difficulty))

    def forks(self) -> frozenset[Fork]:
        """Every fork that some block can have."""
        found = set()
        if not self.begins_merged:
            heights = (0, *(first for first, _ in self.by_block))
            found |= {_last(self.by_block, height, Fork.FRONTIER) for height in heights}
        if self.terminal_total_difficulty is not None:
            times = (0, *(first for first, _ in self.by_time))
            found |= {_last(self.by_time, time, Fork.PARIS) for time in times}
        return frozenset(found)

    def load(self) -> None:
        """Have all rules at hand, so that no block waits for them."""
        for fork in sorted(self.forks()):
            rules_of(fork)


def _last(begins: tuple[tuple[int, Fork], ...], place: int, before: Fork) -> Fork:
    """The newest fork that begins at or before a place."""
    return max((fork for first, fork in begins if first <= place), default=before)
