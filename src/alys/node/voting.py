"""What an authority has approved, what that forbids it (``chain.forkchoice``), and what approvals of others show.

The votes are stored before an approval leaves the node, and with them the blocks, so that an approved block is not lost with its author.
"""

from collections.abc import Iterable

import msgspec

from alys.chain import forkchoice
from alys.chain.blocks import ConsensusBlock
from alys.chain.forkchoice import Objection, Standing, Tree, Vote
from alys.chain.spec import ChainSpec

_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(tuple[Vote, ...])


class Votes:
    """Belongs to one Chain actor."""

    def __init__(self, spec: ChainSpec, own_index: int) -> None:
        self._spec = spec
        self._index = own_index
        self._cast: tuple[Vote, ...] = ()
        #: Authorities that did not cast a vote of ours, by the block's root.
        self._without: dict[bytes, set[int]] = {}

    def load(self, data: bytes | None) -> None:
        """What was stored; raises msgspec.MsgspecError."""
        if data is not None:
            self._cast = _decoder.decode(data)

    def encode(self) -> bytes:
        """For Storage."""
        return _encoder.encode(self._cast)

    @property
    def last_slot(self) -> int:
        """The slot of the last approved block."""
        return max((vote.slot for vote in self._cast), default=-1)

    def vote_for(self, root: bytes, block: ConsensusBlock, parent: Standing) -> Vote:
        """The vote that an approval of the block is."""
        header = block.auxpow_header
        return self.vote_on(root, block.slot, parent, b"" if header is None else header.range_end)

    def vote_on(self, root: bytes, slot: int, parent: Standing, range_end: bytes) -> Vote:
        """The same, of a block that is not made yet."""
        strict = forkchoice.is_strict(
            slot, parent, len(self._spec.authorities), self._spec.max_blocks_without_pow
        )
        return Vote(
            root=root,
            slot=slot,
            parent=parent.root,
            parent_slot=parent.slot,
            range_end=range_end,
            strict=strict and bool(range_end),
        )

    def objection(self, vote: Vote, tree: Tree) -> Objection | None:
        """Why it may not be cast."""
        return forkchoice.objection(vote, self._cast, tree)

    def base(self, tree: Tree, slot: int) -> Standing:
        """What to build on in a slot."""
        return forkchoice.base(self._cast, tree, slot)

    def cast(self, vote: Vote) -> None:
        """Remember it; store ``encode()`` before anybody hears of the approval."""
        self._cast = (*self._cast, vote)

    def learn(self, theirs: Vote, authorities: Iterable[int], tree: Tree) -> bool:
        """These authorities approved a block; whether that frees us of a vote of ours (rule 5 of ``forkchoice``)."""
        others = set(authorities) - {self._index}
        count = len(self._spec.authorities)
        freed = False
        for mine in self._cast:
            if mine.void or not forkchoice.disproves(theirs, mine, tree):
                continue
            without = self._without.setdefault(mine.root, set())
            without |= others
            freed = freed or len(without) > count - self._spec.quorum
        if freed:
            self._cast = tuple(
                msgspec.structs.replace(mine, void=True)
                if len(self._without.get(mine.root, ())) > count - self._spec.quorum
                else mine
                for mine in self._cast
            )
        return freed

    def finalised(self, final: Standing) -> None:
        """Forget what does not matter above a final block."""
        self._cast = forkchoice.kept(self._cast, final)
        roots = {vote.root for vote in self._cast}
        self._without = {root: found for root, found in self._without.items() if root in roots}
