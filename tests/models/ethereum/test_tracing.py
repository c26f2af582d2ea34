"""Steps and calls as the EVM takes them, in geth's shapes."""

from typing import Any

import pytest
from ethereum import trace as eels_trace

from alys.models.ethereum import tracing
from alys.models.ethereum.forks import Fork, rules_of
from alys.models.ethereum.simulate import Call, Simulator
from alys.models.ethereum.tracing import (
    CallTracer,
    StepOptions,
    StepTracer,
    Tracer,
    TraceTooLong,
    heard_by,
)
from alys.wire.ethereum import to_data
from tests.models.ethereum.development import ALICE, DevNode

HERE = b"\x77" * 20
OTHER = b"\x66" * 20
RULES = rules_of(Fork.SHANGHAI)


def traced(tracer: Tracer, code: str, gas: int = 100_000, **others: str) -> Any:
    """The trace of a call to ``code``; ``other`` is a second contract's."""
    node = DevNode()
    node.ask("anvil_setCode", to_data(HERE), "0x" + code)
    node.ask("anvil_setCode", to_data(OTHER), "0x" + others.get("other", ""))
    simulator = Simulator(node.tree.head, 121212, [])
    call = Call(sender=ALICE, to=HERE, data=b"\xaa", value=3, gas=gas)
    with heard_by(tracer):
        evm = simulator.executed(call)
    return tracer.result(simulator.gas_used(call, evm))


def steps(code: str, gas: int = 100_000, other: str = "", **options: Any) -> Any:
    return traced(StepTracer(RULES, StepOptions(**options)), code, gas, other=other)


def call_to(address: bytes, kind: str = "f1", gas: str = "61ffff") -> str:
    """Code that calls with no data and 1 wei, and drops the outcome; for kinds without a value leave it out."""
    value = "6001" if kind in ("f1", "f2") else ""
    return f"5f5f5f5f{value}73{address.hex()}{gas}{kind}50"


def test_each_instruction_is_a_step_with_what_it_found() -> None:
    told = steps("6001600201" + "5f52" + "60205ff3")
    assert [(s["pc"], s["op"], s["gasCost"]) for s in told["structLogs"]] == [
        (0, "PUSH1", 3),
        (2, "PUSH1", 3),
        (4, "ADD", 3),
        (5, "PUSH0", 2),
        (6, "MSTORE", 6),
        (7, "PUSH1", 3),
        (9, "PUSH0", 2),
        (10, "RETURN", 0),
    ]
    assert told["structLogs"][2]["stack"] == ["0x1", "0x2"]
    assert {step["depth"] for step in told["structLogs"]} == {1}
    gas = [step["gas"] for step in told["structLogs"]]
    costs = [step["gasCost"] for step in told["structLogs"]]
    assert all(gas[n] - costs[n] == gas[n + 1] for n in range(len(gas) - 1))
    assert (told["failed"], int(told["returnValue"], 16)) == (False, 3)
    assert told["gas"] == 100_000 - gas[-1]


def test_code_that_ends_without_a_word_stops() -> None:
    told = steps("6001")["structLogs"]
    assert [(step["pc"], step["op"], step["gasCost"]) for step in told] == [
        (0, "PUSH1", 3),
        (2, "STOP", 0),
    ]
    assert [step["op"] for step in steps("600100")["structLogs"]] == ["PUSH1", "STOP"]
    assert steps("")["structLogs"] == []


def test_storage_shows_the_slots_touched_so_far() -> None:
    told = steps("600760015560015450" + "60025450")["structLogs"]
    one, two, seven = (f"{n:064x}" for n in (1, 2, 7))
    seen = [step["storage"] for step in told if "storage" in step]
    assert seen == [{one: seven}, {one: seven}, {one: seven, two: f"{0:064x}"}]
    assert not any("storage" in step for step in steps("60015450", storage=False)["structLogs"])


def test_stack_and_memory_are_shown_as_asked() -> None:
    assert "stack" not in steps("6001", stack=False)["structLogs"][0]
    assert "memory" not in steps("6001")["structLogs"][0]
    told = steps("60015f5200", memory=True)["structLogs"]
    assert told[-1]["memory"] == [f"{1:064x}"]
    assert len(steps("600160016001", limit=2)["structLogs"]) == 2


def test_a_call_costs_what_it_gives_away_and_its_steps_are_deeper() -> None:
    told = steps(call_to(OTHER, "fa") + "00", other="60015f5260205ff3", return_data=True)
    logs = told["structLogs"]
    (call,) = [step for step in logs if step["op"] == "STATICCALL"]
    inner = [step for step in logs if step["depth"] == 2]
    assert call["gasCost"] == 2600 + inner[0]["gas"]
    assert [step["op"] for step in inner][-1] == "RETURN"
    (after,) = [step for step in logs if step["op"] == "POP"]
    assert int(after["returnData"], 16) == 1


