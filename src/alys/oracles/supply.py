"""The ether there is, block by block: withdrawals create it, the base fee destroys it, nothing else moves the sum.

The burn address is followed beside it, as what lies there no longer stands for a deposit: tips, peg-out burns, and what
anybody sent there.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from alys.oracles.causes import Cause, Equation
from alys.oracles.evm_side import Balances, EvmBlock
from alys.oracles.statement import Violation
from alys.oracles.terms import BURN_ADDRESS, GWEI_WEI


class SupplyTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the judged blocks, in wei."""

    minted_wei: int = 0
    base_fees_wei: int = 0
    tips_wei: int = 0
    direct_burns_wei: int = 0
    requested_wei: int = 0
    """Burnt by peg-out requests."""
    to_burn_address_wei: int = 0
    """Withdrawals to the burn address itself."""

    def plus(self, block: EvmBlock) -> "SupplyTotals":
        """The sums with one more block."""
        return SupplyTotals(
            minted_wei=self.minted_wei + sum(gwei for _, gwei in block.withdrawals) * GWEI_WEI,
            base_fees_wei=self.base_fees_wei + block.base_fees_wei,
            tips_wei=self.tips_wei + block.tips_wei,
            direct_burns_wei=self.direct_burns_wei + block.direct_burns_wei,
            requested_wei=self.requested_wei + sum(request.wei for request in block.requests),
            to_burn_address_wei=self.to_burn_address_wei
            + sum(gwei for address, gwei in block.withdrawals if address == BURN_ADDRESS)
            * GWEI_WEI,
        )


class SupplyJudge:
    """Walks the blocks once, from the genesis on. The public attributes are its result."""

    def __init__(self, genesis_wei: int, genesis_number: int = 0) -> None:
        self.totals = SupplyTotals()
        self.last = Balances(total_wei=genesis_wei, burn_wei=0)
        """The balances after the last block that came with them."""
        self.violations: list[Violation] = []
        self.samples: Counter[str] = Counter()
        self._genesis_wei = genesis_wei
        self._genesis_number = genesis_number
        self._burn_at_genesis = 0

    def run(self, blocks: Sequence[EvmBlock]) -> None:
        """Judge the blocks; one that was fed without balances only adds to the sums."""
        for block in blocks:
            if block.number > self._genesis_number:
                self.totals = self.totals.plus(block)
            self.violations.extend(block.complaints)
            if block.balances is not None:
                self._judge(block, block.balances)

    def _judge(self, block: EvmBlock, found: Balances) -> None:
        if block.number == self._genesis_number:
            self._burn_at_genesis = found.burn_wei
        self.samples["supply"] += 1
        self.last = found
        totals = self.totals
        expected = self._genesis_wei + totals.minted_wei - totals.base_fees_wei
        if found.total_wei != expected:
            self._complain(Cause.SUPPLY_UNEXPLAINED, expected, found.total_wei, block)
        burnt = (
            self._burn_at_genesis
            + totals.tips_wei
            + totals.direct_burns_wei
            + totals.requested_wei
            + totals.to_burn_address_wei
        )
        if found.burn_wei < burnt:
            self._complain(Cause.BURN_ADDRESS_SHORT, burnt, found.burn_wei, block)

    def _complain(self, cause: Cause, expected: int, actual: int, block: EvmBlock) -> None:
        self.violations.append(
            Violation(
                cause,
                Equation.EVM,
                expected=f"{expected} wei",
                actual=f"{actual} wei",
                culprit=block.hash,
                items={"difference": f"{actual - expected} wei"},
            )
        )
