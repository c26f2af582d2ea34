"""What Chain tells the bridge and governance of a block that it has imported."""

from alys.actors.context import Context
from alys.chain.blocks import ConsensusBlock
from alys.chain.peg import Deposit
from alys.chain.state import Facts, PegState
from alys.node import messages
from alys.node.names import ChainNames


class Tidings:
    """Belongs to one Chain actor; says nothing where there is no bridge, or no stream."""

    def __init__(self, names: ChainNames) -> None:
        self._names = names

    def started(self, state: PegState, ctx: Context) -> None:
        """Chain has begun, or begun again."""
        if self._names.bridge is None:
            return
        bridge = ctx.whereis(self._names.bridge)
        if state.payouts_finalised:
            ctx.tell(bridge, messages.PayoutsFinalised(proposals=state.payouts_finalised))
        ctx.tell(bridge, messages.ChainStarted())

    def imported(
        self, before: PegState, after: PegState, block: ConsensusBlock, facts: Facts, ctx: Context
    ) -> None:
        """What the block minted, proposed, refunded and made final."""
        if self._names.bridge is None:
            return
        bridge = ctx.whereis(self._names.bridge)
        link = next((x for x in after.unfinalised if x.root == after.head_root), None)
        imported = messages.BlockImported(
            height=block.height,
            root=after.head_root,
            minted=tuple(facts.deposits[ref.outpoint].deposit for ref in block.pegins),
            proposed=None if link is None else link.payout,
            sweep=None if link is None else link.sweep,
            refunded=tuple(sorted(after.refunded - before.refunded)),
        )
        ctx.tell(bridge, imported)
        known = {proposal.txid for proposal in before.payouts_finalised}
        fresh = tuple(p for p in after.payouts_finalised if p.txid not in known)
        if fresh:
            ctx.tell(bridge, messages.PayoutsFinalised(proposals=fresh))

    def minted_before(self, state: PegState, deposit: Deposit, ctx: Context) -> None:
        """The bridge did not hear of it: we ended between the import and the word of it."""
        if self._names.bridge is not None:
            imported = messages.BlockImported(
                height=state.height,
                root=state.head_root,
                minted=(deposit,),
                proposed=None,
                refunded=(),
            )
            ctx.tell(ctx.whereis(self._names.bridge), imported)

    def status(self, state: PegState, condition: str, ctx: Context) -> None:
        """To governance."""
        if self._names.stream is None:
            return
        status = messages.ReportStatus(
            height=state.height, finalised_height=state.finalised_height, state=condition
        )
        ctx.tell(ctx.whereis(self._names.stream), status)
