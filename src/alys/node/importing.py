"""How a sealed block comes into the node: stored first, then the execution client's, then everybody's.

A crash in between is made good on start: what is stored is executed again, and the head is set again. Blocks beside the head are
stored and executed too, and wait for the day when their branch is the better one.
"""

import msgspec

from alys.actors.context import Context
from alys.chain import blocks, state
from alys.chain.spec import ChainSpec
from alys.node import branches, engine, storage
from alys.node.branches import Branches, Known
from alys.node.engine import PayloadFacts
from alys.node.judging import Judge
from alys.node.names import ChainNames
from alys.node.storage import Change
from alys.node.tidings import Tidings


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The head has moved."""

    before: Known
    left: list[Known]
    """Abandoned, highest first; empty where the chain has only grown."""
    come: list[Known]
    """New, lowest first."""
    final: list[Known]
    """What has become final with it, lowest first."""


class Importer:
    """Belongs to one Chain actor."""

    def __init__(self, spec: ChainSpec, names: ChainNames, judge: Judge, tidings: Tidings) -> None:
        self._spec = spec
        self._names = names
        self._judge = judge
        self._tidings = tidings

    # Start

    async def start(self, ctx: Context) -> Branches:
        """Take up the stored tree, or begin at the execution client's block that the specification names."""
        found = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadTree())
        tree = await self._begin(ctx) if found is None else self._taken_up(found)
        for one in tree.ascending():
            if found is not None:
                await self._feed(one, ctx)
        await self._set_head(tree.head, ctx)
        head = tree.head
        head.left = await self._judge.left_by(head.signed.block, ctx)
        return tree

    def _taken_up(self, found: storage.Tree) -> Branches:
        return Branches((branches.taken_up(one) for one in found.blocks), found.head.root)

    async def _begin(self, ctx: Context) -> Branches:
        payload = await ctx.ask(
            ctx.whereis(self._names.engine),
            engine.GetGenesis(block_hash=self._spec.genesis_execution_hash),
        )
        genesis = blocks.genesis_block(
            payload, bits=self._spec.bits, aux_chain_id=self._spec.aux_chain_id
        )
        first = branches.known(genesis, state.genesis_state(genesis))
        tree = Branches([first], first.root)
        await ctx.ask(
            ctx.whereis(self._names.storage),
            storage.StoreBlocks(blocks=(branches.stored(first),), head=tree.mark),
        )
        return tree

    async def _feed(self, one: Known, ctx: Context, patient: bool = True) -> None:
        """Our execution client may have lost what it executed before we ended; genesis it has, or we are on another chain."""
        if one.standing.height == one.standing.finalised_height:
            return
        await self._judge.execute(one.signed.block, ctx, patient=patient)

    async def refeed(self, tree: Branches, ctx: Context) -> None:
        """Our execution client does not know the head any more: give it what we have, and the head."""
        for one in tree.ascending():
            await self._feed(one, ctx, patient=False)
        await self._set_head(tree.head, ctx)

    # Import

    async def insert(
        self, tree: Branches, one: Known, ctx: Context, changes: tuple[Change, ...] = ()
    ) -> Moved | None:
        """Store an executed child of a known block; where it is the best one now, the head moves, and how."""
        leads = tree.would_lead(one)
        before = tree.head
        final_before = before.standing.finalised_height
        tree.add(one)
        if not leads:
            await self._store(one, None, changes, ctx)
            return None
        final = [
            known
            for known in tree.path_of(one.root)
            if final_before < known.standing.height <= one.standing.finalised_height
        ]
        left, come = tree.lead(one.root)
        await self._store(one, tree, changes, ctx)
        await self._set_head(tree.head, ctx)
        for known in come:
            known.left = await self._judge.left_by(known.signed.block, ctx)
        self._tidings.moved(before.state, left, come, ctx)
        return Moved(before=before, left=left, come=come, final=final)

    async def _store(
        self, one: Known, tree: Branches | None, changes: tuple[Change, ...], ctx: Context
    ) -> None:
        batch = storage.StoreBlocks(
            blocks=(branches.stored(one),),
            head=None if tree is None else tree.mark,
            changes=changes,
        )
        await ctx.ask(ctx.whereis(self._names.storage), batch)

    async def _set_head(self, one: Known, ctx: Context) -> None:
        await ctx.ask(
            ctx.whereis(self._names.engine),
            engine.SetHead(
                head_hash=one.state.execution_hash,
                finalised_hash=one.state.finalised_execution_hash,
            ),
        )

    async def back_to(self, tree: Branches, ctx: Context) -> None:
        """The execution client has built on another block than the head."""
        await self._set_head(tree.head, ctx)

    async def left_of(self, one: Known, ctx: Context) -> PayloadFacts:
        """What a known block leaves to its children to answer for."""
        if one.left is None:
            one.left = await self._judge.left_by(one.signed.block, ctx, imported=False)
        return one.left
