"""The sealed blocks from the last final one upward, each with what the node keeps beside it, in memory as they are stored.

``chain.forkchoice`` says which of them is the head and what moves with it; here is only what is known.
"""

from collections.abc import Iterable

import msgspec

from alys.chain import blocks, forkchoice, state
from alys.chain.blocks import SignedBlock
from alys.chain.forkchoice import Standing
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState
from alys.node import records, storage
from alys.node.engine import PayloadFacts


class Known(msgspec.Struct, kw_only=True):
    """A sealed block, executed on our own execution client."""

    standing: Standing
    signed: SignedBlock
    state: PegState
    """After the block; replaced, never changed in place."""
    minted: tuple[Deposit, ...] = ()
    """The deposits that it mints."""
    refunded: tuple[str, ...] = ()
    """Requests (``tx_hash:log_index``) that it gives back, or promises to."""
    left: PayloadFacts | None = None
    """What its payload leaves to a child to answer for; None: not read yet."""

    @property
    def root(self) -> bytes:
        """The block's root."""
        return self.standing.root

    @property
    def proposals(self) -> tuple[PayoutProposal, ...]:
        """What it proposes to pay."""
        links = (link for link in self.state.unfinalised if link.root == self.root)
        return next((link.proposals for link in links), ())


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored beside block and state."""

    minted: tuple[Deposit, ...] = ()
    refunded: tuple[str, ...] = ()


def child(parent: PegState, signed: SignedBlock, facts: Facts, spec: ChainSpec) -> Known:
    """A block that holds by these facts, on its parent."""
    after = state.apply(parent, signed.block, facts, spec)
    return known(
        signed,
        after,
        minted=tuple(facts.deposits[ref.outpoint].deposit for ref in signed.block.pegins),
        refunded=tuple(sorted(after.refunded - parent.refunded)),
    )


def known(
    signed: SignedBlock,
    after: PegState,
    minted: tuple[Deposit, ...] = (),
    refunded: tuple[str, ...] = (),
) -> Known:
    """A block with the state after it."""
    standing = Standing(
        root=after.head_root,
        parent=signed.block.parent_root,
        height=after.height,
        slot=after.slot,
        finalised_height=after.finalised_height,
        finalised_root=after.finalised_root,
    )
    return Known(standing=standing, signed=signed, state=after, minted=minted, refunded=refunded)


def stored(one: Known) -> storage.StoredBlock:
    """As Storage keeps it."""
    return storage.StoredBlock(
        root=one.root,
        parent=one.standing.parent,
        height=one.standing.height,
        block=blocks.encode(one.signed),
        state=state.encode(one.state),
        facts=msgspec.msgpack.encode(_Beside(minted=one.minted, refunded=one.refunded)),
    )


def taken_up(found: storage.StoredBlock) -> Known:
    """The other way round. Raises BadBlock, msgspec.MsgspecError."""
    beside = msgspec.msgpack.decode(found.facts, type=_Beside) if found.facts else _Beside()
    return known(
        blocks.decode(found.block), state.decode(found.state), beside.minted, beside.refunded
    )


class Branches:
    """The tree. Belongs to one Chain actor."""

    def __init__(self, found: Iterable[Known], head: bytes) -> None:
        self._known = {one.root: one for one in found}
        self._head = head

    @property
    def tree(self) -> forkchoice.Tree:
        """For the rules."""
        return {root: one.standing for root, one in self._known.items()}

    @property
    def head(self) -> Known:
        """The block that the node follows."""
        return self._known[self._head]

    @property
    def mark(self) -> records.HeadMark:
        """The head as Storage notes it."""
        standing = self.head.standing
        return records.HeadMark(
            root=standing.root,
            height=standing.height,
            finalised_root=standing.finalised_root,
            finalised_height=standing.finalised_height,
        )

    def __contains__(self, root: bytes) -> bool:
        return root in self._known

    def get(self, root: bytes) -> Known | None:
        """A block of the tree."""
        return self._known.get(root)

    def ascending(self) -> list[Known]:
        """All of them, parents before children."""
        return sorted(self._known.values(), key=lambda one: (one.standing.height, one.root))

    def path(self, above: int) -> list[Known]:
        """The head's branch above a height, lowest first."""
        return [one for one in self.path_of(self._head) if one.standing.height > above]

    def path_of(self, root: bytes) -> list[Known]:
        """A block's branch as far as it is known, lowest first."""
        found: list[Known] = []
        while root in self._known:
            found.append(self._known[root])
            root = found[-1].standing.parent
        return found[::-1]

    def would_lead(self, one: Known) -> bool:
        """Whether a new block would be the head."""
        return forkchoice.best({**self.tree, one.root: one.standing}).root == one.root

    def add(self, one: Known) -> None:
        """A child of a known block."""
        self._known[one.root] = one

    def lead(self, root: bytes) -> tuple[list[Known], list[Known]]:
        """Make a known block the head: what leaves the branch, highest first, and what comes to it, lowest first.

        What finality abandons is forgotten.
        """
        tree = self.tree
        left, come = forkchoice.reorganisation(tree, self._head, root)
        moved = (
            [self._known[one.root] for one in left],
            [self._known[one.root] for one in come],
        )
        self._head = root
        final = self.head.standing.finalised_root
        if final in self._known:
            kept = forkchoice.above(tree, final)
            self._known = {one: found for one, found in self._known.items() if one in kept}
        return moved
