"""Blocks, the best chain among them, and the coins that it leaves unspent.

Theory of operation. Every block whose header is sound is kept in ``index``, on whatever branch. The best chain is the one
with the most work among those without an invalid block; at equal work the one seen first stays. Connecting a block
spends and creates coins and remembers what it spent; disconnecting restores exactly that. Moving to another branch
disconnects down to the fork and connects up; a block that turns out invalid on the way is marked and the old
branch is taken up again.
"""

from collections.abc import Callable

import msgspec

from alys.models.bitcoin import rules
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, OutPoint, Tx, TxOut

GENESIS_TEXT = b"alys regtest"


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """An unspent output, and what decides whether it may be spent."""

    output: TxOut
    height: int
    coinbase: bool


class Entry(msgspec.Struct, kw_only=True, eq=False):
    """A block in the index. Compared by identity: there is one per hash."""

    block: Block
    height: int
    parent: "Entry | None"
    arrival: int
    invalid: bool = False
    """It, or one before it, breaks a rule, or was declared invalid by hand."""
    spent: tuple[tuple[OutPoint, Coin], ...] = ()
    """What it spent when it was connected last."""
    checked: bool = False
    """Its scripts were run; they need not be again when it is connected once more."""

    @property
    def hash(self) -> str:
        """The block's hash."""
        return self.block.hash


class BlockEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A block joined the best chain or left it."""

    connected: bool
    height: int
    block: Block


class ChainState:
    """The index, the best chain and its coins."""

    def __init__(self, now: Callable[[], float], genesis_time: int) -> None:
        self.coins: dict[OutPoint, Coin] = {}
        self.index: dict[str, Entry] = {}
        #: The best chain by height.
        self.active: list[Entry] = []
        #: Transactions of the best chain by txid; coinbases too.
        self.transactions: dict[str, Entry] = {}
        self.listeners: list[Callable[[BlockEvent], None]] = []
        self._now = now
        #: Why the branch that was tried last is invalid.
        self._why = ""
        genesis = Entry(block=_genesis(genesis_time), height=0, parent=None, arrival=0)
        self.index[genesis.hash] = genesis
        self._connect(genesis)

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

    def median_time(self, entry: Entry) -> int:
        """Median of the times of a block and the ten before it (BIP113)."""
        times: list[int] = []
        step: Entry | None = entry
        while step is not None and len(times) < rules.MEDIAN_TIME_BLOCKS:
            times.append(step.block.header.time)
            step = step.parent
        return sorted(times)[len(times) // 2]

    def accept(self, block: Block) -> Entry:
        """Check a block and take it in; raises Rejected. A block that is known already is returned as it is."""
        known = self.index.get(block.hash)
        if known is not None:
            if known.invalid:
                raise Rejected("duplicate-invalid")
            return known
        parent = self.index.get(block.header.previous)
        if parent is None:
            raise Rejected("prev-blk-not-found")
        if parent.invalid:
            raise Rejected("bad-prevblk")
        rules.check_header(block.header, self.median_time(parent), self._now())
        rules.check_block(block, parent.height + 1)
        entry = Entry(block=block, height=parent.height + 1, parent=parent, arrival=len(self.index))
        self.index[entry.hash] = entry
        self.choose()
        if entry.invalid:
            raise Rejected("bad-block", self._why)
        return entry

    def choose(self) -> None:
        """Move to the best valid branch."""
        while True:
            best = max(
                (entry for entry in self.index.values() if not entry.invalid),
                key=lambda entry: (entry.height, -entry.arrival),
            )
            if best.height == self.tip.height and not self.tip.invalid:
                return
            if self._move_to(best):
                return

    def invalidate(self, entry: Entry) -> None:
        """Declare a block and all that stand on it invalid."""
        for other in self._descendants(entry):
            other.invalid = True
        while self.tip.invalid:
            self._disconnect()
        self.choose()

    def reconsider(self, entry: Entry) -> None:
        """Take the declaration back, for the block, those before it and those on it."""
        for other in self._descendants(entry):
            other.invalid = False
        step: Entry | None = entry
        while step is not None:
            step.invalid = False
            step = step.parent
        self.choose()

    def spend(self, tx: Tx, height: int, view: dict[OutPoint, Coin]) -> tuple[list[Coin], int]:
        """The coins that a transaction spends and the fee it leaves; raises Missing or Rejected. Changes nothing."""
        coins = []
        for txin in tx.inputs:
            coin = view.get(txin.outpoint)
            if coin is None:
                raise Missing(f"{txin.outpoint.label} in {tx.txid}")
            if coin.coinbase and height - coin.height < rules.COINBASE_MATURITY:
                raise Rejected(
                    "bad-txns-premature-spend-of-coinbase",
                    f"tried to spend coinbase at depth {height - coin.height}",
                )
            coins.append(coin)
        fee = sum(c.output.value for c in coins) - sum(out.value for out in tx.outputs)
        if fee < 0:
            raise Rejected("bad-txns-in-belowout", f"value in below value out by {-fee} sats")
        return coins, fee

    def _descendants(self, entry: Entry) -> list[Entry]:
        family = {entry.hash}
        found = [entry]
        for other in sorted(self.index.values(), key=lambda one: one.height):
            if other.parent is not None and other.parent.hash in family:
                family.add(other.hash)
                found.append(other)
        return found

    def _move_to(self, target: Entry) -> bool:
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
                self._connect(entry)
            except Rejected as error:
                self._why = str(error)
                for bad in self._descendants(entry):
                    bad.invalid = True
                return False
        return True

    def _connect(self, entry: Entry) -> None:
        """Spend and create coins; all or nothing."""
        spent: list[tuple[OutPoint, Coin]] = []
        created: list[OutPoint] = []
        try:
            fees = 0
            for tx in entry.block.txs:
                fees += self._apply(tx, entry, spent, created)
            self._check_reward(entry, fees)
        except Rejected:
            self._undo(spent, created)
            raise
        entry.spent = tuple(spent)
        entry.checked = True
        self.active.append(entry)
        self.transactions.update((tx.txid, entry) for tx in entry.block.txs)
        self._tell(BlockEvent(connected=True, height=entry.height, block=entry.block))

    def _apply(
        self, tx: Tx, entry: Entry, spent: list[tuple[OutPoint, Coin]], created: list[OutPoint]
    ) -> int:
        fee = 0
        if not tx.is_coinbase:
            coins, fee = self.spend(tx, entry.height, self.coins)
            median = 0 if entry.parent is None else self.median_time(entry.parent)
            if not rules.is_final(tx, entry.height, median):
                raise Rejected("bad-txns-nonfinal", "non-final transaction")
            if not entry.checked:
                rules.check_scripts(tx, [coin.output for coin in coins])
            for txin, coin in zip(tx.inputs, coins, strict=True):
                del self.coins[txin.outpoint]
                spent.append((txin.outpoint, coin))
        for vout, output in enumerate(tx.outputs):
            if output.script[:1] != b"\x6a":
                place = OutPoint(txid=tx.txid, vout=vout)
                self.coins[place] = Coin(
                    output=output, height=entry.height, coinbase=tx.is_coinbase
                )
                created.append(place)
        return fee

    def _check_reward(self, entry: Entry, fees: int) -> None:
        if entry.parent is None:
            return
        reward = sum(out.value for out in entry.block.txs[0].outputs)
        allowed = rules.subsidy(entry.height) + fees
        if reward > allowed:
            raise Rejected(
                "bad-cb-amount", f"coinbase pays too much (actual={reward} vs limit={allowed})"
            )

    def _undo(self, spent: list[tuple[OutPoint, Coin]], created: list[OutPoint]) -> None:
        for place in created:
            self.coins.pop(place, None)
        self.coins.update(coin for coin in spent if coin[0] not in set(created))

    def _disconnect(self) -> None:
        entry = self.active.pop()
        created = [
            OutPoint(txid=tx.txid, vout=vout)
            for tx in entry.block.txs
            for vout in range(len(tx.outputs))
        ]
        self._undo(list(entry.spent), created)
        for tx in entry.block.txs:
            self.transactions.pop(tx.txid, None)
        self._tell(BlockEvent(connected=False, height=entry.height, block=entry.block))

    def _tell(self, event: BlockEvent) -> None:
        for listener in list(self.listeners):
            listener(event)


def _genesis(time: int) -> Block:
    coinbase = Tx(
        version=1,
        inputs=(
            bitcoin.TxIn(
                outpoint=OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT),
                script_sig=bitcoin.push(GENESIS_TEXT),
            ),
        ),
        # An output that nobody can spend, as the real one's.
        outputs=(TxOut(value=rules.SUBSIDY_SATS, script=b"\x6a" + bitcoin.push(GENESIS_TEXT)),),
    )
    header = bitcoin.Header(
        version=4,
        previous=bitcoin.NULL_HASH,
        merkle_root=coinbase.txid,
        time=time,
        bits=rules.REGTEST_BITS,
        nonce=0,
    )
    return Block(header=rules.mined(header), txs=(coinbase,))
