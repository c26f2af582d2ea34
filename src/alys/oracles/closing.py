"""Closing the books: what the judges found, put together into one statement, and its sums held against each other.

Every deposit and every request is in exactly one class at every moment, so the sums must hold whatever is under way.
"""

from collections import Counter
from collections.abc import Sequence

from alys.oracles.bitcoin_side import BitcoinSide, Deposit
from alys.oracles.causes import Cause, Equation
from alys.oracles.evm_side import EvmBlock, Request
from alys.oracles.handover import Holders
from alys.oracles.losses import incident_of
from alys.oracles.mints import MintJudge
from alys.oracles.payouts import PayoutJudge
from alys.oracles.progress import Progress
from alys.oracles.statement import (
    DepositLine,
    DepositStatus,
    LedgerStatement,
    RequestLine,
    RequestStatus,
    Stage,
    SurplusItem,
    Violation,
)
from alys.oracles.supply import SupplyJudge
from alys.oracles.terms import GWEI_WEI, SAT_WEI, Terms

CHECKS = (
    "auxpow_blocks",
    "bitcoin_blocks",
    "confirmations",
    "deposits",
    "evm_blocks",
    "fee_mints",
    "fee_shares",
    "finality",
    "handovers",
    "mints",
    "payout_fees",
    "payout_finality",
    "payouts",
    "refunds",
    "requests",
    "signatures",
    "supply",
    "sweeps",
    "withdrawals",
)
"""Everything that is counted; a statement lists them all, so that a check that saw nothing shows."""


