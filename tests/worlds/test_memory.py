"""Ports in memory behave like those on sockets: bytes in between, order where a stream has it, refusals as refusals."""

from typing import Any

import pytest

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskTimeout
from alys.actors.message import Message
from alys.base import faults
from alys.base.faults import AnyFault
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import SeededRandom
from alys.node.errors import PortDown
from alys.node.ports import (
    FrameReceived,
    JsonRpcCall,
    OpenStream,
    SendFrame,
    StoreGet,
    StoreScan,
    StoreWrite,
    StreamClosed,
    StreamOpened,
)
from alys.wire.generated import governance_pb2 as pb
from alys.wire.jsonrpc import Dialect, RpcError
from alys.worlds.governance_link import GovernanceLink
from alys.worlds.memory import GovernancePort, Service, ServicePort
from tests.models.governance.builders import make_node, registration
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


def test_light_values_cross_as_they_are_while_no_fault_is_on() -> None:
    """Parameters as JSON would have them; what a fault does to bytes is done to bytes."""
    made = object()
    model = Misbehaviour(
        lambda: 0.0, SeededRandom(3), Scope(service=faults.BITCOIN, calls=frozenset({"echo"}))
    )
    light = Service(lambda method, params: [params, made], Dialect.BITCOIN, model, light=True)
    bench = Bench(1)
    bench.start("port", lambda: ServicePort(light, bench.random.fork("delays")))
    assert bench.ask("port", JsonRpcCall(method="echo", params=((1, (2,)), {"a": ()}))) == [
        [[1, [2]], {"a": []}],
        made,
    ]
    assert light.call("echo", ()) == [[], made]
    model.add(faults.Malformed(form="empty"))
    assert not light.plain


@pytest.mark.parametrize("light", [False, True])
def test_a_refusal_is_the_same_in_both_profiles(light: bool) -> None:
    bench = Bench(1)
    made = Service(handle, Dialect.BITCOIN, light=light)
    bench.start("port", lambda: ServicePort(made, bench.random.fork("delays")))
    with pytest.raises(RpcError, match="out of range") as refused:
        bench.ask("port", JsonRpcCall(method="refuse"))
    assert refused.value.code == -8


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


# Under faults


class Doubtful:
    """A port before a service that was told to misbehave."""

    def __init__(self, *orders: AnyFault) -> None:
        self.bench = Bench()
        scope = Scope(service="bitcoin")
        self.faults = Misbehaviour(self.bench.dispatcher.now, SeededRandom(1), scope)
        self.faults.add(*orders)
        self.count = 0
        self.service = Service(self.counted, Dialect.BITCOIN, self.faults, "the node")
        delays = self.bench.random.fork("delays")
        self.bench.start("port", lambda: ServicePort(self.service, delays))

    def counted(self, method: str, params: Any) -> Any:
        self.count += 1
        return self.count

    def ask(self) -> Any:
        return self.bench.ask("port", JsonRpcCall(method="count"))

    def touched(self) -> list[int]:
        return [one.touched for one in self.faults.view()]


def test_a_late_answer_takes_virtual_time() -> None:
    port = Doubtful(faults.Latency(ms=2500))
    assert port.ask() == 1
    assert 2.5 < port.bench.dispatcher.simulated_seconds < 2.6


@pytest.mark.parametrize(
    ("fault", "words", "carried_out"),
    [
        (faults.Refuse(), "the node cannot be reached: connection refused", 0),
        (faults.Drop(after_bytes=3), "connection closed after 3 bytes", 1),
        (faults.Malformed(), "HTTP 200: <html>", 1),
        (faults.Malformed(form="truncated"), "HTTP 200: {", 1),
    ],
    ids=lambda value: str(getattr(value, "kind", "")),
)
def test_what_is_no_answer_is_a_port_that_is_down(
    fault: AnyFault, words: str, carried_out: int
) -> None:
    port = Doubtful(fault)
    with pytest.raises(PortDown, match=words):
        port.ask()
    assert (port.count, port.touched(), port.bench.failures.errors) == (carried_out, [1], [])


def test_an_error_and_a_stale_answer_are_those_of_the_protocol() -> None:
    port = Doubtful(faults.Error(code=-28, times=1), faults.Stale())
    with pytest.raises(RpcError, match="-28"):
        port.ask()
    assert [port.ask() for _ in range(3)] == [1, 1, 1]
    assert port.touched() == [1, 2]


