"""BridgeActor: the node's side of the peg on Bitcoin.

In: it follows the Bitcoin chain block by block, remembers deposits, and tells Chain of those that have their confirmations
(``bridge_deposits``). Out: it hears of burns from Engine and of proposals from Chain; once an AuxPoW covers a payout it has Stream
collect signatures, completes the transaction (every signature is checked, exactly the threshold is used), broadcasts it and
watches it confirm (``bridge_payouts``). What Bitcoin did to the peg besides is told to Chain for its blocks to say.

Each operation has a record that is stored before what it announces is done (``bridge_records``), so a restart goes on where it was:
deposits are told again, payouts are signed or broadcast again, and neither does harm twice. When Chain begins again it hears of
all that again too. While Bitcoin does not answer Bridge waits: nothing is known, so nothing is done.
"""

import contextlib

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import federation_update
from alys.chain.federation_update import BadUpdate
from alys.chain.spec import ChainSpec
from alys.node import engine, lookups, messages, orders
from alys.node.bridge_deposits import Deposits
from alys.node.bridge_payouts import Payouts
from alys.node.bridge_policy import BridgePolicy
from alys.node.bridge_records import Records
from alys.node.checked import Checked
from alys.node.errors import PortDown, StoreFailed
from alys.node.names import BridgeNames
from alys.node.operations import (
    ENDS,
    OUR_TURN,
    Cursor,
    GetOperation,
    Incident,
    IncidentKind,
    ListIncidents,
    ListOperations,
    OperationView,
    PeginRecord,
    PegoutRecord,
    PegoutState,
)
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

DEFAULT_POLICY = BridgePolicy()


class Poll(Message, frozen=True, kw_only=True):
    """Time to look at the Bitcoin chain."""


