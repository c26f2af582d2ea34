"""Burns: which can be paid, and what goes back for those that cannot."""

from typing import Any

import pytest

from alys.base.units import Gwei, Sats
from alys.chain import burns
from alys.chain.burns import PayoutRequest
from alys.chain.peg import Refund, RefundReason
from alys.wire.ethereum import PegOutEvent
from tests.chain.chains import BOB, PAYEE, PAYEE_ADDRESS, SPEC, burn

OWN = SPEC.federation.script_pubkey


def judged(event: PegOutEvent) -> PayoutRequest | Refund:
    return burns.judge(
        event,
        network="regtest",
        minimum_sats=SPEC.pegout_minimum_sats,
        maximum_sats=SPEC.pegout_maximum_sats,
        federation_scripts=(OWN,),
    )


def test_a_good_request_is_paid_in_whole_sats() -> None:
    """What is below one sat stays burnt; a refund would give back all but what is below one gwei."""
    assert judged(burn(1, 2_000_000, wei=9_999_999_999)) == PayoutRequest(
        script=PAYEE,
        sats=Sats(2_000_000),
        gwei=Gwei(20_000_009),
        caller=BOB,
        address=PAYEE_ADDRESS,
        tx_hash=f"0x{1:064x}",
        log_index=0,
    )


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"address": "junk"}, RefundReason.UNPARSABLE_ADDRESS),
        ({"address": ""}, RefundReason.UNPARSABLE_ADDRESS),
        ({"address": PAYEE_ADDRESS + " "}, RefundReason.UNPARSABLE_ADDRESS),
        (
            {"address": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
            RefundReason.UNPARSABLE_ADDRESS,
        ),
        ({"address": "regtest\N{COMBINING ACUTE ACCENT}"}, RefundReason.UNPARSABLE_ADDRESS),
        ({"address": SPEC.federation.address("regtest")}, RefundReason.FEDERATION_ADDRESS),
        ({"sats": 999_999, "wei": 9_999_999_999}, RefundReason.BELOW_MINIMUM),
        ({"sats": 1_000_000_001}, RefundReason.ABOVE_MAXIMUM),
    ],
)
def test_what_cannot_be_paid_goes_back_to_the_caller(
    wishes: dict[str, Any], reason: RefundReason
) -> None:
    event = burn(7, **wishes)
    assert judged(event) == Refund(
        request=f"0x{7:064x}:0", address=BOB, gwei=Gwei(event.wei // 10**9), reason=reason
    )


def test_the_minimum_itself_is_enough() -> None:
    assert isinstance(judged(burn(1, 1_000_000)), PayoutRequest)


def test_a_request_can_be_refunded_later_by_the_same_name() -> None:
    event = burn(3, wei=1)
    request = judged(event)
    assert isinstance(request, PayoutRequest)
    late = request.refund(RefundReason.INSUFFICIENT_FUNDS)
    assert late == burns.refund_of(event, RefundReason.INSUFFICIENT_FUNDS)
    assert late.request == request.key
