"""Rare states that a campaign must reach: if it never does, it has proven little about them ("sometimes" assertions).

They are seen from outside, by what actors say to each other and what befalls them; the node knows nothing of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from alys.actors.errors import IntensityExceeded
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.base import trouble
from alys.campaigns.plan import Plan
from alys.models.bitcoin.chainstate import BlockEvent, EventKind
from alys.node import messages, orders, ports
from alys.node.errors import StoreFailed
from alys.oracles.statement import DepositStatus, RequestStatus

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope
    from alys.worlds.sim import SimWorld

ACTORS = (
    "storage", "network", "peer", "sync", "stream", "bridge", "engine", "chain", "health",
)  # fmt: skip
"""Of a node's tree."""

SAID: Mapping[str, str] = {
    "bitcoin_reorg": "a block left Bitcoin's best chain",
    "siblings": "two blocks of one height were offered",
    "reorganised": "a node left a branch",
    "mint_rolled_back": "a node left a branch on which it had minted a deposit",
    "proposal_void": "a node left a branch on which a payout was proposed that no work covered",
    "deposit_lost": "a deposit that was ready left Bitcoin's best chain before it was minted",
    "deposit_found_again": "such a deposit came back",
    "mint_lost": "a deposit left Bitcoin's best chain after it was minted",
    "refunded": "a request that cannot be paid was given back",
    "payout_stuck": "a payout waited too long for its first confirmation",
    "payout_bumped": "a block replaced a payout by one at a higher rate",
    "signatures_short": "the federation's signatures were too few at first",
    "stream_back_with_work": "a stream to governance came back while signatures were asked for",
    "block_refused": "an authority did not approve a block",
    "vote_refused": "an authority did not approve a block because of a vote of its own",
    "parent_missing": "a block came before its parent",
    "synced_from_peer": "blocks were fetched from a peer",
    "halted": "a node stood still for want of work or of its services",
    "halted_and_resumed": "such a node went on",
    "halt_changed": "governance halted production, or let it go on",
    "peer_lost": "a connection between nodes ended",
    "deposit_unclaimable": "a deposit that nobody can claim",
    "torn_write": "a node came back with half of a batch on its disk",
    "store_failed": "the store refused a batch",
    "mailbox_full": "a message found a mailbox full",
    "ask_late": "an answer came after nobody waited for it any more",
    "equivocated": "a governance node gave two answers to one question",
    "supervisor_gave_up": "a supervisor's intensity was exceeded",
    **{f"restart_{name}": f"the {name} actor of a node was restarted" for name in ACTORS},
}
"""By name."""

NAMES = tuple(SAID)

NODES = "/alys/node"
"""What the paths of the nodes' trees begin with, and of their ports; other trees run beside them."""
BUT_FOR_VOTES = "but for our votes"
"""How an authority puts it that refuses a valid block."""


