"""Bitcoin's consensus encoding as frozen structs: transactions, headers, blocks (part of the facade ``wire.bitcoin``).

Hashes are kept as displayed, that is reversed, in lower-case hex; scripts and witness elements are bytes; amounts are
satoshi. A parser takes the whole input: bytes left over, a count that is not in its shortest form, a witness record
without any witness and an unknown flag are refused, as a node does (BIP144).
"""

import decimal
import functools
import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from typing_extensions import override

from alys.base.errors import AlysError

T = TypeVar("T")

NULL_HASH = "00" * 32
"""The txid of a coinbase's only outpoint, and the parent of a genesis block."""

NULL_VOUT = 0xFFFFFFFF
WITNESS_SCALE_FACTOR = 4
SATS_PER_COIN = 100_000_000
_COUNT_MAX = 0x02000000  # Core's MAX_SIZE: no count on the wire may be larger


class MalformedBitcoin(AlysError):
    """Bytes that are not the encoding they claim to be; ``what`` was being read and ``reason`` says why it is not."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"not a {what}: {reason}")
        self.what = what
        self.reason = reason


def sha256d(data: bytes) -> bytes:
    """SHA-256 applied twice."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def shown(digest: bytes) -> str:
    """A 32-byte hash as Bitcoin displays it: reversed, in hex."""
    return digest[::-1].hex()


def unshown(displayed: str) -> bytes:
    """The 32 wire bytes of a displayed hash; raises MalformedBitcoin."""
    try:
        raw = bytes.fromhex(displayed)
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(displayed) != 64:
        raise MalformedBitcoin("hash", f"{displayed[:80]!r} is not 64 hex digits")
    return raw[::-1]


_REMEMBERED_BYTES_MAX = 8 * 1024
"""Transactions and blocks up to this size are parsed once for all who read the same bytes."""


class Amount(float):
    """Bitcoins as bitcoind's JSON writes them, with eight decimals; a float like any other to whoever reckons with it."""

    __slots__ = ()

    @override
    def __str__(self) -> str:
        return f"{self:.8f}"


class Figure(float):
    """A number that is no amount as bitcoind's JSON writes it: sixteen digits, and no point where there is nothing behind it."""

    __slots__ = ()

    @override
    def __str__(self) -> str:
        return f"{self:.16g}"


def amount_of(sats: int) -> Amount:
    """A number of sats as bitcoind's JSON has it, in bitcoins; the float nearest to the eight decimals."""
    return Amount(sats / SATS_PER_COIN)


def sats_of(amount: object) -> int:
    """Sats of an amount in bitcoins as JSON or a text has it; raises MalformedBitcoin beyond eight decimals."""
    try:
        if isinstance(amount, bool) or not isinstance(amount, int | float | str | decimal.Decimal):
            raise MalformedBitcoin("amount", f"{amount!r} is no number")
        sats = decimal.Decimal(str(amount)) * SATS_PER_COIN
        if sats != int(sats):
            raise MalformedBitcoin("amount", f"{amount!r} has more than eight decimals")
    except (decimal.InvalidOperation, ValueError, OverflowError) as error:
        raise MalformedBitcoin("amount", f"{amount!r} is no number") from error
    return int(sats)


