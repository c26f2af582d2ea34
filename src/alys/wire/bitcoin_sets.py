"""Commitments to sets: the coins of a chain as gettxoutsetinfo hashes them, some of a block's txids as BIP37 proves them.

Part of the facade ``wire.bitcoin``.
"""

import hashlib
from collections.abc import Iterable, Sequence

from btclib.block.partial_merkle_tree import PartialMerkleTree
from btclib.exceptions import BTClibValueError
from btclib.muhash import MuHash3072

from alys.wire.bitcoin_codec import (
    Header,
    MalformedBitcoin,
    OutPoint,
    TxOut,
    parse_header,
    serialize_outpoint,
    shown,
)

HEADER_BYTES = 80


def committed_coin(place: OutPoint, output: TxOut, height: int, *, coinbase: bool) -> bytes:
    """The bytes that stand for one unspent output."""
    packed = (height << 1) | coinbase
    return serialize_outpoint(place) + packed.to_bytes(4, "little") + output.serialize()


def coins_hash(coins: Iterable[bytes]) -> str:
    """``hash_serialized_3`` of committed coins in the order of a database: by txid as on the wire, then by index."""
    digest = hashlib.sha256()
    for coin in coins:
        digest.update(coin)
    return shown(hashlib.sha256(digest.digest()).digest())


def coins_muhash(coins: Iterable[bytes]) -> str:
    """``muhash`` of committed coins, in any order."""
    total = MuHash3072()
    for coin in coins:
        total.insert(coin)
    return shown(total.digest_var)


def merkle_proof(header: Header, txids: Sequence[str], wanted: set[str]) -> bytes:
    """BIP37's merkleblock that proves these txids of a block."""
    tree = PartialMerkleTree.from_txids(txids, [txid in wanted for txid in txids])
    return header.serialize() + tree.serialize()


def parse_merkle_proof(proof: bytes) -> tuple[Header, str, tuple[str, ...]]:
    """Header, merkle root of the tree and the txids that it proves; raises MalformedBitcoin."""
    try:
        tree = PartialMerkleTree.parse(proof[HEADER_BYTES:])
        root, found = tree.merkle_root, tree.matches
    except BTClibValueError as error:
        raise MalformedBitcoin("merkle proof", str(error)) from error
    header = parse_header(proof[:HEADER_BYTES])
    return header, root.hex(), tuple(txid.hex() for _, txid in found)
