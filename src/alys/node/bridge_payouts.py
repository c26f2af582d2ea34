"""The way out, as Bridge carries it: payouts from the proposal to the confirmations that settle them.

Once an AuxPoW covers a payout its signatures are asked for, until there are enough; then it is sent to Bitcoin, and sent again
as long as no block has it, which does no harm: Bitcoin takes a transaction once, and other nodes of the federation send the
same one. What a reorganisation takes out of the chain is sent again too.

A payout may have several versions, each at a higher fee rate than the one before. They spend the same outputs, so one of them is
mined; the newest with signatures is the one that is sent.
"""

import msgspec

from alys.actors.context import Context
from alys.chain import payout, peg
from alys.chain.claims import SettledRef
from alys.chain.federation import NotEnoughSignatures
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import ChainSpec
from alys.node import lookups, messages
from alys.node.bridge_policy import BridgePolicy
from alys.node.bridge_records import Records
from alys.node.errors import PortDown
from alys.node.names import BridgeNames
from alys.node.operations import IncidentKind, PayoutRecord, PegoutRecord, PegoutState
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

ALREADY_IN_CHAIN = -27
INPUTS_SPENT = "bad-txns-inputs-missingorspent"
ALREADY_KNOWN = (
    "txn-already-in-mempool",
    "txn-same-nonwitness-data-in-mempool",
    "txn-already-known",
)
"""Bitcoin Core's words for a transaction that it has: with these witnesses, with others, or mined."""


