"""Topologically restricted transactions (BIP431): version 3, at most one waiting parent and one waiting child, small."""

from collections.abc import Collection, Mapping

from alys.wire.bitcoin import Tx

VERSION = 3
REASON = "TRUC-violation"
VBYTES_MAX = 10_000
CHILD_VBYTES_MAX = 1_000
ANCESTORS_MAX = 2
"""With the transaction itself."""


def judge(tx: Tx, parents: Mapping[str, Tx], ancestors: Collection[str]) -> str:
    """What a transaction breaks, as Core says it, or "". ``parents`` and ``ancestors`` are those that wait."""
    restricted = tx.version == VERSION
    for txid, parent in sorted(parents.items()):
        if parent.version == VERSION and not restricted:
            return f"non-version=3 tx {tx.txid} cannot spend from version=3 tx {txid}"
        if parent.version != VERSION and restricted:
            return f"version=3 tx {tx.txid} cannot spend from non-version=3 tx {txid}"
    if not restricted:
        return ""
    if tx.vsize > VBYTES_MAX:
        return f"version=3 tx {tx.txid} is too big: {tx.vsize} > {VBYTES_MAX} virtual bytes"
    if len(ancestors) + 1 > ANCESTORS_MAX:
        return f"tx {tx.txid} would have too many ancestors"
    if parents and tx.vsize > CHILD_VBYTES_MAX:
        return f"version=3 child tx {tx.txid} is too big: {tx.vsize} > {CHILD_VBYTES_MAX} virtual bytes"
    return ""
