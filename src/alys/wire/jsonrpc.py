"""JSON-RPC as bitcoind and as geth speak it: bytes in, status and bytes out, no socket.

The two differ where clients notice. bitcoind (28 and later) answers a call of version 1.0 with an HTTP error (404
unknown method, 500 the rest) and always writes ``result`` and ``error``; a call that says ``"jsonrpc": "2.0"`` gets 200
and one of the two. What is no call gets 400 in either version. A batch always gets 200. geth answers 200 to everything,
wants version 2.0 and an id that is no array or object, and refuses an empty batch and one of more than a thousand. A
2.0 call without an id is a notification: it is carried out and not answered.

What is refused before it is looked at: a body that is no JSON, that nests too deep, or a batch that is too long.
"""

import enum
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alys.base.errors import AlysError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

DEPTH_MAX = 512
"""How deep a request may nest, as in bitcoind. geth goes deeper, and has no call that needs it."""

RESPONSE_TOO_LARGE = -32003
ETHEREUM_BATCH_MAX = 1_000
"""Calls in a batch, as in geth."""

ETHEREUM_BATCH_RESPONSE_BYTES_MAX = 25_000_000
"""Results of one batch together, as in geth; the calls that come after are refused."""

BITCOIN_BATCH_MAX = 10_000
"""Calls in a batch. bitcoind has no bound; without one a body of the greatest size asks for a gigabyte of answers."""

# A string that does not end goes on to the end of the text; looking for its end again and again would take for ever.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)

_JSON_SPACE = b" \t\r\n"

Params = list[Any] | dict[str, Any]
Handle = Callable[[str, Params], Any]


class RpcError(AlysError):
    """A call that was understood and refused; the caller reads code, message and data."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
        self.data = data


class MalformedAnswer(AlysError):
    """The other side did not answer in JSON-RPC; ``start`` is how its answer begins."""

    def __init__(self, start: bytes) -> None:
        super().__init__(f"not a JSON-RPC answer: {start[:200]!r}")
        self.start = start


class Dialect(enum.Enum):
    """Whose manners a server has."""

    BITCOIN = "bitcoin"
    ETHEREUM = "ethereum"


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    params: Params


class _Envelope(msgspec.Struct, kw_only=True):
    """What is known of a request while it is read: how to answer it, whatever else is wrong with it."""

    modern: bool = False
    """It said version 2.0."""
    id: Any = None
    has_id: bool = True

    @property
    def silent(self) -> bool:
        """A notification gets no answer."""
        return self.modern and not self.has_id


def method_not_found(method: str, dialect: Dialect) -> RpcError:
    """The refusal of a method that is not there, in the dialect's words."""
    if dialect is Dialect.BITCOIN:
        return RpcError(METHOD_NOT_FOUND, "Method not found")
    return RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")


def answer(body: bytes, handle: Handle, dialect: Dialect) -> tuple[int, bytes]:
    """The HTTP status and body for a request body, single or batch; 204 or an empty body when nothing is answered.

    ``handle`` gets method and params and raises RpcError to refuse. Any other exception is a bug and passes through.
    """
    if dialect is Dialect.ETHEREUM and not body.strip(_JSON_SPACE):
        return 200, b""
    try:
        if too_deep(body):
            return _unreadable(dialect)
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _unreadable(dialect)
    if dialect is Dialect.BITCOIN:
        status, told = _bitcoin_answer(request, handle)
    else:
        status, told = 200, _ethereum_answer(request, handle)
    return status, told + b"\n" if told else b""


