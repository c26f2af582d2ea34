"""How far each request has come, from what consensus blocks say and what Bitcoin has seen.

A block answers the requests of its parent's payload, all with one proposal; the proposal is final when an AuxPoW covers
its block, signed when a later block lists it, and settled when Bitcoin confirms it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from alys.oracles.claims import Claim
from alys.oracles.evm_side import EvmBlock, Request
from alys.oracles.statement import Stage


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How one request was paid."""

    txid: str
    confirmed: bool
    output_sats: int
    fee_share_sats: int


class Progress:
    """Reads the claims of the canonical blocks once. ``blocks`` are those to be judged, from the genesis on."""

    def __init__(
        self, canonical: Sequence[Claim], blocks: Sequence[EvmBlock], genesis_number: int = 0
    ) -> None:
        judged = {block.hash for block in blocks if block.number > genesis_number}
        by_root = {claim.root: claim.height for claim in canonical}
        covered = (
            by_root.get(claim.auxpow.range_end, genesis_number)
            for claim in canonical
            if claim.auxpow is not None and claim.execution_hash in judged
        )
        self.finalised_height = max(covered, default=genesis_number)
        """The last height that an AuxPoW covers."""
        self.proposals: dict[str, int] = {
            claim.proposal_txid: claim.height - 1
            for claim in canonical
            if claim.proposal_txid is not None
        }
        """Txid of a proposal to the block whose requests it answers."""
        self.sweeps: dict[str, int] = {
            claim.sweep.txid: claim.height for claim in canonical if claim.sweep is not None
        }
        """Txid of a sweep to the block that proposes it."""
        self._txids = {number: txid for txid, number in self.proposals.items()}
        self.rates: dict[str, int] = {}
        """Fee rate that a block names for what it proposes, by txid; absent where it is the least."""
        self.proposed_in: dict[str, int] = {}
        """The block that proposed a payout, or a version of it, by txid."""
        for claim in canonical:
            self._read_rates(claim)
        self._signed = {txid for claim in canonical for txid in claim.signed_txids}

    def _read_rates(self, claim: Claim) -> None:
        """A version at a higher rate answers the same requests as the one that it replaces."""
        if claim.proposal_txid is not None:
            self.proposed_in[claim.proposal_txid] = claim.height
            if claim.fee_rate:
                self.rates[claim.proposal_txid] = claim.fee_rate
        for bump in claim.bumps:
            self.proposed_in[bump.txid] = claim.height
            self.rates[bump.txid] = bump.fee_rate
            if bump.replaces in self.proposals:
                self.proposals[bump.txid] = self.proposals[bump.replaces]

    def stage(
        self, request: Request, settled: Mapping[str, Settlement]
    ) -> tuple[Stage, str | None]:
        """The stage of a request that is to be paid, and the Bitcoin transaction that does it."""
        found = settled.get(request.key)
        if found is not None:
            return (Stage.CONFIRMED if found.confirmed else Stage.IN_MEMPOOL), found.txid
        txid = self._txids.get(request.block_number)
        if txid is None:
            return Stage.WAITING, None
        if txid in self._signed:
            return Stage.SIGNED, txid
        final = request.block_number + 1 <= self.finalised_height
        return (Stage.FINALISED if final else Stage.PROPOSED), txid
