"""What a block without opcodes refuses; that the rest is as in the specification is shown in ``test_light``."""

from typing import Any

import pytest

from alys.models.ethereum.light_run import LightRun
from alys.models.ethereum.light_state import LightAccount, LightState
from alys.models.ethereum.run import InvalidPayload
from alys.wire.ethereum import BRIDGE_ADDRESS
from tests.models.ethereum.builders import ETHER, PAYEE, USER, decoded

CONTRACT = b"\x66" * 20


def run(gas_limit: int = 30_000_000) -> LightRun:
    accounts = {
        USER: LightAccount(balance=10 * ETHER),
        CONTRACT: LightAccount(code=b"\0"),
    }
    before = LightState({}, {}).changed(accounts)
    return LightRun(before, coinbase=PAYEE, gas_limit=gas_limit, base_fee=10**9)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"to": None, "gas": 100_000}, "it makes a contract"),
        ({"to": bytes(19) + b"\4"}, "precompiled"),
        ({"to": CONTRACT}, "not the bridge"),
        ({"to": BRIDGE_ADDRESS, "data": bytes.fromhex("9911dc74")}, "canonical"),
    ],
)
def test_what_takes_opcodes_is_refused_with_the_way_out(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidPayload, match=rf"transaction 0: .*{why}.*world\.profile to full"):
        run().apply(decoded(**changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"nonce": 1}, "nonce too high"),
        ({"gas": 20_999}, "(?i)gas"),
        ({"gas": 60_000}, "gas used exceeds limit"),
        ({"value": 10 * ETHER}, "insufficient"),
        ({"max_fee": 10**9 - 1, "max_tip": 0}, "MaxFee"),
        ({"max_tip": 4 * 10**9}, "priority fee"),
    ],
)
def test_a_refusal_leaves_nothing_behind(changes: dict[str, Any], why: str) -> None:
    made = run(gas_limit=50_000)
    with pytest.raises(InvalidPayload, match=why):
        made.apply(decoded(**changes))
    assert made.gas_left() == 50_000
    assert made.finish(()) is not None
    assert made.included == []
    assert made.receipts == []


def test_a_nonce_that_was_used_is_refused() -> None:
    made = run()
    made.apply(decoded())
    with pytest.raises(InvalidPayload, match="transaction 1: nonce too low"):
        made.apply(decoded(value=2))
