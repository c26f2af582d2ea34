"""The ledger: every satoshi and every wei of the peg explained, from what the chains themselves show.

It is fed raw Bitcoin blocks, EVM blocks with receipts and balances, and the node's consensus blocks (as claims that the two
chains must bear out), and judges the whole from the start each time it is asked. Four equations hold at every
moment, whatever is under way:

Bitcoin   the federation's unspent outputs = deposits - what payouts cost it
Peg       every withdrawal is a listed deposit, a due refund or a share of the fees, exactly; every payout is a request's
EVM       supply = genesis + withdrawals - base fees; nothing leaves the burn address
Solvency  what the federation holds - what it owes = a sum of named items, to the last wei, and not negative
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alys.oracles import claims as claims_module
from alys.oracles import signatures
from alys.oracles.bitcoin_side import BitcoinSide
from alys.oracles.causes import Cause, Equation
from alys.oracles.claims import Claim
from alys.oracles.closing import Closing
from alys.oracles.evm_side import Balances, EvmBlock, EvmSide
from alys.oracles.handover import Holders
from alys.oracles.mints import MintJudge, Sighting
from alys.oracles.payouts import PayoutJudge
from alys.oracles.progress import Progress
from alys.oracles.statement import LedgerStatement, Violation
from alys.oracles.supply import SupplyJudge
from alys.oracles.terms import Terms
from alys.wire import bitcoin


class Ledger:
    """Feed it in chain order; ask ``check`` as often as you like."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._bitcoin = BitcoinSide(terms.federation_scripts, terms.bitcoin_genesis_height)
        self._evm = EvmSide(terms)
        self._claims: dict[str, Claim] = {}
        self._sightings: dict[str, Sighting] = {}
        self._witness_counts: dict[str, tuple[signatures.WitnessCount, ...]] = {}
        self._finalised: dict[int, str] = {}
        self._mempool: dict[str, bitcoin.Tx] = {}
        self._called_final: int | None = None
        self.violations: list[Violation] = []
        """Those of the last ``judge``, and those that the feeding itself found."""
        self._found_feeding: list[Violation] = []

    @property
    def bitcoin_height(self) -> int:
        """Height of the last Bitcoin block fed."""
        return self._bitcoin.height

    @property
    def evm_height(self) -> int:
        """Number of the last EVM block fed; -1 before the first."""
        return self._evm.height

    def feed_bitcoin_block(self, height: int, block_hex: str) -> None:
        """A raw block of the best chain; raises BrokenFeed on a gap. One on an older parent unwinds what stands above."""
        self._bitcoin.feed(height, block_hex)

    def unwind_bitcoin_block(self, block_hash: str) -> None:
        """A block left the best chain, with all above it; raises BrokenFeed when it is not there."""
        self._bitcoin.unwind(block_hash)

    def feed_evm_block(
        self,
        block: Mapping[str, Any],
        receipts: Sequence[Mapping[str, Any]],
        balances: Balances | None,
        *,
        bitcoin_height: int,
    ) -> None:
        """A canonical block with whole transactions. ``bitcoin_height`` is Bitcoin's tip when the block was surely there:
        a mint counts as too early only if it was too early even by that. Raises BrokenFeed on a gap.
        """
        for gone in self._evm.feed(block, receipts, balances):
            if self._finalised.get(gone.number) == gone.hash:
                self._found_feeding.append(
                    Violation(
                        Cause.FINALISED_BLOCK_REVERTED,
                        Equation.EVM,
                        expected="finalised blocks stay",
                        actual="it left the canonical chain",
                        culprit=gone.hash,
                    )
                )
        self._sightings.setdefault(block["hash"].lower(), Sighting(height=bitcoin_height))

    def feed_consensus_block(self, block: Mapping[str, Any]) -> None:
        """A consensus block as the node's RPC shows it; raises BrokenFeed when it is malformed.

        One that changes the federation comes before its EVM block: nobody is paid to the federation from there on.
        """
        claim = claims_module.read_claim(block)
        self._claims[claim.execution_hash] = claim
        if claim.federation_update is not None:
            self._learn(Holders(self._terms, [*self._canonical(), claim]))

    def _learn(self, holders: Holders) -> None:
        """Scripts that are the federation's too, from the blocks fed from now on."""
        self._bitcoin.add_scripts(holders.scripts())
        scripts = dict.fromkeys((*self._evm.terms.federation_scripts, *holders.scripts()))
        self._evm.terms = msgspec.structs.replace(
            self._evm.terms, federation_scripts=tuple(scripts)
        )

    def feed_mempool_tx(self, raw_hex: str) -> None:
        """An unconfirmed Bitcoin transaction, in order of arrival. It moves no money yet, but is judged like a payout.

        Read the pool before the EVM blocks, so that what it pays for is fed as well.
        """
        tx = bitcoin.parse_tx(bytes.fromhex(raw_hex))
        self._mempool.pop(tx.txid, None)  # the one fed last is the one that the pool has
        self._mempool[tx.txid] = tx

    def feed_finality(self, height: int) -> None:
        """The height that node or execution client call final. Read it before the blocks: what covers it is then fed."""
        self._called_final = height

    def check(self) -> LedgerStatement:
        """The statement; raises the first Violation if there is any (all are in ``violations``)."""
        statement = self.judge()
        if self.violations:
            raise self.violations[0]
        return statement

    def judge(self) -> LedgerStatement:
        """The statement, whatever is wrong; what is wrong is in its ``violations`` and in the ledger's."""
        blocks = self._judged_blocks()
        genesis = self._terms.evm_genesis_number
        canonical = self._canonical()
        progress = Progress(canonical, blocks, genesis)
        holders = Holders(self._terms, canonical)
        self._remember_final(blocks, progress.finalised_height)
        mints = MintJudge(self._terms, self._bitcoin, self._claims, self._sightings, holders)
        mints.run(blocks)
        supply = SupplyJudge(self._terms.genesis_wei, genesis)
        supply.run(blocks)
        payouts = self._payouts(blocks, mints, progress, holders)
        closing = Closing(
            self._terms,
            self._bitcoin,
            blocks,
            progress,
            mints=mints,
            supply=supply,
            payouts=payouts,
            holders=holders,
        )
        statement = closing.statement(unjudged=len(self._evm.blocks) - len(blocks))
        finality = self._finality_without_work(progress.finalised_height)
        self.violations = [
            *self._found_feeding,
            *holders.violations,
            *mints.violations,
            *payouts.violations,
            *supply.violations,
            *finality,
            *closing.imbalances(statement),
        ]
        samples = {**statement.samples, "finality": int(self._called_final is not None)}
        return msgspec.structs.replace(
            statement,
            samples=dict(sorted(samples.items())),
            violations=tuple(violation.finding for violation in self.violations),
        )

    def _payouts(
        self,
        blocks: Sequence[EvmBlock],
        mints: MintJudge,
        progress: Progress,
        holders: Holders,
    ) -> PayoutJudge:
        requests = [request for block in blocks for request in block.requests]
        due = {request.key for request in mints.refunds_due}
        judge = PayoutJudge(
            self._terms,
            self._bitcoin,
            [r for r in requests if r.key not in mints.refunded and r.key not in due],
            progress,
            holders,
            self._witness_counts,
        )
        judge.run([*self._bitcoin.spends(), *self._bitcoin.waiting_spends(self._mempool.values())])
        return judge

    def _judged_blocks(self) -> list[EvmBlock]:
        """Blocks up to the last one whose consensus block was fed; a gap below it is the judge's to name."""
        known = [n for n, block in enumerate(self._evm.blocks) if block.hash in self._claims]
        last = known[-1] if known else 0
        return list(self._evm.blocks[: last + 1])

    def _canonical(self) -> list[Claim]:
        return [self._claims[b.hash] for b in self._evm.blocks if b.hash in self._claims]

    def _remember_final(self, blocks: Sequence[EvmBlock], finalised: int) -> None:
        for block in blocks:
            if block.number <= finalised:
                self._finalised[block.number] = block.hash

    def _finality_without_work(self, finalised: int) -> list[Violation]:
        if self._called_final is None or self._called_final <= finalised:
            return []
        return [
            Violation(
                Cause.FINALITY_WITHOUT_WORK,
                Equation.EVM,
                expected=f"finality up to {finalised}, as the AuxPoWs cover",
                actual=f"up to {self._called_final}",
                culprit=f"block {self._called_final}",
            )
        ]
