"""Peg operations as the bridge keeps them: one record each, a state that can be asked for, and how it ends.

peg-in    seen -> ready -> minted
             \\-> orphaned (its block left the best chain before the mint; seen again if it is mined again)
peg-out   burnt -> proposed -> finalised -> signed -> broadcast -> settled
             \\-> refunded
``finalised`` waits for signatures; what is missing is in ``detail``. ``broadcast_refused`` is tried again.
"""

import enum

import msgspec

from alys.chain.peg import Deposit
from alys.chain.state import PayoutProposal


class PeginState(enum.StrEnum):
    """Where a deposit is."""

    SEEN = "seen"
    READY = "ready"
    MINTED = "minted"
    ORPHANED = "orphaned"


class PegoutState(enum.StrEnum):
    """Where a peg-out request is; settled and refunded are ends."""

    BURNT = "burnt"
    PROPOSED = "proposed"
    FINALISED = "finalised"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    BROADCAST_REFUSED = "broadcast_refused"
    SETTLED = "settled"
    REFUNDED = "refunded"


class PeginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One deposit; its id is ``pegin:txid:vout``."""

    deposit: Deposit
    block_hash: str
    height: int
    state: PeginState
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
    """In decimal."""
    state: PegoutState
    payout_txid: str = ""
    detail: str = ""


class PayoutRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One payout transaction and the requests that it pays; its operation is that of its first request."""

    proposal: PayoutProposal
    operations: tuple[str, ...]
    state: PegoutState
    attempt: int = 0
    """Times that signatures were asked for."""
    signed: bytes = b""

    @property
    def operation(self) -> str:
        """Whose correlation id it bears: that of its first request; a sweep has its own."""
        return self.operations[0] if self.operations else f"sweep:{self.txid}"

    @property
    def txid(self) -> str:
        """Final before it is signed."""
        return self.proposal.txid
