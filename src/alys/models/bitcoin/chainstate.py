"""Blocks, the best chain among them, and the coins that it leaves unspent.

Theory of operation. Every block whose header and shape are sound is kept in ``index``, on whatever branch. The best chain
is the one with the most work among those without an invalid block; at equal work the one seen first stays. Connecting
a block spends and creates coins and remembers what it spent; disconnecting restores exactly that. Moving to another branch
disconnects down to the fork and connects up; a block that turns out invalid on the way is marked, and the old branch is
taken up again. On regtest every block has the same work, so height is work.
"""

import enum
from collections.abc import Callable, Mapping, Sequence, Set

import msgspec

from alys.models.bitcoin import rules
from alys.models.bitcoin.coins import Coin, Spending, locked_by_age, spend
from alys.models.bitcoin.genesis import REGTEST_TIME, genesis_block
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx

BROUGHT_BACK_MAX = 10
"""The transactions of so many blocks that are declared invalid wait again; those of deeper ones are lost, as in Core."""


class Entry(msgspec.Struct, kw_only=True, eq=False):
    """A block in the index. Compared by identity: there is one per hash."""

    block: Block
    height: int
    parent: "Entry | None"
    arrival: int
    invalid: bool = False
    """It, or one before it, breaks a rule, or was declared invalid by hand."""
    spent: tuple[tuple[OutPoint, Coin], ...] = ()
    """What it spent when it was connected last, in the order of its inputs."""
    checked: bool = False
    """Its scripts were run; they need not be again when it is connected once more."""

    @property
    def hash(self) -> str:
        """The block's hash."""
        return self.block.hash


class EventKind(enum.Enum):
    """What became of a block."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class BlockEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A block joined the best chain at its end, or left it from there."""

    kind: EventKind
    height: int
    block: Block

    @property
    def hash(self) -> str:
        """The block's hash, as displayed."""
        return self.block.hash

    @property
    def raw(self) -> str:
        """The whole block in hex."""
        return self.block.serialize().hex()


