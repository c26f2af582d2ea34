"""What the EVM did, step by step or call by call, in geth's shapes: from the events that the specification emits (EIP-3155).

A tracer is called with the EVM at work and what happens to it. A frame has no event of its own for its end; but the EVM
object stays, so what became of it is read when all is over.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec
from ethereum import trace as eels_trace

from alys.base.errors import AlysError
from alys.models.ethereum.forks import Rules
from alys.models.ethereum.simulate import failure_words, revert_reason
from alys.wire.ethereum import to_data, to_quantity

STEPS_MAX = 200_000
"""A trace of more steps is given up: it would take hundreds of megabytes."""

_GETH_NAMES = {"KECCAK": "KECCAK256"}


class TraceTooLong(AlysError):
    """More steps than ``STEPS_MAX``."""


class Tracer(Protocol):
    """Hears what the EVM does, and tells what it made of it."""

    def __call__(self, evm: Any, event: eels_trace.TraceEvent) -> None:
        """Something happened."""
        ...

    def result(self, gas_used: int) -> dict[str, Any]:
        """The trace of a transaction that paid for so much gas."""
        ...


@contextlib.contextmanager
def heard_by(tracer: Tracer) -> Iterator[None]:
    """While inside, the tracer hears every EVM."""
    before = eels_trace.set_evm_trace(tracer)
    try:
        yield
    finally:
        eels_trace.set_evm_trace(before)


class StepOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What geth's struct logger is told."""

    memory: bool = False
    stack: bool = True
    storage: bool = True
    return_data: bool = False
    limit: int = 0
    """Steps to show; 0: all."""


class StepTracer:
    """geth's struct logger: each instruction with what it found."""

    def __init__(self, rules: Rules, options: StepOptions) -> None:
        self._rules = rules
        self._options = options
        self._steps: list[dict[str, Any]] = []
        self._open: dict[int, dict[str, Any]] = {}
        self._slots: dict[bytes, dict[str, str]] = {}
        self._top: Any = None

    def __call__(self, evm: Any, event: eels_trace.TraceEvent) -> None:
        """One event."""
        if self._top is None:
            self._top = evm
        match event:
            case eels_trace.OpStart():
                self._begin(evm, _name(event.op))
            case eels_trace.GasAndRefund():
                step = self._open.get(id(evm))
                if step is not None:
                    step["gasCost"] += event.gas_cost
            case eels_trace.OpEnd():
                self._open.pop(id(evm), None)
            case eels_trace.OpException():
                self._fail(evm, event.error)
            case eels_trace.EvmStop() if evm.running and evm.code:
                self._begin(evm, "STOP")  # it ran off the end of its code
                self._open.pop(id(evm))

    def _begin(self, evm: Any, name: str) -> None:
        if len(self._steps) >= STEPS_MAX:
            raise TraceTooLong(f"the trace has more than {STEPS_MAX} steps")
        options = self._options
        step: dict[str, Any] = {
            "pc": int(evm.pc),
            "op": name,
            "gas": int(evm.gas_left),
            "gasCost": 0,
            "depth": int(evm.message.depth) + 1,
        }
        if options.stack:
            step["stack"] = [hex(int(word)) for word in evm.stack]
        if options.memory:
            memory = bytes(evm.memory)
            step["memory"] = [memory[at : at + 32].hex() for at in range(0, len(memory), 32)]
        if options.return_data:
            returned: Any = getattr(evm, "return_data", None)  # from Byzantium on
            if returned:
                step["returnData"] = to_data(returned)
        if options.storage and name in ("SLOAD", "SSTORE"):
            self._see_slot(evm, name, step)
        refund = int(evm.refund_counter)
        if refund:
            step["refund"] = refund
        self._steps.append(step)
        self._open[id(evm)] = step

    def _see_slot(self, evm: Any, name: str, step: dict[str, Any]) -> None:
        """The slots of this contract that were touched so far, this one among them."""
        if len(evm.stack) < (1 if name == "SLOAD" else 2):
            return
        where = evm.message.current_target
        key = evm.stack[-1].to_be_bytes32()
        if name == "SLOAD":
            value = int(self._rules.state.get_storage(evm.message.block_env.state, where, key))
        else:
            value = int(evm.stack[-2])
        slots = self._slots.setdefault(bytes(where), {})
        slots[key.hex()] = f"{value:064x}"
        step["storage"] = dict(slots)

    def _fail(self, evm: Any, error: Exception) -> None:
        step = self._open.pop(id(evm), None)
        kind = type(error).__name__
        if step is None and kind == "InvalidOpcode":  # refused before it began
            self._begin(evm, f"opcode {evm.code[int(evm.pc)]:#x} not defined")
            step = self._open.pop(id(evm))
        if step is not None and kind != "Revert":
            step["error"] = failure_words(error)

    def result(self, gas_used: int) -> dict[str, Any]:
        """geth's ExecutionResult."""
        error = None if self._top is None else self._top.error
        reverted = type(error).__name__ == "Revert"
        shown = self._top is not None and (error is None or reverted)
        limit = self._options.limit or None
        return {
            "gas": gas_used,
            "failed": error is not None,
            "returnValue": to_data(self._top.output) if shown else "0x",
            "structLogs": self._steps[:limit],
        }


