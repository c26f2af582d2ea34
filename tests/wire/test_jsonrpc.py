"""JSON-RPC with the manners of bitcoind 28+ and of geth: statuses, shapes, batches, notifications."""

import json
from typing import Any

import pytest

from alys.wire import jsonrpc
from alys.wire.jsonrpc import Dialect, MalformedAnswer, Params, RpcError

BITCOIN, ETHEREUM = Dialect.BITCOIN, Dialect.ETHEREUM


class Handler:
    """Knows echo and refuse; remembers what it was asked."""

    def __init__(self, dialect: Dialect) -> None:
        self.asked: list[tuple[str, Params]] = []
        self._dialect = dialect

    def __call__(self, method: str, params: Params) -> Any:
        self.asked.append((method, params))
        if method == "echo":
            return params
        if method == "refuse":
            raise RpcError(-8, "out of range", {"most": 5})
        if method == "crash":
            raise ZeroDivisionError
        raise jsonrpc.method_not_found(method, self._dialect)


def post(body: object, dialect: Dialect) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, reply = jsonrpc.answer(raw, Handler(dialect), dialect)
    return status, json.loads(reply) if reply else None


def old(method: str, *params: object) -> dict[str, object]:
    return {"method": method, "params": list(params), "id": "a"}


def new(method: str, *params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", **old(method, *params)}


def test_a_call_of_version_1_gets_result_and_error() -> None:
    assert post(old("echo", 1), BITCOIN) == (200, {"result": [1], "error": None, "id": "a"})


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_version_1_may_be_said(version: str) -> None:
    body = {"jsonrpc": version, **old("echo", 1)}
    assert post(body, BITCOIN) == (200, {"result": [1], "error": None, "id": "a"})


def test_a_call_of_version_2_gets_one_of_the_two() -> None:
    for dialect in Dialect:
        assert post(new("echo", 1), dialect) == (200, {"jsonrpc": "2.0", "result": [1], "id": "a"})


def test_bitcoind_answers_a_refusal_of_version_1_with_500_and_of_version_2_with_200() -> None:
    error = {"code": -8, "message": "out of range", "data": {"most": 5}}
    assert post(old("refuse"), BITCOIN) == (500, {"result": None, "error": error, "id": "a"})
    told = {"jsonrpc": "2.0", "error": error, "id": "a"}
    assert post(new("refuse"), BITCOIN) == (200, told)
    assert post(new("refuse"), ETHEREUM) == (200, told)


def test_an_unknown_method_is_404_with_bitcoind_and_named_by_geth() -> None:
    error = {"code": -32601, "message": "Method not found"}
    assert post(old("nope"), BITCOIN) == (404, {"result": None, "error": error, "id": "a"})
    status, reply = post(new("nope"), BITCOIN)
    assert (status, reply) == (200, {"jsonrpc": "2.0", "error": error, "id": "a"})
    status, reply = post(new("nope"), ETHEREUM)
    assert (status, reply["error"]["code"]) == (200, -32601)
    assert reply["error"]["message"] == "the method nope does not exist/is not available"


@pytest.mark.parametrize(
    ("body", "code", "message", "status"),
    [
        (b"{", -32700, "Parse error", 500),
        (b"\xff", -32700, "Parse error", 500),
        (b"[" * 100_000, -32700, "Parse error", 500),
        (b"", -32700, "Parse error", 500),
        (b"7", -32700, "Top-level object parse error", 500),
        ({}, -32600, "Missing method", 400),
        ({"method": 1}, -32600, "Method must be a string", 400),
        ({"method": "echo", "params": 1}, -32600, "Params must be an array or object", 400),
        ({"method": "echo", "jsonrpc": "3.0"}, -32600, "JSON-RPC version not supported", 400),
        ({"method": "echo", "jsonrpc": 2}, -32600, "jsonrpc field must be a string", 400),
    ],
)
def test_bitcoinds_words_for_a_bad_request(
    body: object, code: int, message: str, status: int
) -> None:
    got, reply = post(body, BITCOIN)
    assert got == status
    named = {} if isinstance(body, dict) else {"id": None}
    assert reply == {"result": None, "error": {"code": code, "message": message}, **named}


@pytest.mark.parametrize("body", [{}, 7, {"method": "echo"}, {"jsonrpc": "2.0"}, {"jsonrpc": 2}])
def test_geth_wants_version_2_and_a_method(body: object) -> None:
    status, reply = post(body, ETHEREUM)
    assert (status, reply["error"]["code"], reply["jsonrpc"]) == (200, -32600, "2.0")


def test_nesting_ends_at_512_and_brackets_in_strings_are_none() -> None:
    for depth, status in ((511, 200), (512, 500), (1_000_000, 500)):
        raw = b'{"method":"echo","params":' + b"[" * depth + b"]" * depth + b"}"
        assert jsonrpc.answer(raw, Handler(BITCOIN), BITCOIN)[0] == status
    text = '[{"\\' * 2_000
    assert post(old("echo", text), BITCOIN)[1]["result"] == [text]


def test_a_large_batch_is_wide_and_not_deep() -> None:
    assert len(post([old("echo", [[]])] * 2_000, BITCOIN)[1]) == 2_000


def test_missing_or_null_params_are_an_empty_list() -> None:
    for params in ({}, {"params": None}):
        handler = Handler(BITCOIN)
        jsonrpc.answer(json.dumps({"method": "echo", **params}).encode(), handler, BITCOIN)
        assert handler.asked == [("echo", [])]


def test_named_parameters_reach_the_handler() -> None:
    body = {"method": "echo", "params": {"height": 1}, "id": 1}
    assert post(body, BITCOIN)[1]["result"] == {"height": 1}


@pytest.mark.parametrize("identity", [0, "x", None, 1.5, [1]])
def test_the_id_comes_back_as_it_was(identity: object) -> None:
    for body in (new("echo"), new("refuse")):
        assert post({**body, "id": identity}, BITCOIN)[1]["id"] == identity


def test_a_notification_is_carried_out_and_not_answered() -> None:
    body = json.dumps({"jsonrpc": "2.0", "method": "echo"}).encode()
    for dialect, status in ((BITCOIN, 204), (ETHEREUM, 200)):
        handler = Handler(dialect)
        assert jsonrpc.answer(body, handler, dialect) == (status, b"")
        assert handler.asked == [("echo", [])]


def test_a_version_1_call_without_id_is_answered_without_one() -> None:
    assert post({"method": "echo"}, BITCOIN) == (200, {"result": [], "error": None})
    assert post({"method": "nope"}, BITCOIN)[1].keys() == {"result", "error"}


@pytest.mark.parametrize("body", [{}, {"method": 1}, {"method": "echo", "params": 1}])
def test_what_is_no_call_gets_400_in_version_2_too(body: dict[str, object]) -> None:
    for named in ({"id": 1}, {}):
        status, reply = post({"jsonrpc": "2.0", **body, **named}, BITCOIN)
        assert status == 400
        assert reply["error"]["code"] == -32600
        assert reply.keys() == {"jsonrpc", "error", *named}


def test_a_member_of_a_batch_that_is_no_object_is_answered_like_the_one_before_it() -> None:
    _, replies = post([7, new("echo"), 7, {"jsonrpc": "2.0", "method": "echo"}, 7], BITCOIN)
    assert [reply.get("id") for reply in replies] == [None, "a", "a"]
    assert ["jsonrpc" in reply for reply in replies] == [False, True, True]


def test_geth_takes_scalars_as_ids_and_answers_others_without() -> None:
    identities: list[object] = [[1], {}]
    for identity in identities:
        reply = post({**new("echo"), "id": identity}, ETHEREUM)[1]
        assert (reply["id"], reply["error"]["code"]) == (None, -32600)


def test_geth_takes_a_method_by_positions_only_and_looks_for_it_first() -> None:
    handler = Handler(ETHEREUM)
    body = json.dumps({**new("echo"), "params": 7}).encode()
    jsonrpc.answer(body, handler, ETHEREUM)
    assert handler.asked == [("echo", {})]
    assert post({**new("nope"), "params": 7}, ETHEREUM)[1]["error"]["code"] == -32601


def test_geth_says_nothing_to_nothing() -> None:
    for body in (b"", b" \r\n"):
        assert jsonrpc.answer(body, Handler(ETHEREUM), ETHEREUM) == (200, b"")


def test_a_batch_has_a_bound() -> None:
    silent = {"jsonrpc": "2.0", "method": "echo"}
    assert len(post([silent, *[new("echo")] * 999], ETHEREUM)[1]) == 999
    error = {"code": -32600, "message": "batch too large"}
    told = [{"jsonrpc": "2.0", "error": error, "id": "a"}]
    assert post([silent, *[new("echo")] * 1_000], ETHEREUM) == (200, told)
    assert len(post([old("echo")] * 10_000, BITCOIN)[1]) == 10_000
    status, reply = post([old("echo")] * 10_001, BITCOIN)
    assert (status, reply["error"]["code"]) == (400, -32600)
    assert "10000" in reply["error"]["message"]


def test_answers_to_a_batch_end_where_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "ETHEREUM_BATCH_RESPONSE_BYTES_MAX", 50)
    _, replies = post([new("echo", "a" * 60), new("echo")], ETHEREUM)
    assert replies[0]["result"] == ["a" * 60]
    assert replies[1]["error"] == {"code": -32003, "message": "response too large"}


