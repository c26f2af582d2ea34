"""What Chain says to other nodes. What it says of them to Sync and Peers is ``following``'s."""

from alys.actors.context import Context
from alys.chain import blocks
from alys.node import gossip, messages, network
from alys.node.branches import Known
from alys.node.names import ChainNames


class Voice:
    """Belongs to one Chain actor; says nothing to whom it has no name for."""

    def __init__(self, names: ChainNames, own_index: int) -> None:
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
