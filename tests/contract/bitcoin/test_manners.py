"""How a node speaks, whatever the method: versions of JSON-RPC, batches, notifications, HTTP statuses, authentication.

Each test runs against our node and against the real one; what it says, it says of both.
"""

import base64
import json
from typing import Any

import pytest

from tests.contract.bitcoin.service import Reply, Service


def sent(service: Service, call: Any, path: str = "/") -> tuple[int, Any]:
    """HTTP status and the JSON of the answer, None for an empty body."""
    reply = service.post(json.dumps(call).encode(), path)
    return reply.status, json.loads(reply.body) if reply.body else None


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


COUNT = {"method": "getblockcount", "id": 7}
UNKNOWN = {"method": "nosuchmethod", "id": 7}
REFUSED = {"method": "getblockhash", "params": [100000], "id": 7}
NOT_FOUND = {"code": -32601, "message": "Method not found"}
OUT_OF_RANGE = {"code": -8, "message": "Block height out of range"}


@pytest.mark.parametrize("version", [{}, {"jsonrpc": "1.0"}, {"jsonrpc": "1.1"}])
def test_a_call_of_version_1_tells_of_errors_by_the_status(
    service: Service, version: dict[str, str]
) -> None:
    status, body = sent(service, {**COUNT, **version})
    assert (status, body["error"], body["id"]) == (200, None, 7)
    assert list(body) == ["result", "error", "id"]
    assert sent(service, {**UNKNOWN, **version}) == (
        404,
        {"result": None, "error": NOT_FOUND, "id": 7},
    )
    assert sent(service, {**REFUSED, **version}) == (
        500,
        {"result": None, "error": OUT_OF_RANGE, "id": 7},
    )


def test_a_call_of_version_2_gets_200_and_one_of_result_and_error(service: Service) -> None:
    modern = {"jsonrpc": "2.0"}
    status, body = sent(service, {**COUNT, **modern})
    assert (status, list(body), body["id"]) == (200, ["jsonrpc", "result", "id"], 7)
    told = {"jsonrpc": "2.0", "error": NOT_FOUND, "id": 7}
    assert sent(service, {**UNKNOWN, **modern}) == (200, told)
    told = {"jsonrpc": "2.0", "error": OUT_OF_RANGE, "id": 7}
    assert sent(service, {**REFUSED, **modern}) == (200, told)


def test_a_notification_is_not_answered(service: Service) -> None:
    silent = {"jsonrpc": "2.0", "method": "getblockcount"}
    assert sent(service, silent) == (204, None)
    assert sent(service, {**silent, "method": "nosuchmethod"}) == (204, None)
    assert sent(service, [silent, silent]) == (204, None)
    status, body = sent(service, {**silent, "id": None})
    assert (status, body["id"]) == (200, None)
    status, body = sent(service, {"method": "getblockcount"})  # version 1 knows no notifications
    assert (status, body["error"], body.get("id")) == (200, None, None)


@pytest.mark.parametrize("id", [1, "text", None, 1.5, True, [1], {"a": 1}])
def test_any_id_comes_back(service: Service, id: Any) -> None:
    assert sent(service, {**COUNT, "id": id})[1]["id"] == id


def test_a_batch_gets_200_and_its_answers_in_order(service: Service) -> None:
    status, body = sent(service, [COUNT, UNKNOWN, {**REFUSED, "jsonrpc": "2.0", "id": "x"}, 7])
    assert status == 200
    assert [one.get("error") for one in body[:3]] == [None, NOT_FOUND, OUT_OF_RANGE]
    assert [one["id"] for one in body[:3]] == [7, 7, "x"]
    assert (len(body), body[3]["error"]["code"]) == (4, -32600)
    assert sent(service, []) == (200, [])


