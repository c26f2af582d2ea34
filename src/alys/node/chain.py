"""ChainActor: the consensus of one authority.

In the producer's role it owns a slot timer, builds a block in its own slots, asks its own execution client to judge it,
gathers approvals and imports at a quorum. In the co-signer's role it checks what it is offered as a whole, against its own
Bitcoin node and its own execution client, and approves or says why not. Both keep the same state (``chain.state``),
save it with the block in one batch before the execution client is told, and take it up again after a restart.

What a block must contain is not decided here but in ``chain.state.duties`` and ``chain.validity``; this file asks, waits,
and acts.
"""

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskTimeout
from alys.actors.message import Message
from alys.chain import approvals, blocks, slots, state, validity
from alys.chain.approvals import AggregateApproval, Approval, Signer, Verifier
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, SignedBlock
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState
from alys.node import engine, gossip, messages, network, questions, storage
from alys.node.errors import EngineRefused
from alys.node.federation_desk import FederationDesk, Governed
from alys.node.following import UNPLACED, Following
from alys.node.judging import CANNOT_JUDGE, Judge
from alys.node.names import ChainNames
from alys.node.production import Larder, Producer
from alys.node.questions import AuxWork
from alys.node.tidings import Tidings
from alys.node.work import WorkDesk
from alys.wire.jsonrpc import RpcError

REFUSALS_KEPT = 32


class SlotTick(Message, frozen=True, kw_only=True):
    """A slot begins."""

    slot: int


class Candidate(msgspec.Struct, kw_only=True):
    """A block that waits for approvals."""

    block: ConsensusBlock
    root: bytes
    facts: Facts
    approvals: AggregateApproval


