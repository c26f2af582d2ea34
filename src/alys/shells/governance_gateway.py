"""The port actor in front of the governance nodes: one gRPC stream per node, frames as bytes.

Whether and when to try again is the Stream actor's business: this one opens when told to, and says what became of it. Frames
pass through unparsed, so what the node sends is what the actor serialised.
"""

import asyncio
from collections.abc import Sequence

import grpc
import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.ref import Ref
from alys.node import ports
from alys.wire.generated import governance_pb2 as pb

METHOD = f"/{pb.DESCRIPTOR.services_by_name['GovernanceStream'].full_name}/Stream"
CONNECT_SECONDS = 5.0
"""Wall time for a connection to come about; one that is refused is told at once."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    # A node that was restarted is another connection: gRPC's own back-off would hide how long it was away.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


class _Unreachable(ConnectionError):
    """Nobody answers at the address."""


class _Stream(msgspec.Struct, kw_only=True):
    """One open stream, or one on its way."""

    outgoing: asyncio.Queue[bytes]
    task: asyncio.Task[None] | None = None


class GovernanceGateway(Actor):
    """Streams to the nodes at ``targets`` (``host:port``), named by their place in the list."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = tuple(targets)
        self._streams: dict[int, _Stream] = {}
        self._owner: dict[int, Ref] = {}
        self._opened = 0

    def on_open(self, message: ports.OpenStream, ctx: Context) -> None:
        """Open it; the sender hears ``StreamOpened`` or ``StreamClosed``."""
        self._drop(message.endpoint)
        if ctx.sender is not None:
            self._owner[message.endpoint] = ctx.sender
        self._opened += 1
        stream = _Stream(outgoing=asyncio.Queue())
        self._streams[message.endpoint] = stream
        metadata = () if message.token is None else (("authorization", f"Bearer {message.token}"),)
        stream.task = asyncio.get_running_loop().create_task(
            self._live(message.endpoint, stream, metadata, ctx)
        )

    def on_send(self, message: ports.SendFrame, ctx: Context) -> None:
        """Send a frame, or say that there is no stream."""
        stream = self._streams.get(message.endpoint)
        if stream is None:
            if ctx.sender is not None:
                closed = ports.StreamClosed(endpoint=message.endpoint, reason="not open")
                ctx.tell(ctx.sender, closed)
            return
        stream.outgoing.put_nowait(message.frame)

    def on_close(self, message: ports.CloseStream, ctx: Context) -> None:
        """End it from our side; nobody is told."""
        self._drop(message.endpoint)

    @override
    def post_stop(self, ctx: Context) -> None:
        for endpoint in list(self._streams):
            self._drop(endpoint)

    def _drop(self, endpoint: int) -> None:
        stream = self._streams.pop(endpoint, None)
        if stream is not None and stream.task is not None:
            stream.task.cancel()

    def _tell(
        self, message: ports.StreamOpened | ports.StreamClosed | ports.FrameReceived, ctx: Context
    ) -> None:
        owner = self._owner.get(message.endpoint)
        if owner is not None:
            ctx.tell(owner, message)

    async def _live(
        self,
        endpoint: int,
        stream: _Stream,
        metadata: tuple[tuple[str, str], ...],
        ctx: Context,
    ) -> None:
        """Connect, pump both ways, report the end unless it was asked for."""
        reason, reached = "ended by the node", True
        try:
            async with grpc.aio.insecure_channel(
                self._targets[endpoint], options=CHANNEL_OPTIONS
            ) as channel:
                await self._pump(channel, endpoint, stream, metadata, ctx)
        except (TimeoutError, _Unreachable):
            reason, reached = f"no connection to {self._targets[endpoint]}", False
        except grpc.aio.AioRpcError as error:
            reason = f"{error.code().name}: {error.details()}"
        except ConnectionError as error:
            reason = str(error)
        if self._streams.get(endpoint) is stream:
            del self._streams[endpoint]
            closed = ports.StreamClosed(endpoint=endpoint, reason=reason, reached=reached)
            self._tell(closed, ctx)

    async def _pump(
        self,
        channel: grpc.aio.Channel,
        endpoint: int,
        stream: _Stream,
        metadata: tuple[tuple[str, str], ...],
        ctx: Context,
    ) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _connected(channel)
        multi: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        call = multi(metadata=metadata)
        writer = asyncio.get_running_loop().create_task(_write(call, stream.outgoing))
        self._tell(ports.StreamOpened(endpoint=endpoint), ctx)
        try:
            while (frame := await call.read()) is not grpc.aio.EOF:
                assert isinstance(frame, bytes), "frames are not parsed here"
                self._tell(ports.FrameReceived(endpoint=endpoint, frame=frame), ctx)
            if await call.code() is not grpc.StatusCode.OK:
                raise ConnectionError(f"{(await call.code()).name}: {await call.details()}")
        finally:
            call.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def _connected(channel: grpc.aio.Channel) -> None:
    """Wait for the first attempt alone: gRPC would try again by itself, at a pace that is not ours. Raises _Unreachable."""
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise _Unreachable
        await channel.wait_for_state_change(state)
        state = channel.get_state()


async def _write(
    call: grpc.aio.StreamStreamCall[bytes, bytes], outgoing: asyncio.Queue[bytes]
) -> None:
    """Send what is queued, in order, until cancelled or until the stream is gone (the reader reports that)."""
    while True:
        await call.write(await outgoing.get())