def test_a_batch_leaves_out_what_is_a_notification(service: Service) -> None:
    silent = {"jsonrpc": "2.0", "method": "getblockcount"}
    status, body = sent(service, [silent, COUNT])
    assert (status, len(body), body[0]["id"]) == (200, 1, 7)


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"", 500, -32700, "Parse error"),
        (b"{", 500, -32700, "Parse error"),
        (b"nonsense", 500, -32700, "Parse error"),
        (b"7", 500, -32700, "Top-level object parse error"),
        (b'"text"', 500, -32700, "Top-level object parse error"),
        (b"{}", 400, -32600, "Missing method"),
        (b'{"method": 7}', 400, -32600, "Method must be a string"),
        (
            b'{"method": "getblockcount", "params": 7}',
            400,
            -32600,
            "Params must be an array or object",
        ),
    ],
)
def test_what_is_no_call_is_told_so(
    service: Service, body: bytes, status: int, code: int, message: str
) -> None:
    reply = service.post(body)
    told = json.loads(reply.body)
    assert (reply.status, told["error"]) == (status, {"code": code, "message": message})


def test_an_answer_is_json_and_ends_with_a_line(service: Service) -> None:
    reply = service.post(json.dumps(COUNT).encode())
    assert reply.headers["content-type"].partition(";")[0] == "application/json"
    assert reply.body.endswith(b"\n")
    assert int(reply.headers["content-length"]) == len(reply.body)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("nobody:nothing"),
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ???"},
    ],
)
def test_whoever_has_no_password_is_turned_away(service: Service, headers: dict[str, str]) -> None:
    reply = service.post(json.dumps(COUNT).encode(), headers=headers)
    assert (reply.status, reply.body) == (401, b"")
    assert reply.headers["www-authenticate"] == 'Basic realm="jsonrpc"'


def test_the_users_name_counts_too(service: Service) -> None:
    wrong = basic(f"{service.user}x:{service.password}")
    assert service.post(json.dumps(COUNT).encode(), headers=wrong).status == 401
    right = basic(f"{service.user}:{service.password}")
    assert service.post(json.dumps(COUNT).encode(), headers=right).status == 200


@pytest.mark.parametrize("verb", ["GET", "PUT", "HEAD"])
def test_calls_come_by_post_alone(service: Service, verb: str) -> None:
    reply = service.post(b"", verb=verb)
    assert reply.status == 405
    if verb != "HEAD":
        assert reply.body == b"JSONRPC server handles only POST requests"


@pytest.mark.parametrize("path", ["/nosuch", "/wallet", "/?a=b", "/rest/chaininfo.json", "//"])
def test_there_is_nothing_on_other_paths(service: Service, path: str) -> None:
    assert service.post(json.dumps(COUNT).encode(), path).status == 404


def test_named_parameters_are_those_of_the_manual(service: Service) -> None:
    call = {"method": "getblockhash", "params": {"height": 0}, "id": 7}
    named = sent(service, call)
    assert named == sent(service, {**call, "params": [0]})
    assert named == sent(service, {**call, "params": {"args": [0]}})
    status, body = sent(service, {**call, "params": {"nosuch": 0}})
    assert (status, body["error"]) == (
        500,
        {"code": -8, "message": "Unknown named parameter nosuch"},
    )


def test_a_call_that_waits_holds_nobody_up(service: Service) -> None:
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor() as pool:
        height = service.call("getblockcount")
        waiting = pool.submit(service.call, "waitforblockheight", height + 1, 30_000)
        while not waiting.done():
            service.call("generatetoaddress", 1, "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj")
            concurrent.futures.wait([waiting], 0.2)
        assert waiting.result()["height"] > height


def test_a_call_that_waits_answers_when_its_time_is_over(service: Service) -> None:
    tip = service.call("getbestblockhash")
    assert service.call("waitfornewblock", 30)["hash"] == tip
    assert service.call("waitforblockheight", 1_000_000, 30)["hash"] == tip
    assert service.call("waitforblock", "ab" * 32, 30)["hash"] == tip


def test_a_call_that_needs_no_wallet_is_answered_on_any_wallets_path(service: Service) -> None:
    assert sent(service, COUNT, "/wallet/nosuch") == sent(service, COUNT)


def test_a_body_that_is_too_long_is_refused(service: Service) -> None:
    def attempt() -> Reply | None:
        try:
            return service.post(b" " * (33 * 1024 * 1024))
        except (BrokenPipeError, ConnectionResetError):
            return None  # refused by the length that was announced, before the body had come

    reply = attempt()
    assert reply is None or reply.status == 413
