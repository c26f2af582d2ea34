"""Ports in memory behave like those on sockets: bytes in between, order where a stream has it, refusals as refusals."""

from typing import Any

import pytest

from alys.node.ports import JsonRpcCall, StoreGet, StoreScan, StoreWrite
from alys.wire.jsonrpc import Dialect, RpcError
from alys.worlds.memory import Service, ServicePort
from tests.node.bench import Bench


def handle(method: str, params: Any) -> Any:
    if method == "refuse":
        raise RpcError(-8, "Block height out of range")
    return {"method": method, "params": params}


def service(seed: int = 1) -> Bench:
    bench = Bench(seed)
    delays = bench.random.fork("delays")
    bench.start("port", lambda: ServicePort(Service(handle, Dialect.BITCOIN), delays))
    return bench


def test_an_answer_is_what_json_would_carry() -> None:
    told = service().ask("port", JsonRpcCall(method="echo", params=((1, 2), {"a": None})))
    assert told == {"method": "echo", "params": [[1, 2], {"a": None}]}


def test_what_json_cannot_carry_fails_here_as_it_would_there() -> None:
    with pytest.raises(TypeError):
        Service(handle, Dialect.BITCOIN).call("echo", (object(),))


def test_a_refusal_fails_the_ask_and_not_the_port() -> None:
    bench = service()
    with pytest.raises(RpcError, match="out of range"):
        bench.ask("port", JsonRpcCall(method="refuse"))
    assert bench.ask("port", JsonRpcCall(method="echo"))["method"] == "echo"
    assert bench.failures.errors == []


def test_an_answer_takes_time_and_the_seed_says_how_much() -> None:
    def took(seed: int) -> float:
        bench = service(seed)
        bench.ask("port", JsonRpcCall(method="echo"))
        return bench.dispatcher.simulated_seconds

    assert 0.001 <= took(1) <= 0.020
    assert took(1) == took(1) != took(2)


def test_the_store_outlives_the_actor_before_it() -> None:
    bench = Bench()
    bench.store("store")
    bench.ask("store", StoreWrite(puts=((b"b", b"2"), (b"a", b"1"), (b"c", b"3"))))
    bench.ask("store", StoreWrite(puts=(), deletes=(b"c", b"never there")))
    bench.stop("store")
    bench.store("store")
    assert bench.ask("store", StoreScan(prefix=b"")) == ((b"a", b"1"), (b"b", b"2"))
    assert bench.ask("store", StoreGet(key=b"c")) is None
