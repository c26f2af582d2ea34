"""Which requirements an oracle's finding is about, whatever a scenario was looking at when it came."""

from alys.oracles.blocks import BlockFault, Flaw
from alys.oracles.causes import Cause
from alys.oracles.statement import Violation
from alys.report.conformance import LEDGER

_BY_CAUSE = {
    Cause.DOUBLE_MINT: "pegin.once",
    Cause.MINT_BEFORE_CONFIRMATIONS: "pegin.depth",
    Cause.MINT_AMOUNT_WRONG: "pegin.exact",
    Cause.DEPOSIT_REORGED: "reorg.forgotten",
    Cause.REFUND_MISSING: "pegout.refund",
    Cause.REFUND_AMOUNT_WRONG: "pegout.refund",
    Cause.DOUBLE_REFUND: "pegout.refund",
    Cause.FEDERATION_BORE_FEE: "pegout.cost",
    Cause.PAYEES_SHORTED: "pegout.cost",
    Cause.PAYOUT_FEE_WRONG: "pegout.cost",
    Cause.PAYOUT_SHARE_WRONG: "pegout.cost",
    Cause.TOO_FEW_SIGNATURES: "pegout.signatures",
    Cause.TOO_MANY_SIGNATURES: "pegout.signatures",
    Cause.BAD_SIGNATURE: "pegout.signatures",
    Cause.THRESHOLD_TOO_LOW: "pegout.signatures",
    Cause.FEE_RECIPIENT_WRONG: "blocks.fees",
}
_BY_FLAW = {Flaw.WORK_OVERDUE: "blocks.work_due"}


def of(error: BaseException) -> frozenset[str]:
    """Keys of ``report.conformance``; none for an error that is no oracle's."""
    match error:
        case Violation():
            return frozenset({LEDGER, _BY_CAUSE.get(error.cause, LEDGER)})
        case BlockFault():
            return frozenset({_BY_FLAW.get(error.flaw, "blocks.approved")})
        case _:
            return frozenset()