class Bridge(Checked):
    """See the module's docstring."""

    def __init__(
        self, spec: ChainSpec, names: BridgeNames, policy: BridgePolicy = DEFAULT_POLICY
    ) -> None:
        self._names = names
        self._policy = policy
        self._records = Records(names.storage, spec.bitcoin_start_height)
        self._deposits = Deposits(spec, names, self._records, policy)
        self._payouts = Payouts(spec, names, self._records, policy)
        #: What Chain was told last.
        self._told = messages.BitcoinSeen()

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up the stored records and go on with what is unfinished."""
        halt = await orders.load_halt(ctx, self._names.storage)
        self._records.halted = halt.in_force
        await self._records.load(ctx)
        self._payouts.begin()
        self._deposits.tell_all_ready(ctx)
        self._deposits.notify_all(ctx)
        await self._payouts.ask_again(ctx)
        ctx.after(0.0, Poll())

    # Following Bitcoin

    async def on_poll(self, message: Poll, ctx: Context) -> None:
        """Follow Bitcoin; where it does not answer, or refuses, the next poll goes on where this one ended.

        Where the store fails nothing counts that it did not take; the next poll finds it again.
        """
        ctx.after(self._policy.poll_seconds, Poll())
        try:
            await self._payouts.ask_again(ctx)
            with contextlib.suppress(RpcError, PortDown):
                await self._follow(ctx)
            await self._look_for_overdue(ctx)
        except StoreFailed:
            await self._records.load(ctx)
            self._payouts.begin()

    async def _follow(self, ctx: Context) -> None:
        """Read new blocks, count confirmations, send what is signed, tell Chain what its blocks should say."""
        before = self._records.cursor.hashes.get(self._records.cursor.height)
        await self._rewind(ctx)
        tip = int(await lookups.call(ctx, self._names.bitcoin, "getblockcount"))
        heights = range(self._records.cursor.height + 1, tip + 1)
        for height in heights[: self._policy.blocks_per_poll_max]:
            if not await self._read_block(height, ctx):
                break  # Bitcoin has changed its mind since we looked: the next poll steps back
        read = self._records.cursor.height
        await self._deposits.advance(read, ctx)
        await self._payouts.settle(read, ctx)
        after = self._records.cursor.hashes.get(read)
        await self._payouts.send_due(ctx, new_block=before != after)
        self._tell_seen(read, ctx)

    async def _rewind(self, ctx: Context) -> None:
        """Step back to the last block that is still on the best chain."""
        cursor = self._records.cursor
        while cursor.height in cursor.hashes:
            height = cursor.height
            actual = await lookups.find(ctx, self._names.bitcoin, "getblockhash", height)
            if actual == cursor.hashes[height]:
                return
            await self._deposits.rewind(height, ctx)
            await self._payouts.rewind(height, ctx)
            hashes = {h: x for h, x in cursor.hashes.items() if h != height}
            cursor = Cursor(height=height - 1, hashes=hashes)
            await self._records.keep_cursor(ctx, cursor)

    async def _read_block(self, height: int, ctx: Context) -> bool:
        """Read the next block; False for one that does not stand on the last that was read."""
        block_hash = await lookups.call(ctx, self._names.bitcoin, "getblockhash", height)
        raw = await lookups.call(ctx, self._names.bitcoin, "getblock", block_hash, 0)
        block = bitcoin.parse_block(bytes.fromhex(raw))
        hashes = self._records.cursor.hashes
        if block.header.previous != hashes.get(height - 1, block.header.previous):
            return False
        found: list[PeginRecord] = []
        for tx in block.txs:
            record = self._deposits.found_in(tx, block_hash, height, ctx.now())
            if record is not None:
                found.append(record)
            await self._payouts.mined(tx, block_hash, height, ctx)
        await self._records.keep_pegins(ctx, *found)
        kept = {h: x for h, x in hashes.items() if h > height - self._policy.hashes_kept}
        await self._records.keep_cursor(
            ctx, Cursor(height=height, hashes={**kept, height: block_hash})
        )
        return True

    def _tell_seen(self, tip: int, ctx: Context) -> None:
        seen = messages.BitcoinSeen(
            lost=self._deposits.lost,
            settled=self._payouts.settled_by(tip),
            stuck=self._payouts.stuck_at(tip),
        )
        if seen != self._told:
            self._told = seen
            ctx.tell(ctx.whereis(self._names.chain), seen)

    async def _look_for_overdue(self, ctx: Context) -> None:
        """What it was our turn to carry on for too long is an incident, until it goes on."""
        limit = ctx.now() - self._policy.operation_timeout_seconds
        waiting: list[PeginRecord | PegoutRecord] = []
        waiting += (self._records.pegins[name] for name in self._records.unsteady)
        waiting += (self._records.pegouts[name] for name in self._records.unended)
        for record in waiting:
            if record.state.value not in OUR_TURN:
                await self._records.resolve_incident(ctx, IncidentKind.OVERDUE, record.id)
            elif record.since <= limit:
                await self._records.open_incident(
                    ctx,
                    IncidentKind.OVERDUE,
                    record.id,
                    txid=_txid(record),
                    detail=f"{record.state.value} after {self._policy.operation_timeout_seconds:g} s",
                )

    # From Chain

    def on_chain_started(self, message: messages.ChainStarted, ctx: Context) -> None:
        """What Chain was told before; it mints nothing twice. Of payouts it asks itself."""
        self._deposits.tell_all_ready(ctx)
        if self._told != messages.BitcoinSeen():
            ctx.tell(ctx.whereis(self._names.chain), self._told)

    async def on_block_imported(self, message: messages.BlockImported, ctx: Context) -> None:
        """Note what the block minted, proposed and gave back; tell governance of new outputs."""
        for deposit in message.minted:
            await self._deposits.minted(deposit, ctx)
            await self._records.resolve_incident(
                ctx, IncidentKind.OVERDUE, f"pegin:{deposit.outpoint}"
            )
        if message.sweep is not None:
            await self._payouts.proposed(message.sweep, ctx)
        for request in message.refunded:
            await self._payouts.move(f"pegout:{request}", PegoutState.REFUNDED, ctx)
            await self._records.resolve_incident(ctx, IncidentKind.OVERDUE, f"pegout:{request}")
        if message.proposed is not None:
            await self._payouts.proposed(message.proposed, ctx)

    async def on_blocks_reverted(self, message: messages.BlocksReverted, ctx: Context) -> None:
        """What left our branch is to be done again."""
        await self._deposits.reverted(message.minted, ctx)
        await self._payouts.reverted(message.proposed, ctx)
        for request in message.refunded:
            await self._payouts.move(f"pegout:{request}", PegoutState.BURNT, ctx)

    async def on_payouts_finalised(self, message: messages.PayoutsFinalised, ctx: Context) -> None:
        """Ask for signatures, now that the proposals cannot be undone."""
        for proposal in message.proposals:
            await self._payouts.finalised(proposal, ctx)

    # From Engine and Stream

    async def on_burn_detected(self, message: engine.BurnDetected, ctx: Context) -> None:
        """Open the record of a peg-out; what became of it may be known before (two senders, no order between them)."""
        known = self._records.pegouts.get(message.operation)
        if known is not None and known.wei:
            return
        record = known or PegoutRecord(
            id=message.operation, address=b"", wei="", state=PegoutState.BURNT, since=ctx.now()
        )
        await self._records.keep_pegouts(
            ctx, msgspec.structs.replace(record, address=message.address, wei=message.wei)
        )

    async def on_signatures_short(self, message: messages.SignaturesShort, ctx: Context) -> None:
        """Try again later."""
        await self._payouts.short(message, ctx)

    async def on_signatures_collected(
        self, message: messages.SignaturesCollected, ctx: Context
    ) -> None:
        """Complete and broadcast."""
        await self._payouts.collected(message, ctx)

    # What governance says and hears

    async def on_halt_changed(self, message: orders.HaltChanged, ctx: Context) -> None:
        """Pegs stop at once; when the halt is over, all that waited goes on."""
        ended = self._records.halted and not message.halt.in_force
        self._records.halted = message.halt.in_force
        if ended:
            self.on_chain_started(messages.ChainStarted(), ctx)
            self._payouts.hurry()
            await self._payouts.ask_again(ctx)

    def on_federation_announced(self, message: orders.FederationAnnounced, ctx: Context) -> None:
        """Deposits to an address that is still to come are looked for before anybody is told of it."""
        with contextlib.suppress(BadUpdate):  # no block will have it
            update = federation_update.parse(message.evidence)
            self._deposits.know(federation_update.change_of(update).federation)

    def on_federations_known(self, message: orders.FederationsKnown, ctx: Context) -> None:
        """Whose deposits are looked for; one more than is known hurts nothing, as validators judge."""
        known = (*message.federations, *(() if message.pending is None else (message.pending,)))
        self._deposits.know(*known)

    async def on_pegin_noticed(self, message: orders.PeginNoticed, ctx: Context) -> None:
        """Every governance node knows the coin; it need not be said again."""
        await self._deposits.noticed(message.outpoint, ctx)

    async def on_pegin_unclaimable(self, message: orders.PeginUnclaimable, ctx: Context) -> None:
        """It ends here: no block will credit it."""
        await self._deposits.too_late(message.outpoint, ctx)

    def on_repeat_unconfirmed(self, message: orders.RepeatUnconfirmed, ctx: Context) -> None:
        """Governance is told again what it may not have heard, under the same ids."""
        self._deposits.notify_all(ctx)
        self._payouts.repeat(ctx)

    # Questions

    def on_announce_deposit(self, message: messages.AnnounceDeposit, ctx: Context) -> bool:
        """See AnnounceDeposit."""
        return self._deposits.announce(message.txid, ctx)

    def on_list_operations(
        self, message: ListOperations, ctx: Context
    ) -> tuple[OperationView, ...]:
        """See ListOperations."""
        pegins = (self._pegin_view(record) for record in self._records.pegins.values())
        heard = (record for record in self._records.pegouts.values() if record.wei)
        return (*pegins, *(self._pegout_view(record) for record in heard))

    def on_get_operation(self, message: GetOperation, ctx: Context) -> OperationView | None:
        """See GetOperation."""
        pegin = self._records.pegins.get(message.id.removeprefix("pegin:"))
        if pegin is not None and pegin.id == message.id:
            return self._pegin_view(pegin)
        pegout = self._records.pegouts.get(message.id)
        return None if pegout is None or not pegout.wei else self._pegout_view(pegout)

    def on_list_incidents(self, message: ListIncidents, ctx: Context) -> tuple[Incident, ...]:
        """See ListIncidents."""
        return tuple(self._records.incidents.values())

    def _pegin_view(self, record: PeginRecord) -> OperationView:
        return OperationView(
            id=record.id,
            kind="pegin",
            state=record.state.value,
            detail=""
            if record.on_chain
            else f"block {record.block_hash} at {record.height} left the best chain",
            txid=record.deposit.txid,
            confirmations=self._depth(record.height if record.on_chain else 0),
            ended=record.state.value in ENDS,
            incidents=self._records.open_kinds(record.id),
        )

    def _pegout_view(self, record: PegoutRecord) -> OperationView:
        payment = self._records.payouts.get(record.payout_txid)
        owner = record.id if payment is None else payment.operation
        return OperationView(
            id=record.id,
            kind="pegout",
            state=record.state.value,
            detail=record.detail,
            txid=record.payout_txid,
            confirmations=0 if payment is None else self._depth(payment.height),
            ended=record.state.value in ENDS,
            incidents=tuple(
                dict.fromkeys(
                    (*self._records.open_kinds(record.id), *self._records.open_kinds(owner))
                )
            ),
        )

    def _depth(self, height: int) -> int:
        """Confirmations of what is in a block at this height; 0 for none."""
        return max(0, self._records.cursor.height - height + 1) if height else 0


def _txid(record: PeginRecord | PegoutRecord) -> str:
    return record.deposit.txid if isinstance(record, PeginRecord) else record.payout_txid