def encode_call(method: str, params: Params, id: int | str) -> bytes:
    """The body of one call, version 2.0."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def encode_batch(calls: Sequence[tuple[str, Params]], first_id: int) -> bytes:
    """The body of a batch, version 2.0; the calls have consecutive ids."""
    return msgspec.json.encode(
        [
            {"jsonrpc": "2.0", "id": first_id + place, "method": method, "params": params}
            for place, (method, params) in enumerate(calls)
        ]
    )


def decode_batch(body: bytes, first_id: int, count: int) -> list[Any]:
    """The results of a batch in the order of its calls; in the place of a refusal its RpcError.

    A call that was not answered has MalformedAnswer in its place. Raises MalformedAnswer when the body is no list of answers, or
    holds one that nobody asked for, or two to one call.
    """
    replies = _decoded(body)
    if not isinstance(replies, list):
        raise MalformedAnswer(body)
    found: list[Any] = [MalformedAnswer(body)] * count
    answered: set[int] = set()
    for reply in replies:
        name = reply.get("id") if isinstance(reply, dict) else None
        if not isinstance(name, int) or name in answered or not 0 <= name - first_id < count:
            raise MalformedAnswer(body)
        answered.add(name)
        try:
            found[name - first_id] = _result(reply, body)
        except RpcError as refusal:
            found[name - first_id] = refusal
    return found


def decode_answer(body: bytes) -> Any:
    """The result in the answer to one call; raises RpcError for a refusal, MalformedAnswer for anything else."""
    return _result(_decoded(body), body)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise MalformedAnswer(body) from cause


def _result(reply: Any, body: bytes) -> Any:
    if not isinstance(reply, dict):
        raise MalformedAnswer(body)
    error = reply.get("error")
    if error is not None:
        if not isinstance(error, dict) or not isinstance(error.get("code"), int):
            raise MalformedAnswer(body)
        raise RpcError(error["code"], str(error.get("message", "")), error.get("data"))
    if "result" not in reply:
        raise MalformedAnswer(body)
    return reply["result"]


def too_deep(body: bytes) -> bool:
    """Whether brackets nest beyond what the decoder's stack is sure to bear; where it does not, the process dies."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for token in _STRING_OR_BRACKET.findall(body):
        depth += (token in b"[{") - (token in b"]}")
        if depth > DEPTH_MAX:
            return True
    return False


def _carry_out(call: _Call, handle: Handle) -> Any:
    try:
        return handle(call.method, call.params)
    except RpcError as error:
        return error


def _unreadable(dialect: Dialect) -> tuple[int, bytes]:
    if dialect is Dialect.BITCOIN:
        return 500, _failed(RpcError(PARSE_ERROR, "Parse error"), _Envelope()) + b"\n"
    return 200, _failed(RpcError(PARSE_ERROR, "parse error"), _Envelope(modern=True)) + b"\n"


# bitcoind's manners


def _bitcoin_answer(request: Any, handle: Handle) -> tuple[int, bytes]:
    envelope = _Envelope()
    if isinstance(request, list):
        if len(request) > BITCOIN_BATCH_MAX:
            told = f"Batch of {len(request)} calls, at most {BITCOIN_BATCH_MAX} are taken"
            return 400, _failed(RpcError(INVALID_REQUEST, told), envelope)
        return _bitcoin_batch(request, handle)
    if not isinstance(request, dict):
        return 500, _failed(RpcError(PARSE_ERROR, "Top-level object parse error"), envelope)
    try:
        call = _bitcoin_call(request, envelope)
    except RpcError as error:
        return 400, _failed(error, envelope)
    result = _carry_out(call, handle)
    if envelope.silent:
        return 204, b""
    return _bitcoin_status(result, envelope), _told(result, envelope)


def _bitcoin_batch(requests: list[Any], handle: Handle) -> tuple[int, bytes]:
    """A member that is no object is answered like the one before it, by that one's version and id, as bitcoind does."""
    replies = []
    envelope = _Envelope()
    for request in requests:
        try:
            result = _carry_out(_bitcoin_call(request, envelope), handle)
        except RpcError as error:
            result = error
        if not envelope.silent:
            replies.append(_told(result, envelope))
    return (200, _batch(replies)) if replies or not requests else (204, b"")


