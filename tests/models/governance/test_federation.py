"""The federation's scripts and addresses, against fixed vectors."""

import pytest

from alys.models.governance.federation import MEMBERS_MAX, BadFederation, Federation
from alys.wire import bitcoin


def keys(count: int) -> list[bytes]:
    return [bitcoin.xonly_of(secret.to_bytes(32, "big")) for secret in range(1, count + 1)]


@pytest.mark.parametrize(
    ("members", "threshold", "address"),
    [
        (1, 1, "bcrt1p3srvwkq5kyzlxqls43x97ch2vpcp4j278nk8jjuzcgt8k40ttr9s4vj934"),
        (3, 2, "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"),
        (5, 4, "bcrt1pkre8c6qxy4lm28x5n8ay2z8p9z5l6ya2yevy0hlyz809nlvsyw3sj0jqp2"),
    ],
    ids=["one", "three", "five"],
)
def test_the_deposit_address_is_the_known_one(members: int, threshold: int, address: str) -> None:
    assert Federation.of(keys(members), threshold).address("regtest") == address


def test_the_leaf_script_names_each_key_in_order_and_then_the_threshold() -> None:
    first, second, third = keys(3)
    expected = (
        b"\x20" + first + b"\xac" + b"\x20" + second + b"\xba" + b"\x20" + third + b"\xba\x52\xa2"
    )
    assert Federation.of([first, second, third], 2).leaf_script() == expected


def test_the_order_of_keys_changes_the_output() -> None:
    forward = Federation.of(keys(3), 2).output_script()
    backward = Federation.of(keys(3)[::-1], 2).output_script()
    assert forward != backward


@pytest.mark.parametrize(
    ("members", "threshold", "word"),
    [
        ([], 1, "keys"),
        (keys(MEMBERS_MAX + 1), 1, "keys"),
        ([b"\x02" + keys(1)[0]], 1, "x-only"),
        (keys(1) * 2, 1, "twice"),
        (keys(3), 0, "threshold"),
        (keys(3), 4, "threshold"),
    ],
    ids=["none", "too-many", "33-bytes", "repeated", "zero", "above"],
)
def test_what_is_no_federation_is_refused_by_rule(
    members: list[bytes], threshold: int, word: str
) -> None:
    with pytest.raises(BadFederation) as caught:
        Federation.of(members, threshold)
    assert word in caught.value.rule
