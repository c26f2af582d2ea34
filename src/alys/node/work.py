"""The desk where miners get work and hand in proofs: what was given out, and the proof that the next block will carry."""

from alys.chain import auxpow, validity
from alys.chain import state as peg_state
from alys.chain.blocks import AuxPowHeader
from alys.chain.spec import ChainSpec
from alys.chain.state import PegState
from alys.node.questions import AuxWork
from alys.wire.jsonrpc import RpcError

WORK_KEPT = 16
"""Pieces of work that stay open at once; the oldest is forgotten first."""

PROOFS_KEPT = 8

NO_WORK = -32000
BAD_WORK = -32602
SYNCING = -32606
"""The node is behind: its work would be over blocks that others have passed."""


class WorkDesk:
    """Belongs to one Chain actor; refusals are RpcError, for the miner to read."""

    def __init__(self, spec: ChainSpec) -> None:
        self._spec = spec
        #: Proofs that were accepted and are in no final block yet, by the end of their range.
        self._queued: dict[bytes, AuxPowHeader] = {}
        self._open: dict[bytes, AuxWork] = {}

    @property
    def queued(self) -> AuxPowHeader | None:
        """The proof that came last, while its range is not final."""
        return next(reversed(self._queued.values()), None)

    def queued_on(self, state: PegState) -> AuxPowHeader | None:
        """The proof that a block on this state should carry: of those that fit, the one that reaches furthest."""
        fitting = [one for one in self._queued.values() if peg_state.range_links(state, one)]
        return max(fitting, key=lambda one: one.height, default=None)

    def give(self, state: PegState, fee_recipient: bytes) -> AuxWork:
        """Work over all blocks after the last finalised one; RpcError -32000 when there is none left to do."""
        links = state.unfinalised
        if not links or links[-1].root in self._queued:
            raise RpcError(NO_WORK, "no work to do")
        work = AuxWork(
            aux_hash=auxpow.aux_hash([link.root for link in links]),
            range_start=links[0].root,
            range_end=links[-1].root,
            height=links[-1].height,
            bits=peg_state.required_bits(state, links[-1].height, self._spec),
            chain_id=self._spec.aux_chain_id,
            previous=state.finalised_root,
            fee_recipient=fee_recipient,
        )
        self._open[work.aux_hash] = work
        while len(self._open) > WORK_KEPT:
            del self._open[next(iter(self._open))]
        return work

    def take(self, state: PegState, aux_hash: bytes, proof: bytes) -> AuxPowHeader:
        """Queue a proof (``wire.auxpow`` encoding) of open work; RpcError -32602 naming the check that it fails."""
        work = self._open.get(aux_hash)
        if work is None:
            raise RpcError(BAD_WORK, "this is no work that was given out and is open")
        header = AuxPowHeader(
            range_start=work.range_start,
            range_end=work.range_end,
            bits=work.bits,
            chain_id=work.chain_id,
            height=work.height,
            fee_recipient=work.fee_recipient,
            auxpow=proof,
        )
        try:
            self.queue(state, header)
        except validity.Invalid as error:
            raise RpcError(BAD_WORK, str(error)) from error
        return header

    def queue(self, state: PegState, header: AuxPowHeader) -> bool:
        """Check a proof and keep it; whether it was new. Raises validity.Invalid."""
        if header.range_end in self._queued:
            return False
        validity.check_auxpow_range(header, state, self._spec)
        self._queued[header.range_end] = header
        while len(self._queued) > PROOFS_KEPT:
            del self._queued[next(iter(self._queued))]
        return True

    def finalised(self, height: int) -> None:
        """Up to this height all is final: proofs for it and work that begins there are of no use."""
        self._queued = {end: one for end, one in self._queued.items() if one.height > height}
        self._open = {key: one for key, one in self._open.items() if one.height > height}
