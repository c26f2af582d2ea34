"""What a node has to remember, as records in a journal: the bytes of each step, and the node again from all of them.

Theory of operation. The journal is a file that only grows: a head, then records, each with its length and a checksum. Beside
the blocks of all branches in the order of their arrival there are records of what is invalid, of the tip, of what waits in
the mempool, of the area for the wallet, and of the clock. ``Journal.pending`` looks at what changed since it looked last, so
whoever calls it after each call of the RPC and each message of a peer loses nothing that was answered. A process that is
killed in the middle of writing leaves a record that is not whole: it is dropped, and what was before it stands.

    head    "ALYS-BITCOIN-1\\n"
    record  length (4, of kind and payload), checksum (8, BLAKE2b of kind and payload), kind (1), payload
"""

import enum
import hashlib
import struct
from collections.abc import Callable, Iterable

import msgspec

from alys.base.errors import AlysError
from alys.models.bitcoin.chainstate import Entry
from alys.models.bitcoin.rules import Rejected
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin

HEAD = b"ALYS-BITCOIN-1\n"
_FRAME = struct.Struct("<I8s")
_TIME = struct.Struct("<d")
RECORD_BYTES_MAX = 1 << 26


class Kind(enum.Enum):
    """What a record tells."""

    SESSION = b"S"  # what the owner wants to have back, as it is
    BLOCK = b"B"  # whether its scripts were run (1), the block
    INVALID = b"I"  # a block's hash
    VALID = b"V"  # a block's hash, that was invalid
    TIP = b"T"  # a block's hash
    CAME = b"M"  # time of arrival (8), the transaction
    LEFT = b"L"  # a txid
    KEPT = b"K"  # length of the name (2), the name, the value
    REMOVED = b"R"  # the name
    CLOCK = b"C"  # Unix time (8, a double)


class Record(msgspec.Struct, frozen=True):
    """One of them."""

    kind: Kind
    payload: bytes

    def serialize(self) -> bytes:
        """Its bytes in the journal."""
        body = self.kind.value + self.payload
        return _FRAME.pack(len(body), _checksum(body)) + body