class Payouts:
    """Belongs to one Bridge actor."""

    def __init__(
        self, spec: ChainSpec, names: BridgeNames, records: Records, policy: BridgePolicy
    ) -> None:
        self._spec = spec
        self._names = names
        self._records = records
        self._policy = policy
        #: Node time of the next attempt by txid; what is missing is due.
        self._next_at: dict[str, float] = {}
        #: The version that replaces one, by txid of the one replaced.
        self._replaced_by: dict[str, str] = {}
        #: Txids that were looked for in blocks that had been read already.
        self._searched: set[str] = set()
        #: Payouts that Chain is told of as settled, oldest first.
        self._settled: dict[str, None] = {}

    def begin(self) -> None:
        """Take up the records; what waited for signatures is due at once, as nobody asks for them any more."""
        for record in self._records.payouts.values():
            self._note(record)

    # From Chain

    async def proposed(self, proposal: PayoutProposal, ctx: Context) -> None:
        """A block of ours proposes it."""
        known = self._records.payouts.get(proposal.txid)
        if known is None or known.state is PegoutState.BURNT:
            await self._keep(self._record(proposal, PegoutState.PROPOSED), ctx)

    async def finalised(self, proposal: PayoutProposal, ctx: Context) -> None:
        """It cannot be undone any more: ask for signatures."""
        known = self._records.payouts.get(proposal.txid)
        if known is None or known.state in (PegoutState.PROPOSED, PegoutState.BURNT):
            record = self._record(proposal, PegoutState.FINALISED)
            await self._keep(record, ctx)
            await self.ask_again(ctx)
        elif known.signed:  # Chain has started again and forgot it
            self.tell_signed(known, ctx)

    async def reverted(self, txids: tuple[str, ...], ctx: Context) -> None:
        """The blocks that proposed these have left our branch, before any AuxPoW covered them."""
        for txid in txids:
            record = self._records.payouts.get(txid)
            if record is not None and record.state is PegoutState.PROPOSED:
                await self._keep(msgspec.structs.replace(record, state=PegoutState.BURNT), ctx)

    def _record(self, proposal: PayoutProposal, state: PegoutState) -> PayoutRecord:
        earlier = self._records.payouts.get(proposal.replaces)
        return PayoutRecord(
            proposal=proposal,
            operations=tuple(f"pegout:{r.tx_hash}:{r.log_index}" for r in proposal.requests),
            state=state,
            attempt=0 if earlier is None else earlier.attempt,
        )

    # Signatures

    async def ask_again(self, ctx: Context) -> None:
        """For signatures that fell short some time ago, or that nobody answered for."""
        if self._records.halted:
            return  # they are asked for when the halt is over
        for txid in list(self._records.unpaid):
            record = self._records.payouts[txid]
            waits = record.state is PegoutState.FINALISED and txid not in self._replaced_by
            if not waits or self._next_at.get(txid, 0.0) > ctx.now():
                continue
            if record.asking and txid in self._next_at:
                seconds = self._policy.signature_timeout_seconds
                record = await self._failed(record, f"no answer within {seconds:g} s", ctx)
            await self._ask(record, ctx)

    async def _ask(self, record: PayoutRecord, ctx: Context) -> None:
        record = msgspec.structs.replace(record, attempt=record.attempt + 1, asking=True)
        self._next_at[record.txid] = ctx.now() + self._policy.signature_timeout_seconds
        await self._records.keep_payout(ctx, record)
        self._request(record, ctx)

    def hurry(self) -> None:
        """What waits for another attempt is due at once."""
        self._next_at.clear()

    def repeat(self, ctx: Context) -> None:
        """Ask again, under the same ids, for what was asked and may not have been heard."""
        for txid in self._records.unpaid:
            record = self._records.payouts[txid]
            if record.state is PegoutState.FINALISED and record.asking and not self._records.halted:
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

    async def short(self, message: messages.SignaturesShort, ctx: Context) -> None:
        """Say what is missing and try again later."""
        record = self._records.payouts.get(message.txid)
        if record is None or record.state is not PegoutState.FINALISED:
            return
        said = "; ".join(message.reasons)
        await self._failed(
            record, f"{message.collected} of {message.needed} signatures: {said}", ctx
        )

    async def _failed(self, record: PayoutRecord, detail: str, ctx: Context) -> PayoutRecord:
        """Another attempt came to nothing: wait longer, and make it an incident when it was the last quick one."""
        record = msgspec.structs.replace(record, failures=record.failures + 1, asking=False)
        self._next_at[record.txid] = ctx.now() + self._policy.wait(record.failures)
        await self._keep(record, ctx, detail)
        if self._policy.exhausted(record.failures):
            unsigned = record.state is PegoutState.FINALISED
            kind = IncidentKind.SIGNATURES_SHORT if unsigned else IncidentKind.BROADCAST_REFUSED
            await self._incident(kind, record, detail, ctx)
        return record

    async def collected(self, message: messages.SignaturesCollected, ctx: Context) -> None:
        """Complete the transaction, keep it, tell Chain, broadcast."""
        record = self._records.payouts.get(message.txid)
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
            await self._failed(record, str(error), ctx)
            return
        record = await self._have_signed(record, signed, ctx)
        await self.broadcast(record, ctx)

    async def _have_signed(
        self, record: PayoutRecord, signed: bitcoin.Tx, ctx: Context
    ) -> PayoutRecord:
        record = msgspec.structs.replace(
            record,
            state=PegoutState.SIGNED,
            signed=signed.serialize(),
            failures=0,
            asking=False,
        )
        self._next_at.pop(record.txid, None)
        await self._keep(record, ctx)
        await self._records.resolve_incident(ctx, IncidentKind.SIGNATURES_SHORT, record.operation)
        self.tell_signed(record, ctx)
        return record

    def tell_signed(self, record: PayoutRecord, ctx: Context) -> None:
        """For the next AuxPoW block to list."""
        message = messages.PayoutSigned(txid=record.txid, tx=record.signed)
        ctx.tell(ctx.whereis(self._names.chain), message, about=record.operation)

    # Bitcoin

    async def send_due(self, ctx: Context, *, new_block: bool) -> None:
        """Send what no block has, the newest signed version of each; a new block is a reason to try at once what was refused."""
        for txid in list(self._records.unpaid):
            record = self._records.payouts[txid]
            if not record.signed or record.height or self._superseded(record):
                continue
            refused = record.state is PegoutState.BROADCAST_REFUSED
            if self._next_at.get(txid, 0.0) <= ctx.now() or (refused and new_block):
                await self.broadcast(record, ctx)

    def _superseded(self, record: PayoutRecord) -> bool:
        """Whether a newer version has its signatures, or another one is in a block."""
        group = self.versions(record)
        newer = group[group.index(record) + 1 :]
        return any(one.signed for one in newer) or any(one.height for one in group)

    async def broadcast(self, record: PayoutRecord, ctx: Context) -> None:
        """Send it; that Bitcoin has it already is what was wanted."""
        if self._records.halted:
            return  # the next look at Bitcoin after the halt does it
        try:
            refusal = await self._refusal(record, ctx)
            if refusal is not None and await self._mined_before(record, refusal, ctx):
                return
        except (PortDown, RpcError) as error:
            self._next_at.pop(record.txid, None)  # due when Bitcoin is back
            if record.state is not PegoutState.BROADCAST:
                waits = msgspec.structs.replace(record, state=PegoutState.BROADCAST_REFUSED)
                await self._keep(waits, ctx, str(error))
            return
        if refusal is not None and not _already_there(refusal):
            refused = msgspec.structs.replace(record, state=PegoutState.BROADCAST_REFUSED)
            await self._failed(refused, f"{refusal.code}: {refusal.message}", ctx)
            return
        self._next_at[record.txid] = ctx.now() + self._policy.resend_seconds
        sent = msgspec.structs.replace(
            record,
            state=PegoutState.BROADCAST,
            failures=0,
            sent_height=record.sent_height or self._records.cursor.height,
        )
        if sent != record:
            await self._keep(sent, ctx)
        await self._records.resolve_incident(ctx, IncidentKind.BROADCAST_REFUSED, record.operation)

    async def _refusal(self, record: PayoutRecord, ctx: Context) -> RpcError | None:
        """Send it; why Bitcoin does not take it, None where it does. Raises PortDown."""
        try:
            await lookups.call(ctx, self._names.bitcoin, "sendrawtransaction", record.signed.hex())
        except RpcError as error:
            return error
        return None

    async def _mined_before(self, record: PayoutRecord, error: RpcError, ctx: Context) -> bool:
        """Whether one of its versions is in a block that was read before this node knew of the payout: it was away, or its store is
        older than that. Looked for once, where Bitcoin's refusal sounds like it. Raises RpcError and PortDown.
        """
        if record.txid in self._searched or not _sounds_mined(error):
            return False
        txids = {one.txid for one in self.versions(record)}
        last = self._records.cursor.height
        first = max(self._spec.bitcoin_start_height, last - self._policy.search_blocks_max)
        heights = range(last, first, -1)
        found = await lookups.mined_in(ctx, self._names.bitcoin, txids, heights)
        self._searched.add(record.txid)
        if found is not None:
            await self.mined(*found, ctx)
        return found is not None

    async def mined(self, tx: bitcoin.Tx, block_hash: str, height: int, ctx: Context) -> None:
        """A block of the best chain has it, whoever sent it."""
        record = self._records.payouts.get(tx.txid)
        if record is None or record.height == height:
            return
        if not record.signed:
            record = await self._have_signed(record, tx, ctx)
        state = record.state if record.state is PegoutState.SETTLED else PegoutState.BROADCAST
        record = msgspec.structs.replace(
            record, state=state, height=height, block_hash=block_hash, failures=0
        )
        await self._keep(record, ctx)
        await self._records.resolve_incident(ctx, IncidentKind.BROADCAST_REFUSED, record.operation)

    async def rewind(self, height: int, ctx: Context) -> None:
        """The block at this height has left the best chain: what was in it is sent again."""
        for record in list(self._records.payouts.values()):
            if record.height != height:
                continue
            detail = f"Bitcoin block {record.block_hash} at {height} left the best chain"
            was_settled = record.state is PegoutState.SETTLED
            back = msgspec.structs.replace(
                record, state=PegoutState.BROADCAST, height=0, block_hash=""
            )
            self._next_at.pop(record.txid, None)
            await self._keep(back, ctx, detail)
            if was_settled:
                await self._incident(IncidentKind.PAYOUT_REVERTED, back, detail, ctx)

    async def settle(self, tip: int, ctx: Context) -> None:
        """What has its confirmations is done with, and so are its other versions."""
        for txid in list(self._records.unpaid):
            record = self._records.payouts[txid]
            depth = tip - record.height + 1 if record.height else 0
            if not peg.deep_enough(depth, self._spec.payout_confirmations):
                continue
            void = (
                msgspec.structs.replace(other, state=PegoutState.REPLACED)
                for other in self.versions(record)
                if other.txid != txid
            )
            settled = msgspec.structs.replace(record, state=PegoutState.SETTLED)
            await self._keep(settled, ctx, void=tuple(void))
            for kind in (IncidentKind.PAYOUT_REVERTED, IncidentKind.SIGNATURES_SHORT):
                await self._records.resolve_incident(ctx, kind, record.operation)

    def settled_by(self, tip: int) -> tuple[SettledRef, ...]:
        """What Chain is to be told of as settled; after some weeks no more."""
        for txid in list(self._settled):
            record = self._records.payouts[txid]
            if not record.height or tip - record.height > self._policy.settled_told_blocks:
                del self._settled[txid]
        records = (self._records.payouts[txid] for txid in self._settled)
        return tuple(SettledRef(txid=one.txid, block_hash=one.block_hash) for one in records)

    def stuck_at(self, tip: int) -> tuple[str, ...]:
        """Payouts that Bitcoin has had for some blocks and put into none, the newest version of each."""
        records = (self._records.payouts[txid] for txid in self._records.unpaid)
        return tuple(
            one.txid
            for one in records
            if one.state is PegoutState.BROADCAST
            and one.sent_height
            and tip - one.sent_height >= self._policy.bump_after_blocks
            and one.txid not in self._replaced_by
            and not any(version.height for version in self.versions(one))
        )

    # Records

    def versions(self, record: PayoutRecord) -> list[PayoutRecord]:
        """All versions of a payout, oldest first."""
        found = [record]
        while (earlier := self._records.payouts.get(found[0].proposal.replaces)) is not None:
            found.insert(0, earlier)
        while (later := self._replaced_by.get(found[-1].txid)) is not None:
            found.append(self._records.payouts[later])
        return found

    async def _keep(
        self,
        record: PayoutRecord,
        ctx: Context,
        detail: str = "",
        void: tuple[PayoutRecord, ...] = (),
    ) -> None:
        """Store a version, with versions that it makes void, and move the requests along if it is the one that tells how they stand."""
        self._note(record)
        moved: list[PegoutRecord] = []
        if self._leading(record).txid == record.txid:
            txid = "" if record.state is PegoutState.BURNT else record.txid
            for operation in record.operations:
                moved += self._moved(operation, record.state, txid, detail, ctx)
        await self._records.keep(ctx, (record, *void), moved)

    def _note(self, record: PayoutRecord) -> None:
        if record.proposal.replaces:
            self._replaced_by[record.proposal.replaces] = record.txid
        if record.state is PegoutState.SETTLED:
            self._settled.setdefault(record.txid)
        else:
            self._settled.pop(record.txid, None)

    def _leading(self, record: PayoutRecord) -> PayoutRecord:
        """The version in a block, else the newest that was sent, else the newest that is signed, else the newest."""
        group = [record if one.txid == record.txid else one for one in self.versions(record)[::-1]]
        in_a_block = [one for one in group if one.height]
        sent = [one for one in group if one.state is PegoutState.BROADCAST]
        signed = [one for one in group if one.signed]
        return (*in_a_block, *sent, *signed, *group)[0]

    async def move(self, operation: str, to: PegoutState, ctx: Context) -> None:
        """A request has come to a state without a payout."""
        if moved := self._moved(operation, to, "", "", ctx):
            await self._records.keep_pegouts(ctx, *moved)

    def _moved(
        self, operation: str, to: PegoutState, txid: str, detail: str, ctx: Context
    ) -> list[PegoutRecord]:
        """The request's record if it changes; that of one whose burn was not heard of yet is kept for then."""
        known = self._records.pegouts.get(operation)
        new = PegoutRecord(id=operation, address=b"", wei="", state=to, since=ctx.now())
        moved = msgspec.structs.replace(known or new, state=to, payout_txid=txid, detail=detail)
        return [] if moved == known else [moved]

    async def _incident(
        self, kind: IncidentKind, record: PayoutRecord, detail: str, ctx: Context
    ) -> None:
        sats = sum(request.sats for request in record.proposal.requests)
        await self._records.open_incident(
            ctx, kind, record.operation, txid=record.txid, sats=sats, detail=detail
        )


def _already_there(error: RpcError) -> bool:
    return error.code == ALREADY_IN_CHAIN or any(word in error.message for word in ALREADY_KNOWN)


def _sounds_mined(error: RpcError) -> bool:
    return error.code == ALREADY_IN_CHAIN or INPUTS_SPENT in error.message
