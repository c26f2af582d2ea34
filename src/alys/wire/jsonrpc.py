"""JSON-RPC as bitcoind and as geth speak it: bytes in, status and bytes out, no socket.

The two differ where clients notice. bitcoind (28 and later) answers a call of version 1.0 with an HTTP error (404
unknown method, 400 malformed request, 500 the rest) and always writes ``result`` and ``error``; a call that says
``"jsonrpc": "2.0"`` gets 200 and one of the two. A batch always gets 200. geth answers 200 to everything, wants version
2.0, and refuses an empty batch. A 2.0 call without an id is a notification: it is carried out and not answered.
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
"""How deep a request may nest, as in bitcoind."""

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)

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
    id: Any
    modern: bool  # the call said version 2.0
    silent: bool  # a notification


def method_not_found(method: str, dialect: Dialect) -> RpcError:
    """The refusal of a method that is not there, in the dialect's words."""
    if dialect is Dialect.BITCOIN:
        return RpcError(METHOD_NOT_FOUND, "Method not found")
    return RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")


def answer(body: bytes, handle: Handle, dialect: Dialect) -> tuple[int, bytes]:
    """The HTTP status and body for a request body, single or batch; 204 or an empty body when nothing is answered.

    ``handle`` gets method and params and raises RpcError to refuse. Any other exception is a bug and passes through.
    """
    try:
        if too_deep(body):
            return _protocol_error(RpcError(PARSE_ERROR, _parse_words(dialect)), dialect)
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _protocol_error(RpcError(PARSE_ERROR, _parse_words(dialect)), dialect)
    if isinstance(request, list):
        return _answer_batch(request, handle, dialect)
    if not isinstance(request, dict) and dialect is Dialect.BITCOIN:
        return _protocol_error(RpcError(PARSE_ERROR, "Top-level object parse error"), dialect)
    return _answer_single(request, handle, dialect)


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


def _answer_single(request: Any, handle: Handle, dialect: Dialect) -> tuple[int, bytes]:
    call = _read(request, dialect)
    if isinstance(call, RpcError):
        modern = dialect is Dialect.ETHEREUM or _says_modern(request)
        status = 200 if modern else _http_status(call)
        return status, _encode(_failed(call, _id_of(request), modern=modern))
    result = _carry_out(call, handle)
    if call.silent:
        return (204 if dialect is Dialect.BITCOIN else 200), b""
    if isinstance(result, RpcError):
        status = 200 if call.modern else _http_status(result)
        return status, _encode(_failed(result, call.id, modern=call.modern))
    return 200, _encode(_succeeded(result, call))


def _answer_batch(requests: list[Any], handle: Handle, dialect: Dialect) -> tuple[int, bytes]:
    if not requests and dialect is Dialect.ETHEREUM:
        return _protocol_error(RpcError(INVALID_REQUEST, "empty batch"), dialect)
    replies = []
    for request in requests:
        call = _read(request, dialect)
        if isinstance(call, RpcError):
            modern = dialect is Dialect.ETHEREUM or _says_modern(request)
            replies.append(_failed(call, _id_of(request), modern=modern))
            continue
        result = _carry_out(call, handle)
        if call.silent:
            continue
        if isinstance(result, RpcError):
            replies.append(_failed(result, call.id, modern=call.modern))
        else:
            replies.append(_succeeded(result, call))
    if requests and not replies:
        return (204 if dialect is Dialect.BITCOIN else 200), b""
    return 200, _encode(replies)


def _carry_out(call: _Call, handle: Handle) -> Any:
    try:
        return handle(call.method, call.params)
    except RpcError as error:
        return error


def _read(request: Any, dialect: Dialect) -> _Call | RpcError:
    """One request object as a call, or why it is none."""
    ethereum = dialect is Dialect.ETHEREUM
    if not isinstance(request, dict):
        return RpcError(
            INVALID_REQUEST, "invalid request" if ethereum else "Invalid Request object"
        )
    version = request.get("jsonrpc")
    method = request.get("method")
    if ethereum and (version != "2.0" or not isinstance(method, str)):
        return RpcError(INVALID_REQUEST, "invalid request")
    if version is not None and not isinstance(version, str):
        return RpcError(INVALID_REQUEST, "jsonrpc field must be a string")
    if version not in (None, "1.0", "1.1", "2.0"):
        return RpcError(INVALID_REQUEST, "JSON-RPC version not supported")
    if method is None:
        return RpcError(INVALID_REQUEST, "Missing method")
    if not isinstance(method, str):
        return RpcError(INVALID_REQUEST, "Method must be a string")
    params = request.get("params")
    if params is None:
        params = []
    if not isinstance(params, list | dict):
        return RpcError(INVALID_REQUEST, "Params must be an array or object")
    modern = version == "2.0"
    silent = modern and "id" not in request
    return _Call(method=method, params=params, id=request.get("id"), modern=modern, silent=silent)


def _id_of(request: Any) -> Any:
    return request.get("id") if isinstance(request, dict) else None


def _says_modern(request: Any) -> bool:
    return isinstance(request, dict) and request.get("jsonrpc") == "2.0"


def _http_status(error: RpcError) -> int:
    """bitcoind's status for a refused call of version 1.0."""
    return {INVALID_REQUEST: 400, METHOD_NOT_FOUND: 404}.get(error.code, 500)


def _parse_words(dialect: Dialect) -> str:
    return "Parse error" if dialect is Dialect.BITCOIN else "parse error"


def _protocol_error(error: RpcError, dialect: Dialect) -> tuple[int, bytes]:
    modern = dialect is Dialect.ETHEREUM
    return (200 if modern else _http_status(error)), _encode(_failed(error, None, modern=modern))


def _succeeded(result: Any, call: _Call) -> dict[str, Any]:
    if call.modern:
        return {"jsonrpc": "2.0", "result": result, "id": call.id}
    return {"result": result, "error": None, "id": call.id}


def _failed(error: RpcError, call_id: Any, *, modern: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    if modern:
        return {"jsonrpc": "2.0", "error": told, "id": call_id}
    return {"result": None, "error": told, "id": call_id}


def _encode(reply: Any) -> bytes:
    return msgspec.json.encode(reply) + b"\n"