class Damaged(AlysError):
    """The journal is none, or not what was written; ``at`` is the byte from which on it cannot be read."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(f"damaged at byte {at}: {reason}")
        self.at = at
        self.reason = reason


def read(data: bytes) -> tuple[list[Record], int]:
    """All whole records, and where the last of them ends; raises Damaged for anything but a missing end."""
    if not data.startswith(HEAD):
        raise Damaged(0, "it does not begin as the journal of a Bitcoin node does")
    records = []
    at = len(HEAD)
    while len(data) - at >= _FRAME.size:
        size, checksum = _FRAME.unpack_from(data, at)
        if not 1 <= size <= RECORD_BYTES_MAX:
            raise Damaged(at, f"a record of {size} bytes")
        end = at + _FRAME.size + size
        if end > len(data):
            break
        body = data[at + _FRAME.size : end]
        if _checksum(body) != checksum:
            raise Damaged(at, "the checksum is another")
        try:
            records.append(Record(Kind(body[:1]), body[1:]))
        except ValueError:
            raise Damaged(at, f"no kind of record is called {body[:1]!r}") from None
        at = end
    return records, at


class Memory(msgspec.Struct, kw_only=True):
    """All that the records of a journal leave standing."""

    session: bytes = b""
    clock: float | None = None
    blocks: dict[str, tuple[bitcoin.Block, bool]] = {}
    invalid: set[str] = set()
    tip: str = ""
    waiting: dict[str, tuple[bitcoin.Tx, int]] = {}
    kept: dict[str, bytes] = {}


def gathered(records: Iterable[Record]) -> Memory:
    """What is left when all records are taken together; raises Damaged for one that says nothing."""
    memory = Memory()
    for number, record in enumerate(records):
        try:
            _gather(memory, record.kind, record.payload)
        except (bitcoin.MalformedBitcoin, ValueError, KeyError, struct.error) as error:
            raise Damaged(number, f"record {number} ({record.kind.name}): {error}") from error
    return memory


def _gather(memory: Memory, kind: Kind, payload: bytes) -> None:
    match kind:
        case Kind.SESSION:
            memory.session = payload
        case Kind.BLOCK:
            block = bitcoin.parse_block(payload[1:])
            memory.blocks[block.hash] = (block, payload[0] == 1)
        case Kind.INVALID:
            memory.invalid.add(payload.hex())
        case Kind.VALID:
            memory.invalid.discard(payload.hex())
        case Kind.TIP:
            memory.tip = payload.hex()
        case Kind.CLOCK:
            (memory.clock,) = _TIME.unpack(payload)
        case _:
            _gather_small(memory, kind, payload)


def _gather_small(memory: Memory, kind: Kind, payload: bytes) -> None:
    match kind:
        case Kind.CAME:
            tx = bitcoin.parse_tx(payload[8:])
            memory.waiting[tx.txid] = (tx, int.from_bytes(payload[:8], "little"))
        case Kind.LEFT:
            del memory.waiting[payload.hex()]
        case Kind.KEPT:
            size = int.from_bytes(payload[:2], "little")
            memory.kept[payload[2 : 2 + size].decode()] = payload[2 + size :]
        case _:
            del memory.kept[payload.decode()]


def restore(node: NodeState, memory: Memory) -> None:
    """Put a fresh node where the memory ends; raises Damaged when the blocks do not fit together."""
    node.kept.values.update(memory.kept)
    try:
        node.chain.load(list(memory.blocks.values()), memory.invalid, memory.tip)
    except (Rejected, KeyError) as error:
        raise Damaged(0, f"its blocks do not stand on each other: {error}") from error
    for tx, time in memory.waiting.values():
        try:
            node.mempool.add(tx, time)
        except Rejected:
            continue  # the rules or the time are others now


class Journal:
    """Watches a node. ``changed`` is called when something happened that ``pending`` would tell."""

    def __init__(
        self,
        node: NodeState,
        clock: Callable[[], float],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._node = node
        self._clock = clock
        self._changed = changed
        self._blocks: list[Entry] = []
        self._invalid: set[str] = set()
        self._waiting: set[str] = set()
        self._tip = ""
        self._marks = self._pool = -1
        node.chain.keepers.append(self._on_kept)
        node.chain.listeners.append(lambda _: changed())
        node.mempool.listeners.append(lambda _: changed())

    def whole(self, session: bytes) -> bytes:
        """A journal that tells all that is so now."""
        self._blocks = list(self._node.chain.index.values())[1:]
        self._invalid, self._waiting = set(), set()
        self._tip = ""
        self._marks = self._pool = -1
        kept = self._node.kept
        kept.changed = set(kept.values)
        told = Record(Kind.SESSION, session).serialize() + self.pending()
        return HEAD + told

    def pending(self) -> bytes:
        """The records of what changed since the last look; empty when nothing did."""
        records = [
            *self._of_blocks(),
            *self._of_marks(),
            *self._of_mempool(),
            *self._of_kept(),
        ]
        if records:
            records.append(Record(Kind.CLOCK, _TIME.pack(self._clock())))
        return b"".join(record.serialize() for record in records)

    def _on_kept(self, entry: Entry) -> None:
        self._blocks.append(entry)
        self._changed()

    def _of_blocks(self) -> list[Record]:
        blocks, self._blocks = self._blocks, []
        return [
            Record(Kind.BLOCK, bytes((entry.checked,)) + entry.block.serialize())
            for entry in blocks
        ]

    def _of_marks(self) -> list[Record]:
        """After the blocks: what is invalid among them, and the tip."""
        chain = self._node.chain
        records = []
        if chain.marks != self._marks:
            self._marks = chain.marks
            invalid = {name for name, entry in chain.index.items() if entry.invalid}
            for kind, names in (
                (Kind.INVALID, invalid - self._invalid),
                (Kind.VALID, self._invalid - invalid),
            ):
                records += [Record(kind, bytes.fromhex(name)) for name in sorted(names)]
            self._invalid = invalid
        if chain.tip.hash != self._tip:
            self._tip = chain.tip.hash
            records.append(Record(Kind.TIP, bytes.fromhex(self._tip)))
        return records

    def _of_mempool(self) -> list[Record]:
        pool = self._node.mempool
        if pool.changes == self._pool:
            return []
        self._pool = pool.changes
        left = self._waiting - pool.waiting.keys()
        came = [one for txid, one in pool.waiting.items() if txid not in self._waiting]
        self._waiting = set(pool.waiting)
        return [Record(Kind.LEFT, bytes.fromhex(txid)) for txid in sorted(left)] + [
            Record(Kind.CAME, one.time.to_bytes(8, "little") + one.tx.serialize()) for one in came
        ]

    def _of_kept(self) -> list[Record]:
        kept = self._node.kept
        changed, kept.changed = kept.changed, set()
        records = []
        for name in sorted(changed):
            value = kept.get(name)
            word = name.encode()
            if value is None:
                records.append(Record(Kind.REMOVED, word))
            else:
                payload = len(word).to_bytes(2, "little") + word + value
                records.append(Record(Kind.KEPT, payload))
        return records


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=8).digest()
