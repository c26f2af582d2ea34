"""ChainActor: the consensus of one authority.

As a producer it owns a slot timer and builds a block in its own slots. Whatever is offered, its own blocks included, it judges as
a whole (``judging``), approves unless its votes forbid it (``voting``), and tells all; whoever holds a block and a quorum of
approvals imports it (``importing``). Sealed blocks beside the head are kept with their states, and the head moves to another
branch where ``chain.forkchoice`` says so. Votes are stored before an approval leaves, blocks before the execution client
hears of them; all of it is taken up again after a restart.

What a block must contain is not decided here but in ``chain.state.duties`` and ``chain.validity``; this file asks, waits,
and acts.
"""

import contextlib
from collections.abc import Coroutine
from typing import Any

from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import approvals, blocks, slots, state, validity
from alys.chain.approvals import Approval, Signer, Verifier
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, SignedBlock
from alys.chain.forkchoice import Objection
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts
from alys.node import branches, gossip, messages, storage
from alys.node.branches import Branches, Known
from alys.node.candidates import Candidate, Candidates
from alys.node.checked import Checked
from alys.node.errors import EngineRefused, StoreFailed
from alys.node.federation_desk import FederationDesk, Governed
from alys.node.following import HARMLESS, Following
from alys.node.gate import Gate
from alys.node.importing import Importer, Moved
from alys.node.judging import CANNOT_JUDGE, Judge, set_back
from alys.node.names import ChainNames
from alys.node.outside import Outside
from alys.node.production import Larder, Producer
from alys.node.storage import Change
from alys.node.tidings import Tidings
from alys.node.voice import Voice
from alys.node.voting import Votes
from alys.node.work import WorkDesk

REFUSALS_KEPT = 32
HELP_BLOCKS_MAX = 64
"""Blocks that are sent to somebody who builds on an older block than ours."""
CANDIDATES = "candidates"
"""Table of records: blocks that wait for approvals."""


class SlotTick(Message, frozen=True, kw_only=True):
    """A slot begins."""

    slot: int


