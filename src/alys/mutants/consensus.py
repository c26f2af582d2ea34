"""Planted bugs of consensus: what a block is, who has approved it, which one is the head.

Many of them take one check out of the judgement of others' blocks. Honest authors never make the block that the check is for, so
somebody must offer it (``worlds.adversary``).
"""

from alys.mutants.mutant import Edit, Mutant

_VALIDITY = "alys.chain.validity"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="author-not-checked",
        story="A block counts as anybody's: an authority may use the slots of all others, and one dishonest one makes all blocks.",
        source="Alys v2 (the check of the expected author is commented out in its block validation)",
        area="consensus",
        oracles=("forgery", "blocks"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_author",
                old="if author not in indices:",
                new="if not indices:",
            ),
        ),
    ),
    Mutant(
        name="signature-not-verified",
        story="An aggregate is looked at for its form only: whoever names enough signers has a block of theirs.",
        source="Wormhole, 2022-02-02: the check of the guardians' signatures could be bypassed, 120,000 ETH were minted",
        area="consensus",
        oracles=("forgery",),
        edits=(
            Edit(
                target="alys.chain.approvals:check_aggregate",
                old="if not verifier.verify_aggregate(keys, root, aggregate.signature):",
                new="if not aggregate.signature:",
            ),
        ),
    ),
    Mutant(
        name="early-slot-accepted",
        story="A block of a slot that has not begun is approved; its author takes a turn before the one whose turn it is.",
        source="sigp/lighthouse#1116 (review: a block is not signed whose slot is above the present one)",
        area="consensus",
        oracles=("forgery",),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_slot_has_begun",
                old="if start > now + CLOCK_TOLERANCE_SECONDS:",
                new="if start > now + spec.slot_duration_ms:",
            ),
        ),
    ),
    Mutant(
        name="future-time-accepted",
        story="A payload's time may be any time to come; contracts that go by it can be told that a year has passed.",
        source="Verge, 2018-04-04: blocks with forged times were accepted, and the difficulty fell",
        area="consensus",
        oracles=("forgery",),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_timestamp",
                old="if time > now + CLOCK_TOLERANCE_SECONDS:",
                new="if time < 0:",
            ),
        ),
    ),
    Mutant(
        name="auxpow-range-not-checked",
        story="Work may leave out the first blocks that await finality: what is final does not stand on what was final.",
        source="dogethereum/dogethereum-contracts#13 (validations missing on merged mining's proofs)",
        area="consensus",
        oracles=("forgery", "blocks", "agreement/"),
        edits=(
            Edit(
                target="alys.chain.state:range_links",
                old="if not links or links[0].root != header.range_start:",
                new="if not links:",
            ),
        ),
    ),
    Mutant(
        name="auxpow-commitment-not-checked",
        story="Any commitment in the coinbase will do: one piece of work makes final whatever its finder wants.",
        source="lian/bitcoin-ruby#74 (that a merged mining proof is about this block is not validated)",
        area="consensus",
        oracles=("forgery", "blocks"),
        edits=(
            Edit(
                target="alys.chain.auxpow:_commitment",
                old="if commitment.root == root:",
                new="if len(commitment.root) == len(root):",
            ),
        ),
    ),
    Mutant(
        name="auxpow-bits-not-checked",
        story="A proof is measured by the target that it names itself, not by the one that the chain asks for.",
        source="frstrtr/c2pool#185 (the proof's own bits are not what it is to be measured by)",
        area="consensus",
        oracles=("forgery", "blocks"),
        edits=(
            Edit(
                target="alys.chain.auxpow:check_header",
                old="if header.bits != bits:",
                new="if header.bits == 0:",
            ),
        ),
    ),
    Mutant(
        name="federation-signatures-not-verified",
        story="A change of the federation needs its members' names and not their signatures: anybody can make himself its successor.",
        source="Poly Network, 2021-08-10: a forged call replaced the keepers of all funds",
        area="consensus",
        oracles=("forgery", "ledger/federation_changed_without_word"),
        edits=(
            Edit(
                target="alys.chain.federation_update:_check_signatures",
                old="if not bitcoin.schnorr_verify(key, signed, signature):",
                new="if not signature:",
            ),
        ),
    ),
    Mutant(
        name="unsealed-block-imported",
        story="What is shown as a block of the chain is imported though no quorum has approved it.",
        source="tendermint/tendermint#8493 (block sync keeps a block before it is verified)",
        area="consensus",
        oracles=("forgery", "agreement/"),
        edits=(
            Edit(
                target="alys.node.chain:Chain._take_sealed",
                old="validity.check_quorum(signed, self._spec, self._verifier)",
                new="validity.check_approvals(signed, self._spec, self._verifier)",
            ),
        ),
    ),
    Mutant(
        name="approval-counted-twice",
        story="An authority's second approval counts once more: one of three is two thirds.",
        source="NethermindEth/nethermind#11609 (signers of a certificate are to be counted once)",
        area="consensus",
        oracles=("agreement/", "blocks"),
        edits=(
            Edit(
                target="alys.chain.approvals:merge",
                old="if approval.authority_index in aggregate.indices:",
                new="if approval.authority_index < 0:",
            ),
        ),
    ),
    Mutant(
        name="quorum-one-short",
        story="A producer takes one approval too few for a quorum and goes on alone.",
        source="Harmony Horizon bridge, 2022-06-23: two of five keys were enough",
        area="consensus",
        oracles=("agreement/", "blocks"),
        edits=(
            Edit(
                target="alys.node.chain:Chain._import_at_quorum",
                old="if len(gathered.indices) < self._spec.quorum or parent is None:",
                new="if len(gathered.indices) < self._spec.quorum - 1 or parent is None:",
            ),
        ),
    ),
    Mutant(
        name="approval-before-save",
        story="An approval leaves before the vote is on disk: after a crash in between the authority is free to approve another block.",
        source="ArkEcosystem/mainsail#1449 (double signing after a crash or restart)",
        area="consensus",
        oracles=("durability", "agreement/"),
        edits=(
            Edit(
                target="alys.node.chain:Chain._approve",
                old="approval = await self._vote(candidate, ctx)\n"
                "    self._voice.approve(candidate.root, approval.signature, origin, ctx)",
                new="approval = approvals.approve(self._signer, self._index, candidate.root)\n"
                "    self._voice.approve(candidate.root, approval.signature, origin, ctx)\n"
                "    await self._vote(candidate, ctx)",
            ),
        ),
    ),
    Mutant(
        name="proposal-before-save",
        story="A proposal leaves before its author's own vote is on disk.",
        source="tendermint/tendermint#44 (votes and locks are to be saved, or a restart forgets them)",
        area="consensus",
        oracles=("durability",),
        edits=(
            Edit(
                target="alys.node.chain:Chain._offer",
                old="    await self._vote(candidate, ctx)\n"
                "    self._voice.publish(gossip.ProposedBlock(block=blocks.encode(signed)), ctx)\n",
                new="    self._voice.publish(gossip.ProposedBlock(block=blocks.encode(signed)), ctx)\n"
                "    await self._vote(candidate, ctx)\n",
            ),
        ),
    ),
    Mutant(
        name="votes-forgotten-on-start",
        story="A restart forgets what the authority approved and is bound by: it may help to make two branches final.",
        source="tendermint/tendermint#44 (a validator can unlock by accident upon restart)",
        area="consensus",
        oracles=("forgery", "agreement/"),
        edits=(
            Edit(
                target="alys.node.voting:Votes.load",
                old="self._cast = _decoder.decode(data)",
                new="_decoder.decode(data)",
            ),
        ),
    ),
    Mutant(
        name="finality-ignored",
        story="Of two branches of one height the lower root leads, also where the other one is final.",
        source="NethermindEth/nethermind#13282 (review: finality is recorded for a branch that is not adopted)",
        area="consensus",
        oracles=("agreement/", "ledger/finalised_block_reverted"),
        edits=(
            Edit(
                target="alys.chain.forkchoice:best",
                old="(-one.finalised_height, -one.height, one.root)",
                new="(-one.height, one.root)",
            ),
        ),
    ),
    Mutant(
        name="gossip-taken-for-known",
        story="What was said is remembered by its first bytes: the second approval of a block is taken for the first, and dropped.",
        source="AztecProtocol/aztec-packages#24214 (message ids collide, a genuine proposal is dropped as a duplicate)",
        area="consensus",
        oracles=("pace", "liveness"),
        edits=(
            Edit(
                target="alys.node.network:_hash",
                old="hashlib.blake2b(data,",
                new="hashlib.blake2b(data[:4],",
            ),
        ),
    ),
)