class OutPoint(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One output of one transaction, by txid and index."""

    txid: str
    vout: int

    @property
    def is_null(self) -> bool:
        """Whether this is what a coinbase spends."""
        return self.vout == NULL_VOUT and self.txid == NULL_HASH

    @property
    def label(self) -> str:
        """The two as text, txid:vout."""
        return f"{self.txid}:{self.vout}"


class TxIn(msgspec.Struct, frozen=True, kw_only=True):
    """An input; an empty ``witness`` means there is none."""

    outpoint: OutPoint
    script_sig: bytes = b""
    sequence: int = 0xFFFFFFFF
    witness: tuple[bytes, ...] = ()


class TxOut(msgspec.Struct, frozen=True, kw_only=True):
    """An output: ``value`` in sats, locked by ``script``."""

    value: int
    script: bytes

    def serialize(self) -> bytes:
        """The consensus encoding."""
        return struct.pack("<q", self.value) + var_bytes(self.script)


class Tx(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A transaction. Change one with ``msgspec.structs.replace``; hashes and sizes are computed once per object."""

    version: int = 2
    inputs: tuple[TxIn, ...]
    outputs: tuple[TxOut, ...]
    locktime: int = 0

    def serialize(self, *, witness: bool = True) -> bytes:
        """The BIP144 encoding, or the one the txid is made of when ``witness`` is False or there is none."""
        with_witness = witness and any(txin.witness for txin in self.inputs)
        parts = [struct.pack("<I", self.version), b"\x00\x01" if with_witness else b""]
        parts.append(var_int(len(self.inputs)))
        for txin in self.inputs:
            parts.append(serialize_outpoint(txin.outpoint))
            parts.append(var_bytes(txin.script_sig))
            parts.append(struct.pack("<I", txin.sequence))
        parts.append(var_int(len(self.outputs)))
        parts.extend(output.serialize() for output in self.outputs)
        if with_witness:
            for txin in self.inputs:
                parts.append(var_int(len(txin.witness)))
                parts.extend(var_bytes(element) for element in txin.witness)
        parts.append(struct.pack("<I", self.locktime))
        return b"".join(parts)

    @functools.cached_property
    def txid(self) -> str:
        """The hash without witness, as displayed."""
        return shown(sha256d(self.serialize(witness=False)))

    @functools.cached_property
    def wtxid(self) -> str:
        """The hash with witness, as displayed (BIP141); not the zero that a coinbase counts as in the commitment."""
        return shown(sha256d(self.serialize()))

    @functools.cached_property
    def weight(self) -> int:
        """Weight units (BIP141)."""
        stripped = len(self.serialize(witness=False))
        return stripped * (WITNESS_SCALE_FACTOR - 1) + len(self.serialize())

    @property
    def vsize(self) -> int:
        """Virtual bytes: a quarter of the weight, rounded up."""
        return -(-self.weight // WITNESS_SCALE_FACTOR)

    @property
    def is_coinbase(self) -> bool:
        """Whether this makes new coins: one input, the null outpoint."""
        return len(self.inputs) == 1 and self.inputs[0].outpoint.is_null


class Header(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The 80 bytes that are mined. ``bits`` is the compact target as an integer, ``time`` seconds since the epoch."""

    version: int
    previous: str
    merkle_root: str
    time: int
    bits: int
    nonce: int

    def serialize(self) -> bytes:
        """The 80 bytes."""
        return (
            struct.pack("<i", self.version)
            + unshown(self.previous)
            + unshown(self.merkle_root)
            + struct.pack("<III", self.time, self.bits, self.nonce)
        )

    @functools.cached_property
    def hash(self) -> str:
        """The block hash, as displayed."""
        return shown(sha256d(self.serialize()))


class Block(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A header and its transactions, the coinbase first."""

    header: Header
    txs: tuple[Tx, ...]

    def serialize(self) -> bytes:
        """The consensus encoding with witnesses."""
        return (
            self.header.serialize()
            + var_int(len(self.txs))
            + b"".join(tx.serialize() for tx in self.txs)
        )

    @property
    def hash(self) -> str:
        """The hash of the header."""
        return self.header.hash


def var_int(number: int) -> bytes:
    """A count in its shortest form (compact size)."""
    if number < 0xFD:
        return bytes((number,))
    if number <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", number)
    if number <= 0xFFFFFFFF:
        return b"\xfe" + struct.pack("<I", number)
    return b"\xff" + struct.pack("<Q", number)


def var_bytes(data: bytes) -> bytes:
    """Bytes with their length in front."""
    return var_int(len(data)) + data


def serialize_outpoint(outpoint: OutPoint) -> bytes:
    """The 36 wire bytes of an outpoint."""
    return unshown(outpoint.txid) + struct.pack("<I", outpoint.vout)


class Reader:
    """A cursor over consensus bytes; every method raises MalformedBitcoin where the bytes run out."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        end = self._at + count
        if end > len(self._data):
            raise MalformedBitcoin(self._what, f"{end - len(self._data)} bytes missing at the end")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def unsigned(self, size: int) -> int:
        """A little-endian unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """A little-endian signed integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def count(self) -> int:
        """A compact size; one that is not in its shortest form, or above 32 Mi, is refused."""
        first = self.unsigned(1)
        if first < 0xFD:
            return first
        size = {0xFD: 2, 0xFE: 4, 0xFF: 8}[first]
        number = self.unsigned(size)
        if number < {2: 0xFD, 4: 0x10000, 8: 0x100000000}[size]:
            raise MalformedBitcoin(self._what, "a count is not in its shortest form")
        if number > _COUNT_MAX:
            raise MalformedBitcoin(self._what, f"a count of {number}")
        return number

    def var_bytes(self) -> bytes:
        """Bytes with their length in front."""
        return self.take(self.count())

    def hash(self) -> str:
        """32 bytes, as displayed."""
        return shown(self.take(32))

    def many(self, read: Callable[["Reader"], T]) -> tuple[T, ...]:
        """A count and that many items."""
        return tuple(read(self) for _ in range(self.count()))

    def peek(self, count: int) -> bytes:
        """The next bytes without moving; fewer at the end."""
        return self._data[self._at : self._at + count]

    def finish(self) -> None:
        """Refuse bytes left over."""
        left = len(self._data) - self._at
        if left:
            raise MalformedBitcoin(self._what, f"{left} bytes left over")


def read_outpoint(reader: Reader) -> OutPoint:
    """An outpoint from the cursor."""
    return OutPoint(txid=reader.hash(), vout=reader.unsigned(4))


def _read_input(reader: Reader) -> TxIn:
    return TxIn(
        outpoint=read_outpoint(reader), script_sig=reader.var_bytes(), sequence=reader.unsigned(4)
    )


def _read_output(reader: Reader) -> TxOut:
    return TxOut(value=reader.signed(8), script=reader.var_bytes())


def read_tx(reader: Reader) -> Tx:
    """A transaction from the cursor, with or without witnesses (BIP144); raises MalformedBitcoin."""
    version = reader.unsigned(4)
    marker = reader.peek(2)
    segwit = marker[:1] == b"\x00" and marker != b"\x00\x00"
    if segwit and reader.take(2) != b"\x00\x01":
        raise MalformedBitcoin("transaction", "unknown optional data")
    inputs = reader.many(_read_input)
    outputs = reader.many(_read_output)
    if segwit:
        stacks = [reader.many(Reader.var_bytes) for _ in inputs]
        if not any(stacks):
            raise MalformedBitcoin("transaction", "superfluous witness record")
        inputs = tuple(
            msgspec.structs.replace(txin, witness=stack)
            for txin, stack in zip(inputs, stacks, strict=True)
        )
    return Tx(version=version, inputs=inputs, outputs=outputs, locktime=reader.unsigned(4))


def read_header(reader: Reader) -> Header:
    """A header from the cursor."""
    return Header(
        version=reader.signed(4),
        previous=reader.hash(),
        merkle_root=reader.hash(),
        time=reader.unsigned(4),
        bits=reader.unsigned(4),
        nonce=reader.unsigned(4),
    )


def _whole(data: bytes, what: str, read: Callable[[Reader], T]) -> T:
    reader = Reader(data, what)
    item = read(reader)
    reader.finish()
    return item


def parse_tx(data: bytes) -> Tx:
    """A transaction from all of the bytes; raises MalformedBitcoin."""
    return _read_whole_tx(data) if len(data) > _REMEMBERED_BYTES_MAX else _remembered_tx(data)


def _read_whole_tx(data: bytes) -> Tx:
    return _whole(data, "transaction", read_tx)


_remembered_tx = functools.lru_cache(maxsize=512)(_read_whole_tx)
"""Values that are never changed: who reads the same bytes again gets the same object, with what was computed of it."""


def parse_bare_tx(data: bytes) -> Tx:
    """A transaction in the encoding without witnesses, which alone can have no inputs; raises MalformedBitcoin."""

    def read(reader: Reader) -> Tx:
        version = reader.unsigned(4)
        inputs, outputs = reader.many(_read_input), reader.many(_read_output)
        return Tx(version=version, inputs=inputs, outputs=outputs, locktime=reader.unsigned(4))

    return _whole(data, "transaction", read)


def parse_header(data: bytes) -> Header:
    """A header from exactly 80 bytes; raises MalformedBitcoin."""
    return _whole(data, "block header", read_header)


def parse_block(data: bytes) -> Block:
    """A block from all of the bytes; raises MalformedBitcoin."""
    small = len(data) <= _REMEMBERED_BYTES_MAX
    return _remembered_block(data) if small else _read_whole_block(data)


def _read_whole_block(data: bytes) -> Block:
    return _whole(
        data, "block", lambda reader: Block(header=read_header(reader), txs=reader.many(read_tx))
    )


_remembered_block = functools.lru_cache(maxsize=64)(_read_whole_block)


def _next_level(level: list[bytes]) -> list[bytes]:
    if len(level) % 2:
        level = [*level, level[-1]]
    return [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]


def merkle_root(txids: Sequence[str]) -> str:
    """The merkle root of displayed hashes, as displayed; zeros when there are none.

    It does not tell a list from the same list with its tail repeated (CVE-2012-2459): a validator asks
    ``merkle_mutated`` too.
    """
    level = [unshown(txid) for txid in txids]
    if not level:
        return NULL_HASH
    while len(level) > 1:
        level = _next_level(level)
    return shown(level[0])


def merkle_mutated(txids: Sequence[str]) -> bool:
    """Whether two equal siblings stand anywhere in the tree: the sign of a repeated tail (CVE-2012-2459)."""
    level = [unshown(txid) for txid in txids]
    while len(level) > 1:
        if any(level[i] == level[i + 1] for i in range(0, len(level) - 1, 2)):
            return True
        level = _next_level(level)
    return False


def merkle_branch(txids: Sequence[str], index: int) -> list[str]:
    """The siblings from leaf ``index`` up to the root, as displayed; raises IndexError for no such leaf.

    Bit ``i`` of ``index`` says whether sibling ``i`` is on the left.
    """
    if not 0 <= index < len(txids):
        raise IndexError(f"leaf {index} of {len(txids)}")
    level = [unshown(txid) for txid in txids]
    branch: list[str] = []
    while len(level) > 1:
        branch.append(shown(level[min(index ^ 1, len(level) - 1)]))
        level = _next_level(level)
        index //= 2
    return branch


def target_of(bits: int) -> int:
    """The target of a compact form; 0 (nothing can meet it) when it is negative or does not fit 256 bits."""
    size, mantissa = bits >> 24, bits & 0x007FFFFF
    if mantissa == 0 or bits & 0x00800000:
        return 0
    target = mantissa >> 8 * (3 - size) if size <= 3 else mantissa << 8 * (size - 3)
    return target if target < 1 << 256 else 0


def compact_of(target: int) -> int:
    """The compact form of a target, cut to its 23 leading bits, so never easier; raises ValueError above 256 bits."""
    if not 0 <= target < 1 << 256:
        raise ValueError(f"a target has at most 256 bits, not {target.bit_length()}")
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & 0x00800000:  # it would be read as a sign
        mantissa >>= 8
        size += 1
    return size << 24 | mantissa


def meets_target(block_hash: str, bits: int) -> bool:
    """Whether a displayed hash is proof of work for the compact target."""
    return int(block_hash, 16) <= target_of(bits)
