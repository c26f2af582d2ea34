"""The development chain's constants, and what no specification may say."""

from typing import Any

import msgspec
import pytest

from alys.chain.spec import dev_federation, dev_spec

G1_GENERATOR = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
)
"""The public key of secret 1, and so the development key of upstream."""


def test_the_development_chain_is_the_one_that_was_agreed() -> None:
    spec = dev_spec(bytes(32))
    assert (spec.chain_id, spec.aux_chain_id) == (121_212, 0xD97C)
    assert (spec.slot_duration_ms, spec.required_confirmations) == (2_000, 6)
    assert (spec.max_blocks_without_pow, spec.bits) == (5, 0x207FFFFF)
    assert (spec.fee_rate_sat_vb, spec.pegout_minimum_sats) == (2, 1_000_000)
    assert spec.network == "regtest"
    assert spec.authorities[0] == G1_GENERATOR
    assert len(set(spec.authorities)) == len(set(spec.federation_fee_addresses)) == 3
    assert spec.quorum == 2


def test_two_of_three_hold_the_deposits() -> None:
    assert dev_federation().threshold == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"aux_chain_id": 1 << 16}, "aux_chain_id 65536 does not fit in 16 bits"),
        ({"aux_chain_id": -1}, "aux_chain_id"),
        ({"authorities": ()}, "0 authorities"),
        ({"authorities": (G1_GENERATOR,) * 16}, "16 authorities"),
        ({"federation_fee_addresses": ()}, "federation_fee_addresses"),
        ({"slot_duration_ms": 0}, "slot_duration_ms"),
        ({"required_confirmations": 0}, "required_confirmations"),
        ({"max_blocks_without_pow": -1}, "max_blocks_without_pow"),
    ],
)
def test_an_impossible_specification_is_refused_by_name(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        msgspec.structs.replace(dev_spec(bytes(32)), **changes)
