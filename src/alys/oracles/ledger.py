"""The ledger: every satoshi and every wei of the peg explained, from what the chains themselves show.

It is fed raw Bitcoin blocks, EVM blocks with receipts and balances, and the node's consensus blocks (as claims that the two
chains must bear out), and judges the whole from the start each time it is asked. Four equations hold at every
moment, whatever is under way:

Bitcoin   the federation's unspent outputs = deposits - what payouts cost it
Peg       every withdrawal is a listed deposit, a due refund or a share of the fees, exactly; every payout is a request's
EVM       supply = genesis + withdrawals - base fees; nothing leaves the burn address
Solvency  what the federation holds - what it owes = a sum of named items, to the last wei, and not negative
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from alys.oracles import claims as claims_module
from alys.oracles import signatures
from alys.oracles.bitcoin_side import BitcoinSide, Deposit
from alys.oracles.claims import Claim
from alys.oracles.evm_side import Balances, EvmBlock, EvmSide, Request
from alys.oracles.mints import MintJudge, Sighting
from alys.oracles.payouts import PayoutJudge
from alys.oracles.statement import (
    Cause,
    DepositLine,
    DepositStatus,
    Equation,
    LedgerStatement,
    RequestLine,
    RequestStatus,
    SurplusItem,
    Violation,
)
from alys.oracles.supply import SupplyJudge
from alys.oracles.terms import GWEI_WEI, SAT_WEI, Terms


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
        """A consensus block as the node's RPC shows it; raises BrokenFeed when it is malformed."""
        claim = claims_module.read_claim(block)
        self._claims[claim.execution_hash] = claim

    def check(self) -> LedgerStatement:
        """The statement; raises the first Violation if there is any (all are in ``violations``)."""
        statement = self.judge()
        if self.violations:
            raise self.violations[0]
        return statement

    def judge(self) -> LedgerStatement:
        """The statement, whatever is wrong; what is wrong is in ``violations`` afterwards."""
        blocks = self._judged_blocks()
        finalised = self._finality(blocks)
        mints = MintJudge(self._terms, self._bitcoin, self._claims, self._sightings)
        mints.run(blocks)
        supply = SupplyJudge(self._terms.genesis_wei)
        supply.run(blocks)
        requests = [request for block in blocks for request in block.requests]
        due = {request.key for request in mints.refunds_due}
        payable = [r for r in requests if r.key not in mints.refunded and r.key not in due]
        payouts = PayoutJudge(
            self._terms,
            self._bitcoin,
            payable,
            self._proposals(),
            finalised,
            self._witness_counts,
        )
        payouts.run(list(self._bitcoin.spends()))
        statement = self._statement(blocks, finalised, mints, supply, payouts)
        self.violations = [
            *self._found_feeding,
            *mints.violations,
            *payouts.violations,
            *supply.violations,
            *self._balance(statement),
        ]
        return statement

    def _judged_blocks(self) -> list[EvmBlock]:
        """Blocks up to the last one whose consensus block was fed; a gap below it is the judge's to name."""
        known = [n for n, block in enumerate(self._evm.blocks) if block.hash in self._claims]
        last = known[-1] if known else 0
        return list(self._evm.blocks[: last + 1])

    def _finality(self, blocks: Sequence[EvmBlock]) -> int:
        """The height that the last AuxPoW on the canonical branch covers."""
        by_root = {claim.root: claim.height for claim in self._claims.values()}
        finalised = 0
        for block in blocks:
            claim = self._claims.get(block.hash)
            if claim is not None and claim.auxpow is not None and block.number > 0:
                finalised = max(finalised, by_root.get(claim.auxpow.range_end, 0))
        for block in blocks[: finalised + 1]:
            self._finalised[block.number] = block.hash
        return finalised

    def _proposals(self) -> dict[str, int]:
        """Txid of a proposal to the block whose requests it answers."""
        return {
            claim.proposal_txid: claim.height - 1
            for claim in self._claims.values()
            if claim.proposal_txid is not None and self._evm.knows(claim.execution_hash)
        }

    def _statement(
        self,
        blocks: Sequence[EvmBlock],
        finalised: int,
        mints: MintJudge,
        supply: SupplyJudge,
        payouts: PayoutJudge,
    ) -> LedgerStatement:
        deposits = tuple(self._deposit_line(d, mints) for d in self._bitcoin.deposits())
        requests = tuple(
            _request_line(request, mints, payouts) for block in blocks for request in block.requests
        )
        credited = _sats(deposits, DepositStatus.CREDITED)
        pending = _sats(deposits, DepositStatus.PENDING)
        unclaimable = _sats(deposits, DepositStatus.UNCLAIMABLE)
        unclaimable += sum(line.extra_sats for line in deposits)
        refund_mints = sum(r.wei // GWEI_WEI for r in mints.refunded.values()) * GWEI_WEI
        owed = sum(line.sats for line in requests if line.status is RequestStatus.OWED) * SAT_WEI
        owed += sum(line.wei for line in requests if line.status is RequestStatus.REFUND_DUE)
        spendable = supply.last.total_wei - supply.last.burn_wei
        held = self._bitcoin.unspent_sats * SAT_WEI
        samples: Counter[str] = Counter(deposits=len(deposits), requests=len(requests))
        samples.update(bitcoin_blocks=self._bitcoin.block_count, evm_blocks=len(blocks))
        for judge in (mints.samples, supply.samples, payouts.samples):
            samples.update(judge)
        return LedgerStatement(
            bitcoin_height=self._bitcoin.height,
            evm_height=blocks[-1].number if blocks else -1,
            evm_hash=blocks[-1].hash if blocks else "",
            finalised_height=finalised,
            unjudged_evm_blocks=len(self._evm.blocks) - len(blocks),
            federation_sats=self._bitcoin.unspent_sats,
            deposited_sats=credited + pending + unclaimable,
            credited_sats=credited,
            pending_sats=pending,
            unclaimable_sats=unclaimable,
            paid_sats=payouts.paid_sats,
            supply_wei=supply.last.total_wei,
            spendable_wei=spendable,
            pegin_mints_wei=credited * SAT_WEI,
            fee_mints_wei=mints.fee_mints_gwei * GWEI_WEI,
            refund_mints_wei=refund_mints,
            base_fees_burnt_wei=supply.totals.base_fees_wei,
            tips_wei=supply.totals.tips_wei,
            owed_wei=owed,
            surplus_wei=held - spendable - owed - pending * SAT_WEI,
            surplus=self._surplus(unclaimable, mints, supply, payouts, requests),
            deposits=deposits,
            requests=requests,
            samples=dict(sorted(samples.items())),
        )

    def _deposit_line(self, deposit: Deposit, mints: MintJudge) -> DepositLine:
        credit = mints.credited.get(deposit.key)
        status = DepositStatus.PENDING
        if credit is not None:
            status = DepositStatus.CREDITED
        elif deposit.evm_address is None:
            status = DepositStatus.UNCLAIMABLE
        return DepositLine(
            key=deposit.key,
            sats=deposit.sats,
            extra_sats=deposit.extra_sats,
            evm_address=deposit.evm_address,
            status=status,
            confirmations=self._bitcoin.confirmations(deposit),
            minted_in=None if credit is None else credit[1],
        )

    def _surplus(
        self,
        unclaimable_sats: int,
        mints: MintJudge,
        supply: SupplyJudge,
        payouts: PayoutJudge,
        requests: Sequence[RequestLine],
    ) -> tuple[SurplusItem, ...]:
        paid_for = (RequestStatus.OWED, RequestStatus.SETTLED)
        remainders = sum(r.wei - r.sats * SAT_WEI for r in requests if r.status in paid_for)
        refund_floors = sum(r.wei % GWEI_WEI for r in mints.refunded.values())
        direct = supply.totals.direct_burns_wei + supply.totals.to_burn_address_wei
        items = {
            "deposits that nobody can claim": unclaimable_sats * SAT_WEI,
            "base fees burnt": supply.totals.base_fees_wei,
            "tips that the next AuxPoW mints": mints.pot_wei,
            "tips lost to floors": mints.floored_wei,
            "requested amounts below one sat": remainders,
            "refunds lost to floors": refund_floors,
            "sent to the burn address": direct,
            "ether of the genesis": -self._terms.genesis_wei,
            "dust change given to payees": -payouts.gift_sats * SAT_WEI,
            "fees of sweeps": -payouts.sweep_fee_sats * SAT_WEI,
        }
        return tuple(SurplusItem(name=name, wei=wei) for name, wei in items.items() if wei)

    def _balance(self, statement: LedgerStatement) -> list[Violation]:
        """The sums over the whole, after the single transactions were judged."""
        found: list[Violation] = []
        where = f"Bitcoin {statement.bitcoin_height}, EVM {statement.evm_height}"
        expected_sats = statement.deposited_sats - statement.paid_sats
        if statement.federation_sats != expected_sats:
            found.append(
                Violation(
                    Cause.FEDERATION_BALANCE_WRONG,
                    Equation.BITCOIN,
                    expected=f"{expected_sats} sats",
                    actual=f"{statement.federation_sats} sats",
                    culprit=where,
                )
            )
        explained = sum(item.wei for item in statement.surplus)
        items = {item.name: item.wei for item in statement.surplus}
        if statement.surplus_wei != explained:
            found.append(
                Violation(
                    Cause.UNEXPLAINED_WEI,
                    Equation.SOLVENCY,
                    expected=f"a surplus of {explained} wei",
                    actual=f"{statement.surplus_wei} wei",
                    culprit=where,
                    items=items,
                )
            )
        if statement.surplus_wei < 0:
            found.append(
                Violation(
                    Cause.INSOLVENT,
                    Equation.SOLVENCY,
                    expected="at least what is owed",
                    actual=f"{-statement.surplus_wei} wei less",
                    culprit=where,
                    items=items,
                )
            )
        return found


def _sats(lines: Sequence[DepositLine], status: DepositStatus) -> int:
    return sum(line.sats for line in lines if line.status is status)


def _request_line(request: Request, mints: MintJudge, payouts: PayoutJudge) -> RequestLine:
    settled = payouts.settled.get(request.key)
    if request.key in mints.refunded:
        status = RequestStatus.REFUNDED
    elif any(due.key == request.key for due in mints.refunds_due):
        status = RequestStatus.REFUND_DUE
    elif settled is not None and settled.confirmed:
        status = RequestStatus.SETTLED
    else:
        status = RequestStatus.OWED
    return RequestLine(
        key=request.key,
        caller=request.caller,
        wei=request.wei,
        sats=request.sats,
        status=status,
        txid=None if settled is None else settled.txid,
        output_sats=0 if settled is None else settled.output_sats,
        fee_share_sats=0 if settled is None else settled.fee_share_sats,
    )
