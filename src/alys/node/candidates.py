"""Blocks that wait for a quorum of approvals, and approvals, which may come before their block.

One block per height waits: of a later slot than the one before it. Approvals are checked before they come here.
"""

import msgspec

from alys.chain import approvals
from alys.chain.approvals import AggregateApproval, Approval, Verifier
from alys.chain.blocks import SignedBlock
from alys.chain.forkchoice import Vote
from alys.chain.state import Facts

HEIGHTS_KEPT = 64
ROOTS_KEPT = 256
"""Blocks whose approvals are kept; the oldest is forgotten first."""


class Candidate(msgspec.Struct, kw_only=True):
    """A block that waits for approvals."""

    root: bytes
    signed: SignedBlock
    vote: Vote
    """What an approval of it is."""
    facts: Facts | None
    """What it was judged by; None: taken up after a restart, and to be judged once there is a quorum."""


class Candidates:
    """Belongs to one Chain actor."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._waiting: dict[int, Candidate] = {}
        self._approvals: dict[bytes, dict[int, Approval]] = {}

    def add(self, candidate: Candidate) -> Candidate | None:
        """Let it wait; what it takes the place of, itself where a later one is there already."""
        height = candidate.signed.block.height
        before = self._waiting.get(height)
        if before is not None and before.vote.slot >= candidate.vote.slot:
            return candidate
        self._waiting[height] = candidate
        while len(self._waiting) > HEIGHTS_KEPT:
            del self._waiting[min(self._waiting)]
        return before

    def get(self, root: bytes) -> Candidate | None:
        """The block, if it waits."""
        return next((one for one in self._waiting.values() if one.root == root), None)

    def count(self, approval: Approval) -> None:
        """A checked approval; a second one of the same authority changes nothing."""
        found = self._approvals.setdefault(approval.block_root, {})
        found.setdefault(approval.authority_index, approval)
        while len(self._approvals) > ROOTS_KEPT:
            del self._approvals[next(iter(self._approvals))]

    def approvers(self, root: bytes) -> frozenset[int]:
        """Who approved a block, as far as is known; not counting those that came with it."""
        return frozenset(self._approvals.get(root, ()))

    def gathered(self, candidate: Candidate) -> AggregateApproval:
        """The approvals that came with the block and those that came by themselves."""
        found = candidate.signed.approvals
        for index in sorted(self._approvals.get(candidate.root, {})):
            approval = self._approvals[candidate.root][index]
            found = approvals.merge(found, approval, self._verifier)
        assert found is not None, "a candidate has its author's approval"
        return found

    def forget(self, final_height: int) -> tuple[bytes, ...]:
        """What can be imported no more, as its height is final."""
        gone = [height for height in self._waiting if height <= final_height]
        return tuple(self._waiting.pop(height).root for height in gone)

    def imported(self, root: bytes) -> None:
        """It waits no longer."""
        self._waiting = {h: one for h, one in self._waiting.items() if one.root != root}
        self._approvals.pop(root, None)
