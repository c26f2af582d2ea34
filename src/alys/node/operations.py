"""Peg operations as the bridge keeps them: one record each, a state that can be asked for, and how it ends.

peg-in    seen -> ready -> minted (governance is told of it) ; unclaimable (nobody can be credited)
             \\-> orphaned (its block left the best chain before the mint; seen again if it is mined again) -> gone
          minted -> lost (its block left the best chain after the mint) -> minted, when it has its confirmations again
peg-out   burnt -> proposed -> finalised -> signed -> broadcast -> settled
             \\-> refunded
``finalised`` waits for signatures; what is missing is in ``detail``. ``broadcast_refused`` is tried again. A payout whose block
left the best chain is ``broadcast`` again, however deep it was. Nothing ends in failure: what cannot go on stays where it is, is
tried again, and is an *incident* until it went on.
"""

import enum

import msgspec

from alys.actors.message import Request
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal


class PeginState(enum.StrEnum):
    """Where a deposit is."""

    SEEN = "seen"
    READY = "ready"
    MINTED = "minted"
    ORPHANED = "orphaned"
    GONE = "gone"
    """Orphaned, and not seen again for long."""
    LOST = "lost"
    UNCLAIMABLE = "unclaimable"


class PegoutState(enum.StrEnum):
    """Where a peg-out request is; settled and refunded are ends."""

    BURNT = "burnt"
    """Of a payout: the block that proposed it has left our branch."""
    PROPOSED = "proposed"
    FINALISED = "finalised"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    BROADCAST_REFUSED = "broadcast_refused"
    SETTLED = "settled"
    REFUNDED = "refunded"
    REPLACED = "replaced"
    """Of a payout that was paid by another version of itself; no request is in it."""


class IncidentKind(enum.StrEnum):
    """What somebody should look at."""

    DEPOSIT_LOST = "deposit_lost"
    """A deposit was minted and is not on Bitcoin's best chain any more: the federation is short of it."""
    PAYOUT_REVERTED = "payout_reverted"
    """A payout was settled, and its block left the best chain."""
    SIGNATURES_SHORT = "signatures_short"
    BROADCAST_REFUSED = "broadcast_refused"
    OVERDUE = "overdue"
    """It was our turn to carry an operation on, and nothing came of it for long."""


ENDS = frozenset(
    {
        PeginState.MINTED.value,
        PeginState.GONE.value,
        PeginState.UNCLAIMABLE.value,
        PegoutState.SETTLED.value,
        PegoutState.REFUNDED.value,
    }
)
"""States in which nothing is left to do."""

OUR_TURN = frozenset(
    {
        PeginState.READY.value,
        PegoutState.BURNT.value,
        PegoutState.PROPOSED.value,
        PegoutState.FINALISED.value,
        PegoutState.SIGNED.value,
        PegoutState.BROADCAST_REFUSED.value,
    }
)
"""States that end by what the node, its federation or its miners do, and not by waiting for Bitcoin's blocks."""


class PeginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One deposit; its id is ``pegin:txid:vout``."""

    deposit: Deposit
    block_hash: str
    height: int
    """Of the Bitcoin block that holds it, or last held it."""
    state: PeginState
    since: float = 0.0
    """Node time at which it came into its state."""
    on_chain: bool = True
    """Whether that block is on the best chain."""
    noticed: bool = False
    """Every governance node has heard of it."""

    @property
    def id(self) -> str:
        """The correlation id of everything that is done about it."""
        return f"pegin:{self.deposit.outpoint}"


class PegoutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One request; its id is ``pegout:tx_hash:log_index``."""

    id: str
    address: bytes
    """What the caller wrote; not necessarily an address."""
    wei: str
    """In decimal; empty while only its fate is known and the burn was not heard of."""
    state: PegoutState
    payout_txid: str = ""
    detail: str = ""
    since: float = 0.0
    """Node time at which it was burnt."""


class PayoutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a payout transaction and the requests that it pays; its operation is that of its first request."""

    proposal: PayoutProposal
    operations: tuple[str, ...]
    state: PegoutState
    attempt: int = 0
    """Times that signatures were asked for, for earlier versions too."""
    signed: bytes = b""
    failures: int = 0
    """In a row, of what is being tried: to get signatures, or to broadcast."""
    asking: bool = False
    """Whether signatures were asked for and nothing came of it yet."""
    sent_height: int = 0
    """Bitcoin's height when it was first broadcast."""
    height: int = 0
    """Of the block on the best chain that holds it; 0 while there is none."""
    block_hash: str = ""

    @property
    def operation(self) -> str:
        """Whose correlation id it bears: that of its first request; a sweep has its own."""
        return self.operations[0] if self.operations else f"sweep:{self.txid}"

    @property
    def txid(self) -> str:
        """Final before it is signed."""
        return self.proposal.txid


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody should look at; it stays on record when it is over."""

    id: str
    kind: IncidentKind
    operation: str
    txid: str
    """The Bitcoin transaction that it is about; empty for none."""
    sats: int
    """What is short, or waits."""
    detail: str
    since: float
    """Node time, Unix seconds."""
    resolved_at: float | None = None


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far the Bitcoin chain was read: the last height, and the hashes of the last blocks by height."""

    height: int
    hashes: dict[int, str]


class OperationView(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as the node's RPC shows it."""

    id: str
    kind: str
    state: str
    detail: str
    txid: str
    confirmations: int = 0
    ended: bool = False
    """Whether nothing is left to do."""
    incidents: tuple[str, ...] = ()
    """Kinds of those that are open."""


class ListOperations(Request[tuple[OperationView, ...]], frozen=True, kw_only=True):
    """All peg operations, in the order in which they were first seen."""


class GetOperation(Request[OperationView | None], frozen=True, kw_only=True):
    """One operation by its id; None when there is none."""

    id: str


class ListIncidents(Request[tuple[Incident, ...]], frozen=True, kw_only=True):
    """All incidents, in the order in which they began."""
