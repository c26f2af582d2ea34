"""What the ledger says: violations and the itemised statement. Data only.

Amounts carry their unit in the name: sats (Bitcoin), gwei (withdrawals, EIP-4895), wei (EVM). Every violation names a cause
for machines and in plain words, the equation it breaks, both sides, and the transaction or block to look at.
"""

import enum
from collections.abc import Mapping

import msgspec

from alys.base.errors import AlysError, Inconclusive
from alys.oracles.causes import MEANING
from alys.oracles.causes import Cause as Cause
from alys.oracles.causes import Equation as Equation


class BrokenFeed(AlysError):
    """The ledger was fed with a gap or with blocks that do not link; the feeder's fault, not the chain's."""

    def __init__(self, chain: str, what: str) -> None:
        super().__init__(f"ledger feed of {chain}: {what}")
        self.chain = chain
        self.what = what


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A violation as data, for reports."""

    cause: Cause
    equation: Equation
    meaning: str
    """The cause in plain words."""
    expected: str
    actual: str
    culprit: str
    items: dict[str, int | str]


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
            f"{cause.value}: {MEANING[cause]} ({equation.value} equation), "
            f"culprit {culprit}: expected {expected}, found {actual}{listed}"
        )

    @property
    def finding(self) -> Finding:
        """The same without being an exception."""
        return Finding(
            cause=self.cause,
            equation=self.equation,
            meaning=MEANING[self.cause],
            expected=str(self.expected),
            actual=str(self.actual),
            culprit=self.culprit,
            items=self.items,
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


class Stage(enum.StrEnum):
    """How far the payment of a request has come, as the chains show it."""

    WAITING = "waiting"
    """No block proposes it yet."""
    PROPOSED = "proposed"
    FINALISED = "finalised"
    """An AuxPoW covers the proposal; it may be signed."""
    SIGNED = "signed"
    """A block lists it with its signatures, and Bitcoin has not been seen to have it."""
    IN_MEMPOOL = "in_mempool"
    CONFIRMED = "confirmed"
    NOT_PAID = "not_paid"
    """It is refunded instead."""


class RequestLine(msgspec.Struct, frozen=True, kw_only=True):
    """One RequestPegOut event and what became of it."""

    key: str
    """``txhash:logindex``."""
    caller: str
    wei: int
    sats: int
    status: RequestStatus
    stage: Stage
    txid: str | None
    """The Bitcoin transaction that settles it, once there is a proposal."""
    output_sats: int
    fee_share_sats: int


class SurplusItem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why the federation holds more (or, negative, less) than it owes."""

    name: str
    wei: int


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went wrong outside, and explains a shortfall to the satoshi."""

    kind: str
    txid: str
    """The Bitcoin transaction to look at."""
    key: str
    """``txid:vout``."""
    sats: int
    """How much the federation is short."""
    meaning: str


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
    """How many things each check looked at; all checks are listed, and zero means that it proved nothing."""
    lost_sats: int = 0
    """Credited deposits that Bitcoin's best chain does not have any more; ``incidents`` has each."""
    incidents: tuple[Incident, ...] = ()
    """What happened outside and explains a shortfall; no violation."""
    violations: tuple[Finding, ...] = ()
    """All that is wrong; the first is the cause to name."""

    def require_samples(self, *names: str) -> None:
        """Raises Inconclusive naming the checks among ``names`` that saw nothing."""
        empty = [name for name in names if not self.samples.get(name)]
        if empty:
            raise Inconclusive(f"the ledger saw no {', '.join(empty)}: nothing was proven")