@pytest.mark.parametrize(
    ("code", "gas", "op", "error"),
    [
        ("01", 100_000, "ADD", "stack underflow"),
        ("6000565b", 100_000, "JUMP", "invalid jump destination"),
        ("fe", 100_000, "opcode 0xfe not defined", "invalid opcode"),
        ("5b5f56", 21_200, None, "out of gas"),
    ],
)
def test_the_step_that_fails_says_why(code: str, gas: int, op: str | None, error: str) -> None:
    told = steps(code, gas)
    last = told["structLogs"][-1]
    assert error in last["error"]
    assert op is None or last["op"] == op
    assert (told["failed"], told["returnValue"], told["gas"]) == (True, "0x", gas)


def test_a_revert_gives_back_its_data_and_is_no_error_of_a_step() -> None:
    told = steps("602a5f5260205ffd")
    assert (told["failed"], int(told["returnValue"], 16)) == (True, 42)
    assert "error" not in told["structLogs"][-1]


def test_a_trace_that_would_never_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "STEPS_MAX", 50)
    with pytest.raises(TraceTooLong, match="more than 50 steps"):
        steps("5b5f56")
    assert eels_trace._evm_trace is eels_trace.discard_evm_trace


def test_calls_are_nested_with_who_gave_what_to_whom() -> None:
    told = traced(CallTracer(100_000), call_to(OTHER) + "00", other="60015f5260205ff3")
    assert told["type"] == "CALL"
    assert (told["from"], told["to"]) == (to_data(ALICE), to_data(HERE))
    assert (told["input"], told["value"], told["gas"]) == ("0xaa", "0x3", hex(100_000))
    assert "output" not in told
    (inner,) = told["calls"]
    assert (inner["from"], inner["to"], inner["value"]) == (to_data(HERE), to_data(OTHER), "0x1")
    assert int(inner["output"], 16) == 1
    assert int(inner["gasUsed"], 16) == 3 + 2 + 6 + 3 + 2
    assert int(inner["gas"], 16) == 0xFFFF + 2300


@pytest.mark.parametrize(
    ("code", "kind", "value", "to"),
    [
        ("f1", "CALL", "0x1", OTHER),
        ("f2", "CALLCODE", "0x1", OTHER),
        ("f4", "DELEGATECALL", "0x3", OTHER),
        ("fa", "STATICCALL", None, OTHER),
    ],
)
def test_each_kind_of_call_is_named(code: str, kind: str, value: str | None, to: bytes) -> None:
    (inner,) = traced(CallTracer(100_000), call_to(OTHER, code) + "00", other="00")["calls"]
    assert (inner["type"], inner.get("value"), inner["to"]) == (kind, value, to_data(to))
    assert inner["from"] == to_data(HERE)


def test_precompiles_and_plain_accounts_are_calls_too() -> None:
    code = call_to((4).to_bytes(20, "big"), "fa") + call_to(b"\x01" * 20) + "00"
    told = traced(CallTracer(100_000), code)
    assert [one["to"] for one in told["calls"]] == ["0x" + "00" * 19 + "04", "0x" + "01" * 20]


def test_creations_are_calls_whose_input_is_their_code() -> None:
    code = "6460015ff300" + "5f52" + "60056" + "01b" + "5ff0" + "00"
    told = traced(CallTracer(100_000), code)
    (inner,) = told["calls"]
    assert (inner["type"], inner["input"]) == ("CREATE", "0x60015ff300")
    assert inner["output"] == "0x00"
    assert len(inner["to"]) == 42


def test_failed_calls_say_why_and_their_logs_never_were() -> None:
    log = "5f5fa0"
    tracer = CallTracer(100_000, logs=True)
    told = traced(tracer, log + call_to(OTHER) + log + "00", other=log + "fe")
    assert [(one["position"], one["index"]) for one in told["logs"]] == [
        ("0x0", "0x0"),
        ("0x1", "0x2"),
    ]
    (inner,) = told["calls"]
    assert inner["error"] == "invalid opcode"
    assert "logs" not in inner
    assert inner["gasUsed"] == inner["gas"]


def test_a_reason_to_revert_is_read() -> None:
    text = b"no such thing"
    words = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big")
    data = words + text.ljust(32, b"\0")
    code = f"60{len(data):02x}600b5f39" + f"60{len(data):02x}5ffd" + "00" + data.hex()
    assert bytes.fromhex(code)[11:] == data
    told = traced(CallTracer(100_000), code)
    assert (told["error"], told["revertReason"]) == ("execution reverted", "no such thing")
    assert told["output"] == to_data(data)


def test_logs_come_with_topics_and_data() -> None:
    tracer = CallTracer(100_000, logs=True)
    told = traced(tracer, "602a5f52" + "6007" + "6020" + "5f" + "a100")
    (log,) = told["logs"]
    assert (log["topics"], log["data"]) == ([f"0x{7:064x}"], f"0x{42:064x}")
    assert log["address"] == to_data(HERE)


def test_only_the_top_is_shown_when_only_it_is_wanted() -> None:
    assert "calls" not in traced(CallTracer(100_000, top_only=True), call_to(OTHER) + "00")
