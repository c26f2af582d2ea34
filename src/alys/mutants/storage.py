"""Planted bugs of what a node keeps: what is on its disk before it acts, and what it makes of its disk when it starts."""

from alys.mutants.mutant import Edit, Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="head-before-block",
        story="The execution client is told of a head before the block is stored: after a crash the node stands below its client.",
        source="ethereum/go-ethereum#764 (the head that is recorded points to no block)",
        area="storage",
        oracles=("durability",),
        edits=(
            Edit(
                target="alys.node.importing:Importer.insert",
                old="    await self._store(one, tree, changes, ctx)\n"
                "    await self._set_head(tree.head, ctx)\n",
                new="    await self._set_head(tree.head, ctx)\n"
                "    await self._store(one, tree, changes, ctx)\n",
            ),
        ),
    ),
    Mutant(
        name="asked-before-saved",
        story="Signatures are asked for before the attempt is stored: after a crash its id is used for another attempt.",
        source="babylonlabs-io/vigilante#28 (a crash between the sending and the record sends a second transaction)",
        area="storage",
        oracles=("durability",),
        edits=(
            Edit(
                target="alys.node.bridge_payouts:Payouts._ask",
                old="    await self._records.keep_payout(ctx, record)\n"
                "    self._request(record, ctx)\n",
                new="    self._request(record, ctx)\n"
                "    await self._records.keep_payout(ctx, record)\n",
            ),
        ),
    ),
    Mutant(
        name="sent-before-saved",
        story="A signed payout is sent to Bitcoin and kept in memory only.",
        source="lightningnetwork/lnd#2562 (what is needed to sweep after a restart was not stored)",
        area="storage",
        oracles=("durability",),
        edits=(
            Edit(
                target="alys.node.bridge_payouts:Payouts._have_signed",
                old="await self._keep(record, ctx)",
                new="self._records.payouts[record.txid] = record",
            ),
        ),
    ),
    Mutant(
        name="begun-anew-on-start",
        story="A restart begins at the first block again, whatever is stored.",
        source="OffchainLabs/prysm#3360 (after a relaunch the head is the genesis again)",
        area="storage",
        oracles=("agreement/",),
        edits=(
            Edit(
                target="alys.node.importing:Importer.start",
                old="tree = await self._begin(ctx) if found is None else self._taken_up(found)",
                new="tree = await self._begin(ctx)",
            ),
        ),
    ),
    Mutant(
        name="minted-forgotten-on-start",
        story="What was minted is not taken up again: a node that was restarted approves a deposit's second mint.",
        source="logos-blockchain/logos-execution-zone#606 (after a cold start finalised deposits come again, and are minted)",
        area="storage",
        oracles=("forgery", "ledger/double_mint"),
        edits=(
            Edit(
                target="alys.node.branches:taken_up",
                old="state.decode(found.state),",
                new="msgspec.structs.replace(state.decode(found.state), minted=frozenset()),",
            ),
        ),
    ),
    Mutant(
        name="final-blocks-pruned",
        story="What finality makes superfluous takes the final blocks along: they cannot be shown or served any more.",
        source="OffchainLabs/prysm#10977 (the head was pruned from the database that is to serve it)",
        area="storage",
        oracles=("agreement/", "blocks", "liveness", "missing"),
        edits=(
            Edit(
                target="alys.node.tree_index:fallen",
                old="blocks=tuple(root for root in states if root not in canonical)",
                new="blocks=states",
            ),
        ),
    ),
    Mutant(
        name="cursor-before-records",
        story="How far Bitcoin was read is stored before what was found there: a crash in between loses deposits.",
        source="namada-net/namada#1727 (events are in memory while the next block to be processed is on disk)",
        area="storage",
        oracles=("durability", "liveness", "work/"),
        edits=(
            Edit(
                target="alys.node.bridge:Bridge._read_block",
                old="await self._records.keep_pegins(ctx, *found)",
                new="pass",
            ),
            Edit(
                target="alys.node.bridge:Bridge._read_block",
                old="    return True\n",
                new="    await self._records.keep_pegins(ctx, *found)\n    return True\n",
            ),
        ),
    ),
)
