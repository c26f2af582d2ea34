"""Rare states that a campaign is to reach: a bug that needs one is not looked for by runs that never come to it.

Most are seen by a message that is sent in no other state. What the ledger and the watch over the nodes know is read at the end.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.node import messages, orders
from alys.oracles.statement import DepositStatus, LedgerStatement, RequestStatus

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

BY_MESSAGE: dict[type, str] = {
    messages.PeginWithdrawn: "deposit_withdrawn",
    messages.BlockRefused: "block_refused",
    messages.BlocksReverted: "sealed_blocks_reverted",
    messages.SignaturesShort: "signatures_short",
    messages.ParentMissing: "parent_missing",
    messages.BlocksFetched: "blocks_fetched",
    messages.PeerDisconnected: "peer_lost",
    orders.HaltChanged: "halt_changed",
}
"""By the class of the message that says so."""

SAID = {
    "deposit_withdrawn": "a deposit left Bitcoin's best chain before it was minted",
    "block_refused": "an authority refused a block",
    "sealed_blocks_reverted": "a sealed block gave way to another branch",
    "signatures_short": "governance gave fewer signatures than a payout needs",
    "parent_missing": "a block came whose parent nobody here had",
    "blocks_fetched": "a node fetched from a peer what it had missed",
    "peer_lost": "a connection between nodes ended",
    "halt_changed": "governance halted production, or let it go on",
    "node_actor_restarted": "an actor of a node began anew",
    "node_failure_escalated": "a supervisor of a node could not mend a failure itself",
    "node_mail_dropped": "an actor of a node had no room for a message",
    "head_changed_branch": "a node's head moved to another branch",
    "deposit_unclaimable": "a deposit that nobody can claim",
    "request_refunded": "a payout that cannot be made came back to who asked for it",
    "deposit_lost_after_mint": "Bitcoin took back a deposit that had been minted",
}
"""Every rare state, in words."""

NAMES = tuple(SAID)

_TREES = "/alys/node"
"""How paths of nodes begin; other actors of a run are there to fail."""


class RareStates(Observer):
    """Counts them while a run goes on."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        name = BY_MESSAGE.get(type(envelope.message))
        if name is not None:
            self.seen[name] += 1

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self._of_a_node("node_actor_restarted", actor)

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        self._of_a_node("node_failure_escalated", actor)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._of_a_node("node_mail_dropped", target)

    def _of_a_node(self, name: str, actor: Any) -> None:
        if str(actor.path).startswith(_TREES):
            self.seen[name] += 1

    def found(self, statement: LedgerStatement | None, reorganisations: int) -> dict[str, int]:
        """All of them, with the last statement of the ledger and what the watch counted."""
        counts = {**dict.fromkeys(NAMES, 0), **self.seen, "head_changed_branch": reorganisations}
        if statement is not None:
            unclaimable = [d for d in statement.deposits if d.status is DepositStatus.UNCLAIMABLE]
            refunded = [r for r in statement.requests if r.status is RequestStatus.REFUNDED]
            counts["deposit_unclaimable"] = len(unclaimable)
            counts["request_refunded"] = len(refunded)
            counts["deposit_lost_after_mint"] = len(statement.incidents)
        return counts
