"""gRPC streams behind their port, against a real governance server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.node.ports import (
    CloseStream,
    FrameReceived,
    OpenStream,
    SendFrame,
    StreamClosed,
    StreamOpened,
)
from alys.shells.governance_gateway import GovernanceGateway
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import make_node, registration
from tests.shells.systems import with_actor


class Owner(Actor):
    """Opens streams and passes on what it hears."""

    def __init__(self, gateway: Ref, heard: "asyncio.Queue[Message]") -> None:
        self._gateway = gateway
        self._heard = heard

    def on_order(self, message: OpenStream | SendFrame | CloseStream, ctx: Context) -> None:
        ctx.tell(self._gateway, message)

    def on_heard(self, message: StreamOpened | FrameReceived | StreamClosed, ctx: Context) -> None:
        self._heard.put_nowait(message)


Order = Callable[[Message], None]
Hear = Callable[[], Awaitable[Any]]


def with_stream(
    run: Callable[[Order, Hear, RunningGovernance], Awaitable[Any]], token: str | None = None
) -> Any:
    async def life() -> Any:
        server = await serve_governance(make_node(bearer_token=token))

        async def inside(system: System, gateway: Ref) -> Any:
            heard: asyncio.Queue[Message] = asyncio.Queue()
            owner = system.spawn(ChildSpec(name="owner", factory=lambda: Owner(gateway, heard)))

            async def hear() -> Message:
                return await asyncio.wait_for(heard.get(), 20)

            return await run(lambda message: system.tell(owner, message), hear, server)

        try:
            return await with_actor(lambda: GovernanceGateway([server.url]), inside)
        finally:
            await server.close()

    return asyncio.run(life())


def test_frames_go_there_and_back_as_bytes() -> None:
    async def run(order: Order, hear: Hear, server: RunningGovernance) -> None:
        order(OpenStream(endpoint=0))
        assert await hear() == StreamOpened(endpoint=0)
        order(SendFrame(endpoint=0, frame=registration().SerializeToString()))
        received = await hear()
        assert isinstance(received, FrameReceived)
        answer = pb.StreamResponse.FromString(received.frame)
        assert answer.registration_ack.accepted

    with_stream(run)


def test_a_token_is_presented_and_its_lack_is_told() -> None:
    async def run(order: Order, hear: Hear, server: RunningGovernance) -> None:
        order(OpenStream(endpoint=0, token="wrong"))
        closed = await hear()
        while not isinstance(closed, StreamClosed):
            closed = await hear()
        assert "UNAUTHENTICATED" in closed.reason
        assert closed.reached  # it said no: another matter than silence
        order(OpenStream(endpoint=0, token="right"))
        assert await hear() == StreamOpened(endpoint=0)
        order(SendFrame(endpoint=0, frame=registration().SerializeToString()))
        assert isinstance(await hear(), FrameReceived)

    with_stream(run, token="right")


def test_the_end_of_the_node_is_told_and_so_is_that_nobody_is_there() -> None:
    async def run(order: Order, hear: Hear, server: RunningGovernance) -> None:
        order(OpenStream(endpoint=0))
        await hear()
        await server.close()
        assert isinstance(await hear(), StreamClosed)
        order(OpenStream(endpoint=0))
        gone = await hear()
        assert isinstance(gone, StreamClosed)
        assert (gone.reason, gone.reached) == (f"no connection to {server.url}", False)

    with_stream(run)


def test_sending_without_a_stream_is_told() -> None:
    async def run(order: Order, hear: Hear, server: RunningGovernance) -> None:
        order(SendFrame(endpoint=0, frame=b""))
        assert await hear() == StreamClosed(endpoint=0, reason="not open")

    with_stream(run)
