"""What a block says about Bitcoin besides deposits and payouts: claims that every validator checks on its own Bitcoin node.

- the fee rate of what it proposes, where that is more than the least that the specification names;
- deposits, credited before, whose transaction has left the best chain (*lost*: nobody spends them), and their return;
- payouts that have their confirmations (*settled*: this chain forgets them);
- payouts that wait too long and are proposed again at a higher rate (*bumps*: BIP125, same inputs, same payees).

Most blocks claim nothing, and an empty record is one byte of them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError

CLAIMS_MAX = 100
"""Of each kind in one block, so that checking a block takes a bounded number of questions to Bitcoin."""


class SettledRef(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed payout: where every validator finds it. Hashes as Bitcoin displays them."""

    txid: str
    block_hash: str


class Bump(msgspec.Struct, frozen=True, kw_only=True):
    """A payout proposed again at a higher rate."""

    replaces: str
    """Txid of the version that it replaces, the newest there is."""
    fee_rate_sat_vb: int
    tx: bytes
    """Unsigned; a function of the version that it replaces and of the rate."""


class BitcoinClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All claims of one block; the lists are in ascending order."""

    fee_rate_sat_vb: int = 0
    """Of the block's payout proposal; 0 is the specification's least."""
    lost_outputs: tuple[str, ...] = ()
    """``txid:vout`` of credited deposits that may not be spent from here on."""
    found_outputs: tuple[str, ...] = ()
    """Lost ones that have their confirmations again."""
    settled: tuple[SettledRef, ...] = ()
    bumps: tuple[Bump, ...] = ()


NO_CLAIMS = BitcoinClaims()


class BitcoinFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a validator's own Bitcoin node says to a block's claims."""

    outputs: Mapping[str, int] = {}
    """Confirmations of unspent outputs by ``txid:vout``; 0 for one that the best chain does not have."""
    payments: Mapping[str, int] = {}
    """Confirmations of payouts by txid, in the Bitcoin block that the claim names."""


class BadClaim(AlysError):
    """A claim that is not borne out, or that makes no sense on its parent; the producer's fault, or its Bitcoin node's."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(f"{what}: {detail}")
        self.what = what
        self.detail = detail


def believed(claims: BitcoinClaims, confirmations: int) -> BitcoinFacts:
    """The facts that bear the claims out: of a block that a quorum approved long ago, when Bitcoin looked otherwise."""
    outputs = dict.fromkeys(claims.lost_outputs, 0)
    outputs.update(dict.fromkeys(claims.found_outputs, confirmations))
    return BitcoinFacts(
        outputs=outputs, payments={ref.txid: confirmations for ref in claims.settled}
    )


def to_json(claims: BitcoinClaims) -> dict[str, Any]:
    """The claims as the node's RPC shows them."""
    return {
        "feeRate": claims.fee_rate_sat_vb,
        "lostOutputs": list(claims.lost_outputs),
        "foundOutputs": list(claims.found_outputs),
        "settled": [{"txid": ref.txid, "blockHash": ref.block_hash} for ref in claims.settled],
        "bumps": [
            {
                "replaces": bump.replaces,
                "feeRate": bump.fee_rate_sat_vb,
                "transaction": bump.tx.hex(),
            }
            for bump in claims.bumps
        ],
    }
