"""Whether an answer is one in its protocol, judged from the bytes of request and answer alone.

The standard library's parser reads the request, so that the judge does not share the server's own.
"""

import json
from typing import Any

from alys.wire.jsonrpc import Dialect

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INTERNAL_ERROR = -32700, -32600, -32601, -32603
BATCH_MAX = 1_000
"""geth's; bitcoind has no bound but that of the body."""

DEPTH_MAX = 512
"""bitcoind's; beyond it the standard library's parser is not asked: it may take the process with it."""


class NotJson(Exception):
    """The request is no JSON."""


def request_of(body: bytes) -> Any:
    """The request as the standard library reads it. Raises NotJson."""
    if depth_of(body) > DEPTH_MAX:
        raise NotJson
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson from error


def depth_of(body: bytes) -> int:
    """How deep brackets nest, those in strings not counted."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for byte in body:
        if inside:
            inside = escaped or byte != ord('"')
            escaped = not escaped and byte == ord("\\")
        elif byte == ord('"'):
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(name)


def refused_all(body: bytes, status: int, reply: bytes, dialect: Dialect) -> bool:
    """Whether nothing in the request was carried out. Raises AssertionError for an answer that is none in the dialect."""
    told = json.loads(reply) if reply else None
    if dialect is Dialect.ETHEREUM and not body.strip(b" \t\r\n"):
        assert (status, reply) == (200, b"")
        return True
    try:
        request = request_of(body)
    except NotJson:
        _one_error(told, status, dialect, (PARSE_ERROR,))
        return True
    if isinstance(told, dict) and _code(told) == PARSE_ERROR:
        # Numbers out of range, halves of surrogate pairs, depth: the parsers differ, and the strict one wins.
        _one_error(told, status, dialect, (PARSE_ERROR,))
        return True
    if isinstance(request, list):
        return _batch_refused(request, status, told, dialect)
    return _single_refused(request, status, told, dialect)


def _one_error(told: Any, status: int, dialect: Dialect, codes: tuple[int, ...]) -> None:
    assert isinstance(told, dict), told
    assert _code(told) in codes, told
    assert told["id"] is None, told
    if dialect is Dialect.BITCOIN:
        assert status == (400 if _code(told) == INVALID_REQUEST else 500), status
    else:
        assert status == 200, status


def _batch_refused(requests: list[Any], status: int, told: Any, dialect: Dialect) -> bool:
    if dialect is Dialect.ETHEREUM and not requests:
        _one_error(told, status, dialect, (INVALID_REQUEST,))
        return True
    if dialect is Dialect.ETHEREUM and len(requests) > BATCH_MAX:
        assert [_code(one) for one in told] == [INVALID_REQUEST], told
        assert told[0]["error"]["message"] == "batch too large", told
        return True
    # bitcoind answers a member that is no object by version and id of the one before it.
    answerers: list[Any] = []
    for request in requests:
        strange = dialect is Dialect.BITCOIN and not isinstance(request, dict)
        before = answerers[-1] if answerers else {"id": None}
        answerers.append(before if strange else request)
    answered = [
        pair for pair in zip(requests, answerers, strict=True) if not _is_silent(pair[1], dialect)
    ]
    if requests and not answered:
        assert told is None, told
        assert status == (204 if dialect is Dialect.BITCOIN else 200), status
        return False
    assert status == 200, status
    assert isinstance(told, list), told
    assert len(told) == len(answered), (requests, told)
    refused = [
        _shape(request, answerer, reply, dialect)
        for (request, answerer), reply in zip(answered, told, strict=True)
    ]
    return all(refused) and len(answered) == len(requests)


def _single_refused(request: Any, status: int, told: Any, dialect: Dialect) -> bool:
    if dialect is Dialect.BITCOIN and not isinstance(request, dict):
        _one_error(told, status, dialect, (PARSE_ERROR,))
        return True
    if _is_silent(request, dialect) and _could_be_a_call(request, dialect):
        assert told is None, told
        assert status == (204 if dialect is Dialect.BITCOIN else 200), status
        return False
    refused = _shape(request, request, told, dialect)
    if dialect is Dialect.ETHEREUM or not refused:
        assert status == 200, (status, told)
    elif _says_modern(request):
        assert status == (200 if _could_be_a_call(request, dialect) else 400), (status, told)
    else:
        expected = {INVALID_REQUEST: 400, METHOD_NOT_FOUND: 404}.get(_code(told), 500)
        assert status == expected, (status, told)
    return refused


def _shape(request: Any, answerer: Any, told: Any, dialect: Dialect) -> bool:
    """One answer: its members and id by ``answerer``, and an error where ``request`` demands one. True when refused."""
    assert isinstance(told, dict), told
    refused = told.get("error") is not None
    named = {"id"} if dialect is Dialect.ETHEREUM or "id" in answerer else set()
    if dialect is Dialect.ETHEREUM or _says_modern(answerer):
        assert told.keys() == {"jsonrpc", "error" if refused else "result"} | named, told
        assert told["jsonrpc"] == "2.0"
    else:
        assert told.keys() == {"result", "error"} | named, told
        assert not refused or told["result"] is None, told
    if refused:
        _error_shape(told["error"])
    assert not named or told["id"] == _good_id(answerer, dialect), (request, told)
    assert refused or _could_be_a_call(request, dialect), (request, told)
    return refused


def _error_shape(error: Any) -> None:
    assert isinstance(error, dict), error
    assert error.keys() <= {"code", "message", "data"}, error
    assert type(error["code"]) is int, error
    assert error["code"] != INTERNAL_ERROR, error
    assert isinstance(error["message"], str), error
    assert error["message"], error


def _code(told: Any) -> Any:
    error = told.get("error") if isinstance(told, dict) else None
    return error.get("code") if isinstance(error, dict) else None


def _good_id(request: Any, dialect: Dialect) -> Any:
    """What the answer's id must be: geth gives back scalars only."""
    found = request.get("id") if isinstance(request, dict) else None
    return None if dialect is Dialect.ETHEREUM and isinstance(found, dict | list) else found


def _says_modern(request: Any) -> bool:
    return isinstance(request, dict) and request.get("jsonrpc") == "2.0"


def _could_be_a_call(request: Any, dialect: Dialect) -> bool:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return False
    if dialect is Dialect.ETHEREUM:
        scalar = not isinstance(request.get("id"), dict | list)
        return _says_modern(request) and scalar and request["method"] != ""
    params = request.get("params")
    known = request.get("jsonrpc") in (None, "1.0", "1.1", "2.0")
    return known and (params is None or isinstance(params, list | dict))


def _is_silent(request: Any, dialect: Dialect) -> bool:
    """Not answered: version 2.0 and no id. bitcoind keeps silent in a batch even where it is no call; geth answers then."""
    if not _says_modern(request) or "id" in request:
        return False
    return dialect is Dialect.BITCOIN or _could_be_a_call(request, dialect)