def test_silence_lasts_until_the_deadline_or_until_its_fault_is_taken_back() -> None:
    port = Doubtful(faults.Hang())
    with pytest.raises(AskTimeout):
        port.ask()
    system = port.bench.system
    reply = system.ask(system.whereis("port"), JsonRpcCall(method="count"))
    port.bench.run_for(1)
    assert not reply.done
    port.faults.remove(1)
    with pytest.raises(PortDown, match="connection closed"):
        port.bench.dispatcher.result_of(reply, 1)
    assert port.touched() == [2]


def test_a_witness_in_memory_is_spared() -> None:
    port = Doubtful(faults.Hang())
    assert port.service.call("count", ()) == 1
    assert port.touched() == [0]


class Owner(Actor):
    """Opens streams, sends what it is told to, writes down what it hears."""

    def __init__(self, heard: list[Any]) -> None:
        self._heard = heard

    def on_order(self, message: OpenStream | SendFrame, ctx: Context) -> None:
        ctx.tell(ctx.whereis("governance"), message)

    def on_heard(self, message: StreamOpened | FrameReceived | StreamClosed, ctx: Context) -> None:
        self._heard.append(message)


class Spoiled(Message, frozen=True, kw_only=True):
    """What a gateway fails at."""


class Fragile(GovernancePort):
    def on_spoiled(self, message: Spoiled, ctx: Context) -> None:
        raise ValueError("spoiled")


class Streams:
    """One governance node behind a link in memory, with a registered stream."""

    def __init__(self, gateway: type[GovernancePort] = GovernancePort) -> None:
        self.bench = Bench()
        self.node = make_node()
        link = GovernanceLink(node=self.node)
        delays = self.bench.random.fork("delays")
        self.heard: list[Any] = []
        self.bench.start("governance", lambda: gateway([link], delays))
        self.bench.start("owner", lambda: Owner(self.heard))
        self.open()
        self.send(registration())
        self.heard.clear()

    def open(self) -> None:
        self.bench.tell("owner", OpenStream(endpoint=0))
        self.bench.run_for(1)

    def send(self, *requests: pb.StreamRequest) -> None:
        for request in requests:
            self.bench.tell("owner", SendFrame(endpoint=0, frame=request.SerializeToString()))
        self.bench.run_for(1)

    def sequences(self) -> list[int]:
        frames = [one.frame for one in self.heard if isinstance(one, FrameReceived)]
        return [pb.StreamResponse.FromString(frame).heartbeat_ack.sequence for frame in frames]

    def ends(self) -> list[str]:
        return [one.reason for one in self.heard if isinstance(one, StreamClosed)]


def heartbeat(number: int) -> pb.StreamRequest:
    return pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=number))


def test_a_late_frame_is_not_overtaken() -> None:
    streams = Streams()
    streams.node.misbehaviour.add(faults.Latency(ms=3000, times=1))
    streams.send(heartbeat(1), heartbeat(2))
    assert streams.sequences() == []
    streams.bench.run_for(3)
    assert streams.sequences() == [1, 2]


def test_a_port_that_is_restarted_has_no_stream_and_nothing_under_way() -> None:
    """Who had one is told when it sends, as by the real gateway, and the next one carries what is sent on it and nothing else."""
    streams = Streams(Fragile)
    streams.node.misbehaviour.add(faults.Latency(ms=3000, times=1))
    streams.send(heartbeat(1))
    streams.bench.tell("governance", Spoiled())
    streams.send(heartbeat(2))
    assert (streams.sequences(), streams.ends()) == ([], ["not open"])
    streams.open()
    streams.send(registration())
    streams.heard.clear()
    streams.send(heartbeat(3))
    streams.bench.run_for(5)
    assert (streams.sequences(), streams.ends()) == ([3], [])


def test_a_stream_is_cut_and_refused_and_opened_again() -> None:
    streams = Streams()
    streams.node.misbehaviour.add(
        faults.Drop(calls=("heartbeat",), times=1),
        faults.Error(code="INTERNAL", message="x", calls=("Stream",), times=1),
    )
    streams.send(heartbeat(1))
    assert (streams.sequences(), streams.ends()) == ([], ["UNAVAILABLE: connection reset"])
    streams.open()
    assert streams.ends()[1:] == ["INTERNAL: x"]
    streams.open()
    streams.send(registration())
    streams.send(heartbeat(3))
    assert streams.sequences()[-1] == 3


def test_a_stream_that_hangs_says_nothing_until_its_fault_is_over() -> None:
    streams = Streams()
    (number,) = streams.node.misbehaviour.add(faults.Hang(calls=("Stream",)))
    streams.open()
    streams.send(registration())
    assert (streams.sequences(), streams.ends()) == ([], [])
    streams.node.misbehaviour.remove(number)
    streams.send(heartbeat(1))
    assert streams.ends() == ["UNAVAILABLE: connection reset"]
