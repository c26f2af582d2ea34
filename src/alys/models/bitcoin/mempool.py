"""Transactions that wait for a block: checked like in a block, with Core's relay rules on top."""

from collections.abc import Iterable

import msgspec

from alys.models.bitcoin import rules
from alys.models.bitcoin.chainstate import BlockEvent, ChainState, Coin
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx

RELAY_FEE_SATS_PER_KVB = 1000
"""Core's -minrelaytxfee default up to version 29: one satoshi per virtual byte."""

TX_WEIGHT_MAX = 400_000
DUST_RELAY_SATS_PER_KVB = 3000


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction in the mempool."""

    tx: Tx
    fee: int
    time: int
    height: int
    sigops: int
    """BIP141's cost."""


class Mempool:
    """In order of arrival, which puts parents before children."""

    def __init__(self, chain: ChainState) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._chain = chain
        self._spent: dict[OutPoint, str] = {}

    def check(self, tx: Tx) -> int:
        """The fee of a transaction that may come in; raises Rejected."""
        return self._judge(tx, 0).fee

    def _judge(self, tx: Tx, time: int) -> Waiting:
        rules.check_transaction(tx)
        if tx.is_coinbase:
            raise Rejected("coinbase")
        if tx.weight > TX_WEIGHT_MAX:
            raise Rejected("tx-size")
        tip = self._chain.tip
        if not rules.is_final(tx, tip.height + 1, self._chain.median_time(tip)):
            raise Rejected("non-final")
        if tx.txid in self.waiting:
            raise Rejected("txn-already-in-mempool")
        if all(OutPoint(txid=tx.txid, vout=n) in self._chain.coins for n in range(len(tx.outputs))):
            raise Rejected("txn-already-known")
        conflict = next((t for t in tx.inputs if t.outpoint in self._spent), None)
        if conflict is not None:
            raise Rejected("txn-mempool-conflict", conflict.outpoint.label)
        coins, fee = self._chain.spend(tx, tip.height + 1, self._view(tx))
        _check_dust(tx)
        needed = RELAY_FEE_SATS_PER_KVB * tx.vsize // 1000
        if fee < needed:
            raise Rejected("min relay fee not met", f"{fee} < {needed}")
        outputs = [coin.output for coin in coins]
        rules.check_scripts(tx, outputs, policy=True)
        sigops = bitcoin.sigop_cost(tx, outputs)
        return Waiting(tx=tx, fee=fee, time=time, height=tip.height, sigops=sigops)

    def add(self, tx: Tx, time: int) -> int:
        """Take a transaction in and return its fee; raises Rejected."""
        entry = self._judge(tx, time)
        self.waiting[tx.txid] = entry
        self._spent.update((txin.outpoint, tx.txid) for txin in tx.inputs)
        return entry.fee

    def spends(self, outpoint: OutPoint) -> bool:
        """Whether a waiting transaction spends a coin."""
        return outpoint in self._spent

    def on_block(self, event: BlockEvent, time: int) -> None:
        """Drop what a block included or made impossible; take back what a lost block held."""
        if event.connected:
            gone = {tx.txid for tx in event.block.txs}
            used = {txin.outpoint for tx in event.block.txs for txin in tx.inputs}
            conflicts = {self._spent[point] for point in used if point in self._spent} - gone
            self._remove(gone)
            self._remove(self._with_children(conflicts))
            return
        returned = [tx for tx in event.block.txs if not tx.is_coinbase]
        kept = [entry.tx for entry in self.waiting.values()]
        self.waiting.clear()
        self._spent.clear()
        for tx in (*returned, *kept):
            try:
                self.add(tx, time)
            except Rejected:
                continue  # it needs the block that is gone, or conflicts: Core drops it too

    def _with_children(self, txids: Iterable[str]) -> set[str]:
        family = set(txids)
        for txid, entry in self.waiting.items():
            if any(txin.outpoint.txid in family for txin in entry.tx.inputs):
                family.add(txid)
        return family

    def _remove(self, txids: Iterable[str]) -> None:
        for txid in sorted(txids):
            entry = self.waiting.pop(txid, None)
            if entry is not None:
                for txin in entry.tx.inputs:
                    del self._spent[txin.outpoint]

    def _view(self, tx: Tx) -> dict[OutPoint, Coin]:
        """The coins that this transaction names, of the chain or of the mempool."""
        view: dict[OutPoint, Coin] = {}
        for txin in tx.inputs:
            place = txin.outpoint
            coin = self._chain.coins.get(place)
            parent = self.waiting.get(place.txid)
            if coin is None and parent is not None and place.vout < len(parent.tx.outputs):
                output = parent.tx.outputs[place.vout]
                coin = Coin(output=output, height=self._chain.tip.height + 1, coinbase=False)
            if coin is None:
                raise Missing(f"{place.label} in {tx.txid}")
            view[place] = coin
        return view


def _check_dust(tx: Tx) -> None:
    for output in tx.outputs:
        if output.script[:1] == bytes((bitcoin.OP_RETURN,)):
            continue
        spending = 67 if bitcoin.witness_program(output.script) is not None else 148
        dust = (len(output.serialize()) + spending) * DUST_RELAY_SATS_PER_KVB // 1000
        if output.value < dust:
            raise Rejected("dust")