def test_looking_for_depth_takes_no_longer_than_reading() -> None:
    raw = b"{" * 600 + b'"' + b'\\"' * 200_000
    assert jsonrpc.answer(raw, Handler(BITCOIN), BITCOIN)[0] == 500


def test_a_batch_is_answered_in_order_with_200_whatever_fails() -> None:
    status, replies = post([old("echo", 1), 7, new("refuse"), old("nope")], BITCOIN)
    assert status == 200
    assert [reply.get("result") for reply in replies] == [[1], None, None, None]
    codes = [(reply.get("error") or {}).get("code") for reply in replies]
    assert codes == [None, -32600, -8, -32601]
    assert ["jsonrpc" in reply for reply in replies] == [False, False, True, False]


def test_notifications_in_a_batch_leave_no_answer() -> None:
    silent = {"jsonrpc": "2.0", "method": "echo"}
    assert post([silent, new("echo")], BITCOIN)[1] == [{"jsonrpc": "2.0", "result": [], "id": "a"}]
    assert post([silent, silent], BITCOIN) == (204, None)
    assert post([silent], ETHEREUM) == (200, None)


def test_an_empty_batch_is_answered_by_bitcoind_and_refused_by_geth() -> None:
    assert post([], BITCOIN) == (200, [])
    status, reply = post([], ETHEREUM)
    assert (status, reply["error"]) == (200, {"code": -32600, "message": "empty batch"})


