"""What faults make of a JSON-RPC request: the answer with its delay, or what comes in its place. For servers and for ports in memory.

A batch is one answer: each of its calls is treated by itself, delays add up, and the first call that loses its answer takes that of
the whole batch along; the calls behind it are not carried out.
"""

from typing import Any

import msgspec

from alys.base.faults import Drop, Error, Hang, Malformed, Refuse, Stale
from alys.base.misbehaviour import Misbehaviour, Treatment
from alys.wire import jsonrpc
from alys.wire.jsonrpc import Dialect, Handle, Params, RpcError

PROXY_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>\n"
"""What the form ``text`` of a malformed answer is."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, and how. A drop has its whole answer here; a refusal and a hang have none that is sent."""

    status: int
    body: bytes
    delay_s: float = 0.0
    ending: Hang | Refuse | Drop | None = None
    id: int = 0
    """Of the fault that ends it."""

    @property
    def sent(self) -> bytes:
        """The part of the body that gets through, where it is dropped."""
        assert isinstance(self.ending, Drop), "the others send all or nothing"
        return self.body[: min(self.ending.after_bytes, max(0, len(self.body) - 1))]


def answer(body: bytes, handle: Handle, dialect: Dialect, faults: Misbehaviour | None) -> Outcome:
    """The outcome for a request's body, single or batch; without faults what ``jsonrpc.answer`` says."""
    if faults is None or faults.idle:
        status, told = jsonrpc.answer(body, handle, dialect)
        return Outcome(status=status, body=told)
    treated = _Treated(handle, faults)
    status, told = jsonrpc.answer(body, treated.handle, dialect)
    return treated.outcome(status, told)


class _Treated:
    """A handler whose calls are treated, and what that came to."""

    def __init__(self, handle: Handle, faults: Misbehaviour) -> None:
        self._handle = handle
        self._faults = faults
        self._delay_s = 0.0
        self._over: Treatment | None = None
        """The treatment that took the answer."""

    def handle(self, method: str, params: Params) -> Any:
        if self._over is not None:
            raise _unheard()
        key = msgspec.json.encode(params)
        treatment = self._faults.treat(method, key)
        self._delay_s += treatment.delay_s
        match treatment.ending:
            case Error(code=code, message=message):
                raise RpcError(code if isinstance(code, int) else jsonrpc.INTERNAL_ERROR, message)
            case Stale():
                return _result(treatment.earlier)
            case Refuse() | Hang():
                self._over = treatment
                raise _unheard()
            case Drop() | Malformed():
                self._over = treatment
            case None:
                pass
        return self._carry_out(method, params, key, treatment)

    def _carry_out(self, method: str, params: Params, key: bytes, treatment: Treatment) -> Any:
        try:
            result = self._handle(method, params)
        except RpcError as refusal:
            self._faults.remember(treatment, method, key, refusal)
            raise
        if treatment.keep:
            kept = msgspec.Raw(jsonrpc.encode_json(result))
            self._faults.remember(treatment, method, key, kept)
        return result

    def outcome(self, status: int, body: bytes) -> Outcome:
        over = self._over
        if over is None:
            return Outcome(status=status, body=body, delay_s=self._delay_s)
        if isinstance(over.ending, Malformed):
            told = malformed(over.ending, body)
            return Outcome(status=200, body=told, delay_s=self._delay_s, id=over.id)
        assert isinstance(over.ending, Hang | Refuse | Drop), "the others leave an answer"
        return Outcome(
            status=status, body=body, delay_s=self._delay_s, ending=over.ending, id=over.id
        )


def malformed(fault: Malformed, body: bytes) -> bytes:
    """What the fault makes of an answer."""
    match fault.form:
        case "truncated":
            return body[: len(body) // 2]
        case "empty":
            return b""
        case _:
            return PROXY_PAGE


def _unheard() -> RpcError:
    """Stands in the place of an answer that nobody gets."""
    return RpcError(jsonrpc.INTERNAL_ERROR, "no answer")


def _result(earlier: Any) -> Any:
    if isinstance(earlier, RpcError):
        raise earlier
    return earlier
