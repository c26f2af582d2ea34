"""What the Bitcoin chain says about the federation's money, read from raw blocks.

Every transaction that touches a federation script is one of two things: a *spend* when it has a federation input, else a
*deposit*. The unspent outputs are kept as a set of their own, so that their sum can be held against the sum over the
transactions.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec

from alys.oracles.statement import BrokenFeed
from alys.oracles.terms import DEPOSIT_MINIMUM_SATS
from alys.wire import bitcoin

_ADDRESS_BYTES = 20
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_NOTHING: Mapping[tuple[str, int], bitcoin.TxOut] = MappingProxyType({})


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that pays the federation and spends nothing of it."""

    txid: str
    vout: int
    sats: int
    extra_sats: int
    evm_address: str | None
    """0x and lower case; None when nobody can claim the deposit: no OP_RETURN has one, a coinbase, next to no value."""
    height: int
    block_hash: str
    script: bytes = b""
    """What the output that counts paid to."""

    @property
    def key(self) -> str:
        """``txid:vout`` of the output that counts."""
        return f"{self.txid}:{self.vout}"


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction with at least one federation input."""

    tx: bitcoin.Tx
    prevouts: tuple[bitcoin.TxOut | None, ...]
    """What each input spends; None where it is not the federation's."""
    height: int
    """Zero while it is only in the memory pool."""

    @property
    def input_sats(self) -> int:
        """The federation's money that went in."""
        return sum(prevout.value for prevout in self.prevouts if prevout is not None)


class _Block(msgspec.Struct, frozen=True, kw_only=True):
    height: int
    hash: str
    deposits: tuple[Deposit, ...]
    spends: tuple[Spend, ...]
    created: tuple[tuple[str, int], ...]
    consumed: tuple[tuple[tuple[str, int], bitcoin.TxOut], ...]


