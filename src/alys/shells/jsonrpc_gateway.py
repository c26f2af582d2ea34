"""The port actor in front of a JSON-RPC service: each call is a task of its own, its answer goes where the ask came from."""

import asyncio

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.promise import Promise
from alys.node import ports
from alys.shells.foreign_execution import Caller


class JsonRpcGateway(Actor):
    """Carries out ``ports.JsonRpcCall`` over a client, which it closes when it stops. Calls may overtake each other."""

    def __init__(self, client: Caller) -> None:
        self._client = client
        self._tasks: set[asyncio.Task[None]] = set()

    def on_call(self, message: ports.JsonRpcCall, ctx: Context) -> None:
        """Send it; the answer comes later."""
        task = asyncio.get_running_loop().create_task(self._carry_out(message, ctx.defer()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, message: ports.JsonRpcCall, promise: Promise) -> None:
        try:
            promise.complete(await self._client.call(message.method, *message.params))
        except Exception as error:
            promise.fail(error)

    @override
    def post_stop(self, ctx: Context) -> None:
        for task in list(self._tasks):
            task.cancel()
        # The actor cannot await a future of the loop; the session's own task outlives it by a turn.
        closing = asyncio.get_running_loop().create_task(self._client.close())
        self._tasks.add(closing)
        closing.add_done_callback(self._tasks.discard)
