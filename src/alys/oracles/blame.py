"""Which lie fits a wrong withdrawal best: an amount that is not due is compared with everything it could be a repetition of."""

from collections.abc import Mapping, Sequence

import msgspec

from alys.oracles.bitcoin_side import Deposit
from alys.oracles.causes import Cause, Equation
from alys.oracles.evm_side import EvmBlock, Request
from alys.oracles.statement import Violation
from alys.oracles.terms import GWEI_WEI, SAT_GWEI


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a withdrawal."""

    kind: str
    """``pegin``, ``fee`` or ``refund``."""
    culprit: str
    """The deposit, request or block that it stands for."""
    gwei: int


class Blame:
    """Knows what was deposited, credited and refunded; the mappings are the judge's own and grow while it walks."""

    def __init__(
        self,
        deposits: Mapping[str, Deposit],
        credited: Mapping[str, tuple[Deposit, str]],
        refunded: Mapping[str, Request],
    ) -> None:
        self._deposits = deposits
        self._credited = credited
        self._refunded = refunded

    def name(
        self,
        block: EvmBlock,
        address: str,
        due: Sequence[Part],
        found: int,
        batch: Sequence[Request],
    ) -> Violation:
        """The violation for an address that got ``found`` gwei instead of the parts due; ``batch``: the open requests."""
        expected = sum(part.gwei for part in due)
        cause, culprit = self._stranger(block, address, found - expected, batch)
        if cause is Cause.UNEXPLAINED_WITHDRAWAL and due:
            part = _suspect(due, expected - found)
            cause, culprit = _WRONG[part.kind, expected - found == part.gwei], part.culprit
        parts = {f"{part.kind} {part.culprit}": f"{part.gwei} gwei" for part in due}
        return Violation(
            cause,
            Equation.PEG,
            expected=f"{expected} gwei",
            actual=f"{found} gwei",
            culprit=culprit,
            items={"address": address, "block": block.hash, **parts},
        )

    def _stranger(
        self, block: EvmBlock, address: str, excess: int, batch: Sequence[Request]
    ) -> tuple[Cause, str]:
        """What an excess is, if its amount gives it away: something minted, refunded or deposited but not due here."""
        for key, (deposit, _) in self._credited.items():
            if deposit.evm_address == address and deposit.sats * SAT_GWEI == excess:
                return Cause.DOUBLE_MINT, key
        for deposit in self._deposits.values():
            if deposit.evm_address == address and deposit.sats * SAT_GWEI == excess:
                return Cause.MINT_NOT_LISTED, deposit.key
        for key, request in self._refunded.items():
            if request.caller == address and request.wei // GWEI_WEI == excess:
                return Cause.DOUBLE_REFUND, key
        for request in batch:
            if request.caller == address and request.wei // GWEI_WEI == excess:
                return Cause.REFUND_OF_PAYABLE, request.key
        return Cause.UNEXPLAINED_WITHDRAWAL, f"{address} in {block.hash}"


_WRONG = {
    ("pegin", True): Cause.MINT_MISSING,
    ("pegin", False): Cause.MINT_AMOUNT_WRONG,
    ("refund", True): Cause.REFUND_MISSING,
    ("refund", False): Cause.REFUND_AMOUNT_WRONG,
    ("fee", True): Cause.FEE_MINT_WRONG,
    ("fee", False): Cause.FEE_MINT_WRONG,
}


def _suspect(due: Sequence[Part], missing: int) -> Part:
    """The part that is missing as a whole, else the peg-in before the refund before the fee."""
    whole = [part for part in due if part.gwei == missing]
    order = ("pegin", "refund", "fee")
    return min(whole or due, key=lambda part: order.index(part.kind))
