"""What the ledger says: causes, violations and the itemised statement. Data only.

Amounts carry their unit in the name: sats (Bitcoin), gwei (withdrawals, EIP-4895), wei (EVM). Every violation names a cause
for machines, the equation it breaks, both sides, and the transaction or block to look at.
"""

import enum
from collections.abc import Mapping

import msgspec

from alys.base.errors import AlysError, Inconclusive


class Equation(enum.StrEnum):
    """Which of the ledger's equations a violation belongs to."""

    BITCOIN = "bitcoin"
    PEG = "peg"
    EVM = "evm"
    SOLVENCY = "solvency"


class Cause(enum.StrEnum):
    """Why a ledger is red. The values are stable names for reports and scenarios."""

    # Bitcoin: what the federation holds
    FEDERATION_BALANCE_WRONG = "federation_balance_wrong"
    # Peg-in
    DOUBLE_MINT = "double_mint"
    MINT_BEFORE_CONFIRMATIONS = "mint_before_confirmations"
    MINT_WITHOUT_DEPOSIT = "mint_without_deposit"
    MINT_OF_UNCLAIMABLE = "mint_of_unclaimable_deposit"
    MINT_NOT_LISTED = "mint_not_listed"
    MINT_AMOUNT_WRONG = "mint_amount_wrong"
    MINT_MISSING = "mint_missing"
    DEPOSIT_REORGED = "deposit_reorged_after_mint"
    PEGIN_REFERENCE_WRONG = "pegin_reference_wrong"
    # Withdrawals that are no peg-in
    UNEXPLAINED_WITHDRAWAL = "unexplained_withdrawal"
    WITHDRAWALS_NOT_CANONICAL = "withdrawals_not_canonical"
    FEE_MINT_WRONG = "fee_mint_wrong"
    REFUND_MISSING = "refund_missing"
    REFUND_AMOUNT_WRONG = "refund_amount_wrong"
    DOUBLE_REFUND = "double_refund"
    REFUND_OF_PAYABLE = "refund_of_payable_request"
    CLAIM_MISSING = "consensus_block_missing"
    # Peg-out
    PAYOUT_WITHOUT_REQUEST = "payout_without_request"
    DOUBLE_PAYMENT = "double_payment"
    FEDERATION_BORE_FEE = "federation_bore_fee"
    PAYEES_SHORTED = "payees_shorted"
    PAYOUT_FEE_WRONG = "payout_fee_wrong"
    PAYOUT_SHARE_WRONG = "payout_share_wrong"
    PAYOUT_BEFORE_FINALITY = "payout_before_finality"
    FOREIGN_INPUT = "payout_foreign_input"
    TOO_FEW_SIGNATURES = "too_few_signatures"
    TOO_MANY_SIGNATURES = "too_many_signatures"
    BAD_SIGNATURE = "bad_signature"
    THRESHOLD_TOO_LOW = "threshold_too_low"
    # EVM
    SUPPLY_UNEXPLAINED = "evm_supply_unexplained"
    RECEIPTS_WRONG = "receipts_wrong"
    FEE_RECIPIENT_WRONG = "fee_recipient_wrong"
    BURN_ADDRESS_SHORT = "burn_address_short"
    FINALISED_BLOCK_REVERTED = "finalised_block_reverted"
    # Solvency
    INSOLVENT = "insolvent"
    UNEXPLAINED_WEI = "unexplained_wei"


class BrokenFeed(AlysError):
    """The ledger was fed with a gap or with blocks that do not link; the feeder's fault, not the chain's."""

    def __init__(self, chain: str, what: str) -> None:
        super().__init__(f"ledger feed of {chain}: {what}")
        self.chain = chain
        self.what = what


class Violation(AlysError):
    """One equation does not hold. ``culprit`` names the transaction (``txid``, ``txid:vout``, ``txhash:log``) or block."""

    def __init__(
        self,
        cause: Cause,
        equation: Equation,
        *,
        expected: object,
        actual: object,
        culprit: str,
        items: Mapping[str, int | str] | None = None,
    ) -> None:
        self.cause = cause
        self.equation = equation
        self.expected = expected
        self.actual = actual
        self.culprit = culprit
        self.items = dict(items or {})
        listed = "".join(f", {name} {value}" for name, value in self.items.items())
        super().__init__(
            f"{cause.value} ({equation.value} equation) by {culprit}: expected {expected}, found {actual}{listed}"
        )


class DepositStatus(enum.StrEnum):
    """Where a deposit stands; every deposit is exactly one of these."""

    CREDITED = "credited"
    PENDING = "pending"
    UNCLAIMABLE = "unclaimable"


class DepositLine(msgspec.Struct, frozen=True, kw_only=True):
    """One Bitcoin transaction that paid the federation without spending from it."""

    key: str
    """``txid:vout`` of the output that counts, the first to a federation script."""
    sats: int
    extra_sats: int
    """Further federation outputs of the same transaction; nobody can claim them."""
    evm_address: str | None
    status: DepositStatus
    confirmations: int
    minted_in: str | None
    """Hash of the EVM block that credited it."""


class RequestStatus(enum.StrEnum):
    """Where a RequestPegOut stands."""

    OWED = "owed"
    SETTLED = "settled"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class RequestLine(msgspec.Struct, frozen=True, kw_only=True):
    """One RequestPegOut event and what became of it."""

    key: str
    """``txhash:logindex``."""
    caller: str
    wei: int
    sats: int
    status: RequestStatus
    txid: str | None
    """The Bitcoin transaction that settled it."""
    output_sats: int
    fee_share_sats: int


class SurplusItem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why the federation holds more (or, negative, less) than it owes."""

    name: str
    wei: int


class LedgerStatement(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure of the ledger at one Bitcoin tip and one EVM block."""

    bitcoin_height: int
    evm_height: int
    evm_hash: str
    finalised_height: int
    unjudged_evm_blocks: int
    """EVM blocks on top whose consensus block was not fed yet; none of their figures are in here."""

    federation_sats: int
    deposited_sats: int
    credited_sats: int
    pending_sats: int
    unclaimable_sats: int
    paid_sats: int
    """Inputs minus change of all confirmed payouts."""

    supply_wei: int
    spendable_wei: int
    """The supply without the burn address."""
    pegin_mints_wei: int
    fee_mints_wei: int
    refund_mints_wei: int
    base_fees_burnt_wei: int
    tips_wei: int
    owed_wei: int
    surplus_wei: int
    surplus: tuple[SurplusItem, ...]
    deposits: tuple[DepositLine, ...]
    requests: tuple[RequestLine, ...]
    samples: dict[str, int]
    """How many things each check looked at; zero means that it proved nothing."""

    def require_samples(self, *names: str) -> None:
        """Raises Inconclusive naming the checks among ``names`` that saw nothing."""
        empty = [name for name in names if not self.samples.get(name)]
        if empty:
            raise Inconclusive(f"the ledger saw no {', '.join(empty)}: nothing was proven")