class BitcoinSide:
    """The best chain as fed, with undo. Blocks must link; a block on an older parent unwinds what stands above it."""

    def __init__(self, scripts: tuple[bytes, ...], genesis_height: int) -> None:
        self._scripts = set(scripts)
        self._genesis_height = genesis_height
        self._blocks: list[_Block] = []
        self._unspent: dict[tuple[str, int], bitcoin.TxOut] = {}
        self._unwound: dict[str, Deposit] = {}
        self._former: dict[tuple[str, str], Deposit] = {}
        """Every deposit that a block held which has left the best chain, by txid and block hash; for good."""
        self._ever: dict[tuple[str, int], int] = {}

    def add_scripts(self, scripts: Iterable[bytes]) -> None:
        """More federations, from the blocks fed from now on."""
        self._scripts.update(scripts)

    def sats_of(self, txid: str, vout: int) -> int | None:
        """What a federation output was worth, spent or not; None for one that the chain never had."""
        return self._ever.get((txid, vout))

    @property
    def height(self) -> int:
        """Height of the tip; one below the anchor while nothing was fed."""
        return self._blocks[-1].height if self._blocks else self._genesis_height - 1

    @property
    def block_count(self) -> int:
        """How many blocks stand on the best chain since the anchor."""
        return len(self._blocks)

    @property
    def unspent_sats(self) -> int:
        """The sum of the federation's unspent outputs."""
        return sum(output.value for output in self._unspent.values())

    def deposits(self) -> Iterator[Deposit]:
        """In chain order."""
        for block in self._blocks:
            yield from block.deposits

    def spends(self) -> Iterator[Spend]:
        """In chain order."""
        for block in self._blocks:
            yield from block.spends

    def unwound_deposit(self, txid: str) -> Deposit | None:
        """A deposit that a reorganisation took away, if it is not back."""
        return self._unwound.get(txid)

    def former_deposit(self, txid: str, block_hash: str) -> Deposit | None:
        """The deposit as a block held it that has left the best chain, whether it is back elsewhere or not."""
        return self._former.get((txid, block_hash))

    def ever_left(self, txid: str) -> bool:
        """Whether a block with this deposit has left the best chain at any time."""
        return any(name == txid for name, _ in self._former)

    def confirmations(self, deposit: Deposit) -> int:
        """One when its block is the tip."""
        return self.height - deposit.height + 1

    def feed(self, height: int, block_hex: str) -> None:
        """Append a raw block; raises BrokenFeed on a gap. A block that stands already is ignored."""
        block = bitcoin.parse_block(bytes.fromhex(block_hex))
        digest = block.header.hash
        if any(known.hash == digest for known in self._blocks):
            return
        self._make_room(height, block.header.previous)
        self._blocks.append(self._apply(height, digest, block.txs))

    def unwind(self, block_hash: str) -> None:
        """Take the block and all above it off again; raises BrokenFeed when it is not on the chain."""
        if all(block.hash != block_hash for block in self._blocks):
            raise BrokenFeed("bitcoin", f"cannot unwind {block_hash}: not on the best chain")
        while self._pop().hash != block_hash:
            pass

    def waiting_spends(self, txs: Iterable[bitcoin.Tx]) -> Iterator[Spend]:
        """Those of the unconfirmed transactions, in order of arrival, that spend what the federation has now.

        They may spend the change of each other, and deposits that are unconfirmed again. One that is confirmed, whose inputs are
        gone, or that a later one replaces by spending the same, is none.
        """
        waiting = _without_replaced(list(txs))
        loose: dict[tuple[str, int], bitcoin.TxOut] = {}
        for tx in waiting.values():
            if tx.txid in self._unwound:
                loose.update(((tx.txid, n), out) for n, out in enumerate(tx.outputs))
        for tx in waiting.values():
            spend = self.spend_of(tx, 0, loose)
            if spend is None or self._lacks_a_coin(spend):
                continue
            for vout, output in enumerate(tx.outputs):
                if output.script in self._scripts:
                    loose[(tx.txid, vout)] = output
            yield spend

    def _lacks_a_coin(self, spend: Spend) -> bool:
        """Whether it spends a deposit that a reorganisation took: nobody can mine it."""
        missing = (
            entry.outpoint.txid
            for entry, prevout in zip(spend.tx.inputs, spend.prevouts, strict=True)
            if prevout is None
        )
        return any(txid in self._unwound for txid in missing)

    def spend_of(
        self,
        tx: bitcoin.Tx,
        height: int,
        loose: Mapping[tuple[str, int], bitcoin.TxOut] = _NOTHING,
    ) -> Spend | None:
        """The transaction as a spend from the federation's present outputs or the unconfirmed ``loose`` ones, or None."""
        places = [(entry.outpoint.txid, entry.outpoint.vout) for entry in tx.inputs]
        prevouts = tuple(self._unspent.get(place) or loose.get(place) for place in places)
        if all(prevout is None for prevout in prevouts):
            return None
        return Spend(tx=tx, prevouts=prevouts, height=height)

    def is_federation(self, script: bytes) -> bool:
        """Whether an output script is the federation's, now or formerly."""
        return script in self._scripts

    def _make_room(self, height: int, previous: str) -> None:
        if not self._blocks:
            if height > self._genesis_height + 1:
                raise BrokenFeed("bitcoin", f"starts at {height}, after {self._genesis_height}")
            return
        if all(block.hash != previous for block in self._blocks):
            raise BrokenFeed("bitcoin", f"block {height} stands on unknown {previous}")
        while self._blocks[-1].hash != previous:
            self._pop()
        if height != self.height + 1:
            raise BrokenFeed("bitcoin", f"height {height} does not follow {self.height}")

    def _apply(self, height: int, digest: str, txs: tuple[bitcoin.Tx, ...]) -> _Block:
        deposits: list[Deposit] = []
        spends: list[Spend] = []
        created: list[tuple[str, int]] = []
        consumed: list[tuple[tuple[str, int], bitcoin.TxOut]] = []
        for tx in txs:
            spend = self.spend_of(tx, height)
            if spend is not None:
                spends.append(spend)
                consumed.extend(self._consume(spend))
            else:
                deposits.extend(self._deposit(tx, height, digest))
            created.extend(self._create(tx))
        return _Block(
            height=height,
            hash=digest,
            deposits=tuple(deposits),
            spends=tuple(spends),
            created=tuple(created),
            consumed=tuple(consumed),
        )

    def _consume(self, spend: Spend) -> Iterator[tuple[tuple[str, int], bitcoin.TxOut]]:
        for entry, prevout in zip(spend.tx.inputs, spend.prevouts, strict=True):
            if prevout is not None:
                key = (entry.outpoint.txid, entry.outpoint.vout)
                yield key, self._unspent.pop(key)

    def _create(self, tx: bitcoin.Tx) -> Iterator[tuple[str, int]]:
        for vout, output in enumerate(tx.outputs):
            if output.script in self._scripts:
                self._unspent[(tx.txid, vout)] = output
                self._ever[(tx.txid, vout)] = output.value
                yield tx.txid, vout

    def _deposit(self, tx: bitcoin.Tx, height: int, digest: str) -> Iterator[Deposit]:
        ours = [(n, out.value) for n, out in enumerate(tx.outputs) if out.script in self._scripts]
        script = tx.outputs[ours[0][0]].script if ours else b""
        if not ours:
            return
        self._unwound.pop(tx.txid, None)
        claimable = not tx.is_coinbase and ours[0][1] >= DEPOSIT_MINIMUM_SATS
        yield Deposit(
            txid=tx.txid,
            vout=ours[0][0],
            sats=ours[0][1],
            extra_sats=sum(value for _, value in ours[1:]),
            evm_address=_named_address(tx) if claimable else None,
            height=height,
            block_hash=digest,
            script=script,
        )

    def _pop(self) -> _Block:
        block = self._blocks.pop()
        # What a block both made and spent came in by `consumed` and must go out by `created`.
        for key, output in block.consumed:
            self._unspent[key] = output
        for key in block.created:
            del self._unspent[key]
        for deposit in block.deposits:
            self._unwound[deposit.txid] = deposit
            self._former[(deposit.txid, deposit.block_hash)] = deposit
        return block


def _without_replaced(txs: list[bitcoin.Tx]) -> dict[str, bitcoin.Tx]:
    """By txid, without those whose inputs a later one spends too, and without what spends outputs of such."""
    taken: set[tuple[str, int]] = set()
    replaced: set[str] = set()
    for tx in reversed(txs):
        places = {(entry.outpoint.txid, entry.outpoint.vout) for entry in tx.inputs}
        if places & taken:
            replaced.add(tx.txid)
        else:
            taken |= places
    kept: dict[str, bitcoin.Tx] = {}
    for tx in txs:
        if any(entry.outpoint.txid in replaced for entry in tx.inputs):
            replaced.add(tx.txid)
        if tx.txid not in replaced:
            kept[tx.txid] = tx
    return kept


def _named_address(tx: bitcoin.Tx) -> str | None:
    """The EVM address of the first OP_RETURN that holds one: 20 raw bytes, or 40 hex digits with or without 0x."""
    for output in tx.outputs:
        data = bitcoin.op_return_data(output.script)
        if data is None:
            continue
        if len(data) == _ADDRESS_BYTES:
            return "0x" + data.hex()
        digits = data[2:] if data[:2] == b"0x" else data
        if len(digits) == 2 * _ADDRESS_BYTES and _HEX_DIGITS.issuperset(digits):
            return "0x" + digits.decode("ascii").lower()
    return None
