"""What Bridge remembers: its records by id, stored before what they announce is done, and the incidents.

The maps are caches of what Storage has. Whoever changes a record keeps it here, and goes on when that is stored.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from alys.actors.context import Context
from alys.node import storage
from alys.node.operations import (
    ENDS,
    Cursor,
    Incident,
    IncidentKind,
    PayoutRecord,
    PeginRecord,
    PeginState,
    PegoutRecord,
    PegoutState,
)

PEGIN, PEGOUT, PAYOUT, CURSOR, INCIDENT = "pegin", "pegout", "payout", "cursor", "incident"

PAYOUT_ENDS = (PegoutState.SETTLED, PegoutState.REPLACED, PegoutState.BURNT)

R = TypeVar("R", PeginRecord, PegoutRecord, PayoutRecord, Incident, Cursor)


class Records:
    """Belongs to one Bridge actor. ``storage`` is the registered name of its Storage."""

    def __init__(self, storage: str, start_height: int) -> None:
        self._storage = storage
        self.pegins: dict[str, PeginRecord] = {}
        """By ``txid:vout``."""
        self.pegouts: dict[str, PegoutRecord] = {}
        """By operation."""
        self.payouts: dict[str, PayoutRecord] = {}
        """By txid."""
        self.incidents: dict[str, Incident] = {}
        self._start_height = start_height
        self.cursor = Cursor(height=start_height, hashes={})
        #: While governance has halted the pegs nothing is signed, broadcast or offered for minting.
        self.halted = False
        #: Deposits that have not come to an end.
        self.unsteady: dict[str, None] = {}
        #: Requests that have not come to an end.
        self.unended: dict[str, None] = {}
        #: Payouts that Bitcoin has not confirmed for good.
        self.unpaid: dict[str, None] = {}

    async def load(self, ctx: Context) -> None:
        """Know what is stored, and nothing else."""
        maps = (self.pegins, self.pegouts, self.payouts, self.incidents)
        for known in (*maps, self.unsteady, self.unended, self.unpaid):
            known.clear()
        self.cursor = Cursor(height=self._start_height, hashes={})
        for pegin in await self.load_table(ctx, PEGIN, PeginRecord):
            self._note_pegin(pegin)
        for pegout in await self.load_table(ctx, PEGOUT, PegoutRecord):
            self._note_pegout(pegout)
        for payout in await self.load_table(ctx, PAYOUT, PayoutRecord):
            self._note_payout(payout)
        for incident in await self.load_table(ctx, INCIDENT, Incident):
            self.incidents[incident.id] = incident
        for cursor in await self.load_table(ctx, CURSOR, Cursor):
            self.cursor = cursor

    async def load_table(self, ctx: Context, table: str, kind: type[R]) -> list[R]:
        """The stored records of one table."""
        found = await ctx.ask(ctx.whereis(self._storage), storage.LoadRecords(table=table))
        return [msgspec.msgpack.decode(data, type=kind) for _, data in found]

    async def keep(
        self, ctx: Context, payouts: Iterable[PayoutRecord], pegouts: Iterable[PegoutRecord]
    ) -> None:
        """Store payouts and the requests that move with them, in one batch: neither is ever without the other."""
        paid, asked = tuple(payouts), tuple(pegouts)
        for payout in paid:
            self._note_payout(payout)
        for pegout in asked:
            self._note_pegout(pegout)
        changes = (
            *(_change(PAYOUT, one.txid, one) for one in paid),
            *(_change(PEGOUT, one.id, one) for one in asked),
        )
        await ctx.ask(ctx.whereis(self._storage), storage.ChangeRecords(changes=changes))

    async def keep_pegins(self, ctx: Context, *records: PeginRecord) -> None:
        """Store deposits."""
        for record in records:
            self._note_pegin(record)
        await self._save(ctx, PEGIN, ((one.deposit.outpoint, one) for one in records))

    async def keep_pegouts(self, ctx: Context, *records: PegoutRecord) -> None:
        """Store requests."""
        for record in records:
            self._note_pegout(record)
        await self._save(ctx, PEGOUT, ((one.id, one) for one in records))

    async def keep_payout(self, ctx: Context, record: PayoutRecord) -> None:
        """Store a payout."""
        self._note_payout(record)
        await self._save(ctx, PAYOUT, ((record.txid, record),))

    async def keep_cursor(self, ctx: Context, cursor: Cursor) -> None:
        """Store how far Bitcoin was read; last of all that was read."""
        self.cursor = cursor
        await self._save(ctx, CURSOR, (("bitcoin", cursor),))

    async def open_incident(
        self,
        ctx: Context,
        kind: IncidentKind,
        operation: str,
        *,
        txid: str = "",
        sats: int = 0,
        detail: str,
    ) -> None:
        """Put it on record, unless it is open already; one that comes back is the same incident again."""
        name = f"{kind.value}:{operation}"
        known = self.incidents.get(name)
        if known is not None and known.resolved_at is None:
            return
        incident = Incident(
            id=name,
            kind=kind,
            operation=operation,
            txid=txid,
            sats=sats,
            detail=detail,
            since=ctx.now(),
        )
        await self._keep_incident(ctx, incident)

    async def resolve_incident(self, ctx: Context, kind: IncidentKind, operation: str) -> None:
        """It is over; nothing happens when it never was, or was over already."""
        known = self.incidents.get(f"{kind.value}:{operation}")
        if known is not None and known.resolved_at is None:
            await self._keep_incident(ctx, msgspec.structs.replace(known, resolved_at=ctx.now()))

    def open_kinds(self, operation: str) -> tuple[str, ...]:
        """The kinds of incidents that an operation has open."""
        return tuple(
            one.kind.value
            for one in self.incidents.values()
            if one.operation == operation and one.resolved_at is None
        )

    async def _keep_incident(self, ctx: Context, incident: Incident) -> None:
        self.incidents[incident.id] = incident
        await self._save(ctx, INCIDENT, ((incident.id, incident),))

    def _note_pegin(self, record: PeginRecord) -> None:
        outpoint = record.deposit.outpoint
        self.pegins[outpoint] = record
        moving = record.state not in (PeginState.MINTED, PeginState.GONE, PeginState.UNCLAIMABLE)
        _mark(self.unsteady, outpoint, moving)

    def _note_pegout(self, record: PegoutRecord) -> None:
        self.pegouts[record.id] = record
        _mark(self.unended, record.id, record.state.value not in ENDS)

    def _note_payout(self, record: PayoutRecord) -> None:
        txid = record.txid
        self.payouts[txid] = record
        ended = record.state in PAYOUT_ENDS
        _mark(self.unpaid, txid, not ended)

    async def _save(
        self, ctx: Context, table: str, records: Iterable[tuple[str, msgspec.Struct]]
    ) -> None:
        packed = tuple((name, msgspec.msgpack.encode(record)) for name, record in records)
        if packed:
            await ctx.ask(
                ctx.whereis(self._storage), storage.SaveRecords(table=table, records=packed)
            )


def _change(table: str, name: str, record: msgspec.Struct) -> storage.Change:
    return storage.Change(table=table, name=name, value=msgspec.msgpack.encode(record))


def _mark(names: dict[str, None], name: str, there: bool) -> None:
    """An ordered set: the order of a plain one would differ from run to run."""
    if there:
        names.setdefault(name)
    else:
        names.pop(name, None)