def _bitcoin_call(request: Any, envelope: _Envelope) -> _Call:
    """One request object as a call; raises RpcError when it is none. ``envelope`` learns what comes before the fault."""
    if not isinstance(request, dict):
        raise RpcError(INVALID_REQUEST, "Invalid Request object")
    envelope.id, envelope.has_id = request.get("id"), "id" in request
    version = request.get("jsonrpc")
    envelope.modern = version == "2.0"
    if version is not None and not isinstance(version, str):
        raise RpcError(INVALID_REQUEST, "jsonrpc field must be a string")
    if version not in (None, "1.0", "1.1", "2.0"):
        raise RpcError(INVALID_REQUEST, "JSON-RPC version not supported")
    method, params = request.get("method"), request.get("params")
    if method is None:
        raise RpcError(INVALID_REQUEST, "Missing method")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "Method must be a string")
    if params is not None and not isinstance(params, list | dict):
        raise RpcError(INVALID_REQUEST, "Params must be an array or object")
    return _Call(method=method, params=[] if params is None else params)


def _bitcoin_status(result: Any, envelope: _Envelope) -> int:
    """bitcoind's status for a call: an HTTP error for a refusal of version 1.0."""
    if envelope.modern or not isinstance(result, RpcError):
        return 200
    return {INVALID_REQUEST: 400, METHOD_NOT_FOUND: 404}.get(result.code, 500)


# geth's manners


def _ethereum_answer(request: Any, handle: Handle) -> bytes:
    if not isinstance(request, list):
        return _ethereum_member(request, handle)
    if not request:
        return _failed(RpcError(INVALID_REQUEST, "empty batch"), _Envelope(modern=True))
    if len(request) > ETHEREUM_BATCH_MAX:
        names = (member["id"] for member in request if _is_call(member) and "id" in member)
        envelope = _Envelope(modern=True, id=next(names, None))
        return _batch([_failed(RpcError(INVALID_REQUEST, "batch too large"), envelope)])
    replies: list[bytes] = []
    size = 0
    for member in request:
        if size > ETHEREUM_BATCH_RESPONSE_BYTES_MAX:
            handle = _response_too_large
        reply = _ethereum_member(member, handle)
        size += len(reply)
        if reply:
            replies.append(reply)
    return _batch(replies) if replies else b""


def _response_too_large(method: str, params: Params) -> Any:
    raise RpcError(RESPONSE_TOO_LARGE, "response too large")


def _ethereum_member(request: Any, handle: Handle) -> bytes:
    """The answer to one request; empty for a notification."""
    name = request.get("id") if isinstance(request, dict) else None
    envelope = _Envelope(modern=True, id=None if isinstance(name, list | dict) else name)
    if not _is_call(request):
        return _failed(RpcError(INVALID_REQUEST, "invalid request"), envelope)
    params = request.get("params")
    if params is None:
        params = []
    elif not isinstance(params, list):
        params = {}  # the method will say that it takes positions only, if there is such a method
    result = _carry_out(_Call(method=request["method"], params=params), handle)
    return _told(result, envelope) if "id" in request else b""


def _is_call(request: Any) -> bool:
    """Whether geth would carry it out, with an answer or without: an array or an object is no id."""
    if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
        return False
    method = request.get("method")
    return (
        isinstance(method, str) and method != "" and not isinstance(request.get("id"), list | dict)
    )


# Answers


def _told(result: Any, envelope: _Envelope) -> bytes:
    if isinstance(result, RpcError):
        return _failed(result, envelope)
    if envelope.modern:
        return _closed({"jsonrpc": "2.0", "result": result}, envelope)
    return _closed({"result": result, "error": None}, envelope)


def _failed(error: RpcError, envelope: _Envelope) -> bytes:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    if envelope.modern:
        return _closed({"jsonrpc": "2.0", "error": told}, envelope)
    return _closed({"result": None, "error": told}, envelope)


def _closed(told: dict[str, Any], envelope: _Envelope) -> bytes:
    """With the id, which comes last; one that a caller of bitcoind left out is left out."""
    if envelope.has_id:
        told["id"] = envelope.id
    return encode_json(told)


def encode_json(value: Any) -> bytes:
    """JSON of what a handler answered."""
    return msgspec.json.encode(value, enc_hook=_own_digits)


def _own_digits(value: object) -> msgspec.Raw:
    """A number that says itself how it is written: a kind of float whose text has a fixed number of decimals."""
    if isinstance(value, float):
        return msgspec.Raw(str(value).encode())
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _batch(replies: list[bytes]) -> bytes:
    return b"[" + b",".join(replies) + b"]"