class Closing:
    """The judges must have run; this only adds up."""

    def __init__(
        self,
        terms: Terms,
        bitcoin: BitcoinSide,
        blocks: Sequence[EvmBlock],
        progress: Progress,
        *,
        mints: MintJudge,
        supply: SupplyJudge,
        payouts: PayoutJudge,
        holders: Holders,
    ) -> None:
        self._holders = holders
        self._terms = terms
        self._bitcoin = bitcoin
        self._blocks = blocks
        self._progress = progress
        self._mints = mints
        self._supply = supply
        self._payouts = payouts
        self._refunds_due = frozenset(request.key for request in mints.refunds_due)

    def statement(self, *, unjudged: int) -> LedgerStatement:
        """Every figure; ``unjudged``: how many EVM blocks wait for their consensus block."""
        deposits = tuple(self._deposit_line(deposit) for deposit in self._bitcoin.deposits())
        requests = tuple(
            self._request_line(request) for block in self._blocks for request in block.requests
        )
        credited = _sats(deposits, DepositStatus.CREDITED)
        pending = _sats(deposits, DepositStatus.PENDING)
        unclaimable = _sats(deposits, DepositStatus.UNCLAIMABLE)
        unclaimable += sum(line.extra_sats for line in deposits)
        refunds = sum(r.wei // GWEI_WEI for r in self._mints.refunded.values()) * GWEI_WEI
        owed = sum(line.sats for line in requests if line.status is RequestStatus.OWED) * SAT_WEI
        owed += sum(line.wei for line in requests if line.status is RequestStatus.REFUND_DUE)
        lost = sum(deposit.sats for deposit in self._mints.lost.values())
        spendable = self._supply.last.total_wei - self._supply.last.burn_wei
        held = self._bitcoin.unspent_sats * SAT_WEI
        return LedgerStatement(
            bitcoin_height=self._bitcoin.height,
            evm_height=self._blocks[-1].number if self._blocks else -1,
            evm_hash=self._blocks[-1].hash if self._blocks else "",
            finalised_height=self._progress.finalised_height,
            unjudged_evm_blocks=unjudged,
            federation_sats=self._bitcoin.unspent_sats,
            deposited_sats=credited + pending + unclaimable,
            credited_sats=credited,
            pending_sats=pending,
            unclaimable_sats=unclaimable,
            paid_sats=self._payouts.paid_sats,
            supply_wei=self._supply.last.total_wei,
            spendable_wei=spendable,
            pegin_mints_wei=(credited + lost) * SAT_WEI,
            fee_mints_wei=self._mints.fee_mints_gwei * GWEI_WEI,
            refund_mints_wei=refunds,
            base_fees_burnt_wei=self._supply.totals.base_fees_wei,
            tips_wei=self._supply.totals.tips_wei,
            owed_wei=owed,
            surplus_wei=held - spendable - owed - pending * SAT_WEI,
            surplus=self._surplus(unclaimable, lost, requests),
            lost_sats=lost,
            incidents=tuple(
                incident_of(deposit, self._mints.credited[key][1])
                for key, deposit in self._mints.lost.items()
            ),
            deposits=deposits,
            requests=requests,
            samples=self._samples(len(deposits), len(requests)),
        )

    def imbalances(self, statement: LedgerStatement) -> list[Violation]:
        """The sums over the whole, after the single transactions were judged."""
        found: list[Violation] = []
        where = f"Bitcoin {statement.bitcoin_height}, EVM {statement.evm_height}"
        items = {item.name: f"{item.wei} wei" for item in statement.surplus}
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
        if statement.surplus_wei != explained:
            found.append(
                Violation(
                    Cause.UNEXPLAINED_WEI,
                    Equation.SOLVENCY,
                    expected=f"a surplus of {explained} wei",
                    actual=f"{statement.surplus_wei} wei",
                    culprit=where,
                    items={
                        "unexplained": f"{statement.surplus_wei - explained} wei",
                        **items,
                    },
                )
            )
        # What a reorganisation took is an incident. What a sweep cost is the federation's to pay back out of its fees; until
        # then the peg may be short of that.
        excused = statement.lost_sats * SAT_WEI + self._mints.owed_gwei * GWEI_WEI
        if statement.surplus_wei + excused < 0:
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

    def _samples(self, deposits: int, requests: int) -> dict[str, int]:
        samples = Counter(dict.fromkeys(CHECKS, 0))
        samples.update(deposits=deposits, requests=requests)
        samples.update(handovers=self._holders.handovers)
        samples.update(bitcoin_blocks=self._bitcoin.block_count, evm_blocks=len(self._blocks))
        for judge in (self._mints, self._supply, self._payouts):
            samples.update(judge.samples)
        return dict(samples)

    def _deposit_line(self, deposit: Deposit) -> DepositLine:
        credit = self._mints.credited.get(deposit.key)
        status = DepositStatus.PENDING
        if credit is not None:
            status = DepositStatus.CREDITED
        elif deposit.evm_address is None or self._holders.over(
            deposit.script, self._blocks[-1].number + 1 if self._blocks else 0
        ):
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

    def _request_line(self, request: Request) -> RequestLine:
        settled = self._payouts.settled.get(request.key)
        stage, txid = self._progress.stage(request, self._payouts.settled)
        status = RequestStatus.SETTLED if stage is Stage.CONFIRMED else RequestStatus.OWED
        if request.key in self._mints.refunded:
            status = RequestStatus.REFUNDED
        elif request.key in self._refunds_due:
            status = RequestStatus.REFUND_DUE
        if status in (RequestStatus.REFUNDED, RequestStatus.REFUND_DUE):
            stage, txid = Stage.NOT_PAID, None
        return RequestLine(
            key=request.key,
            caller=request.caller,
            wei=request.wei,
            sats=request.sats,
            status=status,
            stage=stage,
            txid=txid,
            output_sats=0 if settled is None else settled.output_sats,
            fee_share_sats=0 if settled is None else settled.fee_share_sats,
        )

    def _surplus(
        self, unclaimable_sats: int, lost_sats: int, requests: Sequence[RequestLine]
    ) -> tuple[SurplusItem, ...]:
        paid_for = (RequestStatus.OWED, RequestStatus.SETTLED)
        remainders = sum(r.wei - r.sats * SAT_WEI for r in requests if r.status in paid_for)
        refund_floors = sum(r.wei % GWEI_WEI for r in self._mints.refunded.values())
        totals = self._supply.totals
        items = {
            "deposits that nobody can claim": unclaimable_sats * SAT_WEI,
            "deposits that a reorganisation took": -lost_sats * SAT_WEI,
            "base fees burnt": totals.base_fees_wei,
            "tips that the next AuxPoW mints": self._mints.pot_wei,
            "tips lost to floors": self._mints.floored_wei,
            "fees that the federation left for sweeps": self._mints.kept_wei,
            "requested amounts below one sat": remainders,
            "refunds lost to floors": refund_floors,
            "sent to the burn address": totals.direct_burns_wei + totals.to_burn_address_wei,
            "ether of the genesis": -self._terms.genesis_wei,
            "dust change given to payees": -self._payouts.gift_sats * SAT_WEI,
            "fees of sweeps": -self._payouts.sweep_fee_sats * SAT_WEI,
        }
        return tuple(SurplusItem(name=name, wei=wei) for name, wei in items.items() if wei)


def _sats(lines: Sequence[DepositLine], status: DepositStatus) -> int:
    return sum(line.sats for line in lines if line.status is status)
