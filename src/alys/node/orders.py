"""What governance orders, as messages between the node's actors and as records.

An order is acted upon when as many members of the federation as its threshold asks have signed the same words; that is
Stream's to find out (``announcements``). Stream stores a halt before it tells of it, and Chain and Bridge read the record
when they start, so a halt holds through the death of any of them.
"""

from typing import ClassVar

import msgspec

from alys.actors.context import Context
from alys.actors.message import Message, Priority
from alys.chain.federation import Federation
from alys.node import storage

TABLE = "governance"
HALT = "halt"


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """The last halt or end of one that was acted upon."""

    number: int = 0
    """Governance counts them; one that is not above the last is an old one, said again."""
    in_force: bool = False
    reason: str = ""


NO_HALT = Halt()


class HaltChanged(Message, frozen=True, kw_only=True):
    """Stream to Chain and Bridge: production and pegs stop at once, or go on."""

    priority: ClassVar[Priority] = Priority.EMERGENCY
    halt: Halt


class FederationAnnounced(Message, frozen=True, kw_only=True):
    """Stream to Chain and Bridge: the federation in force wants another one; evidence for a block (``chain.federation_update``)."""

    evidence: bytes


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A vote among the members that governance tells of. Nothing follows from it here: what is decided comes as an order."""

    id: str
    kind: str
    data: bytes
    voting_deadline: int
    required_votes: int
    endpoints: tuple[int, ...] = ()
    """The governance nodes that told of it; a proposal has no signature."""


class ProposalAnnounced(Message, frozen=True, kw_only=True):
    """Stream to Chain: a proposal was told of, or by one more node."""

    proposal: Proposal


class FederationsKnown(Message, frozen=True, kw_only=True):
    """Chain to Bridge and Stream: who is and was in force, oldest first, and who will be; at the start and after every change."""

    federations: tuple[Federation, ...]
    pending: Federation | None = None

    @property
    def scripts(self) -> tuple[bytes, ...]:
        """Output scripts of all of them, each once."""
        known = (*self.federations, *(() if self.pending is None else (self.pending,)))
        return tuple(dict.fromkeys(one.script_pubkey for one in known))


class RepeatUnconfirmed(Message, frozen=True, kw_only=True):
    """Stream to Bridge: it has begun again, or could not keep all; whatever is not known to have been heard shall be said again."""


class PeginNoticed(Message, frozen=True, kw_only=True):
    """Stream to Bridge: every governance node has heard of this deposit (``txid:vout``)."""

    outpoint: str


class PeginUnclaimable(Message, frozen=True, kw_only=True):
    """Chain to Bridge: this deposit (``txid:vout``) came too late to an address that its federation had left."""

    outpoint: str


async def load_halt(ctx: Context, storage_name: str) -> Halt:
    """The record of the last halt, ``NO_HALT`` before the first."""
    records = await ctx.ask(ctx.whereis(storage_name), storage.LoadRecords(table=TABLE))
    found = dict(records).get(HALT)
    return NO_HALT if found is None else msgspec.msgpack.decode(found, type=Halt)


async def save_halt(ctx: Context, storage_name: str, halt: Halt) -> None:
    """Store it; only Stream does."""
    records = ((HALT, msgspec.msgpack.encode(halt)),)
    await ctx.ask(ctx.whereis(storage_name), storage.SaveRecords(table=TABLE, records=records))
