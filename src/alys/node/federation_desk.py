"""The desk of Chain at which governance is heard: a halt, a wish for another federation, proposals.

A halt stops production at once and is read from its record when Chain starts. A wished federation goes as evidence into the next block
that this authority makes, unless another authority's block has it before; every validator checks it there, so a node that was away learns
it from the blocks. Proposals are noted and shown; nothing follows from one.
"""

import msgspec

from alys.actors.context import Context
from alys.actors.message import Request
from alys.chain import eras, state
from alys.chain.federation_update import BadUpdate, UpdateRule
from alys.chain.peg import Deposit
from alys.chain.spec import ChainSpec
from alys.chain.state import PegState
from alys.node import orders
from alys.node.names import ChainNames
from alys.node.orders import NO_HALT, Halt, Proposal

PROPOSALS_KEPT = 100
WISHES_KEPT = 16


class FederationView(msgspec.Struct, frozen=True, kw_only=True):
    """One federation as the node's RPC shows it."""

    keys: tuple[bytes, ...]
    threshold: int
    script: bytes
    address: str
    from_height: int
    deposits_until: int | None = None
    """The last height at which a block may credit a deposit to it; None while it is in force."""


class GovernanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What Chain knows of governance."""

    federations: tuple[FederationView, ...]
    """Oldest first, the last is in force."""
    pending: FederationView | None
    retired_coins: int
    retired_sats: int
    """What former federations hold and a sweep will move."""
    owed_gwei: int
    """What sweeps have cost and fees have not paid back."""
    halt: Halt
    refused: str
    """Why the last wished federation was dropped."""
    proposals: tuple[Proposal, ...]


class GetGovernance(Request[GovernanceView], frozen=True, kw_only=True):
    """See GovernanceView."""


class GetDepositAddress(Request[str], frozen=True, kw_only=True):
    """The address of the federation that a deposit should be paid to now: that of the next block."""


class FederationDesk:
    """Belongs to one Chain actor."""

    def __init__(self, spec: ChainSpec, names: ChainNames) -> None:
        self.halt = NO_HALT
        self.refused = ""
        self._spec = spec
        self._names = names
        self._wishes: dict[bytes, None] = {}
        self._proposals: dict[str, Proposal] = {}

    @property
    def halted(self) -> str | None:
        """Why nothing may be produced, None when governance does not forbid it."""
        if not self.halt.in_force:
            return None
        return f"emergency halt {self.halt.number}: {self.halt.reason}".removesuffix(": ")

    async def load(self, ctx: Context) -> None:
        """Take up a halt that was ordered before."""
        self.halt = await orders.load_halt(ctx, self._names.storage)

    def wish(self, evidence: bytes) -> None:
        """Governance wants another federation."""
        self._wishes[evidence] = None
        while len(self._wishes) > WISHES_KEPT:
            del self._wishes[next(iter(self._wishes))]

    def note(self, proposal: Proposal) -> None:
        """Governance told of a proposal."""
        self._proposals.pop(proposal.id, None)
        self._proposals[proposal.id] = proposal
        while len(self._proposals) > PROPOSALS_KEPT:
            del self._proposals[next(iter(self._proposals))]

    def evidence(self, parent: PegState) -> bytes | None:
        """What a block on this parent says of it; what can never be said is forgotten and shown."""
        after = state.at_next_height(parent, self._spec)
        if after.federations.pending is not None:
            return None
        for wish in list(self._wishes):
            try:
                eras.plan(after.federations, wish, parent.height + 1, self._spec)
            except BadUpdate as error:
                if error.rule is not UpdateRule.NO_CHANGE:  # else it has come about
                    self.refused = str(error)
                del self._wishes[wish]
                continue
            return wish
        return None

    def started(self, known: PegState, ctx: Context) -> None:
        """Bridge and Stream must know who holds the coins, and whose voice counts."""
        history = state.at_next_height(known, self._spec).federations
        told = orders.FederationsKnown(
            federations=tuple(era.federation for era in eras.eras(history, self._spec)),
            pending=None if history.pending is None else history.pending.federation,
        )
        for name in (self._names.bridge, self._names.stream):
            if name is not None:
                ctx.tell(ctx.whereis(name), told)

    def imported(self, before: PegState, after: PegState, ctx: Context) -> None:
        """They must know it anew where it has changed."""
        was = state.at_next_height(before, self._spec).federations
        now = state.at_next_height(after, self._spec).federations
        if (was.eras, was.pending) != (now.eras, now.pending):
            self.started(after, ctx)

    def too_late(self, known: PegState, deposit: Deposit, ctx: Context) -> bool:
        """Whether no block will credit it any more: it paid to an address that its federation left too long ago. Bridge is told."""
        history = state.at_next_height(known, self._spec).federations
        if not eras.over(history, self._spec, deposit.script, known.height + 1):
            return False
        if self._names.bridge is not None:
            late = orders.PeginUnclaimable(outpoint=deposit.outpoint)
            ctx.tell(ctx.whereis(self._names.bridge), late)
        return True

    def address(self, known: PegState) -> str:
        """See GetDepositAddress."""
        history = state.at_next_height(known, self._spec).federations
        return eras.in_force(history, self._spec).address(self._spec.network)

    def view(self, known: PegState) -> GovernanceView:
        """See GovernanceView."""
        history = state.at_next_height(known, self._spec).federations
        all_of_them = eras.eras(history, self._spec)
        ends = [era.from_height + self._spec.old_address_blocks - 1 for era in all_of_them[1:]]
        shown = tuple(
            self._shown(era, until) for era, until in zip(all_of_them, [*ends, None], strict=True)
        )
        return GovernanceView(
            federations=shown,
            pending=None if history.pending is None else self._shown(history.pending, None),
            retired_coins=len(history.retired),
            retired_sats=sum(coin.sats for coin in history.retired.values()),
            owed_gwei=history.owed_gwei,
            halt=self.halt,
            refused=self.refused,
            proposals=tuple(self._proposals.values()),
        )

    def _shown(self, era: eras.Era, until: int | None) -> FederationView:
        return FederationView(
            keys=era.federation.keys,
            threshold=era.federation.threshold,
            script=era.federation.script_pubkey,
            address=era.federation.address(self._spec.network),
            from_height=era.from_height,
            deposits_until=until,
        )


class Governed:
    """The handlers that Chain has for this desk. Whoever has them has ``_governance`` and ``_state``."""

    _governance: FederationDesk
    _state: PegState

    def _report(self, ctx: Context) -> None:
        """Chain's own: tell governance how things are."""
        raise NotImplementedError

    def on_halt_changed(self, message: orders.HaltChanged, ctx: Context) -> None:
        """From this moment on nothing is produced, or things are again."""
        self._governance.halt = message.halt
        self._report(ctx)

    def on_federation_announced(self, message: orders.FederationAnnounced, ctx: Context) -> None:
        """The next block of ours says so."""
        self._governance.wish(message.evidence)

    def on_proposal_announced(self, message: orders.ProposalAnnounced, ctx: Context) -> None:
        """Noted."""
        self._governance.note(message.proposal)

    def on_get_governance(self, message: GetGovernance, ctx: Context) -> GovernanceView:
        """See GetGovernance."""
        return self._governance.view(self._state)

    def on_get_deposit_address(self, message: GetDepositAddress, ctx: Context) -> str:
        """See GetDepositAddress."""
        return self._governance.address(self._state)
