"""A specification travels as JSON, and a wrong one is told with the place that is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.chain import spec_document
from alys.chain.spec import dev_spec
from alys.chain.spec_document import BadSpec
from tests.chain.chains import RETARGETING

SPEC = dev_spec(bytes(range(32)), bitcoin_start_height=110)
PAGE = Path(__file__).parents[2] / "docs/reference/chain-spec.md"


def document(**changes: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(spec_document.write(SPEC)))
    return written | changes


def without(key: str) -> dict[str, Any]:
    rest = document()
    del rest[key]
    return rest


def test_what_is_written_is_read_again() -> None:
    assert spec_document.read(document()) == SPEC
    assert spec_document.read(spec_document.write(RETARGETING)) == RETARGETING
    assert document()["bits"] == 0x207FFFFF
    assert document()["genesisExecutionHash"].startswith("0x000102")


def test_keys_are_those_of_the_field() -> None:
    """As upstream's chain.json has them; what it has no key for is ours."""
    upstream = {
        "slotDuration": 2000,
        "chainId": 121212,
        "maxBlocksWithoutPow": 5,
        "bitcoinStartHeight": 110,
        "requiredBtcTxnConfirmations": 6,
        "retargetParams": {
            "powLimit": 553713663,
            "powLowerLimit": 439495319,
            "powTargetTimespan": 60,
            "powTargetSpacing": 5,
            "powNoRetargeting": True,
            "maxPowAdjustment": 20,
        },
    }
    assert {key: document()[key] for key in upstream} == upstream
    known = spec_document.read(document(isValidator=True, executionTimeoutLength=3))
    assert known == SPEC


def test_what_follows_from_the_rest_may_be_left_out() -> None:
    assert spec_document.read(without("auxChainId")).aux_chain_id == 121212 % 65536
    assert spec_document.read(without("federationThreshold")).federation.threshold == 2


def test_federation_keys_may_stand_in_either_form() -> None:
    keys = [key.hex() for key in SPEC.federation.keys]
    for form in (keys, ["03" + key for key in keys], ["0x02" + key for key in keys]):
        assert spec_document.read(document(federationBitcoinPubkeys=form)) == SPEC


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"slotDuration": "fast"}, r"slotDuration"),
        ({"slotDuration": 0}, "slot_duration_ms must be positive"),
        ({"authorities": ["00"]}, "authorities: 1 bytes, not 48"),
        ({"authorities": []}, "0 authorities"),
        ({"federation": ["0x12"]}, "federation: 1 bytes, not 20"),
        ({"federationBitcoinPubkeys": ["04" + "11" * 32]}, "federationBitcoinPubkeys: 33 bytes"),
        ({"federationThreshold": 4}, "threshold 4 of 3 keys"),
        ({"genesisExecutionHash": "0x12"}, "genesisExecutionHash: 1 bytes, not 32"),
        ({"bits": "207fffff"}, r"bits"),
        ({"bits": 1}, "bits 00000001 are beyond the limits"),
        ({"network": "moon"}, "network"),
        ({"isValidator": False}, "isValidator"),
        ({"colour": "red"}, "colour"),
        ({"slot_duration_ms": 2000}, "slot_duration_ms"),
    ],
)
def test_a_wrong_one_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        spec_document.read(document(**changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"powTargetSpacing": 0}, "target_spacing 0"),
        ({"powNoRetargeting": "no"}, "powNoRetargeting"),
        ({"powColour": 1}, "powColour"),
    ],
)
def test_wrong_retargeting_is_named(changes: dict[str, Any], named: str) -> None:
    moves = document()["retargetParams"] | changes
    with pytest.raises(BadSpec, match=named):
        spec_document.read(document(retargetParams=moves))


@pytest.mark.parametrize("key", ["network", "retargetParams", "genesisExecutionHash"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(BadSpec, match=key):
        spec_document.read(without(key))


def test_the_page_has_every_key_and_no_other() -> None:
    named = re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    top = {field.encode_name for field in msgspec.structs.fields(spec_document.Document)}
    moves = {f"retargetParams.{key}" for key in document()["retargetParams"]}
    assert sorted(named) == sorted((top - {"retargetParams"}) | moves)
