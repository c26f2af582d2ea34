"""What Chain tells the bridge and governance when its head has moved."""

from alys.actors.context import Context
from alys.chain.peg import Deposit
from alys.chain.state import PegState
from alys.node import messages
from alys.node.branches import Known
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

    def moved(self, before: PegState, left: list[Known], come: list[Known], ctx: Context) -> None:
        """The head has moved: what was abandoned, what each new block did, what is final by the last of them."""
        if self._names.bridge is None:
            return
        bridge = ctx.whereis(self._names.bridge)
        if left:
            reverted = messages.BlocksReverted(
                minted=tuple(deposit for one in left for deposit in one.minted),
                proposed=tuple(p.txid for one in left for p in one.proposals),
                refunded=tuple(request for one in left for request in one.refunded),
            )
            ctx.tell(bridge, reverted)
        for one in come:
            link = next((x for x in one.state.unfinalised if x.root == one.root), None)
            imported = messages.BlockImported(
                height=one.standing.height,
                root=one.root,
                minted=one.minted,
                proposed=None if link is None else link.payout,
                sweep=None if link is None else link.sweep,
                refunded=one.refunded,
            )
            ctx.tell(bridge, imported)
        known = {proposal.txid for proposal in before.payouts_finalised}
        fresh = tuple(p for p in come[-1].state.payouts_finalised if p.txid not in known)
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
