"""BridgeActor: the node's side of the peg on Bitcoin.

In: it follows the Bitcoin chain block by block, remembers deposits, and tells Chain of those that have their confirmations.
Out: it hears of burns from Engine and of proposals from Chain; once an AuxPoW covers a payout it has Stream collect
signatures, completes the transaction (every signature is checked, exactly the threshold is used), broadcasts it and watches
it confirm. Each operation has a record that is stored before what it announces is done, so a restart goes on where
it was: deposits are told again, payouts are signed or broadcast again, and neither does harm twice. When Chain begins again it
hears of them again too. While Bitcoin does not answer Bridge waits: nothing is known, so nothing is done.
"""

import contextlib

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.chain import federation_update, payout, peg
from alys.chain.federation import NotEnoughSignatures
from alys.chain.federation_update import BadUpdate
from alys.chain.spec import ChainSpec
from alys.chain.state import PayoutProposal
from alys.node import engine, lookups, messages, orders, storage
from alys.node.errors import PortDown
from alys.node.operations import (
    PayoutRecord,
    PeginRecord,
    PeginState,
    PegoutRecord,
    PegoutState,
)
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

POLL_SECONDS = 1.0
"""Node seconds between two looks at the Bitcoin chain."""

RETRY_SECONDS = 5.0
"""Node seconds before signatures that fell short are asked for again."""

BLOCKS_PER_POLL_MAX = 200
HASHES_KEPT = 100
"""How deep a reorganisation of Bitcoin is noticed."""

RPC_ALREADY_IN_CHAIN = -27
PEGIN, PEGOUT, PAYOUT, CURSOR = "pegin", "pegout", "payout", "cursor"


class BridgeNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Bridge speaks with."""

    chain: str
    stream: str
    storage: str
    bitcoin: str


class Poll(Message, frozen=True, kw_only=True):
    """Time to look at the Bitcoin chain."""


class RetrySignatures(Message, frozen=True, kw_only=True):
    """Time to ask for the signatures of a payout again."""

    txid: str


class OperationView(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as the node's RPC shows it."""

    id: str
    kind: str
    state: str
    detail: str
    txid: str
    confirmations: int = 0


class ListOperations(Request[tuple[OperationView, ...]], frozen=True, kw_only=True):
    """All peg operations, in the order in which they were first seen."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far the Bitcoin chain was read: the last height, and the hashes of the last blocks by height."""

    height: int
    hashes: dict[int, str]


