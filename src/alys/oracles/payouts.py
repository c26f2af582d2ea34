"""Every satoshi that left the federation explained: which requests a payout settles, and at whose cost.

A payout pays requests in event order and returns the change. The requests bear the whole fee, so the federation loses
exactly what was asked for: inputs - change = the sum of the whole sats burnt. A payout is matched to requests by its output
scripts; the txid of a proposal only helps to choose between equal ones.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from alys.oracles import signatures
from alys.oracles.bitcoin_side import BitcoinSide, Spend
from alys.oracles.causes import Cause, Equation
from alys.oracles.evm_side import Request
from alys.oracles.handover import Holders
from alys.oracles.progress import Progress, Settlement
from alys.oracles.statement import Violation
from alys.oracles.terms import DUST_SATS, Terms
from alys.wire.bitcoin import TxOut


class PayoutJudge:
    """Walks the federation's spends once, in chain order. The public attributes are its result."""

    def __init__(
        self,
        terms: Terms,
        bitcoin: BitcoinSide,
        requests: Sequence[Request],
        progress: Progress,
        holders: Holders,
        witness_counts: dict[str, tuple[signatures.WitnessCount, ...]],
    ) -> None:
        self._terms = terms
        self._bitcoin = bitcoin
        self._proposals = progress.proposals
        self._sweeps = progress.sweeps
        self._progress = progress
        self._finalised_height = progress.finalised_height
        self._holders = holders
        self._witness_counts = witness_counts
        self._payable = [request for request in requests if request.script is not None]
        self._batches: dict[int, list[Request]] = {}
        for request in self._payable:
            self._batches.setdefault(request.block_number, []).append(request)
        self.settled: dict[str, Settlement] = {}
        self.paid_sats = 0
        """Inputs minus change of confirmed spends."""
        self.gift_sats = 0
        """Dust change that went to payees, in confirmed payouts."""
        self.sweep_fee_sats = 0
        self.violations: list[Violation] = []
        self.samples: Counter[str] = Counter()

    def run(self, spends: Sequence[Spend]) -> None:
        """Judge the spends; those with height 0 wait in the memory pool and move no money yet."""
        for spend in spends:
            self._judge(spend)

    def _judge(self, spend: Spend) -> None:
        self.samples["payouts"] += 1
        self._check_signatures(spend)
        if self._is_sweep(spend):
            self._count_sweep(spend)
            return
        payees, change, chosen = self._match(spend)
        cost = spend.input_sats - change
        if spend.height:
            self.paid_sats += cost
        if chosen is None:
            return
        taken = [request for request in chosen if request.key in self.settled]
        if taken:
            first = self.settled[taken[0].key].txid
            self._complain(
                spend,
                Cause.DOUBLE_PAYMENT,
                "one payment",
                "a second",
                request=taken[0].key,
                first=first,
            )
            return
        gift = self._check_cost(spend, change, cost, chosen)
        burden = self._check_fee(spend) - gift
        self._check_shares(spend, payees, chosen, burden)
        self._check_finality(spend, chosen)
        for output, request in zip(payees, chosen, strict=True):
            self.settled[request.key] = Settlement(
                txid=spend.tx.txid,
                confirmed=spend.height > 0,
                output_sats=output.value,
                fee_share_sats=request.sats - output.value,
            )

    def _is_sweep(self, spend: Spend) -> bool:
        """Outputs of former federations moved to a later one, whole."""
        spent = [prevout.script for prevout in spend.prevouts if prevout is not None]
        outputs = [output.script for output in spend.tx.outputs]
        whole = len(spent) == len(spend.prevouts) and len(outputs) == 1
        return whole and self._holders.moves_on(spent, outputs[0])

    def _count_sweep(self, spend: Spend) -> None:
        self.samples["sweeps"] += 1
        proposed = self._sweeps.get(spend.tx.txid)
        known = proposed is not None and proposed <= self._finalised_height
        if self._holders.handovers and not known:
            self._complain(
                spend,
                Cause.SWEEP_BEFORE_FINALITY,
                f"a proposal up to {self._finalised_height}",
                "none" if proposed is None else proposed,
            )
        if spend.height:
            fee = spend.input_sats - sum(output.value for output in spend.tx.outputs)
            self.paid_sats += fee
            self.sweep_fee_sats += fee

    def _match(self, spend: Spend) -> tuple[Sequence[TxOut], int, list[Request] | None]:
        """Payees, change and the requests they stand for; None after a complaint."""
        outputs = spend.tx.outputs
        has_change = bool(outputs) and self._bitcoin.is_federation(outputs[-1].script)
        change = outputs[-1].value if has_change else 0
        payees = outputs[:-1] if has_change else outputs
        batch = self._batch_like(spend, payees, spend.input_sats - change)
        return payees, change, batch or self._one_by_one(spend, payees)

    def _batch_like(self, spend: Spend, payees: Sequence[TxOut], cost: int) -> list[Request] | None:
        """One block's requests with these scripts: proposed by this txid, else unpaid and equal in sum, else unpaid.

        A prefix will do, as the last requests of a batch may have been refunded for want of funds.
        """
        scripts = [output.script for output in payees]
        if not scripts:
            return None
        prefixes = [batch[: len(scripts)] for batch in self._batches.values()]
        fitting = [batch for batch in prefixes if [r.script for r in batch] == scripts]
        proposed = self._proposals.get(spend.tx.txid)

        def rank(batch: list[Request]) -> tuple[bool, bool, bool]:
            paid = any(request.key in self.settled for request in batch)
            unequal = sum(request.sats for request in batch) != cost
            return batch[0].block_number != proposed, paid, unequal

        return min(fitting, key=rank, default=None)

    def _one_by_one(self, spend: Spend, payees: Sequence[TxOut]) -> list[Request] | None:
        """For each output the first unpaid request with its script, else a paid one; None after a complaint."""
        chosen: list[Request] = []
        for output in payees:
            alike = [r for r in self._payable if r.script == output.script and r not in chosen]
            if not alike:
                self._complain(
                    spend,
                    Cause.PAYOUT_WITHOUT_REQUEST,
                    "a RequestPegOut",
                    f"{output.value} sats to {output.script.hex()}",
                )
                return None
            chosen.append(min(alike, key=lambda request: request.key in self.settled))
        if not chosen:
            cost = sum(out.value for out in spend.tx.outputs)
            self._complain(spend, Cause.PAYOUT_WITHOUT_REQUEST, "a payee", f"{cost} sats, no payee")
            return None
        return chosen

    def _check_cost(self, spend: Spend, change: int, cost: int, chosen: Sequence[Request]) -> int:
        """Inputs minus change is the sum requested; returns the dust that went to the payees instead of change."""
        requested = sum(request.sats for request in chosen)
        excess = cost - requested
        if change == 0 and 0 < excess <= DUST_SATS:
            if spend.height:
                self.gift_sats += excess
            return excess
        if excess:
            cause = Cause.FEDERATION_BORE_FEE if excess > 0 else Cause.PAYEES_SHORTED
            fee = spend.input_sats - sum(output.value for output in spend.tx.outputs)
            self._complain(spend, cause, f"{requested} sats", f"{cost} sats", fee=f"{fee} sats")
        return 0

    def _check_fee(self, spend: Spend) -> int:
        """The rate that its block names, within bounds, times the virtual size as signed; returns the fee that was paid."""
        least, most = self._terms.fee_rate_sat_vb, self._terms.fee_rate_max_sat_vb
        rate = self._progress.rates.get(spend.tx.txid, least)
        if not least <= rate <= most:
            self._complain(
                spend, Cause.PAYOUT_FEE_WRONG, f"{least} to {most} sat/vB", f"{rate} sat/vB"
            )
        fee = spend.input_sats - sum(output.value for output in spend.tx.outputs)
        due = -(-spend.tx.weight // 4) * rate
        self.samples["payout_fees"] += 1
        if fee != due:
            self._complain(spend, Cause.PAYOUT_FEE_WRONG, f"{due} sats", f"{fee} sats")
        return fee

    def _check_shares(
        self,
        spend: Spend,
        payees: Sequence[TxOut],
        chosen: Sequence[Request],
        burden: int,
    ) -> None:
        """Output plus fee share is the amount requested; equal shares, and the first output takes the rest."""
        shares = [r.sats - output.value for output, r in zip(payees, chosen, strict=True)]
        self.samples["fee_shares"] += len(shares)
        floor = burden // len(shares)
        others = set(shares[1:])
        equal = len(others) <= 1 and others <= {floor, -(-burden // len(shares))}
        if sum(shares) != burden or not equal:
            self._complain(
                spend,
                Cause.PAYOUT_SHARE_WRONG,
                f"{burden} sats in {len(shares)} equal shares",
                ", ".join(str(share) for share in shares),
            )

    def _check_finality(self, spend: Spend, chosen: Sequence[Request]) -> None:
        """A payout is signed after the proposal, one block above the request, is final; another version after its own block is."""
        self.samples["payout_finality"] += 1
        answered = max(request.block_number for request in chosen) + 1
        proposed = max(answered, self._progress.proposed_in.get(spend.tx.txid, 0))
        if proposed > self._finalised_height:
            self._complain(
                spend,
                Cause.PAYOUT_BEFORE_FINALITY,
                f"finality up to {proposed}",
                self._finalised_height,
            )

    def _check_signatures(self, spend: Spend) -> None:
        prevouts = [prevout for prevout in spend.prevouts if prevout is not None]
        if len(prevouts) != len(spend.tx.inputs):
            self._complain(spend, Cause.FOREIGN_INPUT, len(spend.tx.inputs), len(prevouts))
            return
        for index, counted in enumerate(self._counts(spend, prevouts)):
            self.samples["signatures"] += counted.valid
            for cause, expected, actual in _signature_faults(counted):
                self._complain(spend, cause, expected, actual, input=str(index))

    def _counts(
        self, spend: Spend, prevouts: Sequence[TxOut]
    ) -> tuple[signatures.WitnessCount, ...]:
        """Verified once per transaction and witness, as this is the dear part."""
        key = spend.tx.wtxid
        if key not in self._witness_counts:
            self._witness_counts[key] = tuple(
                signatures.count(spend.tx, index, prevouts) for index in range(len(prevouts))
            )
        return self._witness_counts[key]

    def _complain(
        self, spend: Spend, cause: Cause, expected: object, actual: object, **items: str
    ) -> None:
        equation = Equation.BITCOIN if cause in _BITCOIN_CAUSES else Equation.PEG
        self.violations.append(
            Violation(
                cause,
                equation,
                expected=expected,
                actual=actual,
                culprit=spend.tx.txid,
                items=items,
            )
        )


_BITCOIN_CAUSES = frozenset(
    {
        Cause.FOREIGN_INPUT,
        Cause.TOO_FEW_SIGNATURES,
        Cause.TOO_MANY_SIGNATURES,
        Cause.BAD_SIGNATURE,
        Cause.THRESHOLD_TOO_LOW,
        Cause.PAYOUT_WITHOUT_REQUEST,
        Cause.SWEEP_BEFORE_FINALITY,
    }
)


def _signature_faults(
    counted: signatures.WitnessCount,
) -> Iterator[tuple[Cause, object, object]]:
    """Exactly the threshold must have signed: more would change the weight and so the fee."""
    if counted.invalid:
        yield Cause.BAD_SIGNATURE, "valid or empty", f"{counted.invalid} that do not verify"
    if counted.valid < max(counted.required, 1):
        yield Cause.TOO_FEW_SIGNATURES, max(counted.required, 1), counted.valid
    if counted.keys and counted.valid > counted.required:
        yield Cause.TOO_MANY_SIGNATURES, counted.required, counted.valid
    if counted.keys and counted.leaf_threshold < counted.required:
        yield Cause.THRESHOLD_TOO_LOW, counted.required, counted.leaf_threshold
