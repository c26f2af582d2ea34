"""Calls that change nothing, with bytecode written by hand."""

from typing import Any

import pytest

from alys.models.ethereum.simulate import Call, CallFailed, OutOfGas, Simulator
from tests.models.ethereum.builders import ETHER, PAYEE, USER, block_of, make_node, mined

RETURNS_PARENT_HASH = bytes.fromhex("600143034060005260206000f3")
"""return blockhash(number - 1), as the code of a new contract."""
WANTS_100000_GAS_LEFT = bytes.fromhex("620186a05a11600c575f5ffd5b00")
"""if (gas() > 100000) stop, else revert with nothing."""
REASON = (
    bytes.fromhex("08c379a0")
    + (32).to_bytes(32, "big")
    + (2).to_bytes(32, "big")
    + b"no".ljust(32, b"\0")
)
REVERTS_WITH_REASON = bytes.fromhex("6064600c60003960646000fd") + REASON
LOOPS_FOR_EVER = bytes.fromhex("5b600056")
STORES = bytes.fromhex("600160015500")


def simulator(blocks: int = 0) -> Simulator:
    node = make_node()
    head = node.tree.head
    for _ in range(blocks):
        head = block_of(node, mined(node))
    parent = node.tree.get(head.parent_hash)
    return Simulator(head, 121212, [] if parent is None else node.tree.hashes_before(parent))


def call(**changes: Any) -> Call:
    fields = {"sender": USER, "to": None, "data": b"", "value": 0, "gas": 30_000_000}
    return Call(**{**fields, **changes})


def test_a_contract_can_be_created_by_an_account_without_history() -> None:
    result = simulator().run(call(sender=b"\x99" * 20, data=bytes.fromhex("6001600c5360206000f3")))
    assert len(result.output) == 32


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_a_call_sees_the_hash_of_the_block_before(blocks: int) -> None:
    node = make_node()
    head = [mined(node) for _ in range(blocks)][-1]
    made = simulator(blocks)
    assert "0x" + made.run(call(data=RETURNS_PARENT_HASH)).output.hex() == head["parentHash"]


def test_a_revert_gives_its_data_and_its_reason() -> None:
    with pytest.raises(CallFailed) as failed:
        simulator().run(call(data=REVERTS_WITH_REASON))
    assert (failed.value.reason, failed.value.output) == ("execution reverted: no", REASON)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xfe", "invalid opcode"),
        (b"\x01", "stack underflow"),
        (bytes.fromhex("600056"), "invalid jump destination"),
        (bytes.fromhex("60ef60005360016000f3"), "must not begin with 0xef"),
    ],
)
def test_other_ends_have_geths_words_and_no_data(data: bytes, words: str) -> None:
    with pytest.raises(CallFailed, match=words) as failed:
        simulator().run(call(data=data))
    assert failed.value.output is None
    assert not isinstance(failed.value, OutOfGas)


def test_gas_runs_out_and_ether_may_be_missing() -> None:
    with pytest.raises(OutOfGas, match="out of gas"):
        simulator().run(call(data=LOOPS_FOR_EVER, gas=100_000))
    with pytest.raises(OutOfGas, match="intrinsic gas too low: have 20999, want 21000"):
        simulator().run(call(to=PAYEE, gas=20_999))
    with pytest.raises(CallFailed, match="insufficient funds for gas \\* price"):
        simulator().run(call(to=PAYEE, value=11 * ETHER))


def test_a_call_leaves_the_state_as_it_was() -> None:
    node = make_node()
    head = node.tree.head
    before = list(head.state.accounts())
    made = Simulator(head, 121212, [])
    for data in (STORES, RETURNS_PARENT_HASH):
        first = made.run(call(data=data, value=1))
        assert made.run(call(data=data, value=1)) == first
    assert list(head.state.accounts()) == before


@pytest.mark.parametrize(
    "wanted",
    [
        call(to=PAYEE, value=1),
        call(to=PAYEE, data=b"\0\1"),
        call(data=STORES),
        call(data=WANTS_100000_GAS_LEFT),
        call(data=RETURNS_PARENT_HASH),
    ],
    ids=["transfer", "data", "store", "gas hungry", "create"],
)
def test_the_estimate_is_the_least_limit_that_suffices(wanted: Call) -> None:
    made = simulator(1)
    least = made.estimate(wanted)
    fields = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    made.run(Call(**{**fields, "gas": least}))
    with pytest.raises(CallFailed):
        made.run(Call(**{**fields, "gas": least - 1}))


def test_a_plain_transfer_is_estimated_at_21000_and_less_does_not_do() -> None:
    made = simulator()
    assert made.estimate(call(to=PAYEE, value=1)) == 21_000
    assert made.estimate(call(to=PAYEE, value=1, gas=21_000)) == 21_000
    with pytest.raises(OutOfGas, match=r"gas required exceeds allowance \(20999\)"):
        made.estimate(call(to=PAYEE, gas=20_999))
    with pytest.raises(CallFailed, match="execution reverted") as failed:
        made.estimate(call(data=WANTS_100000_GAS_LEFT, gas=100_000))
    assert failed.value.output == b""