class Chain(Governed, Outside, Checked):
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
        self._tree: Branches
        self._judge = Judge(spec, names, verifier)
        self._tidings = Tidings(names)
        self._importer = Importer(spec, names, self._judge, self._tidings)
        self._producer = Producer(spec, names)
        self._votes: Votes
        self._candidates: Candidates
        #: Stored candidates that are of no use any more; the next batch removes them.
        self._useless: list[bytes]
        #: The last block of our own.
        self._own: ConsensusBlock | None
        self._voice = Voice(names, authority_index)
        self._following = Following(names)
        self._governance = FederationDesk(spec, names)
        self._larder = Larder(spec)
        self._desk = WorkDesk(spec)
        self._gate = Gate(synced=names.sync is None)
        self._refusals: list[tuple[str, str, str]] = []

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up what is stored: the tree, the votes, what waits for approvals, a pause."""
        await self._take_up(ctx)
        await self._take_up_orders(ctx)
        await self._governance.load(ctx)
        self._governance.started(self._state, ctx)
        self._tidings.started(self._state, ctx)
        self._following.head_changed(self._state, ctx)
        if self._produces:
            self._arm_slot(ctx)

    async def _take_up(self, ctx: Context) -> None:
        """Know what is stored, and nothing else."""
        disk = ctx.whereis(self._names.storage)
        self._tree = await self._importer.start(ctx)
        self._votes = Votes(self._spec, self._index)
        self._votes.load(await ctx.ask(disk, storage.LoadApproval()))
        self._candidates = Candidates(self._verifier)
        self._useless, self._own = [], None
        for _, data in await ctx.ask(disk, storage.LoadRecords(table=CANDIDATES)):
            self._take_up_candidate(blocks.decode(data))

    async def _keeping(self, work: Coroutine[Any, Any, None], ctx: Context) -> None:
        """Do what must be stored before it counts. Where the store fails it does not count: the node halts, and is as it is stored."""
        try:
            await work
        except StoreFailed as error:
            await self._take_up(ctx)
            self._gate.tried(str(error))
            self._report(ctx)

    def _take_up_candidate(self, signed: SignedBlock) -> None:
        parent = self._tree.get(signed.block.parent_root)
        root = blocks.root(signed.block)
        if parent is None or root in self._tree:
            self._useless.append(root)
            return
        vote = self._votes.vote_for(root, signed.block, parent.standing)
        self._add_candidate(Candidate(root=root, signed=signed, vote=vote, facts=None))

    def _arm_slot(self, ctx: Context) -> None:
        following = slots.slot_at(ctx.now(), self._spec.slot_duration_ms) + 1
        start = slots.slot_start(following, self._spec.slot_duration_ms)
        ctx.after(max(0.0, start - ctx.now()), SlotTick(slot=following), about=f"slot:{following}")

    # Production

    async def on_slot_tick(self, message: SlotTick, ctx: Context) -> None:
        """Produce when the slot is ours and nothing forbids it."""
        self._arm_slot(ctx)
        if message.slot <= slots.slot_at(ctx.now(), self._spec.slot_duration_ms):
            await self._keeping(self._slot(message.slot, ctx), ctx)  # else the clock was set back

    async def _slot(self, slot: int, ctx: Context) -> None:
        mine = slots.author_index(slot, len(self._spec.authorities)) == self._index
        stopped = self._governance.halted is not None or self._gate.closed(ctx.now())
        if not mine or stopped or slot <= self._votes.last_slot:
            return
        trouble = self._short_of_approvals()
        try:
            trouble = await self._produce(slot, ctx) or trouble
        except CANNOT_JUDGE as error:
            trouble = str(error)
            if isinstance(error, EngineRefused) and error.lost:
                await self._mend_client(ctx)
        except validity.Invalid as error:
            trouble = set_back(error)
        if trouble and self._gate.tried(trouble):
            self._report(ctx)

    def _short_of_approvals(self) -> str:
        """What became of our last block, if it should have been imported by now."""
        own = None if self._own is None else self._candidates.get(blocks.root(self._own))
        if own is None or own.signed.block.height <= self._head.standing.height:
            return ""
        found = len(self._candidates.gathered(own).indices)
        return f"approvals: {found} of {self._spec.quorum} for the last block"

    async def _mend_client(self, ctx: Context) -> None:
        """An execution client that lost the head's payload is given it again."""
        try:
            await self._importer.refeed(self._tree, ctx)
        except (validity.Invalid, *CANNOT_JUDGE):
            return

    def _out_of_work(self, parent: Known) -> bool:
        return parent.state.blocks_since_pow >= self._spec.max_blocks_without_pow

    def _wishes(self, parent: Known) -> list[AuxPowHeader | None]:
        """With the proof that waits, if there is one; and without, where that is allowed."""
        header = self._desk.queued_on(parent.state)
        wishes: list[AuxPowHeader | None] = [] if header is None else [header]
        return wishes if self._out_of_work(parent) else [*wishes, None]

    async def _produce(self, slot: int, ctx: Context) -> str:
        """Build, judge, approve and offer a block; why there is none, or nothing."""
        parent = self._tree.get(self._votes.base(self._tree.tree, slot).root)
        assert parent is not None, "the base is in the tree"
        if slot <= parent.standing.slot:
            return ""
        wishes = self._wishes(parent)
        if not wishes:
            return "max_blocks_without_pow"
        objection: Objection | None = None
        for header in wishes:
            end = b"" if header is None else header.range_end
            vote = self._votes.vote_on(b"", slot, parent.standing, end)
            objection = self._votes.objection(vote, self._tree.tree)
            if objection in (None, Objection.BEHIND):
                await self._offer(slot, parent, header, ctx)
                return ""
        return f"bound by an earlier approval: {objection}"

    async def _offer(
        self, slot: int, parent: Known, header: AuxPowHeader | None, ctx: Context
    ) -> None:
        """Judge the own block like any other, approve it, and ask the others."""
        left = await self._importer.left_of(parent, ctx)
        block, facts = await self._producer.build(
            slot,
            parent.state,
            left,
            header,
            self._larder,
            ctx,
            federation_update=self._governance.evidence(parent.state),
        )
        if parent is not self._head:
            await self._importer.back_to(self._tree, ctx)
        root = blocks.root(block)
        own = approvals.merge(
            None, approvals.approve(self._signer, self._index, root), self._verifier
        )
        signed = SignedBlock(block=block, approvals=own)
        self._judge.check(signed, parent.state, facts)
        await self._judge.execute(block, ctx)
        self._own = block
        vote = self._votes.vote_for(root, block, parent.standing)
        candidate = Candidate(root=root, signed=signed, vote=vote, facts=facts)
        self._add_candidate(candidate)
        await self._vote(candidate, ctx)
        self._voice.publish(gossip.ProposedBlock(block=blocks.encode(signed)), ctx)
        await self._import_at_quorum(candidate, ctx)

    # Approving

    async def on_block_proposed(self, message: messages.BlockProposed, ctx: Context) -> None:
        """The full check; an approval for all, or the reason against it for whoever offers it."""
        await self._keeping(self._look_at(message, ctx), ctx)

    async def _look_at(self, message: messages.BlockProposed, ctx: Context) -> None:
        try:
            signed = blocks.decode(message.block)
        except blocks.BadBlock:
            self._following.deed(message.origin, "invalid_block", None, ctx)
            return
        root = blocks.root(signed.block)
        if root in self._tree or self._candidates.get(root) is not None:
            return
        parent = self._tree.get(signed.block.parent_root)
        try:
            if parent is None:
                raise self._no_parent(signed.block, message.origin, ctx)
            facts = await self._facts(signed, parent, ctx)
        except validity.Invalid as error:
            if error.reason not in HARMLESS:
                author = slots.author_index(signed.block.slot, len(self._spec.authorities))
                self._following.deed(message.origin, "invalid_block", author, ctx)
            self._refuse(message.origin, root, error.reason.value, str(error), ctx)
            return
        except CANNOT_JUDGE as error:
            self._refuse(message.origin, root, "cannot-judge", str(error), ctx)
            return
        vote = self._votes.vote_for(root, signed.block, parent.standing)
        candidate = Candidate(root=root, signed=signed, vote=vote, facts=facts)
        objection = self._votes.objection(vote, self._tree.tree)
        self._add_candidate(candidate)
        if objection is None:
            await self._approve(candidate, message.origin, ctx)
        else:
            self._refuse(message.origin, root, objection.value, "valid, but for our votes", ctx)
        if objection is Objection.BEHIND:
            newer = self._tree.path(above=parent.standing.height)[:HELP_BLOCKS_MAX]
            self._voice.show(message.origin, newer, ctx)
        await self._heard_approvals(candidate, ctx)

    async def _facts(
        self, signed: SignedBlock, parent: Known, ctx: Context, sealed: bool = False
    ) -> Facts:
        left = await self._importer.left_of(parent, ctx)
        return await self._judge.judge(signed, parent.state, left, ctx, sealed=sealed)

    def _no_parent(self, block: ConsensusBlock, origin: str, ctx: Context) -> validity.Invalid:
        final = self._head.standing.finalised_height
        if block.height <= final:
            return validity.Invalid(
                validity.Reason.INVALID_HEIGHT, f"{block.height}, {final} is final"
            )
        self._following.parent_missing(origin, block.height, ctx)
        return validity.Invalid(
            validity.Reason.MISSING_PARENT,
            f"parent {block.parent_root.hex()}, the head is {self._head.root.hex()}",
        )

    async def _approve(self, candidate: Candidate, origin: str, ctx: Context) -> None:
        approval = await self._vote(candidate, ctx)
        self._voice.approve(candidate.root, approval.signature, origin, ctx)

    async def _vote(self, candidate: Candidate, ctx: Context) -> Approval:
        """The approval, with the vote and the block on disk."""
        self._votes.cast(candidate.vote)
        approval = approvals.approve(self._signer, self._index, candidate.root)
        self._candidates.count(approval)
        kept = Change(
            table=CANDIDATES,
            name=candidate.root.hex(),
            value=blocks.encode(candidate.signed),
        )
        batch = storage.StoreBlocks(
            approval=self._votes.encode(), changes=(*self._forgotten(candidate.root), kept)
        )
        await ctx.ask(ctx.whereis(self._names.storage), batch)
        return approval

    def _add_candidate(self, candidate: Candidate) -> None:
        replaced = self._candidates.add(candidate)
        if replaced is not None:
            self._useless.append(replaced.root)

    def _forgotten(self, needed: bytes = b"") -> tuple[Change, ...]:
        """Stored candidates that are of no use any more."""
        gone = dict.fromkeys(root for root in self._useless if root != needed)
        self._useless = []
        return tuple(Change(table=CANDIDATES, name=root.hex(), value=None) for root in gone)

    async def on_block_approved(self, message: messages.BlockApproved, ctx: Context) -> None:
        """Count an approval; import at the quorum. One that does not verify counts for nothing."""
        await self._keeping(self._count(message, ctx), ctx)

    async def _count(self, message: messages.BlockApproved, ctx: Context) -> None:
        approval = Approval(
            block_root=message.root,
            authority_index=message.authority_index,
            signature=message.signature,
        )
        if message.root in self._tree:
            return
        try:
            approvals.check_approval(approval, message.root, self._spec.authorities, self._verifier)
        except approvals.BadApproval as error:
            self._remember_refusal(message.root, message.authority_index, str(error))
            return
        self._candidates.count(approval)
        candidate = self._candidates.get(message.root)
        if candidate is not None:
            await self._heard_approvals(candidate, ctx)

    async def _heard_approvals(self, candidate: Candidate, ctx: Context) -> None:
        approvers = self._candidates.gathered(candidate).indices
        if candidate.vote.parent in self._tree:
            self._votes.learn(candidate.vote, approvers, self._tree.tree)
        await self._import_at_quorum(candidate, ctx)

    def on_block_refused(self, message: messages.BlockRefused, ctx: Context) -> None:
        """Remember why; who fell behind fetches what it lacks by itself."""
        self._remember_refusal(message.root, message.authority_index, message.reason)

    def _remember_refusal(self, root: bytes, authority: int, reason: str) -> None:
        self._refusals = [*self._refusals, (root.hex(), str(authority), reason)][-REFUSALS_KEPT:]

    def _refuse(self, origin: str, root: bytes, reason: str, detail: str, ctx: Context) -> None:
        height = self._head.standing.height
        self._voice.refuse(origin, root, reason, detail, height, ctx)

    # Importing

    async def _import_at_quorum(self, candidate: Candidate, ctx: Context) -> None:
        gathered = self._candidates.gathered(candidate)
        parent = self._tree.get(candidate.vote.parent)
        if len(gathered.indices) < self._spec.quorum or parent is None:
            return
        sealed = SignedBlock(block=candidate.signed.block, approvals=gathered)
        try:
            facts = candidate.facts or await self._facts(sealed, parent, ctx, sealed=True)
        except (validity.Invalid, *CANNOT_JUDGE):
            return  # taken up after a restart, and not to be judged now: Sync fetches it
        await self._import(sealed, facts, parent, ctx)
        if candidate.signed.block is self._own:
            self._voice.publish(gossip.SealedBlock(block=blocks.encode(sealed)), ctx)

    async def on_block_sealed(self, message: messages.BlockSealed, ctx: Context) -> None:
        """Import a block that a quorum approved, after checking that it did and that the block is sound.

        Nobody is blamed for one that is not: whoever passed it on had not judged it.
        """
        await self._keeping(self._take(message, ctx), ctx)

    async def _take(self, message: messages.BlockSealed, ctx: Context) -> None:
        with contextlib.suppress(*CANNOT_JUDGE):  # Sync fetches it
            await self._take_sealed(message.block, message.origin, ctx)

    async def on_blocks_fetched(self, message: messages.BlocksFetched, ctx: Context) -> None:
        """The same with many, in their order, as far as they are sound."""
        await self._keeping(self._take_all(message, ctx), ctx)

    async def _take_all(self, message: messages.BlocksFetched, ctx: Context) -> None:
        taken, fault = 0, ""
        for data in message.blocks:
            try:
                fault = await self._take_sealed(data, "", ctx)
            except CANNOT_JUDGE:
                break
            if fault:
                break
            taken += 1
        self._following.taken(message.origin, taken, fault, ctx)

    async def _take_sealed(self, data: bytes, origin: str, ctx: Context) -> str:
        """Import a sealed block where its parent is known; what is wrong with it, or nothing."""
        try:
            signed = blocks.decode(data)
            root = blocks.root(signed.block)
            parent = self._tree.get(signed.block.parent_root)
            if root in self._tree or signed.block.height <= self._head.standing.finalised_height:
                return ""
            validity.check_quorum(signed, self._spec, self._verifier)
            if parent is None:
                self._following.parent_missing(origin, signed.block.height, ctx)
                return ""
            candidate = self._candidates.get(root)
            facts = None if candidate is None else candidate.facts
            facts = facts or await self._facts(signed, parent, ctx, sealed=True)
        except (blocks.BadBlock, validity.Invalid) as error:
            return str(error)
        await self._import(signed, facts, parent, ctx)
        return ""

    async def _import(self, sealed: SignedBlock, facts: Facts, parent: Known, ctx: Context) -> None:
        """Into the tree, and on to the head where it leads."""
        one = branches.child(parent.state, sealed, facts, self._spec)
        self._candidates.imported(one.root)
        self._useless.append(one.root)
        moved = await self._importer.insert(self._tree, one, ctx, self._forgotten())
        if moved is not None:
            self._settle(moved, ctx)

    def _settle(self, moved: Moved, ctx: Context) -> None:
        """The head has moved."""
        final = self._head.standing
        self._larder.finalised(deposit for one in moved.final for deposit in one.minted)
        if moved.final:
            self._votes.finalised(moved.final[-1].standing)
            self._desk.finalised(final.finalised_height)
            self._useless += self._candidates.forget(final.finalised_height)
        self._gate.tried("")
        self._governance.imported(moved.before.state, self._state, ctx)
        self._following.head_changed(self._state, ctx)
        self._report(ctx)

    # From Sync

    def on_sync_state(self, message: messages.SyncState, ctx: Context) -> None:
        """See SyncState."""
        self._gate.hear_sync(message)

    def on_federation_health(self, message: messages.FederationHealth, ctx: Context) -> None:
        """See FederationHealth."""
        self._gate.hear_health(message)
        self._report(ctx)

    # From the bridge

    def on_bitcoin_seen(self, message: messages.BitcoinSeen, ctx: Context) -> None:
        """For our next block."""
        self._larder.bitcoin = message

    def on_pegin_withdrawn(self, message: messages.PeginWithdrawn, ctx: Context) -> None:
        """It waits for its confirmations again."""
        self._larder.withdraw_deposit(message.outpoint)

    def on_pegin_ready(self, message: messages.PeginReady, ctx: Context) -> None:
        """Keep a deposit until a final block has minted it."""
        if state.already_minted(self._head.state, message.deposit.outpoint):
            self._tidings.minted_before(self._head.state, message.deposit, ctx)
        elif self._governance.too_late(self._head.state, message.deposit, ctx):
            return
        self._larder.add_deposit(message)

    def on_payout_signed(self, message: messages.PayoutSigned, ctx: Context) -> None:
        """Keep it for the next AuxPoW block, ours or another's."""
        if self._larder.add_payout(message.txid, message.tx):
            self._voice.publish(gossip.SignedPayout(txid=message.txid, tx=message.tx), ctx)

    def on_payout_heard(self, message: messages.PayoutHeard, ctx: Context) -> None:
        """Another node has the signatures; they are checked when they are used."""
        self._larder.add_hearsay(message.txid, message.tx)

    @override
    def _report(self, ctx: Context) -> None:
        self._tidings.status(self._head.state, self._condition(ctx)[0], ctx)