class Chain(Governed, Actor):
    """See the module's docstring."""

    def __init__(
        self,
        spec: ChainSpec,
        names: ChainNames,
        *,
        authority_index: int,
        signer: Signer,
        verifier: Verifier,
        produces: bool,
    ) -> None:
        self._spec = spec
        self._names = names
        self._index = authority_index
        self._signer = signer
        self._verifier = verifier
        self._produces = produces
        #: State after the imported head; replaced, never changed in place.
        self._state: PegState
        #: Peg-out requests and tips of the head's payload: what the next block must answer for.
        self._head_facts: engine.PayloadFacts
        self._candidate: Candidate | None = None
        self._judge = Judge(spec, names, verifier)
        self._producer = Producer(spec, names)
        self._larder = Larder(spec)
        self._desk = WorkDesk(spec)
        self._tidings = Tidings(names)
        self._following = Following(names)
        #: Whether Sync says that this is the head of the best chain; without a Sync it is.
        self._synced = names.sync is None
        self._governance = FederationDesk(spec, names)
        self._paused: str | None = None
        self._halted: str | None = None
        self._refusals: list[tuple[str, str, str]] = []

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up the saved head, or begin at the execution client's block that the specification names."""
        saved = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadHead())
        if saved is None:
            payload = await ctx.ask(
                ctx.whereis(self._names.engine),
                engine.GetGenesis(block_hash=self._spec.genesis_execution_hash),
            )
            genesis = blocks.genesis_block(
                payload, bits=self._spec.bits, aux_chain_id=self._spec.aux_chain_id
            )
            self._state = state.genesis_state(genesis)
            await self._save(ctx, genesis)
            head = genesis
        else:
            head = blocks.decode(saved.block)
            self._state = state.decode(saved.state)
            await self._judge.execute(head.block, ctx, patient=True)
        await self._set_head(ctx)
        self._head_facts = await self._judge.left_by(head.block, ctx)
        await self._governance.load(ctx)
        self._governance.started(self._state, ctx)
        self._tidings.started(self._state, ctx)
        self._following.head_changed(self._state, ctx)
        if self._produces:
            self._arm_slot(ctx)

    def _arm_slot(self, ctx: Context) -> None:
        following = slots.slot_at(ctx.now(), self._spec.slot_duration_ms) + 1
        start = slots.slot_start(following, self._spec.slot_duration_ms)
        ctx.after(max(0.0, start - ctx.now()), SlotTick(slot=following), about=f"slot:{following}")

    # Production

    async def on_slot_tick(self, message: SlotTick, ctx: Context) -> None:
        """Produce when the slot is ours and nothing forbids it."""
        self._arm_slot(ctx)
        mine = slots.author_index(message.slot, len(self._spec.authorities)) == self._index
        stopped = self._paused is not None or self._governance.halted is not None
        if not mine or stopped or message.slot <= self._state.slot:
            return
        if not self._synced:
            self._halt(ctx, "not synced")
            return
        if self._desk.queued is None and self._out_of_work():
            self._halt(ctx, "max_blocks_without_pow")
            return
        try:
            await self._produce(message.slot, ctx)
        except (EngineRefused, AskTimeout) as error:
            self._halt(ctx, str(error))
        else:
            await self._import_at_quorum(ctx)

    def _out_of_work(self) -> bool:
        return self._state.blocks_since_pow >= self._spec.max_blocks_without_pow

    def _halt(self, ctx: Context, reason: str) -> None:
        if self._halted != reason:
            self._halted = reason
            self._report(ctx)

    async def _produce(self, slot: int, ctx: Context) -> None:
        block, facts = await self._producer.build(
            slot,
            self._state,
            self._head_facts,
            self._desk.queued,
            self._larder,
            ctx,
            federation_update=self._governance.evidence(self._state),
        )
        await self._offer(block, facts, ctx)

    async def _offer(self, block: ConsensusBlock, facts: Facts, ctx: Context) -> None:
        """Judge the own block like any other, approve it, and ask the others."""
        root = blocks.root(block)
        approval = approvals.approve(self._signer, self._index, root)
        own = approvals.merge(None, approval, self._verifier)
        signed = SignedBlock(block=block, approvals=own)
        self._judge.check(signed, self._state, facts)
        await self._judge.execute(block, ctx)
        self._candidate = Candidate(block=block, root=root, facts=facts, approvals=own)
        self._publish(ctx, gossip.ProposedBlock(block=blocks.encode(signed)))

    async def on_block_approved(self, message: messages.BlockApproved, ctx: Context) -> None:
        """Count a co-signer's approval; import at the quorum. One that does not verify counts for nothing."""
        candidate = self._candidate
        if candidate is None or candidate.root != message.root:
            return
        approval = Approval(
            block_root=message.root,
            authority_index=message.authority_index,
            signature=message.signature,
        )
        try:
            approvals.check_approval(
                approval, candidate.root, self._spec.authorities, self._verifier
            )
        except approvals.BadApproval as error:
            self._remember_refusal(message.root, message.authority_index, str(error))
            return
        candidate.approvals = approvals.merge(candidate.approvals, approval, self._verifier)
        await self._import_at_quorum(ctx)

    def on_block_refused(self, message: messages.BlockRefused, ctx: Context) -> None:
        """Remember why; who fell behind fetches what it lacks by itself."""
        self._remember_refusal(message.root, message.authority_index, message.reason)

    def _remember_refusal(self, root: bytes, authority: int, reason: str) -> None:
        self._refusals = [*self._refusals, (root.hex(), str(authority), reason)][-REFUSALS_KEPT:]

    async def _import_at_quorum(self, ctx: Context) -> None:
        candidate = self._candidate
        if candidate is None or len(candidate.approvals.indices) < self._spec.quorum:
            return
        self._candidate = None
        sealed = SignedBlock(block=candidate.block, approvals=candidate.approvals)
        await self._import(sealed, candidate.facts, ctx)
        self._publish(ctx, gossip.SealedBlock(block=blocks.encode(sealed)))

    # Co-signing

    async def on_block_proposed(self, message: messages.BlockProposed, ctx: Context) -> None:
        """The full check; an approval or the reason against it."""
        signed = blocks.decode(message.block)
        root = blocks.root(signed.block)
        reason = detail = ""
        try:
            await self._judge.judge(signed, self._state, self._head_facts, ctx)
        except validity.Invalid as error:
            reason, detail = error.reason.value, str(error)
            if error.reason in UNPLACED:
                self._following.parent_missing(message.origin, signed.block.height, ctx)
        except CANNOT_JUDGE as error:
            reason, detail = "cannot-judge", str(error)
        if reason:
            refusal = gossip.Refusal(
                root=root,
                authority_index=self._index,
                reason=reason,
                detail=detail,
                height=self._state.height,
            )
            self._answer(ctx, message.origin, refusal)
            return
        approval = approvals.approve(self._signer, self._index, root)
        signature = approval.signature
        self._answer(
            ctx,
            message.origin,
            gossip.Approval(root=root, authority_index=self._index, signature=signature),
        )

    def _answer(self, ctx: Context, origin: str, item: gossip.Approval | gossip.Refusal) -> None:
        """To the peer that asked, or to whoever in this system did."""
        if origin:
            ctx.tell(ctx.whereis(self._names.network), messages.SendTo(peer=origin, item=item))
        elif ctx.sender is not None and (told := network.heard(item, "")) is not None:
            ctx.tell(ctx.sender, told)

    def _publish(self, ctx: Context, item: gossip.Item) -> None:
        ctx.tell(ctx.whereis(self._names.network), messages.Publish(item=item))

    async def on_block_sealed(self, message: messages.BlockSealed, ctx: Context) -> None:
        """Import a block that a quorum approved, after checking that it did and that the block is sound."""
        signed = blocks.decode(message.block)
        if signed.block.height <= self._state.height:
            return  # we have it
        if signed.block.parent_root != self._state.head_root:
            self._following.parent_missing(message.origin, signed.block.height, ctx)
            return
        await self._take(signed, ctx)

    async def on_blocks_fetched(self, message: messages.BlocksFetched, ctx: Context) -> None:
        """What Sync fetched, in order; it hears how far that was taken, and why no further."""
        taken, fault = 0, ""
        for data in message.blocks:
            signed = blocks.decode(data)
            if signed.block.height > self._state.height:
                try:
                    if not await self._take(signed, ctx):
                        break
                except validity.Invalid as error:
                    fault = str(error)
                    break
            taken += 1
        self._following.taken(message.origin, taken, fault, ctx)

    def on_sync_state(self, message: messages.SyncState, ctx: Context) -> None:
        """See SyncState."""
        self._synced = message.synced

    async def _take(self, signed: SignedBlock, ctx: Context) -> bool:
        """Import a block with a quorum; False when we cannot judge it now. Raises validity.Invalid."""
        validity.check_quorum(signed, self._spec, self._verifier)
        try:
            facts = await self._judge.judge(signed, self._state, self._head_facts, ctx, sealed=True)
        except CANNOT_JUDGE:
            return False  # Sync fetches it again
        await self._import(signed, facts, ctx)
        return True

    # Import

    async def _import(self, signed: SignedBlock, facts: Facts, ctx: Context) -> None:
        """Save first, then tell the execution client, then the others: a crash in between is made good on start."""
        before = self._state
        self._state = state.apply(before, signed.block, facts, self._spec)
        await self._save(ctx, signed)
        await self._set_head(ctx)
        self._head_facts = await self._judge.left_by(signed.block, ctx)
        self._larder.imported(signed.block)
        self._halted = None
        if signed.block.auxpow_header is not None:
            self._desk.clear()
        self._governance.imported(before, self._state, ctx)
        self._tidings.imported(before, self._state, signed.block, facts, ctx)
        self._following.head_changed(self._state, ctx)
        self._report(ctx)

    async def _save(self, ctx: Context, signed: SignedBlock) -> None:
        head = storage.Head(block=blocks.encode(signed), state=state.encode(self._state))
        await ctx.ask(
            ctx.whereis(self._names.storage),
            storage.SaveHead(root=self._state.head_root, height=self._state.height, head=head),
        )

    async def _set_head(self, ctx: Context) -> None:
        await ctx.ask(
            ctx.whereis(self._names.engine),
            engine.SetHead(
                head_hash=self._state.execution_hash,
                finalised_hash=self._state.finalised_execution_hash,
            ),
        )

    # From the bridge

    def on_bitcoin_seen(self, message: messages.BitcoinSeen, ctx: Context) -> None:
        """For our next block."""
        self._larder.bitcoin = message

    def on_pegin_withdrawn(self, message: messages.PeginWithdrawn, ctx: Context) -> None:
        """It waits for its confirmations again."""
        self._larder.withdraw_deposit(message.outpoint)

    def on_pegin_ready(self, message: messages.PeginReady, ctx: Context) -> None:
        """Queue a deposit that is not minted yet."""
        if state.already_minted(self._state, message.deposit.outpoint):
            self._tidings.minted_before(self._state, message.deposit, ctx)
        else:
            self._larder.add_deposit(message)

    def on_payout_signed(self, message: messages.PayoutSigned, ctx: Context) -> None:
        """Keep it for the next AuxPoW block."""
        self._larder.add_payout(message.txid, message.tx)

    # Merged mining

    def on_create_aux_block(
        self, message: questions.CreateAuxBlock, ctx: Context
    ) -> AuxWork | None:
        """See CreateAuxBlock."""
        try:
            return self._desk.give(self._state, message.fee_recipient)
        except RpcError as error:
            ctx.refuse(error)
            return None

    def on_submit_aux_block(self, message: questions.SubmitAuxBlock, ctx: Context) -> None:
        """Check the proof and queue it for the next block."""
        try:
            self._desk.take(self._state, message.aux_hash, message.auxpow)
        except RpcError as error:
            ctx.refuse(error)

    def on_get_queued_pow(
        self, message: questions.GetQueuedPow, ctx: Context
    ) -> AuxPowHeader | None:
        """See GetQueuedPow."""
        return self._desk.queued

    # Questions and orders from outside

    def on_pause_production(self, message: questions.PauseProduction, ctx: Context) -> None:
        """See PauseProduction."""
        self._paused = message.reason
        self._report(ctx)

    def on_resume_production(self, message: questions.ResumeProduction, ctx: Context) -> None:
        """See ResumeProduction."""
        self._paused = None
        self._report(ctx)

    def on_get_status(self, message: messages.GetStatus, ctx: Context) -> messages.ChainStatus:
        """See ChainStatus."""
        name, reason = self._condition()
        return messages.ChainStatus(
            state=name,
            reason=reason,
            height=self._state.height,
            head_root=self._state.head_root,
            execution_hash=self._state.execution_hash,
            slot=self._state.slot,
            finalised_height=self._state.finalised_height,
            minted=len(self._state.minted),
            refusals=tuple(self._refusals),
        )

    async def on_get_block_at(
        self, message: questions.GetBlockAt, ctx: Context
    ) -> SignedBlock | None:
        """See GetBlockAt."""
        height = self._state.height if message.height == questions.HEAD else message.height
        data = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadBlockAt(height=height))
        return None if data is None else blocks.decode(data)

    async def on_get_block_by_root(
        self, message: questions.GetBlockByRoot, ctx: Context
    ) -> SignedBlock | None:
        """See GetBlockByRoot."""
        data = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadBlock(root=message.root))
        return None if data is None else blocks.decode(data)

    def _condition(self) -> tuple[str, str]:
        if self._governance.halted is not None:
            return "halted", self._governance.halted
        if self._paused is not None:
            return "paused", self._paused
        if self._halted is not None:
            return "halted", self._halted
        return "active", ""

    @override
    def _report(self, ctx: Context) -> None:
        self._tidings.status(self._state, self._condition()[0], ctx)
