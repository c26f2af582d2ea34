"""The consensus rules that the regtest node enforces, each a function that raises ``Rejected`` with Core's reject reason.

Reasons are Bitcoin Core's own short strings (``bad-txns-in-belowout`` and so on), since tools match on them.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from alys.base.errors import AlysError
from alys.wire import bitcoin
from alys.wire.bitcoin import Block, Header, Tx, TxOut

REGTEST_BITS = 0x207FFFFF
COINBASE_MATURITY = 100
HALVING_INTERVAL_BLOCKS = 150
SUBSIDY_SATS = 50 * 100_000_000
MONEY_MAX_SATS = 21_000_000 * 100_000_000
BLOCK_WEIGHT_MAX = 4_000_000
SIGOPS_COST_MAX = 80_000
HEADER_BYTES = 80
BLOCK_VERSION_MIN = 4  # BIP34, 66 and 65 are in force from the first block
FUTURE_SECONDS_MAX = 2 * 60 * 60
MEDIAN_TIME_BLOCKS = 11
COINBASE_SCRIPT_BYTES = range(2, 101)
WITNESS_MAGIC = b"\x6a\x24\xaa\x21\xa9\xed"
WITNESS_RESERVED = bytes(32)
COMMITMENT_BYTES = 38
WITNESS_REASONS = ("unexpected-witness", "bad-witness-nonce-size", "bad-witness-merkle-match")
"""What is wrong with a block's witnesses only: the same block may come again with good ones."""

LOCKTIME_IS_TIME = 500_000_000
SEQUENCE_FINAL = 0xFFFFFFFF


class Rejected(AlysError):
    """A block or transaction breaks a rule; ``reason`` is Core's string, ``detail`` the figures."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}, {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Missing(Rejected):
    """An input spends what is not there (any more)."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad-txns-inputs-missingorspent", detail)


