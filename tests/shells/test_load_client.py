"""A load on a real socket: batches go out when they are due, and what gets no answer is not told of."""

import asyncio
import os
from typing import Any

from alys.actors.message import Request
from alys.chain.spec import dev_spec
from alys.shells.load_client import LoadClient
from alys.shells.node_server import serve_node
from alys.wire.jsonrpc import RpcError

SPEC = dev_spec(bytes(32))


async def pause(_actor: str, _request: Request[Any]) -> Any:
    return True


def test_results_come_in_the_order_of_the_calls_with_refusals_in_their_places() -> None:
    async def life() -> list[tuple[float, list[Any]]]:
        server = await serve_node(SPEC, pause)
        load = LoadClient(server.url, os.getpid())
        told: list[tuple[float, list[Any]]] = []
        try:
            begin = load.clock()
            calls: list[tuple[str, list[Any]]] = [
                ("alys_spec", []), ("nosuchmethod", []), ("alys_resumeProduction", []),
            ]  # fmt: skip
            load.send(calls, lambda at, results: told.append((at - begin, results)))
            await load.drain()
        finally:
            await load.close()
            await server.close()
        return told

    ((at, (spec, refusal, resumed)),) = asyncio.run(life())
    assert at > 0
    assert spec["network"] == "regtest"
    assert isinstance(refusal, RpcError)
    assert resumed is True


def test_a_batch_does_not_wait_for_the_one_before() -> None:
    async def life() -> list[str]:
        held = asyncio.Event()
        told: list[str] = []

        async def ask(_: str, request: Request[Any]) -> Any:
            if type(request).__name__ == "PauseProduction":
                await held.wait()
            return True

        server = await serve_node(SPEC, ask)
        load = LoadClient(server.url, os.getpid())
        second = asyncio.Event()

        def fast(_at: float, _results: list[Any]) -> None:
            told.append("fast")
            second.set()

        try:
            load.send([("alys_pauseProduction", ["x"])], lambda *_: told.append("slow"))
            load.send([("alys_resumeProduction", [])], fast)
            await asyncio.wait_for(second.wait(), 30)
            held.set()
            await load.drain()
        finally:
            await load.close()
            await server.close()
        return told

    assert asyncio.run(life()) == ["fast", "slow"]


def test_a_node_that_is_not_there_answers_nothing() -> None:
    async def life() -> list[Any]:
        server = await serve_node(SPEC, pause)
        await server.close()
        load = LoadClient(server.url, os.getpid())
        told: list[Any] = []
        load.send([("alys_spec", [])], lambda *said: told.append(said))
        await load.drain()
        await load.close()
        return told

    assert asyncio.run(life()) == []


def test_waiting_until_a_moment_that_is_past_does_not_wait() -> None:
    async def life() -> float:
        load = LoadClient("http://127.0.0.1:1", os.getpid())
        await load.until(load.clock() - 100)
        begin = load.clock()
        await load.until(begin + 0.05)
        passed = load.clock() - begin
        await load.close()
        return passed

    assert asyncio.run(life()) >= 0.05


def test_the_process_is_looked_at_by_its_number() -> None:
    async def life() -> Any:
        load = LoadClient("http://127.0.0.1:1", os.getpid())
        await load.close()
        return load.usage(), load.cores()

    usage, cores = asyncio.run(life())
    assert usage.resident_bytes > 2**20
    assert 0 < cores <= 1
