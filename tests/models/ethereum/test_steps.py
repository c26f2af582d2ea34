"""A simulated call ends after so many opcodes, whatever gas it has."""

from typing import Any

import pytest
from ethereum.trace import OpStart, discard_evm_trace, set_evm_trace

from alys.models.ethereum import steps
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum import builders

FOR_EVER = "0x5b600056"
"""JUMPDEST, PUSH1 0, JUMP."""


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_a_program_without_an_end_is_ended_in_geths_words(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "STEPS_MAX", 1_000)
    node = builders.make_node()
    with pytest.raises(RpcError) as refused:
        node.handle(method, [{"data": FOR_EVER}])
    assert refused.value.code == -32000
    assert refused.value.message == "execution aborted (timeout = 5s)"
    assert node.handle("eth_call", [{"data": "0x600160005360016000f3"}]) == "0x01"


def test_steps_are_counted_to_the_last() -> None:
    seen: list[Any] = []
    outer = set_evm_trace(lambda evm, event: seen.append(event))
    try:
        with steps.limited(2):
            ask = set_evm_trace(discard_evm_trace)
            set_evm_trace(ask)
            event = OpStart(op=None)  # type: ignore[arg-type]
            ask(None, event)
            ask(None, event)
            with pytest.raises(steps.TooManySteps):
                ask(None, event)
        assert seen == [event] * 3
        ask = set_evm_trace(outer)
        assert ask is not outer
    finally:
        set_evm_trace(outer)


@pytest.mark.parametrize(
    ("contract", "data"),
    [("08", "00" * 192 * 13), ("09", f"{100_001:08x}" + "00" * 208 + "01")],
    ids=["pairings", "rounds of BLAKE2"],
)
def test_slow_contracts_count_for_what_they_take(contract: str, data: str) -> None:
    call = {"to": "0x" + "00" * 19 + contract, "data": "0x" + data}
    with pytest.raises(RpcError, match="execution aborted"):
        builders.make_node().handle("eth_call", [call])


def test_few_rounds_are_done() -> None:
    data = f"0x{12:08x}" + "00" * 208 + "01"
    call = {"to": "0x" + "00" * 19 + "09", "data": data}
    assert len(builders.make_node().handle("eth_call", [call])) == 2 + 128