class RareStates(Observer):
    """Counts how often each state was reached. Hears all actors from before the world opens; ``close`` asks what the world knows."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        self._withdrawn: set[tuple[int, str]] = set()
        self._halted: set[int] = set()
        #: Payouts that a node's stream is to have signed, by the stream.
        self._unsigned: dict[int, set[str]] = {}
        self._heard: dict[type, Callable[[Any, Envelope, Ref], None]] = {
            messages.BlocksReverted: self._reverted,
            messages.PeginWithdrawn: self._pegin_withdrawn,
            messages.PeginReady: self._pegin_ready,
            messages.BitcoinSeen: self._bitcoin_seen,
            messages.RequestSignatures: self._signatures_wanted,
            messages.SignaturesCollected: self._signatures_there,
            messages.SignaturesShort: self._counted("signatures_short"),
            messages.BlockRefused: self._refused,
            messages.ParentMissing: self._counted("parent_missing"),
            messages.BlocksTaken: self._taken,
            messages.PeerDisconnected: self._counted("peer_lost"),
            orders.HaltChanged: self._counted("halt_changed"),
            messages.ReportStatus: self._status,
            ports.StreamOpened: self._stream_opened,
        }

    def attach(self, world: "SimWorld") -> None:
        """Also hear of Bitcoin's blocks; the world is open."""
        bitcoin: Any = world.network
        bitcoin.bitcoin.listeners.append(self._bitcoin_block)

    def close(self, world: "SimWorld", plan: Plan, bitten: Mapping[int, int]) -> dict[str, int]:
        """How often each was reached; nought for one that was not."""
        reached = self.reached
        overheard = world.overheard
        if overheard is not None:
            heights = Counter(height for _, height in overheard.offered.values())
            reached["siblings"] += sum(count > 1 for count in heights.values())
        if hasattr(world, "auditor"):
            reached["payout_bumped"] += sum(len(claim.bumps) for claim in world.auditor.claims())
            statement = world.auditor.statement
            if statement is not None:
                nobodys = DepositStatus.UNCLAIMABLE
                reached["deposit_unclaimable"] += sum(
                    d.status is nobodys for d in statement.deposits
                )
                back = RequestStatus.REFUNDED
                reached["refunded"] += sum(r.status is back for r in statement.requests)
        for order in plan.orders:
            fault = order.fault
            if bitten.get(order.number):
                if isinstance(fault, trouble.Kill) and fault.disk == "torn":
                    reached["torn_write"] += 1
                elif fault.kind == "equivocate":
                    reached["equivocated"] += 1
        return {name: reached[name] for name in NAMES}

    # Messages

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        hear = self._heard.get(envelope.message.__class__)
        if hear is not None:
            hear(envelope.message, envelope, target)

    def _counted(self, name: str) -> Callable[[Any, "Envelope", Ref], None]:
        def count(message: Any, envelope: "Envelope", target: Ref) -> None:
            self.reached[name] += 1

        return count

    def _reverted(self, message: messages.BlocksReverted, _: "Envelope", target: Ref) -> None:
        self.reached["reorganised"] += 1
        self.reached["mint_rolled_back"] += bool(message.minted)
        self.reached["proposal_void"] += bool(message.proposed)

    def _pegin_withdrawn(self, message: messages.PeginWithdrawn, _: "Envelope", to: Ref) -> None:
        self.reached["deposit_lost"] += 1
        self._withdrawn.add((to.uid, message.outpoint))

    def _pegin_ready(self, message: messages.PeginReady, _: "Envelope", target: Ref) -> None:
        deposit = message.deposit
        key = (target.uid, f"{deposit.txid}:{deposit.vout}")
        if key in self._withdrawn:
            self._withdrawn.discard(key)
            self.reached["deposit_found_again"] += 1

    def _bitcoin_seen(self, message: messages.BitcoinSeen, _: "Envelope", target: Ref) -> None:
        self.reached["mint_lost"] += bool(message.lost)
        self.reached["payout_stuck"] += bool(message.stuck)

    def _signatures_wanted(
        self, message: messages.RequestSignatures, _: "Envelope", target: Ref
    ) -> None:
        self._unsigned.setdefault(target.uid, set()).add(message.txid)

    def _signatures_there(
        self, message: messages.SignaturesCollected, envelope: "Envelope", _: Ref
    ) -> None:
        self._unsigned.get(envelope.sender.uid, set()).discard(message.txid)

    def _stream_opened(self, message: ports.StreamOpened, _: "Envelope", target: Ref) -> None:
        self.reached["stream_back_with_work"] += bool(self._unsigned.get(target.uid))

    def _refused(self, message: messages.BlockRefused, _: "Envelope", target: Ref) -> None:
        self.reached["block_refused"] += 1
        self.reached["vote_refused"] += BUT_FOR_VOTES in message.detail

    def _taken(self, message: messages.BlocksTaken, _: "Envelope", target: Ref) -> None:
        self.reached["synced_from_peer"] += bool(message.imported)

    def _status(self, message: messages.ReportStatus, envelope: "Envelope", _: Ref) -> None:
        node = envelope.sender.uid
        if message.state == "halted" and node not in self._halted:
            self._halted.add(node)
            self.reached["halted"] += 1
        elif message.state == "active" and node in self._halted:
            self._halted.discard(node)
            self.reached["halted_and_resumed"] += 1

    def _bitcoin_block(self, event: BlockEvent) -> None:
        self.reached["bitcoin_reorg"] += event.kind is EventKind.DISCONNECTED

    # What befalls actors

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, StoreFailed):
                self.reached["store_failed"] += 1
                return
            cause = cause.__cause__

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        if actor.path.startswith(NODES):
            self.reached[f"restart_{actor.name}"] += 1

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        if actor.path.startswith(NODES):
            self.reached["supervisor_gave_up"] += isinstance(error, IntensityExceeded)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self.dead_letter(envelope, target, reason)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        if target.path.startswith(NODES):
            self.reached["mailbox_full"] += reason == "mailbox full"
            self.reached["ask_late"] += reason == "late reply"
