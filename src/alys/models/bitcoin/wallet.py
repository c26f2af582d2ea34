"""A wallet on the node: its descriptors, the transactions that concern it, its coins.

Theory of operation. A wallet looks at the chain and the mempool when it is asked something, and reads what is new since
then: blocks from the last one that it read and that still stands, transactions that came into the mempool. What it has
seen it keeps (``records``); whether that is confirmed is the chain's to say. A coin is its own when its script is one of
those watched and its transaction is on record.
"""

from collections.abc import Iterable, Iterator

import msgspec

from alys.models.bitcoin.chainstate import Entry
from alys.models.bitcoin.rules import COINBASE_MATURITY
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet_keys import LOOK_AHEAD, Pool, fresh_pools, signer_for
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Output, Signer, Tx, TxOut

BACK_SECONDS = 2 * 60 * 60
"""A block's time may be so much before the time at which it was made."""


class Record(msgspec.Struct, kw_only=True, eq=False):
    """A transaction that concerns a wallet; ``time`` is when it was seen first."""

    tx: Tx
    time: int
    order: int


class Note(msgspec.Struct, kw_only=True):
    """What the chain does not know of a transaction: when the wallet made it (0: it did not), what its owner said of it."""

    time: int = 0
    comment: str = ""
    to: str = ""
    abandoned: bool = False


_NOTHING_SAID = Note()


class OwnCoin(msgspec.Struct, frozen=True, kw_only=True):
    """An unspent output of a wallet."""

    place: OutPoint
    output: TxOut
    depth: int
    """Confirmations; 0 in the mempool."""
    mature: bool
    trusted: bool
    """Confirmed, or made by the wallet itself of coins that are."""


