"""The HTTP door of all JSON-RPC services."""

import asyncio
import gzip
import json
import socket
from typing import Any

import aiohttp
import pytest

from alys.base.errors import EnvironmentFailure
from alys.shells.jsonrpc_server import serve_jsonrpc
from alys.wire.jsonrpc import Dialect, Params


def handle(method: str, params: Params) -> Any:
    if method == "break":
        raise ZeroDivisionError("a fault of ours")
    return [method, params]


async def request(url: str, verb: str, body: str = "") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(verb, url, data=body) as answer:
        return answer.status, await answer.text()


def served(verb: str, body: str = "", dialect: Dialect = Dialect.ETHEREUM) -> tuple[int, str]:
    async def life() -> tuple[int, str]:
        server = await serve_jsonrpc(handle, dialect, "127.0.0.1", 0, what="a test")
        try:
            return await request(server.url, verb, body)
        finally:
            await server.close()

    return asyncio.run(life())


def test_a_call_is_answered_with_its_id() -> None:
    status, body = served("POST", '{"jsonrpc":"2.0","id":7,"method":"m","params":[1]}')
    assert (status, json.loads(body)) == (200, {"jsonrpc": "2.0", "id": 7, "result": ["m", [1]]})


def test_there_is_no_get() -> None:
    assert served("GET")[0] == 405
    assert "only POST" in served("GET", dialect=Dialect.BITCOIN)[1]


def test_a_port_in_use_names_service_host_port_and_fix() -> None:
    async def life(port: int) -> None:
        await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", port, what="the test service")

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{port} for the test service") as e:
            asyncio.run(life(port))
    assert "another port" in str(e.value)


@pytest.mark.parametrize("line", [b"Authorization: Basic s3cr\x01et", b"Author ization: s3cret"])
def test_a_request_that_is_no_http_is_logged_without_its_words(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def life() -> bytes:
        server = await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", 0, what="a test")
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer
        finally:
            await server.close()

    assert asyncio.run(life()).startswith(b"HTTP/1.0 400")
    (record,) = [one for one in caplog.records if one.name == "alys.http"]
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "no HTTP" in record.getMessage()
    assert "s3cr" not in caplog.text


def test_a_bug_in_a_handler_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(method: str, params: Params) -> Any:
        raise ZeroDivisionError("a bug")

    async def life() -> int:
        server = await serve_jsonrpc(broken, Dialect.BITCOIN, "127.0.0.1", 0, what="a test")
        try:
            return (await request(server.url, "POST", '{"method": "m"}'))[0]
        finally:
            await server.close()

    assert asyncio.run(life()) == 500
    assert "ZeroDivisionError: a bug" in caplog.text


def test_an_address_that_is_not_ours_is_the_machines_fault() -> None:
    async def life() -> None:
        await serve_jsonrpc(handle, Dialect.BITCOIN, "192.0.2.1", 0, what="the test service")

    with pytest.raises(EnvironmentFailure, match=r"192\.0\.2\.1"):
        asyncio.run(life())


def test_closing_gives_the_port_back_and_twice_is_harmless() -> None:
    async def life() -> None:
        server = await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", 0, what="a test")
        await server.close()
        await server.close()
        again = await serve_jsonrpc(
            handle, Dialect.BITCOIN, "127.0.0.1", server.port, what="a test"
        )
        assert again.port == server.port
        await again.close()

    asyncio.run(life())


def said_to(data: bytes) -> bytes:
    """All that the server says to these bytes until it hangs up, which it is asked to do."""

    async def life() -> bytes:
        server = await serve_jsonrpc(handle, Dialect.ETHEREUM, "127.0.0.1", 0, what="a test")
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + data)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer
        finally:
            await server.close()

    return asyncio.run(life())


def test_a_fault_of_ours_is_an_error_of_its_call_alone_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = [{"jsonrpc": "2.0", "id": name, "method": name} for name in ("a", "break", "b")]
    status, body = served("POST", json.dumps(calls))
    first, broken, last = json.loads(body)
    error = {"code": -32603, "message": "method handler crashed"}
    assert (status, broken) == (200, {"jsonrpc": "2.0", "error": error, "id": "break"})
    assert (first["result"], last["result"]) == (["a", []], ["b", []])
    (record,) = caplog.records
    assert record.getMessage() == "a call of break broke"
    assert record.exc_info is not None


def test_a_packed_body_is_not_unpacked() -> None:
    packed = gzip.compress(b'{"jsonrpc":"2.0","id":1,"method":"m"}')
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert b'"code":-32700' in said_to(head + packed)


def test_chunks_that_are_none_are_the_callers_fault(caplog: pytest.LogCaptureFixture) -> None:
    told = said_to(b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")
    assert told.split(b" ", 2)[1] == b"400"
    assert not [record for record in caplog.records if record.exc_info]
