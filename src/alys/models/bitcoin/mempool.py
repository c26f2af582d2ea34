"""Transactions that wait for a block: checked like in a block, with Core's relay rules on top.

Theory of operation. ``waiting`` is in order of arrival, which puts parents before children. A transaction that spends what
a waiting one spends replaces it and its descendants when it pays enough more (full replace-by-fee, as Core from version 28
on). A block takes out what it includes and what it makes impossible; what lost blocks held comes back when the chain stands
still on its new branch, in front of what waits, and all of it is looked at anew.
"""

from collections.abc import Callable, Iterable

import msgspec

from alys.models.bitcoin import rules, truc
from alys.models.bitcoin.chainstate import BlockEvent, ChainState, EventKind
from alys.models.bitcoin.coins import Coin
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx

RELAY_FEE_SATS_PER_KVB = 1000
"""Core's -minrelaytxfee and -incrementalrelayfee, the default up to version 29: one satoshi per virtual byte."""

REPLACED_MAX = 100
ANCESTORS_MAX = DESCENDANTS_MAX = 25
"""With the transaction itself."""

FAMILY_VBYTES_MAX = 101_000
"""Of a transaction with its ancestors, and with its descendants."""

CARVE_OUT_VBYTES_MAX = 10_000
"""A transaction up to this size may be one more than the limits allow when it has one waiting parent alone (CPFP carve-out)."""

SIGOPS_COST_MAX = rules.SIGOPS_COST_MAX // 5


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction in the mempool: fee in sats, time of arrival, height of the tip then, BIP141's sigop cost."""

    tx: Tx
    fee: int
    time: int
    height: int
    sigops: int

    @property
    def parents(self) -> set[str]:
        """The txids whose outputs it spends, waiting or not."""
        return {txin.outpoint.txid for txin in self.tx.inputs}