class _Frame(msgspec.Struct, kw_only=True, eq=False):
    """One call or creation; ``evm`` is read at the end."""

    evm: Any
    kind: str
    calls: list["_Frame"]
    logs: list[dict[str, Any]]


class CallTracer:
    """geth's callTracer: each call with those it made."""

    def __init__(self, gas_limit: int, *, logs: bool = False, top_only: bool = False) -> None:
        self._gas_limit = gas_limit
        self._logs = logs
        self._top_only = top_only
        self._frames: dict[int, _Frame] = {}
        self._operation: dict[int, str] = {}
        self._top: _Frame | None = None
        self._log_count = 0

    def __call__(self, evm: Any, event: eels_trace.TraceEvent) -> None:
        """One event."""
        if isinstance(event, eels_trace.TransactionEnd):
            return
        frame = self._frames.get(id(evm)) or self._entered(evm)
        if isinstance(event, eels_trace.OpStart):
            name = _name(event.op)
            self._operation[id(evm)] = name
            if self._logs and name.startswith("LOG"):
                self._see_log(frame, evm, int(name[3:]))

    def _entered(self, evm: Any) -> _Frame:
        if len(self._frames) >= STEPS_MAX:
            raise TraceTooLong(f"the trace has more than {STEPS_MAX} calls")
        parent = evm.message.parent_evm
        if parent is None:
            kind = "CALL" if evm.message.target else "CREATE"
        else:
            kind = self._operation[id(parent)]
        frame = _Frame(evm=evm, kind=kind, calls=[], logs=[])
        self._frames[id(evm)] = frame
        if parent is None:
            self._top = frame
        else:
            self._frames[id(parent)].calls.append(frame)
        return frame

    def _see_log(self, frame: _Frame, evm: Any, topics: int) -> None:
        if len(evm.stack) < topics + 2:
            return
        start, size = int(evm.stack[-1]), int(evm.stack[-2])
        if size > len(evm.memory) + int(evm.gas_left):
            return  # it cannot be paid for: the frame fails
        data = bytes(evm.memory[start : start + size]).ljust(size, b"\0")
        log = {
            "address": to_data(evm.message.current_target),
            "topics": [to_data(evm.stack[-3 - n].to_be_bytes32()) for n in range(topics)],
            "data": to_data(data),
            "index": to_quantity(self._log_count),
            "position": to_quantity(len(frame.calls)),
        }
        self._log_count += 1
        frame.logs.append(log)

    def result(self, gas_used: int) -> dict[str, Any]:
        """geth's outermost call frame."""
        assert self._top is not None
        shown = self._shown(self._top, failed=False)
        return {**shown, "gas": to_quantity(self._gas_limit), "gasUsed": to_quantity(gas_used)}

    def _shown(self, frame: _Frame, *, failed: bool) -> dict[str, Any]:
        evm, message = frame.evm, frame.evm.message
        parent = message.parent_evm
        caller = message.caller if parent is None else parent.message.current_target
        creates = frame.kind.startswith("CREATE")
        view: dict[str, Any] = {
            "from": to_data(caller),
            "gas": to_quantity(int(message.gas)),
            "gasUsed": to_quantity(int(message.gas) - int(evm.gas_left)),
            "to": to_data(message.current_target if creates else message.code_address),
            "input": to_data(message.code if creates else message.data),
        }
        failed = failed or evm.error is not None
        view.update(_end(evm, creates=creates))
        if frame.calls and not self._top_only:
            view["calls"] = [self._shown(call, failed=failed) for call in frame.calls]
        if frame.logs and not failed:
            view["logs"] = frame.logs
        if frame.kind != "STATICCALL":
            view["value"] = to_quantity(int(message.value))
        return {**view, "type": frame.kind}


def _end(evm: Any, *, creates: bool) -> Mapping[str, Any]:
    """What a frame gave back, or why it gave nothing."""
    output = bytes(evm.output)
    if evm.error is None:
        return {"output": to_data(output)} if output else {}
    end: dict[str, Any] = {"error": failure_words(evm.error)}
    if type(evm.error).__name__ == "Revert" and output:
        end["output"] = to_data(output)
        reason = revert_reason(output)
        if reason is not None:
            end["revertReason"] = reason
    return {**end, "to": "0x" + "00" * 20} if creates else end


def _name(op: Any) -> str:
    return _GETH_NAMES.get(op.name, str(op.name))
