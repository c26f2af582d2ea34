"""Limits of a stream on its socket: who does not register, falls silent, does not read, or comes too often."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from alys.base.prng import SeededRandom
from alys.models.governance.limits import Limits
from alys.models.governance.node import GovernanceNode
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_server import serve_governance
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import KEYS, SECRETS, Time, make_node, registration
from tests.shells.waiting import until

SECONDS = 20.0

Run = Callable[[GovernanceNode, grpc.aio.Channel], Awaitable[Any]]


def served(run: Run, limits: Limits, time: Time | None = None) -> Any:
    async def life() -> Any:
        now = time or Time()
        random = SeededRandom(7)
        node = GovernanceNode("governance-1", SECRETS[0], KEYS, 2, now, random, limits=limits)
        server = await serve_governance(node)
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                return await run(node, channel)
        finally:
            await server.close()

    return asyncio.run(life())


def opened(channel: grpc.aio.Channel) -> Any:
    return rpc.GovernanceStreamStub(channel).Stream(timeout=SECONDS)


async def registered(channel: grpc.aio.Channel, node_id: str = "alys-1") -> Any:
    call = opened(channel)
    await call.write(registration(node_id))
    assert (await call.read()).registration_ack.accepted
    return call


async def end_of(call: Any) -> tuple[grpc.StatusCode, str]:
    """How a stream ends, whatever comes before."""
    try:
        while await call.read():
            pass
    except grpc.aio.AioRpcError as ended:
        return ended.code(), str(ended.details())
    raise AssertionError(f"it ended with {await call.code()}")


def test_who_does_not_register_in_time_is_shown_out_and_leaves_room() -> None:
    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> tuple[Any, int]:
        ended = await end_of(opened(channel))
        await until(lambda: len(node.registry) == 0)
        return ended, len(node.registry)

    (code, why), left = served(run, Limits(registration_seconds=0.2))
    assert (code, left) == (grpc.StatusCode.DEADLINE_EXCEEDED, 0)
    assert why == "no registration within 0.2 s"


def test_a_silent_stream_ends_when_both_clocks_say_so() -> None:
    time = Time()

    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> Any:
        call = await registered(channel)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await until(lambda: loop.time() > begin + 0.5)
        assert len(node.registry) == 1, "the node's own clock stands still"
        time.seconds += 1
        return await end_of(call)

    code, why = served(run, Limits(idle_seconds=0.2), time)
    assert (code, why) == (grpc.StatusCode.DEADLINE_EXCEEDED, "silent for 0.2 s")


def test_what_is_pushed_and_not_read_ends_the_stream_and_the_others_live() -> None:
    """A peer that does not read holds up its own stream, up to a bound; its slot is free then."""
    big = "x" * 20_000

    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> Any:
        deaf = await registered(channel)

        async def pushed() -> bool:
            for _ in range(100):
                node.push({"emergency_halt": {"reason": big}})
            return len(node.registry) == 0

        await until(pushed)
        other = await registered(channel, "alys-2")
        await other.write(pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=7)))
        while (answer := await other.read()).WhichOneof("payload") != "heartbeat_ack":
            pass
        return await end_of(deaf), answer.heartbeat_ack.sequence

    (code, why), sequence = served(run, Limits(pushes_under_way=50))
    assert (code, sequence) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 7)
    assert why == "what is sent here is not read"


def test_a_peer_that_asks_and_does_not_read_is_not_read_either() -> None:
    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> tuple[int, int]:
        call = await registered(channel)
        beats = 1_000
        metadata = pb.RequestMetadata(request_id="x" * 20_000)  # comes back, and fills the pipe

        async def ask_on() -> None:
            for number in range(beats):
                beat = pb.Heartbeat(sequence=number)
                await call.write(pb.StreamRequest(metadata=metadata, heartbeat=beat))

        writing = asyncio.gather(ask_on())
        heard: list[int] = []

        def stands_still() -> bool:
            state: Any = node.state()
            heard.append(state["received"]["heartbeat"])
            return len(heard) > 40 and heard[-1] == heard[-40] > 0

        await until(stands_still)
        sequences = [(await call.read()).heartbeat_ack.sequence for _ in range(beats)]
        await writing
        assert sequences == list(range(beats))
        return heard[-1], beats

    held, beats = served(run, Limits(answers_under_way=10, name_characters=20_000))
    assert held < beats


def test_one_stream_too_many_is_exhausted_until_one_ends() -> None:
    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> Any:
        first = await registered(channel)
        await registered(channel, "alys-2")
        refused = await end_of(opened(channel))
        first.cancel()
        await until(lambda: len(node.registry) == 1)
        await registered(channel, "alys-3")
        return refused

    code, why = served(run, Limits(streams=2))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert why == "all 2 connections are in use"


def test_one_node_with_too_many_streams_is_told_so_and_ended() -> None:
    async def run(node: GovernanceNode, channel: grpc.aio.Channel) -> Any:
        await registered(channel)
        call = opened(channel)
        await call.write(registration())
        ack = await call.read()
        assert not ack.registration_ack.accepted
        assert ack.metadata.status == pb.STATUS_CODE_RATE_LIMITED
        await registered(channel, "alys-2")
        return await end_of(call)

    code, why = served(run, Limits(streams_of_one=1))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert why == "1 streams of alys-1 are open"


def test_a_stream_that_is_to_end_ends_at_once_whatever_is_late_on_it() -> None:
    """Its answers are a minute late: nobody waits for them."""

    async def life() -> tuple[grpc.StatusCode, str]:
        server = await serve_governance(first, delay_seconds=60.0)
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                call = opened(channel)
                await call.write(registration())
                await until(lambda: len(first.registry.registered) == 1)
                server.replace(make_node(1))
                return await end_of(call)
        finally:
            await server.close()

    first = make_node()
    code, why = asyncio.run(life())
    assert (code, why) == (grpc.StatusCode.UNAVAILABLE, "the node began another session")


def test_streams_end_with_their_status_every_time() -> None:
    """The end and the answer before it meet in grpc: neither may swallow the other."""

    async def life() -> set[grpc.StatusCode]:
        server = await serve_governance(make_node())
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                ends = set()
                for number in range(100):
                    call = await registered(channel)
                    server.replace(make_node(number % 3))
                    ends.add((await end_of(call))[0])
                return ends
        finally:
            await server.close()

    assert asyncio.run(life()) == {grpc.StatusCode.UNAVAILABLE}
