"""What goes into a block of our own, and how it is built on its parent.

What a block must contain is decided by ``chain.state.duties``; here is what may wait for one (deposits, signed payouts) and the
order in which the execution client is asked.
"""

from collections.abc import Iterable

from alys.actors.context import Context
from alys.chain import eras, payout, peg, slots, state, validity
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, PegInRef
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState, SeenDeposit
from alys.node import engine, judging, messages
from alys.node.engine import PayloadFacts
from alys.node.names import ChainNames
from alys.node.proposals import ClaimDesk

HEARSAY_KEPT = 64
"""Payouts that are kept by another node's word; the oldest is forgotten first."""


class Larder:
    """What waits for a block. Belongs to one Chain actor, and is filled anew by Bridge after a restart."""

    def __init__(self, spec: ChainSpec) -> None:
        self._spec = spec
        #: Deposits that the bridge announced and no final block has minted, by outpoint: a branch may yet be abandoned.
        self._ready: dict[str, SeenDeposit] = {}
        #: Payouts with their signatures, by txid; those by another node's word apart, as nobody here has checked them.
        self._signed: dict[str, bytes] = {}
        self._hearsay: dict[str, bytes] = {}
        #: What our blocks should say about Bitcoin, if it is still so.
        self.bitcoin = messages.BitcoinSeen()

    def deposits_for(self, parent: PegState) -> tuple[peg.Deposit, ...]:
        """Deposits that a child of this block may mint, oldest first: not those to an address that takes none (any more)."""
        history = state.at_next_height(parent, self._spec).federations
        return tuple(
            seen.deposit
            for outpoint, seen in self._ready.items()
            if not state.already_minted(parent, outpoint)
            and (
                not seen.deposit.script
                or eras.accepts(history, self._spec, seen.deposit.script, parent.height + 1)
            )
        )

    def seen(self, chosen: tuple[peg.Deposit, ...]) -> dict[str, SeenDeposit]:
        """Where the chosen deposits stand in Bitcoin's chain, by outpoint."""
        return {deposit.outpoint: self._ready[deposit.outpoint] for deposit in chosen}

    def signed_in_order(self, parent: PegState) -> tuple[bytes, ...]:
        """Signed payouts that an AuxPoW block may list: of finalised proposals, oldest first. What lacks signatures waits."""
        listed: list[bytes] = []
        for proposal in parent.payouts_finalised:
            raw = self._signed.get(proposal.txid) or self._checked(proposal)
            if raw is not None:
                listed.append(raw)
        return tuple(listed)

    def _checked(self, proposal: PayoutProposal) -> bytes | None:
        """A payout by hearsay, if it is fully signed; if not it is forgotten."""
        raw = self._hearsay.pop(proposal.txid, None)
        if raw is None:
            return None
        try:
            validity.check_payout_signed(payout.parse_proposal(raw), proposal, self._spec)
        except payout.BadPayout:
            return None
        self._signed[proposal.txid] = raw
        return raw

    def add_deposit(self, message: messages.PeginReady) -> None:
        """The bridge saw its confirmations."""
        self._ready[message.deposit.outpoint] = SeenDeposit(
            deposit=message.deposit,
            block_hash=message.block_hash,
            confirmations=self._spec.required_confirmations,
        )

    def withdraw_deposit(self, outpoint: str) -> None:
        """Its block left Bitcoin's best chain; it is announced again when it has its confirmations again."""
        self._ready.pop(outpoint, None)

    def add_payout(self, txid: str, tx: bytes) -> bool:
        """It has its signatures; whether that is news."""
        known = self._signed.get(txid) == tx
        self._signed[txid] = tx
        return not known

    def add_hearsay(self, txid: str, tx: bytes) -> None:
        """Another node says that it has its signatures."""
        if txid not in self._signed:
            self._hearsay[txid] = tx
        while len(self._hearsay) > HEARSAY_KEPT:
            del self._hearsay[next(iter(self._hearsay))]

    def finalised(self, minted: Iterable[peg.Deposit]) -> None:
        """What final blocks minted waits no longer."""
        for deposit in minted:
            self._ready.pop(deposit.outpoint, None)


class Producer:
    """Builds blocks on our own execution client. Belongs to one Chain actor; keeps nothing."""

    def __init__(self, spec: ChainSpec, names: ChainNames) -> None:
        self._spec = spec
        self._names = names
        self._claims = ClaimDesk(spec, names.bitcoin)

    async def build(
        self,
        slot: int,
        parent: PegState,
        left: PayloadFacts,
        header: AuxPowHeader | None,
        larder: Larder,
        ctx: Context,
        *,
        federation_update: bytes | None = None,
    ) -> tuple[ConsensusBlock, Facts]:
        """A block for the slot and the facts that it was built from. Raises EngineRefused, AskTimeout."""
        claims, said = await self._claims.make(ctx, larder.bitcoin, parent, left.requests)
        facts = judging.gather(ctx.now(), {}, left, said)
        todo = state.duties(parent, facts, header, self._spec, claims)
        chosen = peg.fit_pegins(todo.addresses, larder.deposits_for(parent))
        deposits = larder.seen(chosen)
        payload = await ctx.ask(
            ctx.whereis(self._names.engine),
            engine.BuildPayload(
                parent_hash=parent.execution_hash,
                finalised_hash=parent.finalised_execution_hash,
                timestamp=slots.payload_timestamp(ctx.now(), parent.timestamp),
                withdrawals=state.withdrawals(todo, chosen),
            ),
        )
        block = ConsensusBlock(
            parent_root=parent.head_root,
            slot=slot,
            payload=payload,
            auxpow_header=header,
            pegins=tuple(
                PegInRef(txid=d.txid, vout=d.vout, block_hash=deposits[d.outpoint].block_hash)
                for d in chosen
            ),
            payout_proposal=None if todo.payout is None else todo.payout.serialize(witness=False),
            finalized_payouts=() if header is None else larder.signed_in_order(parent),
            bitcoin=claims,
            federation_update=federation_update,
            sweep_proposal=None if todo.sweep is None else todo.sweep.tx.serialize(witness=False),
        )
        return block, judging.gather(ctx.now(), deposits, left, said)