class ChainState:
    """The index, the best chain and its coins.

    ``listeners`` are told of every step; they may look but must not change the chain from within the call.
    """

    def __init__(self, now: Callable[[], float], genesis_time: int = REGTEST_TIME) -> None:
        self.coins: dict[OutPoint, Coin] = {}
        self.index: dict[str, Entry] = {}
        #: The best chain by height.
        self.active: list[Entry] = []
        #: Transactions of the best chain by txid; coinbases too.
        self.transactions: dict[str, Entry] = {}
        #: What all known blocks take up.
        self.stored_bytes = 0
        self.listeners: list[Callable[[BlockEvent], None]] = []
        #: Told of every block that is kept, on whatever branch.
        self.keepers: list[Callable[[Entry], None]] = []
        #: Told when steps that belong together are over; whether what lost blocks held may wait again.
        self.settlers: list[Callable[[bool], None]] = []
        #: How often a block was marked invalid or valid again.
        self.marks = 0
        #: Blocks that were not kept because they cannot stand where they do, whatever witnesses come with them.
        self._failed: set[str] = set()
        self._now = now
        #: Why the branch that was tried last is invalid.
        self._why = Rejected("bad-block")
        self._culprit: Entry | None = None
        genesis = self._keep(genesis_block(genesis_time), None)
        genesis.checked = True
        self.active.append(genesis)  # its coin is not among the coins: nobody can spend it
        self.transactions[genesis.block.txs[0].txid] = genesis

    @property
    def tip(self) -> Entry:
        """The last block of the best chain."""
        return self.active[-1]

    def at(self, height: int) -> Entry | None:
        """The block of the best chain at a height."""
        return self.active[height] if 0 <= height < len(self.active) else None

    def is_active(self, entry: Entry) -> bool:
        """Whether a block is on the best chain."""
        return self.at(entry.height) is entry

    def is_invalid(self, block_hash: str) -> bool:
        """Whether a block is known to break a rule, or to stand on one that does, or was declared invalid."""
        entry = self.index.get(block_hash)
        return block_hash in self._failed if entry is None else entry.invalid

    def median_time(self, entry: Entry) -> int:
        """Median of the times of a block and the ten before it (BIP113)."""
        times: list[int] = []
        step: Entry | None = entry
        while step is not None and len(times) < rules.MEDIAN_TIME_BLOCKS:
            times.append(step.block.header.time)
            step = step.parent
        return sorted(times)[len(times) // 2]

    def accept(self, block: Block) -> Entry:
        """Check a block and take it in; raises Rejected when it breaks a rule itself.

        A valid block that is known already is returned as it is. A branch is looked at when it becomes the longest: when one of
        the blocks before this one breaks a rule then, this one is returned too, marked invalid.
        """
        if self.is_invalid(block.hash):
            raise Rejected("duplicate-invalid")
        known = self.index.get(block.hash)
        if known is not None:
            return known
        rules.check_work(block.header)
        rules.check_block(block)
        if self.is_invalid(block.header.previous):
            raise Rejected("bad-prevblk")
        parent = self.index.get(block.header.previous)
        if parent is None:
            raise Rejected("prev-blk-not-found")
        self._check_on(block, parent)
        entry = self._keep(block, parent)
        if entry.height > self.tip.height and not self._move_to(entry):
            self.choose()
        if entry is self._culprit:
            raise self._why
        return entry

    def try_out(self, block: Block) -> None:
        """Whether a block, apart from its work, would be accepted on the tip; raises Rejected. Changes nothing."""
        if block.header.previous != self.tip.hash:
            raise Rejected("inconclusive-not-best-prevblk")
        rules.check_block(block)
        self._check_on(block, self.tip, remember=False)
        entry = Entry(block=block, height=self.tip.height + 1, parent=self.tip, arrival=0)
        self._undo(block.txs, self._apply(entry))

    def choose(self) -> None:
        """Move to the best valid branch; of several with the most work, the one whose end arrived first."""
        while True:
            best = max((entry for entry in self.index.values() if not entry.invalid), key=_rank)
            if best is self.tip or self._move_to(best):
                return

    def invalidate(self, entry: Entry) -> None:
        """Declare a block and all that stand on it invalid. The genesis block cannot be."""
        self.marks += 1
        for other in self._descendants(entry):
            other.invalid = True
        lost = 0
        while self.tip.invalid:
            self._disconnect()
            lost += 1
            self._settle(lost <= BROUGHT_BACK_MAX)
        self.choose()

    def reconsider(self, entry: Entry) -> None:
        """Take the declaration back, for the block, those before it and those on it."""
        self.marks += 1
        for other in self._descendants(entry):
            other.invalid = False
        step: Entry | None = entry
        while step is not None:
            step.invalid = False
            step = step.parent
        self.choose()

    def load(self, blocks: Sequence[tuple[Block, bool]], invalid: Set[str], tip: str) -> None:
        """Take blocks in that this chain state kept in another life, parents first; True beside one: its scripts were run.

        Raises Rejected or KeyError when they do not make a chain up to ``tip``. What is loaded is not checked again beyond that.
        """
        for block, checked in blocks:
            parent = self.index[block.header.previous]
            entry = self._keep(block, parent)
            entry.checked = checked
            entry.invalid = parent.invalid or entry.hash in invalid
        if tip and not self._move_to(self.index[tip]):
            raise self._why
        self.choose()

    def spend(self, tx: Tx, view: Mapping[OutPoint, Coin]) -> Spending:
        """What a transaction in the next block would spend; raises Missing or Rejected. Changes nothing."""
        return spend(tx, view, self.tip.height + 1)

    def locked(self, tx: Tx, coins: Sequence[Coin]) -> bool:
        """Whether BIP68 keeps a transaction that spends these coins out of the next block."""
        return locked_by_age(
            tx, coins, self.tip.height + 1, self.median_time(self.tip), self._median_time_before
        )

    def _median_time_before(self, coin: Coin) -> int:
        return self.median_time(self.active[max(0, coin.height - 1)])

    def _check_on(self, block: Block, parent: Entry, *, remember: bool = True) -> None:
        median_time = self.median_time(parent)
        rules.check_header(block.header, median_time, self._now())
        try:
            rules.check_block_at(block, parent.height + 1, median_time)
        except Rejected as error:
            if remember and error.reason not in rules.WITNESS_REASONS:
                self._failed.add(block.hash)
            raise

    def _keep(self, block: Block, parent: Entry | None) -> Entry:
        height = 0 if parent is None else parent.height + 1
        entry = Entry(block=block, height=height, parent=parent, arrival=len(self.index))
        self.index[entry.hash] = entry
        self.stored_bytes += len(block.serialize())
        for keeper in list(self.keepers):
            keeper(entry)
        return entry

    def _descendants(self, entry: Entry) -> list[Entry]:
        family = {entry.hash}
        found = [entry]
        for other in self.index.values():  # in order of arrival, so parents come first
            if other.parent is not None and other.parent.hash in family:
                family.add(other.hash)
                found.append(other)
        return found

    def _move_to(self, target: Entry) -> bool:
        try:
            return self._step_to(target)
        finally:
            self._settle(True)

    def _settle(self, bring_back: bool) -> None:
        for settler in list(self.settlers):
            settler(bring_back)

    def _step_to(self, target: Entry) -> bool:
        path = []
        step = target
        while not self.is_active(step):
            path.append(step)
            assert step.parent is not None, "the genesis block is always active"
            step = step.parent
        while self.tip is not step:
            self._disconnect()
        for entry in reversed(path):
            try:
                entry.spent = self._apply(entry)
            except Rejected as error:
                self._why, self._culprit = error, entry
                self.marks += 1
                for bad in self._descendants(entry):
                    bad.invalid = True
                return False
            self._connect(entry)
        return True

    def _connect(self, entry: Entry) -> None:
        entry.checked = True
        self.active.append(entry)
        self.transactions.update((tx.txid, entry) for tx in entry.block.txs)
        self._tell(EventKind.CONNECTED, entry)

    def _disconnect(self) -> None:
        entry = self.active.pop()
        self._undo(entry.block.txs, entry.spent)
        for tx in entry.block.txs:
            del self.transactions[tx.txid]
        self._tell(EventKind.DISCONNECTED, entry)

    def _apply(self, entry: Entry) -> tuple[tuple[OutPoint, Coin], ...]:
        """Spend and create the coins of a block on the tip; all or nothing. Returns what was spent."""
        spent: list[tuple[OutPoint, Coin]] = []
        created: list[Tx] = []
        fees = sigops = 0
        self._check_no_repetition(entry)
        try:
            for tx in entry.block.txs:
                coins: tuple[Coin, ...] = ()
                if not tx.is_coinbase:
                    coins, fee = self._check_spending(tx, entry)
                    fees += fee
                sigops += self._count_sigops(tx, coins, entry)
                for txin, coin in zip(tx.inputs, coins, strict=False):
                    del self.coins[txin.outpoint]
                    spent.append((txin.outpoint, coin))
                self._create(tx, entry.height)
                created.append(tx)
            _check_totals(entry, fees, sigops)
        except Rejected:
            self._undo(created, spent)
            raise
        return tuple(spent)

    def _check_no_repetition(self, entry: Entry) -> None:
        """BIP30: no transaction may stand in the chain twice while its coins are there."""
        for tx in entry.block.txs:
            for vout in range(len(tx.outputs)):
                if OutPoint(txid=tx.txid, vout=vout) in self.coins:
                    raise Rejected("bad-txns-BIP30", "tried to overwrite transaction")

    def _check_spending(self, tx: Tx, entry: Entry) -> tuple[tuple[Coin, ...], int]:
        spending = self.spend(tx, self.coins)
        if self.locked(tx, spending.coins):
            raise Rejected("bad-txns-nonfinal", "contains a non-BIP68-final transaction")
        if not entry.checked:
            rules.check_scripts(tx, spending.outputs)
        return spending.coins, spending.fee

    def _count_sigops(self, tx: Tx, coins: Sequence[Coin], entry: Entry) -> int:
        if entry.checked:
            return 0
        return bitcoin.sigop_cost(tx, [coin.output for coin in coins])

    def _create(self, tx: Tx, height: int) -> None:
        for vout, output in enumerate(tx.outputs):
            if output.script[:1] != bytes((bitcoin.OP_RETURN,)):
                place = OutPoint(txid=tx.txid, vout=vout)
                self.coins[place] = Coin(output=output, height=height, coinbase=tx.is_coinbase)

    def _undo(self, txs: Sequence[Tx], spent: Sequence[tuple[OutPoint, Coin]]) -> None:
        """Give back what was spent, then take away what ``txs`` created, which they may have spent themselves."""
        self.coins.update(spent)
        for tx in txs:
            for vout in range(len(tx.outputs)):
                self.coins.pop(OutPoint(txid=tx.txid, vout=vout), None)

    def _tell(self, kind: EventKind, entry: Entry) -> None:
        event = BlockEvent(kind=kind, height=entry.height, block=entry.block)
        for listener in list(self.listeners):
            listener(event)


def _rank(entry: Entry) -> tuple[int, int]:
    return entry.height, -entry.arrival


def _check_totals(entry: Entry, fees: int, sigops: int) -> None:
    if sigops > rules.SIGOPS_COST_MAX:
        raise Rejected("bad-blk-sigops", f"too many sigops ({sigops})")
    reward = sum(out.value for out in entry.block.txs[0].outputs)
    allowed = rules.subsidy(entry.height) + fees
    if reward > allowed:
        raise Rejected(
            "bad-cb-amount", f"coinbase pays too much (actual={reward} vs limit={allowed})"
        )
