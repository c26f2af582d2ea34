"""The way in, as Bridge follows it: deposits in Bitcoin's blocks, their confirmations, and what a reorganisation does to them.

Before the mint a deposit whose block leaves the best chain is orphaned and begins again where it is mined again. After the mint
it is lost: Chain is told, so that blocks say so and nobody spends it, and the shortfall is an incident until it is back.
"""

import msgspec

from alys.actors.context import Context
from alys.chain import peg
from alys.chain.federation import Federation
from alys.chain.spec import ChainSpec
from alys.node import messages
from alys.node.bridge_policy import BridgePolicy
from alys.node.bridge_records import Records
from alys.node.names import BridgeNames
from alys.node.operations import IncidentKind, PeginRecord, PeginState
from alys.wire import bitcoin

NOT_MINTED = (PeginState.SEEN, PeginState.READY)
OFF_CHAIN = (PeginState.ORPHANED, PeginState.GONE)


class Deposits:
    """Belongs to one Bridge actor."""

    def __init__(
        self, spec: ChainSpec, names: BridgeNames, records: Records, policy: BridgePolicy
    ) -> None:
        self._spec = spec
        self._names = names
        self._records = records
        self._policy = policy
        #: Output scripts whose deposits are looked for, and what spends of them show in their witnesses.
        self._leaves: dict[bytes, bytes] = {}
        self.know(spec.federation)

    def know(self, *federations: Federation) -> None:
        """Deposits to these are looked for, too."""
        for one in federations:
            self._leaves.setdefault(one.script_pubkey, one.leaf_script)

    # Bitcoin's blocks

    def found_in(
        self, tx: bitcoin.Tx, block_hash: str, height: int, now: float
    ) -> PeginRecord | None:
        """What a transaction of a new block changes: the record to be kept, None for no change."""
        scripts = self._leaves.keys()
        paid = peg.find_payment(tx, scripts)
        if paid is None or self._is_payout(tx):
            return None
        deposit = peg.find_deposit(tx, scripts) or paid
        state = PeginState.SEEN if deposit.evm_address else PeginState.UNCLAIMABLE
        known = self._records.pegins.get(deposit.outpoint)
        if known is not None and known.on_chain:
            return None
        if known is not None and known.state not in (*OFF_CHAIN, PeginState.UNCLAIMABLE):
            return msgspec.structs.replace(  # lost: it stays so until it is deep enough
                known, block_hash=block_hash, height=height, on_chain=True
            )
        return PeginRecord(
            deposit=deposit, block_hash=block_hash, height=height, state=state, since=now
        )

    def _is_payout(self, tx: bitcoin.Tx) -> bool:
        """Whether it spends the federation's coins, which shows in its witnesses: what it pays us is change."""
        leaves = self._leaves.values()
        return any(len(txin.witness) > 1 and txin.witness[-2] in leaves for txin in tx.inputs)

    async def rewind(self, height: int, ctx: Context) -> None:
        """The block at this height has left the best chain."""
        gone = [
            record
            for record in self._records.pegins.values()
            if record.height == height and record.on_chain
        ]
        moved = [self._off_chain(record, ctx.now()) for record in gone]
        await self._records.keep_pegins(ctx, *moved)
        for record in moved:
            if record.state in (PeginState.ORPHANED, PeginState.LOST):
                message = messages.PeginWithdrawn(outpoint=record.deposit.outpoint)
                ctx.tell(ctx.whereis(self._names.chain), message, about=record.id)
            if record.state is PeginState.LOST:
                await self._report_loss(record, ctx)

    def _off_chain(self, record: PeginRecord, now: float) -> PeginRecord:
        state = record.state
        if state in NOT_MINTED:
            state = PeginState.ORPHANED
        elif state is PeginState.MINTED:
            state = PeginState.LOST
        return msgspec.structs.replace(record, state=state, on_chain=False, since=now)

    async def _report_loss(self, record: PeginRecord, ctx: Context) -> None:
        deposit = record.deposit
        await self._records.open_incident(
            ctx,
            IncidentKind.DEPOSIT_LOST,
            record.id,
            txid=deposit.txid,
            sats=deposit.sats,
            detail=f"minted to 0x{deposit.evm_address.hex()}, and Bitcoin block {record.block_hash} "
            f"at {record.height} left the best chain: {deposit.sats} sats are short",
        )

    async def advance(self, tip: int, ctx: Context) -> None:
        """Tell Chain of deposits that have just got their confirmations; find back what was lost; give up what is gone."""
        for outpoint in list(self._records.unsteady):
            record = self._records.pegins[outpoint]
            deep = record.on_chain and peg.deep_enough(
                tip - record.height + 1, self._spec.required_confirmations
            )
            if record.state is PeginState.SEEN and deep:
                ready = _moved(record, PeginState.READY, ctx.now())
                await self._records.keep_pegins(ctx, ready)
                self.tell_ready(ready, ctx)
            elif record.state is PeginState.LOST and deep:
                await self._records.keep_pegins(ctx, _moved(record, PeginState.MINTED, ctx.now()))
                await self._records.resolve_incident(ctx, IncidentKind.DEPOSIT_LOST, record.id)
            elif (
                record.state is PeginState.ORPHANED
                and tip >= record.height + self._policy.gone_after_blocks
            ):
                await self._records.keep_pegins(ctx, _moved(record, PeginState.GONE, ctx.now()))

    @property
    def lost(self) -> tuple[str, ...]:
        """Minted deposits that no block of the best chain holds."""
        records = (self._records.pegins[outpoint] for outpoint in self._records.unsteady)
        return tuple(
            one.deposit.outpoint
            for one in records
            if one.state is PeginState.LOST and not one.on_chain
        )

    # Chain

    def tell_ready(self, record: PeginRecord, ctx: Context) -> None:
        """It may be minted; saying so twice mints nothing twice. While pegs are halted it waits for the end of that."""
        if self._records.halted:
            return
        message = messages.PeginReady(deposit=record.deposit, block_hash=record.block_hash)
        ctx.tell(ctx.whereis(self._names.chain), message, about=record.id)

    def tell_all_ready(self, ctx: Context) -> None:
        """Chain knows of none of them any more."""
        for record in self._records.pegins.values():
            if record.state is PeginState.READY:
                self.tell_ready(record, ctx)

    def announce(self, txid: str, ctx: Context) -> bool:
        """Somebody insists on a deposit: if it had its confirmations, Chain hears of it again."""
        known = [one for one in self._records.pegins.values() if one.deposit.txid == txid]
        for record in known:
            if record.state in (PeginState.READY, PeginState.MINTED):
                self.tell_ready(record, ctx)
        return bool(known)

    async def minted(self, deposit: peg.Deposit, ctx: Context) -> None:
        """A block of ours mints it; every governance node must know the output that it will spend."""
        record = self._records.pegins.get(deposit.outpoint)
        if record is None or record.state in (PeginState.MINTED, PeginState.LOST):
            return
        state = PeginState.MINTED if record.on_chain else PeginState.LOST
        record = _moved(record, state, ctx.now())
        await self._records.keep_pegins(ctx, record)
        if state is PeginState.LOST:
            await self._report_loss(record, ctx)
        self._notify(record, ctx)

    def notify_all(self, ctx: Context) -> None:
        """Of those minted deposits that governance may not have heard of; under the same ids, so twice does no harm."""
        for record in self._records.pegins.values():
            if record.state in (PeginState.MINTED, PeginState.LOST) and not record.noticed:
                self._notify(record, ctx)

    async def noticed(self, outpoint: str, ctx: Context) -> None:
        """Every governance node has heard of it."""
        record = self._records.pegins.get(outpoint)
        if record is not None and not record.noticed:
            await self._records.keep_pegins(ctx, msgspec.structs.replace(record, noticed=True))

    async def too_late(self, outpoint: str, ctx: Context) -> None:
        """It paid to an address that takes no deposits any more."""
        record = self._records.pegins.get(outpoint)
        if record is not None and record.state in NOT_MINTED:
            await self._records.keep_pegins(ctx, _moved(record, PeginState.UNCLAIMABLE, ctx.now()))

    def _notify(self, record: PeginRecord, ctx: Context) -> None:
        notice = messages.NotifyPegin(
            deposit=record.deposit, confirmations=self._spec.required_confirmations
        )
        ctx.tell(ctx.whereis(self._names.stream), notice, about=record.id)

    async def reverted(self, minted: tuple[peg.Deposit, ...], ctx: Context) -> None:
        """The blocks that minted these have left our branch: they are to be minted again, those that Bitcoin still has."""
        for deposit in minted:
            record = self._records.pegins.get(deposit.outpoint)
            if record is None or record.state not in (PeginState.MINTED, PeginState.LOST):
                continue
            state = PeginState.SEEN if record.on_chain else PeginState.ORPHANED
            await self._records.keep_pegins(ctx, _moved(record, state, ctx.now()))
            await self._records.resolve_incident(ctx, IncidentKind.DEPOSIT_LOST, record.id)


def _moved(record: PeginRecord, to: PeginState, now: float) -> PeginRecord:
    return msgspec.structs.replace(record, state=to, since=now)
