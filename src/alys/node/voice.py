"""What Chain says to other nodes, and to Sync and Peers about them."""

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import blocks, slots
from alys.chain.blocks import ConsensusBlock
from alys.chain.spec import ChainSpec
from alys.chain.validity import Reason
from alys.node import gossip, messages, network
from alys.node.branches import Known
from alys.node.judging import NOT_THE_AUTHORS_FAULT
from alys.node.names import ChainNames


class Voice:
    """Belongs to one Chain actor; says nothing to whom it has no name for."""

    def __init__(self, spec: ChainSpec, names: ChainNames, own_index: int) -> None:
        self._spec = spec
        self._names = names
        self._index = own_index

    def publish(self, item: gossip.Item, ctx: Context) -> None:
        """To all nodes."""
        ctx.tell(ctx.whereis(self._names.network), messages.Publish(item=item))

    def approve(self, root: bytes, signature: bytes, origin: str, ctx: Context) -> None:
        """To all nodes; or to whoever in this system offered the block."""
        item = gossip.Approval(root=root, authority_index=self._index, signature=signature)
        if origin:
            self.publish(item, ctx)
        else:
            self._back(item, ctx)

    def refuse(
        self, origin: str, root: bytes, reason: str, detail: str, height: int, ctx: Context
    ) -> None:
        """To the peer that the block came from, or to whoever in this system offered it."""
        item = gossip.Refusal(
            root=root, authority_index=self._index, reason=reason, detail=detail, height=height
        )
        if origin:
            self._send(origin, item, ctx)
        else:
            self._back(item, ctx)

    def _back(self, item: gossip.Approval | gossip.Refusal, ctx: Context) -> None:
        if ctx.sender is not None and (told := network.heard(item, "")) is not None:
            ctx.tell(ctx.sender, told)

    def _send(self, peer: str, item: gossip.Item, ctx: Context) -> None:
        ctx.tell(ctx.whereis(self._names.network), messages.SendTo(peer=peer, item=item))

    def show(self, peer: str, sealed: list[Known], ctx: Context) -> None:
        """Sealed blocks, to a peer that does not know them."""
        for one in sealed if peer else ():
            self._send(peer, gossip.SealedBlock(block=blocks.encode(one.signed)), ctx)

    # About them

    def head_changed(self, head: Known, ctx: Context) -> None:
        """To Sync."""
        names = ("root", "height", "slot", "finalised_height", "finalised_root")
        told = {name: getattr(head.standing, name) for name in names}
        self._tell(self._names.sync, messages.HeadChanged(**told), ctx)

    def parent_missing(self, block: ConsensusBlock, origin: str, ctx: Context) -> None:
        """To Sync: whoever sent this block has what is before it."""
        if origin:
            missing = messages.ParentMissing(origin=origin, height=block.height)
            self._tell(self._names.sync, missing, ctx)

    def taken(self, origin: str, count: int, fault: str, ctx: Context) -> None:
        """To Sync."""
        told = messages.BlocksTaken(origin=origin, imported=count, fault=fault)
        self._tell(self._names.sync, told, ctx)

    def blame(self, peer: str, deed: str, ctx: Context, authority: int | None = None) -> None:
        """To Peers."""
        if peer:
            did = messages.PeerDid(peer=peer, deed=deed, authority=authority)
            self._tell(self._names.peers, did, ctx)

    def blame_author(
        self, block: ConsensusBlock, reason: Reason, origin: str, ctx: Context
    ) -> None:
        """To Peers, where the reason says something about the author."""
        if reason not in NOT_THE_AUTHORS_FAULT:
            author = slots.author_index(block.slot, len(self._spec.authorities))
            self.blame(origin, "invalid_block", ctx, author)

    def _tell(self, name: str | None, message: Message, ctx: Context) -> None:
        if name is not None:
            ctx.tell(ctx.whereis(name), message)