def test_a_crash_of_the_handler_is_no_answer() -> None:
    with pytest.raises(ZeroDivisionError):
        post(new("crash"), BITCOIN)


def test_a_call_written_here_is_one_that_is_understood_here() -> None:
    handler = Handler(BITCOIN)
    status, reply = jsonrpc.answer(jsonrpc.encode_call("echo", ["x", 1], 9), handler, BITCOIN)
    assert status == 200
    assert jsonrpc.decode_answer(reply) == ["x", 1]
    assert json.loads(reply)["id"] == 9


@pytest.mark.parametrize("body", [old("refuse"), new("refuse")])
def test_a_refusal_is_raised_on_the_other_side_with_code_message_and_data(
    body: dict[str, object],
) -> None:
    _, reply = jsonrpc.answer(json.dumps(body).encode(), Handler(BITCOIN), BITCOIN)
    with pytest.raises(RpcError) as refused:
        jsonrpc.decode_answer(reply)
    error = refused.value
    assert (error.code, error.message, error.data) == (-8, "out of range", {"most": 5})


def test_a_null_result_is_a_result() -> None:
    assert jsonrpc.decode_answer(b'{"result":null,"error":null,"id":1}') is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"7", b"[]", b"{}", b'{"error":"x"}', b'{"error":{"message":"x"}}']
)
def test_what_is_no_answer_is_told_with_its_beginning(body: bytes) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        jsonrpc.decode_answer(body)
    assert refused.value.start == body


def test_a_batch_of_calls_has_consecutive_ids() -> None:
    body = jsonrpc.encode_batch([("a", []), ("b", [1])], 7)
    assert json.loads(body) == [
        {"jsonrpc": "2.0", "id": 7, "method": "a", "params": []},
        {"jsonrpc": "2.0", "id": 8, "method": "b", "params": [1]},
    ]


def test_answers_of_a_batch_are_put_in_the_order_of_its_calls() -> None:
    replies = [
        {"id": 9, "result": "third"},
        {"id": 8, "error": {"code": -8, "message": "no"}},
        {"id": 7, "result": None},
    ]
    first, second, third, fourth = jsonrpc.decode_batch(json.dumps(replies).encode(), 7, 4)
    assert (first, third) == (None, "third")
    assert isinstance(second, RpcError)
    assert second.code == -8
    assert isinstance(fourth, MalformedAnswer)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"",
        b"[7]",
        b'[{"id": 6, "result": 1}]',
        b'[{"id": 9, "result": 1}]',
        b'[{"id": 7, "result": 1}, {"id": 7, "result": 2}]',
        b'[{"id": "7", "result": 1}]',
        b'[{"id": 7}]',
    ],
)
def test_an_answer_that_belongs_to_no_call_spoils_the_batch(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        jsonrpc.decode_batch(body, 7, 2)
