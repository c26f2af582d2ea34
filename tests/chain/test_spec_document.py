"""A specification travels as JSON, and a wrong one is told with the place that is wrong."""

import json
from typing import Any

import pytest

from alys.chain import spec_document
from alys.chain.spec import dev_spec
from alys.chain.spec_document import BadSpec

SPEC = dev_spec(bytes(range(32)), bitcoin_start_height=110)


def document(**changes: Any) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(json.dumps(spec_document.write(SPEC)))
    return written | changes


def test_what_is_written_is_read_again() -> None:
    assert spec_document.read(document()) == SPEC
    assert document()["bits"] == "207fffff"
    assert document()["genesis_execution_hash"].startswith("0x000102")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"slot_duration_ms": "fast"}, r"slot_duration_ms"),
        ({"slot_duration_ms": 0}, "slot_duration_ms must be positive"),
        ({"authorities": ["00"]}, "authorities: 1 bytes, not 48"),
        ({"authorities": []}, "0 authorities"),
        ({"genesis_execution_hash": "0x12"}, "genesis_execution_hash: 1 bytes, not 32"),
        ({"bits": "xyz"}, r"bits"),
        ({"federation": {"keys": ["11" * 32], "threshold": 2}}, "threshold 2 of 1 keys"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_one_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSpec, match=named):
        spec_document.read(document(**changes))


def test_a_missing_key_is_named() -> None:
    rest = document()
    del rest["network"]
    with pytest.raises(BadSpec, match="network"):
        spec_document.read(rest)