class Bridge(Actor):
    """See the module's docstring."""

    def __init__(self, spec: ChainSpec, names: BridgeNames) -> None:
        self._spec = spec
        self._names = names
        self._scripts: tuple[bytes, ...] = (spec.federation.script_pubkey,)
        self._pegins: dict[str, PeginRecord] = {}
        self._pegouts: dict[str, PegoutRecord] = {}
        #: What became of requests whose burn Engine has not told us of yet: two senders, no order between them.
        self._early: dict[str, tuple[PegoutState, str, str]] = {}
        #: By txid.
        self._payouts: dict[str, PayoutRecord] = {}
        self._cursor = Cursor(height=spec.bitcoin_start_height, hashes={})
        #: While governance has halted the pegs nothing is signed, broadcast or offered for minting.
        self._halt = orders.NO_HALT

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up the stored records and go on with what is unfinished."""
        self._halt = await orders.load_halt(ctx, self._names.storage)
        for name, data in await self._load(ctx, PEGIN):
            self._pegins[name] = msgspec.msgpack.decode(data, type=PeginRecord)
        for name, data in await self._load(ctx, PEGOUT):
            self._pegouts[name] = msgspec.msgpack.decode(data, type=PegoutRecord)
        for name, data in await self._load(ctx, PAYOUT):
            self._payouts[name] = msgspec.msgpack.decode(data, type=PayoutRecord)
        for _, data in await self._load(ctx, CURSOR):
            self._cursor = msgspec.msgpack.decode(data, type=Cursor)
        for record in self._pegins.values():
            if record.state is PeginState.READY:
                self._tell_ready(record, ctx)
        for payment in list(self._payouts.values()):
            if payment.state is PegoutState.FINALISED:
                await self._ask_signatures(payment, ctx)
        ctx.after(0.0, Poll())

    async def _load(self, ctx: Context, table: str) -> tuple[tuple[str, bytes], ...]:
        return await ctx.ask(ctx.whereis(self._names.storage), storage.LoadRecords(table=table))

    async def _save(self, ctx: Context, table: str, **records: msgspec.Struct) -> None:
        await self._save_all(ctx, table, dict(records))

    async def _save_all(self, ctx: Context, table: str, records: dict[str, msgspec.Struct]) -> None:
        packed = tuple((name, msgspec.msgpack.encode(record)) for name, record in records.items())
        if packed:
            await ctx.ask(
                ctx.whereis(self._names.storage), storage.SaveRecords(table=table, records=packed)
            )

    # In: following Bitcoin

    async def on_poll(self, message: Poll, ctx: Context) -> None:
        """Follow Bitcoin; where it does not answer, or refuses, the next poll goes on where this one ended."""
        ctx.after(POLL_SECONDS, Poll())
        with contextlib.suppress(RpcError, PortDown):
            await self._follow(ctx)

    async def _follow(self, ctx: Context) -> None:
        """Read new blocks, count confirmations, broadcast what is signed."""
        await self._rewind(ctx)
        tip = int(await lookups.call(ctx, self._names.bitcoin, "getblockcount"))
        for height in range(self._cursor.height + 1, tip + 1)[:BLOCKS_PER_POLL_MAX]:
            await self._read_block(height, ctx)
        await self._announce(tip, ctx)
        for payment in list(self._payouts.values()):
            if payment.state in (PegoutState.SIGNED, PegoutState.BROADCAST_REFUSED):
                await self._broadcast(payment, ctx)

    async def _rewind(self, ctx: Context) -> None:
        """Step back to the last block that is still on the best chain; what left it is orphaned."""
        while self._cursor.height in self._cursor.hashes:
            height = self._cursor.height
            actual = await lookups.find(ctx, self._names.bitcoin, "getblockhash", height)
            if actual == self._cursor.hashes[height]:
                return
            orphaned = {
                name: msgspec.structs.replace(record, state=PeginState.ORPHANED)
                for name, record in self._pegins.items()
                if record.height == height and record.state in (PeginState.SEEN, PeginState.READY)
            }
            self._pegins.update(orphaned)
            await self._save_all(ctx, PEGIN, dict(orphaned))
            hashes = {h: x for h, x in self._cursor.hashes.items() if h != height}
            self._cursor = Cursor(height=height - 1, hashes=hashes)

    async def _read_block(self, height: int, ctx: Context) -> None:
        block_hash = await lookups.call(ctx, self._names.bitcoin, "getblockhash", height)
        raw = await lookups.call(ctx, self._names.bitcoin, "getblock", block_hash, 0)
        found: dict[str, msgspec.Struct] = {}
        for tx in bitcoin.parse_block(bytes.fromhex(raw)).txs:
            deposit = peg.find_deposit(tx, self._scripts)
            if deposit is not None:
                found.update(self._note_deposit(deposit, block_hash, height))
            if tx.txid in self._payouts:
                await self._settle(self._payouts[tx.txid], ctx)
        await self._save_all(ctx, PEGIN, found)
        kept = {h: x for h, x in self._cursor.hashes.items() if h > height - HASHES_KEPT}
        self._cursor = Cursor(height=height, hashes={**kept, height: block_hash})
        await self._save(ctx, CURSOR, bitcoin=self._cursor)

    def _note_deposit(
        self, deposit: peg.Deposit, block_hash: str, height: int
    ) -> dict[str, PeginRecord]:
        known = self._pegins.get(deposit.outpoint)
        if known is not None and known.state is not PeginState.ORPHANED:
            return {}
        record = PeginRecord(
            deposit=deposit, block_hash=block_hash, height=height, state=PeginState.SEEN
        )
        self._pegins[deposit.outpoint] = record
        return {deposit.outpoint: record}

    async def _announce(self, tip: int, ctx: Context) -> None:
        """Tell Chain of the deposits that have just got their confirmations."""
        for name, record in list(self._pegins.items()):
            deep = peg.deep_enough(tip - record.height + 1, self._spec.required_confirmations)
            if record.state is PeginState.SEEN and deep:
                ready = msgspec.structs.replace(record, state=PeginState.READY)
                self._pegins[name] = ready
                await self._save_all(ctx, PEGIN, {name: ready})
                self._tell_ready(ready, ctx)

    def _tell_ready(self, record: PeginRecord, ctx: Context) -> None:
        if self._halt.in_force:
            return  # Chain hears of it when the halt is over
        message = messages.PeginReady(deposit=record.deposit, block_hash=record.block_hash)
        ctx.tell(ctx.whereis(self._names.chain), message, about=record.id)

    def on_announce_deposit(self, message: messages.AnnounceDeposit, ctx: Context) -> bool:
        """Somebody insists on a deposit: if it had its confirmations, Chain hears of it again."""
        known = [r for r in self._pegins.values() if r.deposit.txid == message.txid]
        for record in known:
            if record.state in (PeginState.READY, PeginState.MINTED):
                self._tell_ready(record, ctx)
        return bool(known)

    def on_chain_started(self, message: messages.ChainStarted, ctx: Context) -> None:
        """Deposits that Chain was told of before; it mints nothing twice. Of payouts it asks itself."""
        for record in self._pegins.values():
            if record.state is PeginState.READY:
                self._tell_ready(record, ctx)

    # Out

    async def on_burn_detected(self, message: engine.BurnDetected, ctx: Context) -> None:
        """Open the record of a peg-out."""
        if message.operation in self._pegouts:
            return
        to, txid, detail = self._early.pop(message.operation, (PegoutState.BURNT, "", ""))
        record = PegoutRecord(
            id=message.operation,
            address=message.address,
            wei=message.wei,
            state=to,
            payout_txid=txid,
            detail=detail,
        )
        self._pegouts[message.operation] = record
        await self._save_all(ctx, PEGOUT, {message.operation: record})

    async def on_block_imported(self, message: messages.BlockImported, ctx: Context) -> None:
        """Note what the block minted, proposed and gave back; tell governance of new outputs."""
        for deposit in message.minted:
            record = self._pegins.get(deposit.outpoint)
            if record is None or record.state is PeginState.MINTED:
                continue
            minted = msgspec.structs.replace(record, state=PeginState.MINTED)
            self._pegins[deposit.outpoint] = minted
            await self._save_all(ctx, PEGIN, {deposit.outpoint: minted})
            self._notify(minted, ctx)
        if message.sweep is not None:
            await self._propose(message.sweep, PegoutState.PROPOSED, ctx)
        for request in message.refunded:
            await self._move(f"pegout:{request}", PegoutState.REFUNDED, ctx)
        if message.proposed is not None:
            await self._propose(message.proposed, PegoutState.PROPOSED, ctx)

    async def _propose(
        self, proposal: PayoutProposal, to: PegoutState, ctx: Context
    ) -> PayoutRecord:
        operations = tuple(f"pegout:{r.tx_hash}:{r.log_index}" for r in proposal.requests)
        record = PayoutRecord(proposal=proposal, operations=operations, state=to)
        await self._keep(record, ctx)
        return record

    async def on_payouts_finalised(self, message: messages.PayoutsFinalised, ctx: Context) -> None:
        """Ask for signatures, now that the proposals cannot be undone."""
        for proposal in message.proposals:
            known = self._payouts.get(proposal.txid)
            if known is None or known.state is PegoutState.PROPOSED:
                record = await self._propose(proposal, PegoutState.FINALISED, ctx)
                await self._ask_signatures(record, ctx)
            elif known.signed:  # Chain has started again and forgot it
                self._tell_signed(known, ctx)

    async def _ask_signatures(self, record: PayoutRecord, ctx: Context) -> None:
        if self._halt.in_force:
            return  # they are asked for when the halt is over
        record = msgspec.structs.replace(record, attempt=record.attempt + 1)
        await self._keep(record, ctx)
        self._request(record, ctx)

    def _request(self, record: PayoutRecord, ctx: Context) -> None:
        request = messages.RequestSignatures(
            operation=record.operation,
            attempt=record.attempt,
            txid=record.txid,
            tx=record.proposal.tx,
            input_sats=record.proposal.input_sats,
            federation=record.proposal.federation,
            sweep=not record.proposal.requests,
        )
        ctx.tell(ctx.whereis(self._names.stream), request, about=record.operation)

    async def on_signatures_short(self, message: messages.SignaturesShort, ctx: Context) -> None:
        """Say what is missing and try again later."""
        record = self._payouts.get(message.txid)
        if record is None or record.state is not PegoutState.FINALISED:
            return
        said = "; ".join(message.reasons)
        detail = f"{message.collected} of {message.needed} signatures: {said}"
        await self._keep(record, ctx, detail)
        ctx.after(RETRY_SECONDS, RetrySignatures(txid=message.txid))

    async def on_retry_signatures(self, message: RetrySignatures, ctx: Context) -> None:
        """The next attempt."""
        record = self._payouts.get(message.txid)
        if record is not None and record.state is PegoutState.FINALISED:
            await self._ask_signatures(record, ctx)

    async def on_signatures_collected(
        self, message: messages.SignaturesCollected, ctx: Context
    ) -> None:
        """Complete the transaction, keep it, tell Chain, broadcast."""
        record = self._payouts.get(message.txid)
        if record is None or record.state is not PegoutState.FINALISED:
            return
        tx = bitcoin.parse_tx(record.proposal.tx)
        by_input = [
            {key: given[index] for key, given in message.signatures}
            for index in range(len(tx.inputs))
        ]
        federation = record.proposal.federation or self._spec.federation
        prevouts = payout.prevouts_of(record.proposal.input_sats, federation)
        try:
            signed = payout.complete(tx, prevouts, federation, by_input)
        except (payout.SignatureRejected, NotEnoughSignatures) as error:
            await self._keep(record, ctx, str(error))
            ctx.after(RETRY_SECONDS, RetrySignatures(txid=message.txid))
            return
        record = msgspec.structs.replace(
            record, state=PegoutState.SIGNED, signed=signed.serialize()
        )
        await self._keep(record, ctx)
        self._tell_signed(record, ctx)
        await self._broadcast(record, ctx)

    def _tell_signed(self, record: PayoutRecord, ctx: Context) -> None:
        message = messages.PayoutSigned(txid=record.txid, tx=record.signed)
        ctx.tell(ctx.whereis(self._names.chain), message, about=record.operation)

    async def _broadcast(self, record: PayoutRecord, ctx: Context) -> None:
        """Send it; Bitcoin refuses a second spend of the same outputs, so sending again is harmless."""
        if self._halt.in_force:
            return  # the next look at Bitcoin after the halt does it
        detail = ""
        state = PegoutState.BROADCAST
        try:
            await lookups.call(ctx, self._names.bitcoin, "sendrawtransaction", record.signed.hex())
        except RpcError as error:
            if error.code != RPC_ALREADY_IN_CHAIN:
                state, detail = PegoutState.BROADCAST_REFUSED, f"{error.code}: {error.message}"
        except PortDown as error:
            state, detail = PegoutState.BROADCAST_REFUSED, str(error)
        await self._keep(msgspec.structs.replace(record, state=state), ctx, detail)

    async def _settle(self, record: PayoutRecord, ctx: Context) -> None:
        if record.state is not PegoutState.SETTLED:
            await self._keep(msgspec.structs.replace(record, state=PegoutState.SETTLED), ctx)

    async def _keep(self, record: PayoutRecord, ctx: Context, detail: str = "") -> None:
        """Store a payout and move its requests along with it."""
        self._payouts[record.txid] = record
        await self._save_all(ctx, PAYOUT, {record.txid: record})
        for operation in record.operations:
            await self._move(operation, record.state, ctx, record.txid, detail)

    async def _move(
        self, operation: str, to: PegoutState, ctx: Context, txid: str = "", detail: str = ""
    ) -> None:
        record = self._pegouts.get(operation)
        if record is None:
            self._early[operation] = (to, txid, detail)
            return
        moved = msgspec.structs.replace(record, state=to, payout_txid=txid, detail=detail)
        if moved != record:
            self._pegouts[operation] = moved
            await self._save_all(ctx, PEGOUT, {operation: moved})

    # What governance says and hears

    async def on_halt_changed(self, message: orders.HaltChanged, ctx: Context) -> None:
        """Pegs stop at once; when the halt is over, all that waited goes on."""
        ended = self._halt.in_force and not message.halt.in_force
        self._halt = message.halt
        if not ended:
            return
        self.on_chain_started(messages.ChainStarted(), ctx)
        for payment in list(self._payouts.values()):
            if payment.state is PegoutState.FINALISED:
                await self._ask_signatures(payment, ctx)

    def on_federation_announced(self, message: orders.FederationAnnounced, ctx: Context) -> None:
        """Deposits to an address that is still to come are looked for before anybody is told of it."""
        try:
            update = federation_update.parse(message.evidence)
            script = federation_update.change_of(update).federation.script_pubkey
        except BadUpdate:
            return  # no block will have it
        self._scripts = tuple(dict.fromkeys((*self._scripts, script)))

    def on_federations_known(self, message: orders.FederationsKnown, ctx: Context) -> None:
        """Whose deposits are looked for; one more than is known hurts nothing, as validators judge."""
        self._scripts = tuple(dict.fromkeys((*message.scripts, *self._scripts)))

    def _notify(self, record: PeginRecord, ctx: Context) -> None:
        notice = messages.NotifyPegin(
            deposit=record.deposit, confirmations=self._spec.required_confirmations
        )
        ctx.tell(ctx.whereis(self._names.stream), notice, about=record.id)

    async def on_pegin_noticed(self, message: orders.PeginNoticed, ctx: Context) -> None:
        """Every governance node knows the coin; it need not be said again."""
        record = self._pegins.get(message.outpoint)
        if record is not None and not record.noticed:
            noticed = msgspec.structs.replace(record, noticed=True)
            self._pegins[message.outpoint] = noticed
            await self._save_all(ctx, PEGIN, {message.outpoint: noticed})

    def on_repeat_unconfirmed(self, message: orders.RepeatUnconfirmed, ctx: Context) -> None:
        """Governance is told again what it may not have heard, under the same ids."""
        for record in self._pegins.values():
            if record.state is PeginState.MINTED and not record.noticed:
                self._notify(record, ctx)
        for payment in self._payouts.values():
            waits = payment.state is PegoutState.FINALISED and payment.attempt > 0
            if waits and not self._halt.in_force:
                self._request(payment, ctx)

    # Questions

    def on_list_operations(
        self, message: ListOperations, ctx: Context
    ) -> tuple[OperationView, ...]:
        """See ListOperations."""
        tip = self._cursor.height
        pegins = (
            OperationView(
                id=record.id,
                kind="pegin",
                state=record.state.value,
                detail="",
                txid=record.deposit.txid,
                confirmations=max(0, tip - record.height + 1),
            )
            for record in self._pegins.values()
        )
        pegouts = (
            OperationView(
                id=record.id,
                kind="pegout",
                state=record.state.value,
                detail=record.detail,
                txid=record.payout_txid,
            )
            for record in self._pegouts.values()
        )
        return (*pegins, *pegouts)
