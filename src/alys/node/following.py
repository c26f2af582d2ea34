"""What Chain tells Sync and Peers: where the node stands, what came that it cannot place, and whose doing it was."""

from alys.actors.context import Context
from alys.chain.state import PegState
from alys.chain.validity import Reason
from alys.node import messages
from alys.node.names import ChainNames

UNPLACED = frozenset({Reason.MISSING_PARENT, Reason.INVALID_HEIGHT})
"""Not a fault: the block is of a place in the chain that the node is not at."""
HARMLESS = UNPLACED | {
    Reason.BAD_APPROVAL,
    Reason.NO_QUORUM,
    Reason.OUT_OF_TURN,
    Reason.SLOT_NOT_INCREASING,
    Reason.SLOT_IN_FUTURE,
    Reason.DEPOSIT_NOT_FOUND,
    Reason.INSUFFICIENT_CONFIRMATIONS,
    Reason.WRONG_TIMESTAMP,
}
"""What a sound block may be refused for, where clocks or Bitcoin nodes differ, or after another block was approved; and what is not
its author's doing, as anybody can forge it and its author may pass the forgery on."""


class Following:
    """Belongs to one Chain actor; says nothing where there is no Sync, or no Peers."""

    def __init__(self, names: ChainNames) -> None:
        self._names = names

    def head_changed(self, state: PegState, ctx: Context) -> None:
        """At the start, and after every change."""
        if self._names.sync is not None:
            told = messages.HeadChanged(
                height=state.height,
                root=state.head_root,
                slot=state.slot,
                finalised_height=state.finalised_height,
                finalised_root=state.finalised_root,
            )
            ctx.tell(ctx.whereis(self._names.sync), told)

    def parent_missing(self, origin: str, height: int, ctx: Context) -> None:
        """A block came whose parent is not known."""
        if self._names.sync is not None and origin:
            told = messages.ParentMissing(origin=origin, height=height)
            ctx.tell(ctx.whereis(self._names.sync), told)

    def taken(self, origin: str, imported: int, fault: str, ctx: Context) -> None:
        """What became of blocks that Sync fetched."""
        if self._names.sync is not None:
            told = messages.BlocksTaken(origin=origin, imported=imported, fault=fault)
            ctx.tell(ctx.whereis(self._names.sync), told)

    def deed(self, peer: str, deed: str, authority: int | None, ctx: Context) -> None:
        """What an authority did, as it came from a peer: counted where both are one. None: the peer's own doing."""
        if self._names.peer is not None and peer:
            told = messages.PeerDid(peer=peer, deed=deed, authority=authority)
            ctx.tell(ctx.whereis(self._names.peer), told)