class Wallet:
    """One wallet. ``private_keys`` False makes it watch only; ``blank`` begins without descriptors."""

    def __init__(
        self,
        node: NodeState,
        name: str,
        seed: bytes,
        *,
        private_keys: bool = True,
        blank: bool = False,
        avoid_reuse: bool = False,
    ) -> None:
        self.name = name
        self.private_keys = private_keys
        self.blank = blank
        self.avoid_reuse = avoid_reuse
        self.pools: list[Pool] = []
        self.records: dict[str, Record] = {}
        #: Names of addresses; one that is not here is change.
        self.labels: dict[str, str] = {}
        #: Those that were named since somebody wrote them down.
        self.renamed: list[str] = []
        self.notes: dict[str, Note] = {}
        #: Whether it is loaded with the node.
        self.startup = False
        self.locked: set[OutPoint] = set()
        self._node = node
        self._own: dict[OutPoint, TxOut] = {}
        self._read: list[Entry] = []
        self._changes = -1
        if private_keys and not blank:
            self.pools = fresh_pools(seed, int(node.now()))

    def pool_of(self, script: bytes) -> Pool | None:
        """The descriptor that a script is of."""
        return next((pool for pool in self.pools if script in pool.scripts), None)

    def active(self, kind: str, *, internal: bool) -> Pool | None:
        """The descriptor that gives addresses of a type."""
        for pool in self.pools:
            if pool.active and pool.kind == kind and pool.internal is internal:
                return pool
        return None

    def add(self, pool: Pool, end: int) -> None:
        """Take a descriptor in, in the place of an equal one or of the active one of its kind."""
        same = [one for one in self.pools if one.descriptor.text == pool.descriptor.text]
        if pool.active:
            for one in self.pools:
                if one.active and (one.kind, one.internal) == (pool.kind, pool.internal):
                    one.active = False
        self.pools = [one for one in self.pools if one not in same]
        pool.watch(max(end, pool.next + LOOK_AHEAD if pool.active else end))
        self.pools.append(pool)
        self.blank = False

    def rescan(self, first: int = 0) -> None:
        """Read the chain again from this height."""
        self._read = self._read[:first]
        self._changes = -1
        self.read()

    def read(self) -> None:
        """Look at what is new on the chain and in the mempool."""
        chain = self._node.chain
        while self._read and not chain.is_active(self._read[-1]):
            self._read.pop()
        for entry in chain.active[len(self._read) :]:
            for tx in entry.block.txs:
                self._look(tx, entry.block.header.time)
            self._read.append(entry)
        pool = self._node.mempool
        if pool.changes != self._changes:
            self._changes = pool.changes
            for waiting in list(pool.waiting.values()):
                self._look(waiting.tx, waiting.time)

    def keep(self, tx: Tx, *, comment: str = "", to: str = "") -> Record:
        """Put a transaction on record that the wallet made."""
        now = int(self._node.now())
        self.notes[tx.txid] = Note(time=now, comment=comment, to=to)
        self._look(tx, now, own=True)
        return self.records[tx.txid]

    def label(self, address: str, text: str) -> None:
        """Name an address."""
        self.labels[address] = text
        self.renamed.append(address)

    def note(self, txid: str) -> Note:
        """What was said of a transaction; change it in ``notes``."""
        return self.notes.get(txid, _NOTHING_SAID)

    def _look(self, tx: Tx, time: int, *, own: bool = False) -> None:
        spends = any(txin.outpoint in self._own for txin in tx.inputs)
        mine = []
        for vout, output in enumerate(tx.outputs):
            pool = self.pool_of(output.script)
            if pool is not None and time >= pool.timestamp - BACK_SECONDS:
                pool.used(output.script)
                mine.append((OutPoint(txid=tx.txid, vout=vout), output))
        if not (spends or mine or own):
            return
        self._own.update(mine)
        if tx.txid not in self.records:
            time = self.note(tx.txid).time or time
            self.records[tx.txid] = Record(tx=tx, time=time, order=len(self.records))

    def is_mine(self, script: bytes) -> bool:
        """Whether a script is one of the wallet's."""
        return self.pool_of(script) is not None

    def is_change(self, script: bytes) -> bool:
        """Whether a script is the wallet's and none of an address that it gave away."""
        return self.is_mine(script) and bitcoin.script_to_address(script) not in self.labels

    def debit(self, tx: Tx) -> int:
        """Sats of the wallet's own that a transaction spends."""
        return sum(
            self._own[txin.outpoint].value for txin in tx.inputs if txin.outpoint in self._own
        )

    def entry(self, txid: str) -> Entry | None:
        """The block of the best chain that a transaction is in."""
        return self._node.chain.transactions.get(txid)

    def depth(self, record: Record) -> int:
        """Confirmations; negative where a transaction that is confirmed spends the same coin."""
        tip = self._node.chain.tip.height
        entry = self.entry(record.tx.txid)
        if entry is not None:
            return tip - entry.height + 1
        others = (self.entry(txid) for txid in self.conflicts(record.tx))
        return -max((tip - one.height + 1 for one in others if one is not None), default=0)

    def conflicts(self, tx: Tx) -> list[str]:
        """The transactions on record that spend a coin that this one spends."""
        places = {txin.outpoint for txin in tx.inputs}
        return [
            txid
            for txid, record in self.records.items()
            if txid != tx.txid and places & {txin.outpoint for txin in record.tx.inputs}
        ]

    def is_trusted(self, record: Record) -> bool:
        """Whether it can be counted on: confirmed, or waiting and made of the wallet's own coins that can be."""
        depth = self.depth(record)
        if depth != 0:
            return depth > 0
        if record.tx.txid not in self._node.mempool.waiting:
            return False
        for txin in record.tx.inputs:
            parent = self.records.get(txin.outpoint.txid)
            if txin.outpoint not in self._own or parent is None or not self.is_trusted(parent):
                return False
        return True

    def coins(self) -> Iterator[OwnCoin]:
        """The wallet's unspent outputs, the oldest first; also those that are locked or not mature."""
        node = self._node
        for place, output in self._own.items():
            if node.mempool.spends(place):
                continue
            record = self.records[place.txid]
            coin = node.chain.coins.get(place)
            if coin is None and place.txid not in node.mempool.waiting:
                continue
            depth = 0 if coin is None else node.chain.tip.height - coin.height + 1
            generated = coin is not None and coin.coinbase
            yield OwnCoin(
                place=place,
                output=output,
                depth=depth,
                mature=not generated or depth > COINBASE_MATURITY,
                trusted=self.is_trusted(record),
            )

    def balances(self) -> tuple[int, int, int]:
        """Sats that can be counted on, that are not sure yet, and that are not mature."""
        trusted = pending = immature = 0
        for coin in self.coins():
            if not coin.mature:
                immature += coin.output.value
            elif coin.trusted:
                trusted += coin.output.value
            else:
                pending += coin.output.value
        return trusted, pending, immature

    def signer(self, scripts: Iterable[bytes]) -> Signer:
        """The keys for these scripts, as far as they are the wallet's."""
        return signer_for(self.output(script) for script in scripts if self.is_mine(script))

    def output(self, script: bytes) -> Output:
        """One of the wallet's scripts with its keys."""
        pool = self.pool_of(script)
        assert pool is not None, "asked of the wallet's own scripts alone"
        return pool.output(script)