class Mempool:
    """Follows a chain: tell it of each block with ``on_block``."""

    def __init__(self, chain: ChainState, *, follows: bool = True) -> None:
        self.waiting: dict[str, Waiting] = {}
        #: How often something came in or went out.
        self.changes = 0
        #: Told of each transaction that came in; they must not change the mempool from within the call.
        self.listeners: list[Callable[[Waiting], None]] = []
        self._chain = chain
        self._txids: dict[str, str] = {}
        self._spent: dict[OutPoint, str] = {}
        #: What lost blocks held, in the order of the chain, until it stands still.
        self._lost: dict[str, tuple[Tx, int]] = {}
        self._unsettled = False
        if follows:
            chain.settlers.append(self._settle)

    def check(self, tx: Tx) -> Waiting:
        """What a transaction would be if it came in now; raises Rejected."""
        return self._judge(tx, 0)[0]

    def add(self, tx: Tx, time: int, *, free: bool = False) -> Waiting:
        """Take a transaction in, and put out what it replaces; raises Rejected. A ``free`` one may pay too little."""
        entry, replaced = self._judge(tx, time, free=free)
        self._remove(self._with_descendants(replaced))
        self._insert(entry)
        for listener in list(self.listeners):
            listener(entry)
        return entry

    def _insert(self, entry: Waiting) -> None:
        self.waiting[entry.tx.txid] = entry
        self._spent.update((txin.outpoint, entry.tx.txid) for txin in entry.tx.inputs)
        self._txids[entry.tx.wtxid] = entry.tx.txid
        self.changes += 1

    def scratch(self) -> "Mempool":
        """Another mempool over the same chain with the same transactions; what comes into it comes into it alone."""
        other = Mempool(self._chain, follows=False)
        other.waiting, other._spent = dict(self.waiting), dict(self._spent)
        other._txids = dict(self._txids)
        return other

    def find(self, name: str) -> Waiting | None:
        """A waiting transaction by its txid or its wtxid."""
        return self.waiting.get(self._txids.get(name, name))

    def coin(self, place: OutPoint) -> Coin | None:
        """An output of a waiting transaction, as a coin of the next block."""
        parent = self.waiting.get(place.txid)
        if parent is None or place.vout >= len(parent.tx.outputs):
            return None
        output = parent.tx.outputs[place.vout]
        return Coin(output=output, height=self._chain.tip.height + 1, coinbase=False)

    def coins_of(self, tx: Tx) -> dict[OutPoint, Coin]:
        """The coins that a transaction names, of the chain or of the mempool; spent ones of the mempool too."""
        places = [txin.outpoint for txin in tx.inputs]
        found = ((place, self._chain.coins.get(place) or self.coin(place)) for place in places)
        return {place: coin for place, coin in found if coin is not None}

    def spends(self, place: OutPoint) -> bool:
        """Whether a waiting transaction spends a coin."""
        return place in self._spent

    def ancestors(self, tx: Tx) -> set[str]:
        """The waiting transactions that this one needs, directly or not."""
        found: set[str] = set()
        open_ends = [txin.outpoint.txid for txin in tx.inputs]
        while open_ends:
            txid = open_ends.pop()
            parent = self.waiting.get(txid)
            if parent is not None and txid not in found:
                found.add(txid)
                open_ends.extend(parent.parents)
        return found

    def descendants(self, txid: str) -> set[str]:
        """The waiting transactions that need this one, directly or not."""
        return self._with_descendants((txid,)) - {txid}

    def on_block(self, event: BlockEvent, time: int) -> None:
        """Drop what a block included or made impossible; remember what a lost block held until the chain stands still."""
        if event.kind is EventKind.CONNECTED:
            used = (txin.outpoint for tx in event.block.txs for txin in tx.inputs)
            spenders = {self._spent[place] for place in used if place in self._spent}
            included = {tx.txid for tx in event.block.txs}
            self._remove(self._with_descendants(spenders - included))
            self._remove(included)
            self._lost = {name: one for name, one in self._lost.items() if name not in included}
            return
        self._unsettled = True
        back = {tx.txid: (tx, time) for tx in event.block.txs if not tx.is_coinbase}
        self._lost = back | self._lost  # what is lost later stood before

    def _settle(self, bring_back: bool) -> None:
        """The chain stands still again: take back what lost blocks held, and let go of what cannot be any more."""
        if not self._unsettled:
            return
        self._unsettled = False
        lost, kept = self._lost, list(self.waiting.values())
        self._lost = {}
        self.waiting.clear()
        self._spent.clear()
        self._txids.clear()
        self.changes += 1
        for tx, time in lost.values() if bring_back else ():
            try:
                self.add(tx, time, free=True)
            except Rejected:
                continue  # it needs what is gone, or is too young now: Core drops it too
        for entry in kept:
            if self._still_good(entry):
                self._insert(entry)

    def _still_good(self, entry: Waiting) -> bool:
        tip = self._chain.tip
        if self._conflicts(entry.tx) or entry.tx.txid in self.waiting:
            return False
        try:
            spending = self._chain.spend(entry.tx, self.coins_of(entry.tx))
        except Rejected:
            return False
        final = rules.is_final(entry.tx, tip.height + 1, self._chain.median_time(tip))
        return final and not self._chain.locked(entry.tx, spending.coins)

    def _judge(self, tx: Tx, time: int, *, free: bool = False) -> tuple[Waiting, set[str]]:
        """What it would be, and the waiting transactions that would have to go; raises Rejected."""
        tip = self._chain.tip
        self._check_alone(tx)
        conflicts = self._conflicts(tx)
        spending = self._chain.spend(tx, self.coins_of(tx))
        if self._chain.locked(tx, spending.coins):
            raise Rejected("non-BIP68-final")
        _refuse(bitcoin.nonstandard_inputs(tx, spending.outputs))
        sigops = bitcoin.sigop_cost(tx, spending.outputs)
        if sigops > SIGOPS_COST_MAX:
            raise Rejected("bad-txns-too-many-sigops", str(sigops))
        if not free and spending.fee and any(bitcoin.is_dust(out) for out in tx.outputs):
            raise Rejected("dust", "tx with dust output must be 0-fee")
        needed = relay_fee(tx)
        if spending.fee < needed and not free:
            raise Rejected("min relay fee not met", f"{spending.fee} < {needed}")
        entry = Waiting(tx=tx, fee=spending.fee, time=time, height=tip.height, sigops=sigops)
        ancestors = self.ancestors(tx)
        self._check_family(entry, ancestors, conflicts)
        sibling = self._check_truc(entry, ancestors, conflicts)
        conflicts |= sibling
        if conflicts:
            self._check_replacement(
                entry, conflicts, " (including sibling eviction)" if sibling else ""
            )
        rules.check_scripts(tx, spending.outputs, policy=True)
        return entry, conflicts

    def _check_alone(self, tx: Tx) -> None:
        tip = self._chain.tip
        rules.check_transaction(tx)
        if tx.is_coinbase:
            raise Rejected("coinbase")
        _refuse(bitcoin.nonstandard_tx(tx))
        if not rules.is_final(tx, tip.height + 1, self._chain.median_time(tip)):
            raise Rejected("non-final")
        if tx.txid in self.waiting:
            same = self.waiting[tx.txid].tx.wtxid == tx.wtxid
            raise Rejected(
                "txn-already-in-mempool" if same else "txn-same-nonwitness-data-in-mempool"
            )
        known = any(
            OutPoint(txid=tx.txid, vout=n) in self._chain.coins for n in range(len(tx.outputs))
        )
        if known:
            raise Rejected("txn-already-known")

    def _conflicts(self, tx: Tx) -> set[str]:
        places = (txin.outpoint for txin in tx.inputs)
        return {self._spent[place] for place in places if place in self._spent}

    def _check_family(self, entry: Waiting, ancestors: set[str], conflicts: set[str]) -> None:
        """Core's limits on chains of waiting transactions."""
        more, more_vbytes = 0, 0
        if len(conflicts) == 1:  # it goes, so there is room for its like
            gone = self._with_descendants(conflicts)
            more, more_vbytes = 1, sum(self.waiting[txid].tx.vsize for txid in gone)
        told = self._family_too_large(entry, ancestors, ANCESTORS_MAX, more, more_vbytes)
        if not told:
            return
        small = entry.tx.vsize <= CARVE_OUT_VBYTES_MAX and entry.tx.version != truc.VERSION
        extra = more_vbytes + CARVE_OUT_VBYTES_MAX
        if not small or self._family_too_large(entry, ancestors, 2, more + 1, extra):
            raise Rejected("too-long-mempool-chain", told)

    def _family_too_large(
        self, entry: Waiting, ancestors: set[str], most: int, more: int, more_vbytes: int
    ) -> str:
        """What is too much of it, "" when nothing is."""
        vsize = entry.tx.vsize
        if vsize + sum(self.waiting[txid].tx.vsize for txid in ancestors) > FAMILY_VBYTES_MAX:
            return f"exceeds ancestor size limit [limit: {FAMILY_VBYTES_MAX}]"
        if len(ancestors) + 1 > most:
            return f"too many unconfirmed ancestors [limit: {most}]"
        for txid in sorted(ancestors):
            family = self._with_descendants((txid,))
            vbytes = vsize + sum(self.waiting[one].tx.vsize for one in family)
            if len(family) + 1 > DESCENDANTS_MAX + more:
                return f"too many descendants for tx {txid} [limit: {DESCENDANTS_MAX + more}]"
            if vbytes > FAMILY_VBYTES_MAX + more_vbytes:
                return f"exceeds descendant size limit for tx {txid} [limit: {FAMILY_VBYTES_MAX + more_vbytes}]"
        return ""

    def _check_truc(self, entry: Waiting, ancestors: set[str], conflicts: set[str]) -> set[str]:
        """BIP431; a waiting sibling that would have to go counts as a conflict, and is returned."""
        parents = {txid: self.waiting[txid].tx for txid in entry.parents & self.waiting.keys()}
        told = truc.judge(entry.tx, parents, ancestors)
        if told:
            raise Rejected(truc.REASON, told)
        if entry.tx.version != truc.VERSION or not parents:
            return set()
        (parent,) = parents
        siblings = self.descendants(parent)
        if not siblings or siblings & conflicts:
            return set()
        if len(siblings) > 1:
            told = f"tx {parent} would exceed descendant count limit"
            raise Rejected(truc.REASON, told)
        return siblings

    def _check_replacement(self, entry: Waiting, conflicts: set[str], how: str) -> None:
        """BIP125's rules 2 to 5 and Core's on the fee rate; no transaction needs to signal."""
        too_little = f"insufficient fee{how}"
        gone = self._with_descendants(conflicts)
        if self.ancestors(entry.tx) & conflicts:
            raise Rejected("bad-txns-spends-conflicting-tx", entry.tx.txid)
        if len(gone) > REPLACED_MAX:
            raise Rejected("too many potential replacements", f"{len(gone)} > {REPLACED_MAX}")
        known = set[str]().union(*(self.waiting[txid].parents for txid in conflicts))
        if (entry.parents & self.waiting.keys()) - known:
            raise Rejected("replacement-adds-unconfirmed", entry.tx.txid)
        told = f"rejecting replacement {entry.tx.txid}"
        for old in (self.waiting[txid] for txid in sorted(conflicts)):
            if entry.fee * old.tx.vsize <= old.fee * entry.tx.vsize:
                raise Rejected(
                    too_little,
                    f"{told}; new feerate {entry.fee}/{entry.tx.vsize} <= old feerate {old.fee}/{old.tx.vsize}",
                )
        lost = sum(self.waiting[txid].fee for txid in gone)
        if entry.fee < lost:
            raise Rejected(
                too_little,
                f"{told}, less fees than conflicting txs; {entry.fee} < {lost}",
            )
        extra, needed = entry.fee - lost, relay_fee(entry.tx)
        if extra < needed:
            raise Rejected(
                too_little,
                f"{told}, not enough additional fees to relay; {extra} < {needed}",
            )

    def _with_descendants(self, txids: Iterable[str]) -> set[str]:
        family = set(txids)
        for txid, entry in self.waiting.items() if family else ():
            if family & entry.parents:
                family.add(txid)
        return family

    def _remove(self, txids: Iterable[str]) -> None:
        for txid in sorted(txids):
            entry = self.waiting.pop(txid, None)
            if entry is not None:
                self.changes += 1
                self._txids.pop(entry.tx.wtxid, None)
                for txin in entry.tx.inputs:
                    del self._spent[txin.outpoint]


def relay_fee(tx: Tx) -> int:
    """The least fee in sats at which a transaction is relayed."""
    return -(-RELAY_FEE_SATS_PER_KVB * tx.vsize // 1000)


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Rejected(reason)
