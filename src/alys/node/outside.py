"""What is asked and ordered from outside: merged mining's desk, pauses, status and blocks. The part of Chain that answers it."""

import contextlib

import msgspec

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import blocks, validity
from alys.chain.blocks import AuxPowHeader, SignedBlock
from alys.chain.state import PegState
from alys.node import gossip, messages, questions, storage
from alys.node.branches import Branches, Known
from alys.node.federation_desk import FederationDesk
from alys.node.following import Following
from alys.node.gate import HALTED, Gate, Pause
from alys.node.names import ChainNames
from alys.node.questions import AuxWork
from alys.node.storage import Change
from alys.node.voice import Voice
from alys.node.work import SYNCING, WorkDesk
from alys.wire.jsonrpc import RpcError

ORDERS, PAUSE = "orders", "pause"
"""Table of records, and the name of the one that there is."""


class PauseEnds(Message, frozen=True, kw_only=True):
    """A pause with a duration is over."""


class Outside:
    """Mixed into Chain, whose fields these are."""

    _names: ChainNames
    _tree: Branches
    _desk: WorkDesk
    _gate: Gate
    _governance: FederationDesk
    _voice: Voice
    _following: Following
    _refusals: list[tuple[str, str, str]]

    @property
    def _head(self) -> Known:
        return self._tree.head

    @property
    def _state(self) -> PegState:
        """After the head."""
        return self._tree.head.state

    def _report(self, ctx: Context) -> None:
        """Chain's own: tell governance how things are."""
        raise NotImplementedError

    def _condition(self, ctx: Context) -> tuple[str, str]:
        """``active``, ``paused`` or ``halted``, and why; governance's word comes first."""
        if self._governance.halted is not None:
            return HALTED, self._governance.halted
        return self._gate.condition(ctx.now())

    async def _take_up_orders(self, ctx: Context) -> None:
        """A pause outlives a restart."""
        disk = ctx.whereis(self._names.storage)
        for _, data in await ctx.ask(disk, storage.LoadRecords(table=ORDERS)):
            self._gate.pause = msgspec.msgpack.decode(data, type=Pause)
        self._time_pause(ctx)

    # Sync

    def on_where_is_head(self, message: messages.WhereIsHead, ctx: Context) -> None:
        """See WhereIsHead."""
        self._following.head_changed(self._state, ctx)

    # Merged mining

    def on_create_aux_block(
        self, message: questions.CreateAuxBlock, ctx: Context
    ) -> AuxWork | None:
        """See CreateAuxBlock."""
        if self._gate.syncing:
            ctx.refuse(RpcError(SYNCING, "Chain is syncing"))
            return None
        try:
            return self._desk.give(self._head.state, message.fee_recipient)
        except RpcError as error:
            ctx.refuse(error)
            return None

    def on_submit_aux_block(self, message: questions.SubmitAuxBlock, ctx: Context) -> None:
        """Check the proof, queue it for the next block, and tell whoever makes that."""
        try:
            header = self._desk.take(self._head.state, message.aux_hash, message.auxpow)
        except RpcError as error:
            ctx.refuse(error)
        else:
            self._voice.publish(gossip.QueuedPow(header=header), ctx)

    def on_pow_queued(self, message: messages.PowQueued, ctx: Context) -> None:
        """Check another's proof and queue it too. Nobody is blamed for a bad one: whoever passed it on had not judged it."""
        with contextlib.suppress(validity.Invalid):
            self._desk.queue(self._head.state, message.header)

    def on_get_queued_pow(
        self, message: questions.GetQueuedPow, ctx: Context
    ) -> AuxPowHeader | None:
        """See GetQueuedPow."""
        return self._desk.queued_on(self._head.state)

    # Orders and questions

    async def on_pause_production(self, message: questions.PauseProduction, ctx: Context) -> None:
        """See PauseProduction."""
        until = None if message.seconds is None else ctx.now() + message.seconds
        await self._set_pause(Pause(reason=message.reason, until=until), ctx)

    async def on_resume_production(self, message: questions.ResumeProduction, ctx: Context) -> None:
        """See ResumeProduction."""
        await self._set_pause(None, ctx)

    async def on_pause_ends(self, message: PauseEnds, ctx: Context) -> None:
        """It has lasted as long as it should."""
        await self._set_pause(None, ctx)

    async def _set_pause(self, pause: Pause | None, ctx: Context) -> None:
        value = None if pause is None else msgspec.msgpack.encode(pause)
        change = Change(table=ORDERS, name=PAUSE, value=value)
        disk = ctx.whereis(self._names.storage)
        await ctx.ask(disk, storage.ChangeRecords(changes=(change,)))
        self._gate.pause = pause
        self._time_pause(ctx)
        self._report(ctx)

    def _time_pause(self, ctx: Context) -> None:
        pause = self._gate.pause
        if pause is not None and pause.until is not None:
            ctx.after(max(0.0, pause.until - ctx.now()), PauseEnds(), key=PAUSE)

    def on_get_status(self, message: messages.GetStatus, ctx: Context) -> messages.ChainStatus:
        """See ChainStatus."""
        name, reason = self._condition(ctx)
        head = self._head
        return messages.ChainStatus(
            state=name,
            reason=reason,
            height=head.standing.height,
            head_root=head.root,
            execution_hash=head.state.execution_hash,
            slot=head.standing.slot,
            finalised_height=head.standing.finalised_height,
            minted=len(head.state.minted),
            refusals=tuple(self._refusals),
        )

    async def on_get_block_at(
        self, message: questions.GetBlockAt, ctx: Context
    ) -> SignedBlock | None:
        """See GetBlockAt."""
        top = self._head.standing.height
        height = top if message.height == questions.HEAD else message.height
        if height > top:
            return None
        data = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadBlockAt(height=height))
        return None if data is None else blocks.decode(data)

    async def on_get_block_by_root(
        self, message: questions.GetBlockByRoot, ctx: Context
    ) -> SignedBlock | None:
        """See GetBlockByRoot."""
        data = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadBlock(root=message.root))
        return None if data is None else blocks.decode(data)
