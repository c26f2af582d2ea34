"""A wrong withdrawal gets the name that fits it, the culprit to look at, and all that was due to the address."""

import pytest

from alys.oracles.bitcoin_side import Deposit
from alys.oracles.blame import Blame, Part
from alys.oracles.causes import Cause
from alys.oracles.evm_side import EvmBlock, Request
from tests.oracles.builders import ALICE, BOB

BLOCK = EvmBlock(
    number=7,
    hash="0xb7",
    parent="0xb6",
    base_fees_wei=0,
    tips_wei=0,
    direct_burns_wei=0,
    withdrawals=(),
    requests=(),
    balances=None,
    complaints=(),
)


def deposit(name: str, sats: int) -> Deposit:
    return Deposit(
        txid=name,
        vout=0,
        sats=sats,
        extra_sats=0,
        evm_address=ALICE,
        height=1,
        block_hash="bb",
    )


def asked(key: str, gwei: int) -> Request:
    return Request(
        key=key, block_number=5, caller=ALICE, wei=gwei * 10**9, sats=gwei // 10, script=b"\x00"
    )


CREDITED, KNOWN = deposit("credited", 100), deposit("known", 200)
REFUNDED, OPEN = asked("refunded:0", 3000), asked("open:0", 4000)
BLAME = Blame(
    {"credited": CREDITED, "known": KNOWN},
    {CREDITED.key: (CREDITED, "0xb1")},
    {REFUNDED.key: REFUNDED},
)
PEGIN = Part(kind="pegin", culprit="new:0", gwei=50_000)
REFUND = Part(kind="refund", culprit="due:0", gwei=600)
FEE = Part(kind="fee", culprit="AuxPoW in 0xb7", gwei=7)


@pytest.mark.parametrize(
    ("due", "found", "cause", "culprit"),
    [
        ([], 1000, Cause.DOUBLE_MINT, "credited:0"),
        ([PEGIN], 51_000, Cause.DOUBLE_MINT, "credited:0"),
        ([], 2000, Cause.MINT_NOT_LISTED, "known:0"),
        ([], 3000, Cause.DOUBLE_REFUND, "refunded:0"),
        ([], 4000, Cause.REFUND_OF_PAYABLE, "open:0"),
        ([], 1, Cause.UNEXPLAINED_WITHDRAWAL, f"{ALICE} in 0xb7"),
        ([PEGIN], 5000, Cause.MINT_AMOUNT_WRONG, "new:0"),
        ([PEGIN], 0, Cause.MINT_MISSING, "new:0"),
        ([REFUND], 0, Cause.REFUND_MISSING, "due:0"),
        ([REFUND], 599, Cause.REFUND_AMOUNT_WRONG, "due:0"),
        ([FEE], 8, Cause.FEE_MINT_WRONG, "AuxPoW in 0xb7"),
        ([FEE], 0, Cause.FEE_MINT_WRONG, "AuxPoW in 0xb7"),
        ([FEE, REFUND, PEGIN], 50_007, Cause.REFUND_MISSING, "due:0"),
        ([FEE, REFUND, PEGIN], 50_608, Cause.MINT_AMOUNT_WRONG, "new:0"),
    ],
)
def test_the_cause_fits(due: list[Part], found: int, cause: Cause, culprit: str) -> None:
    violation = BLAME.name(BLOCK, ALICE, due, found, [OPEN])
    assert (violation.cause, violation.culprit) == (cause, culprit)
    assert violation.actual == f"{found} gwei"
    assert violation.expected == f"{sum(part.gwei for part in due)} gwei"


def test_an_amount_that_is_somebody_elses_explains_nothing() -> None:
    violation = BLAME.name(BLOCK, BOB, [], 1000, [OPEN])
    assert violation.cause is Cause.UNEXPLAINED_WITHDRAWAL


def test_what_was_due_is_listed_part_by_part() -> None:
    violation = BLAME.name(BLOCK, ALICE, [FEE, PEGIN], 1, [])
    assert violation.items == {
        "address": ALICE,
        "block": "0xb7",
        "fee AuxPoW in 0xb7": "7 gwei",
        "pegin new:0": "50000 gwei",
    }