def subsidy(height: int) -> int:
    """New coins of a block in sats; regtest halves every 150 blocks."""
    return SUBSIDY_SATS >> min(63, height // HALVING_INTERVAL_BLOCKS)


def height_script(height: int) -> bytes:
    """The height as BIP34 wants it to begin a coinbase's script."""
    if height == 0:
        return b"\x00"
    if height <= 16:
        return bytes((0x50 + height,))
    data = height.to_bytes((height.bit_length() + 8) // 8, "little")
    return bytes((len(data),)) + data


def witness_commitment(txs: Sequence[Tx], reserved: bytes = WITNESS_RESERVED) -> bytes:
    """BIP141's commitment script for a block with these transactions (the coinbase counts as zero)."""
    wtxids = [bitcoin.NULL_HASH, *(tx.wtxid for tx in txs[1:])]
    root = bitcoin.unshown(bitcoin.merkle_root(wtxids))
    return WITNESS_MAGIC + bitcoin.sha256d(root + reserved)


def committed_at(coinbase: Tx) -> int | None:
    """Which output of a coinbase holds the witness commitment: the last that looks like one."""
    for vout in reversed(range(len(coinbase.outputs))):
        script = coinbase.outputs[vout].script
        if len(script) >= COMMITMENT_BYTES and script.startswith(WITNESS_MAGIC):
            return vout
    return None


def mined(header: Header) -> Header:
    """The header with the first nonce that meets its target."""
    target = bitcoin.target_of(header.bits)
    start = header.serialize()[:76]
    for nonce in range(1 << 32):
        data = start + nonce.to_bytes(4, "little")
        digest = hashlib.sha256(hashlib.sha256(data).digest()).digest()
        if int.from_bytes(digest, "little") <= target:
            return msgspec.structs.replace(header, nonce=nonce)
    raise Rejected("high-hash", "no nonce meets the target")


def check_work(header: Header) -> None:
    """The proof of work, by the header's own bits; a target easier than regtest's is none."""
    target = bitcoin.target_of(header.bits)
    easiest = bitcoin.target_of(REGTEST_BITS)
    if target > easiest or not bitcoin.meets_target(header.hash, header.bits):
        raise Rejected("high-hash", "proof of work failed")


def check_header(header: Header, median_time: int, now: float) -> None:
    """Difficulty, time and version of a header, whose parent has this median time."""
    if header.bits != REGTEST_BITS:
        raise Rejected("bad-diffbits", "incorrect proof of work")
    if header.time <= median_time:
        raise Rejected("time-too-old", "block's timestamp is too early")
    if header.time > now + FUTURE_SECONDS_MAX:
        raise Rejected("time-too-new", "block timestamp too far in the future")
    if header.version < BLOCK_VERSION_MIN:
        version = header.version & 0xFFFFFFFF
        raise Rejected(f"bad-version(0x{version:08x})", f"rejected nVersion=0x{version:08x} block")


def check_block(block: Block) -> None:
    """What a block says about itself wherever it stands: merkle root, one coinbase first, each transaction."""
    txids = [tx.txid for tx in block.txs]
    if bitcoin.merkle_root(txids) != block.header.merkle_root:
        raise Rejected("bad-txnmrklroot", "hashMerkleRoot mismatch")
    if bitcoin.merkle_mutated(txids):
        raise Rejected("bad-txns-duplicate", "duplicate transaction")
    if _stripped_weight(block) > BLOCK_WEIGHT_MAX or not block.txs:
        raise Rejected("bad-blk-length", "size limits failed")
    if not block.txs[0].is_coinbase:
        raise Rejected("bad-cb-missing", "first tx is not coinbase")
    if any(tx.is_coinbase for tx in block.txs[1:]):
        raise Rejected("bad-cb-multiple", "more than one coinbase")
    for tx in block.txs:
        check_transaction(tx)
    sigops = sum(bitcoin.legacy_sigops(tx) for tx in block.txs)
    if sigops * bitcoin.WITNESS_SCALE_FACTOR > SIGOPS_COST_MAX:
        raise Rejected("bad-blk-sigops", "out-of-bounds SigOpCount")


def _stripped_weight(block: Block) -> int:
    """Four times the size without witnesses."""
    frame = HEADER_BYTES + len(bitcoin.var_int(len(block.txs)))
    size = frame + sum(len(tx.serialize(witness=False)) for tx in block.txs)
    return bitcoin.WITNESS_SCALE_FACTOR * size


def check_block_at(block: Block, height: int, median_time: int) -> None:
    """What a block must say at its height: lock times, BIP34's height, witness commitment, weight."""
    for tx in block.txs:
        if not is_final(tx, height, median_time):
            raise Rejected("bad-txns-nonfinal", "non-final transaction")
    if not block.txs[0].inputs[0].script_sig.startswith(height_script(height)):
        raise Rejected("bad-cb-height", "block height mismatch in coinbase")
    _check_witness_commitment(block)
    if block_weight(block) > BLOCK_WEIGHT_MAX:
        raise Rejected("bad-blk-weight", "weight limit failed")


def block_weight(block: Block) -> int:
    """Weight units of a block: header and count have no witness."""
    frame = HEADER_BYTES + len(bitcoin.var_int(len(block.txs)))
    return bitcoin.WITNESS_SCALE_FACTOR * frame + sum(tx.weight for tx in block.txs)


def _check_witness_commitment(block: Block) -> None:
    coinbase = block.txs[0]
    place = committed_at(coinbase)
    if place is None:
        if any(txin.witness for tx in block.txs for txin in tx.inputs):
            raise Rejected("unexpected-witness", "unexpected witness data found")
        return
    witness = coinbase.inputs[0].witness
    if len(witness) != 1 or len(witness[0]) != len(WITNESS_RESERVED):
        raise Rejected("bad-witness-nonce-size", "invalid witness reserved value size")
    expected = witness_commitment(block.txs, witness[0])
    if coinbase.outputs[place].script[:COMMITMENT_BYTES] != expected:
        raise Rejected("bad-witness-merkle-match", "witness merkle commitment mismatch")


def check_transaction(tx: Tx) -> None:
    """All that a transaction says about itself."""
    if not tx.inputs:
        raise Rejected("bad-txns-vin-empty")
    if not tx.outputs:
        raise Rejected("bad-txns-vout-empty")
    if any(out.value < 0 for out in tx.outputs):
        raise Rejected("bad-txns-vout-negative")
    if any(out.value > MONEY_MAX_SATS for out in tx.outputs):
        raise Rejected("bad-txns-vout-toolarge")
    if sum(out.value for out in tx.outputs) > MONEY_MAX_SATS:
        raise Rejected("bad-txns-txouttotal-toolarge")
    if len({txin.outpoint for txin in tx.inputs}) != len(tx.inputs):
        raise Rejected("bad-txns-inputs-duplicate")
    if tx.is_coinbase:
        if len(tx.inputs[0].script_sig) not in COINBASE_SCRIPT_BYTES:
            raise Rejected("bad-cb-length")
    elif any(txin.outpoint.is_null for txin in tx.inputs):
        raise Rejected("bad-txns-prevout-null")


def is_final(tx: Tx, height: int, median_time: int) -> bool:
    """Whether its lock time (BIP113) allows a transaction in a block."""
    if tx.locktime == 0:
        return True
    limit = height if tx.locktime < LOCKTIME_IS_TIME else median_time
    return tx.locktime < limit or all(txin.sequence == SEQUENCE_FINAL for txin in tx.inputs)


def check_scripts(tx: Tx, prevouts: Sequence[TxOut], *, policy: bool = False) -> None:
    """Run the script of every input, under the relay rules too when ``policy``; raises Rejected with the engine's words.

    The reason says where it was run, in a block or for the mempool, as Core's does since 29.1.
    """
    for index in range(len(tx.inputs)):
        try:
            bitcoin.verify_input(tx, index, prevouts, policy=policy)
        except bitcoin.ScriptError as error:
            spent = tx.inputs[index].outpoint.label
            where = f"input {index} of {tx.txid} (wtxid {tx.wtxid}), spending {spent}"
            flag = (
                "mempool-script-verify-flag-failed"
                if policy
                else "mandatory-script-verify-flag-failed"
            )
            raise Rejected(f"{flag} ({error.description})", where) from error
