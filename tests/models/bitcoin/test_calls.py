"""How parameters reach a call, and bitcoind's words when they do not fit."""

from typing import Any

import pytest

from alys.models.bitcoin import calls
from alys.models.bitcoin.calls import Call
from alys.models.bitcoin.state import NodeState
from alys.wire.jsonrpc import Params, RpcError
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import Clock

NODE = NodeState(Clock())


def show(
    node: NodeState,
    name: str,
    count: int,
    verbosity: int | bool = 1,
    rate: float | str = "0.1",
    items: list[Any] | None = None,
) -> tuple[Any, ...]:
    """Gives back what arrived."""
    assert node is NODE
    return name, count, verbosity, rate, items


CALL = Call("show", show)


def refusal(params: Params) -> tuple[int, str]:
    with pytest.raises(RpcError) as refused:
        CALL(NODE, params)
    return refused.value.code, refused.value.message


@pytest.mark.parametrize(
    ("params", "arrived"),
    [
        (["a", 1], ("a", 1, 1, "0.1", None)),
        (["a", 1, None, None, [2]], ("a", 1, 1, "0.1", [2])),
        (["a", 1, True, 0.5], ("a", 1, True, 0.5, None)),
        (["a", 1, 2, 3], ("a", 1, 2, 3, None)),
        ({"name": "a", "count": 1}, ("a", 1, 1, "0.1", None)),
        ({"count": 1, "items": [], "name": "a"}, ("a", 1, 1, "0.1", [])),
        ({"args": ["a", 1], "rate": "2"}, ("a", 1, 1, "2", None)),
        ({"args": ["a"], "count": 5}, ("a", 5, 1, "0.1", None)),
        ({"name": "a", "count": 1, "verbose": False}, ("a", 1, False, "0.1", None)),
    ],
)
def test_parameters_arrive_by_position_and_by_name(
    params: Params, arrived: tuple[Any, ...]
) -> None:
    assert CALL(NODE, params) == arrived


@pytest.mark.parametrize("params", [[], ["a"], ["a", 1, 1, "1", [], 6], {}])
def test_too_few_and_too_many_are_answered_with_the_usage(params: Params) -> None:
    assert refusal(params) == (-1, "show name count ( verbosity rate items )")


def test_every_wrong_type_is_told_with_its_position() -> None:
    assert refusal([1, "2", 1, [], {}]) == (
        -3,
        "Wrong type passed:\n{\n"
        '    "Position 1 (name)": "JSON value of type number is not of expected type string",\n'
        '    "Position 2 (count)": "JSON value of type string is not of expected type number",\n'
        '    "Position 4 (rate)": "JSON value of type array is not of expected type number",\n'
        '    "Position 5 (items)": "JSON value of type object is not of expected type null"\n}',
    )


def test_a_number_that_may_be_a_bool_is_complained_of_alone() -> None:
    told = "JSON value of type string is not of expected type number"
    assert refusal(["a", 1, "2"]) == (-3, told)


def test_a_required_parameter_is_not_null_and_a_bool_is_no_number() -> None:
    for value, kind in ((None, "null"), (True, "bool")):
        code, message = refusal(["a", value])
        assert code == -3
        assert f"JSON value of type {kind} is not of expected type number" in message


def test_a_fraction_is_no_integer() -> None:
    assert refusal(["a", 1.5]) == (-1, "JSON integer out of range")


def test_unknown_and_doubled_names_are_refused() -> None:
    assert refusal({"nome": "a"}) == (-8, "Unknown named parameter nome")
    told = "Parameter name specified twice both as positional and named argument"
    assert refusal({"args": ["a"], "name": "b"}) == (-8, told)
    told = "Parameter verbose specified multiple times"
    assert refusal({"name": "b", "verbosity": 1, "verbose": 1}) == (-8, told)


def test_a_table_has_each_function_under_its_own_name() -> None:
    (name, call), *others = calls.table(show).items()
    assert (name, call.name, others) == ("show", "show", [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("ab", "txid must be of length 64 (not 2, for 'ab')"),
        ("zz" * 32, f"txid must be hexadecimal string (not '{'zz' * 32}')"),
        (" " * 64, f"txid must be hexadecimal string (not '{' ' * 64}')"),
    ],
)
def test_a_hash_that_is_none(value: str, message: str) -> None:
    with pytest.raises(RpcError) as refused:
        calls.hash_of(value, "txid")
    assert (refused.value.code, refused.value.message) == (-8, message)
    assert calls.hash_of("AB" * 32, "txid") == "ab" * 32


def test_a_transaction_that_is_none() -> None:
    for value in ("", "zz", "00", "02000000000000"):
        with pytest.raises(RpcError) as refused:
            calls.transaction_of(value)
        assert refused.value.code == -22
        told = "TX decode failed. Make sure the tx has at least one input."
        assert refused.value.message == told
    tx = builders.payment(builders.coinbase_at(builders.make_node(1), 1))
    assert calls.transaction_of(tx.serialize().hex()) == tx


def test_an_address_that_is_none() -> None:
    assert calls.address_script(builders.ADDRESS) == builders.SCRIPT
    with pytest.raises(RpcError) as refused:
        calls.address_script("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    assert (refused.value.code, refused.value.message) == (-5, "Error: Invalid address")


@pytest.mark.parametrize("value", ["x", -0.1, 21_000_001, "0.123456789", True, None, []])
def test_an_amount_that_is_none(value: object) -> None:
    assert calls.money_of("0.10") == calls.money_of(0.1) == 10_000_000
    with pytest.raises(RpcError) as refused:
        calls.money_of(value)
    assert refused.value.code == -3
