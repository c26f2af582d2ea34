"""The way from one governance node to the others: witnesses are passed on over a small service of our own (``gossip.proto``).

Each peer has a queue and a task. What cannot be delivered waits and goes first when the peer is back; a peer that says no (a token
that is not the federation's, no such service) gets the next bundle all the same. Whether a peer is there is asked of its standard
health service, once a second while there is nothing to pass on.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from typing_extensions import override

from alys.models.governance.node import GovernanceNode
from alys.shells.generated import gossip_pb2_grpc as rpc
from alys.wire.generated import gossip_pb2

WAITING_MAX = 1_000  # bundles for one peer; the oldest go first
CALL_SECONDS = 10.0
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.5  # after a peer could not be reached

CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
)
AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

LOG = logging.getLogger("alys.governance")

Metadata = tuple[tuple[str, str], ...]


class Gossip(rpc.WitnessGossipServicer):
    """What a peer calls."""

    def __init__(
        self,
        node: Callable[[], GovernanceNode],
        delay_seconds: float,
        learnt: Callable[[], None],
    ) -> None:
        """``learnt`` is called when requests may have become answerable."""
        self._node = node
        self._delay_seconds = delay_seconds
        self._learnt = learnt

    @override
    async def Pass(
        self,
        request: gossip_pb2.WitnessBundle,
        context: grpc.aio.ServicerContext[gossip_pb2.WitnessBundle, gossip_pb2.WitnessReceipt],
    ) -> gossip_pb2.WitnessReceipt:
        """Keep what is sound; only who may open a stream may pass something on."""
        node = self._node()
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        refusal = node.access.refuses(metadata)
        if refusal is not None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, refusal)
        if self._delay_seconds > 0:
            await asyncio.sleep(self._delay_seconds)
        receipt = node.collected(request)
        self._learnt()
        return receipt


class Peers:
    """The links to all peers."""

    def __init__(
        self,
        targets: Sequence[str],
        metadata: Metadata,
        node: Callable[[], GovernanceNode],
        learnt: Callable[[], None],
    ) -> None:
        self._metadata = metadata
        self._node = node
        self._learnt = learnt
        self._links: list[_Link] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._add(targets)

    async def meet(self, targets: Sequence[str]) -> None:
        """Have these as peers as well; returns when they have been looked for, found or not."""
        added = self._add(targets)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CALL_SECONDS):
                await asyncio.gather(*(link.looked.wait() for link in added))

    def _add(self, targets: Sequence[str]) -> list["_Link"]:
        added = [_Link(target, self._metadata, self._node, self._learnt) for target in targets]
        self._links += added
        self._tasks += [asyncio.create_task(link.run()) for link in added]
        return added

    def pass_on(self, bundles: Sequence[gossip_pb2.WitnessBundle]) -> None:
        """Bring these to every peer, in order."""
        for link in self._links:
            link.add(bundles)

    def tell(self, node: GovernanceNode) -> None:
        """Let a node know who is there."""
        for link in self._links:
            node.peer(link.target, there=link.there)

    async def stop(self) -> None:
        """Call nobody any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Link:
    """One peer."""

    def __init__(
        self,
        target: str,
        metadata: Metadata,
        node: Callable[[], GovernanceNode],
        learnt: Callable[[], None],
    ) -> None:
        self.target = target
        self.there = False
        self.looked = asyncio.Event()
        """Set once it is known whether the peer is there."""
        self._news = ""
        self._metadata = metadata
        self._node = node
        self._learnt = learnt
        self._waiting: deque[gossip_pb2.WitnessBundle] = deque(maxlen=WAITING_MAX)
        self._more = asyncio.Event()

    def add(self, bundles: Sequence[gossip_pb2.WitnessBundle]) -> None:
        self._waiting.extend(bundles)
        self._more.set()

    async def run(self) -> None:
        async with grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS) as channel:
            witnesses = rpc.WitnessGossipStub(channel)
            health = health_pb2_grpc.HealthStub(channel)
            while True:
                try:
                    await self._turn(witnesses, health)
                except grpc.aio.AioRpcError as error:
                    self.there = error.code() not in AWAY
                    self.looked.set()
                    self._say(f"{error.code().name} {error.details()}")
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _turn(
        self, witnesses: "rpc.WitnessGossipAsyncStub", health: health_pb2_grpc.HealthStub
    ) -> None:
        """Pass one bundle on; or, when there is none for a while, ask how the peer is. Raises grpc.aio.AioRpcError."""
        if not self._waiting:
            question = health_pb2.HealthCheckRequest()
            answer = await health.Check(question, timeout=CALL_SECONDS)
            self.there = answer.status == health_pb2.HealthCheckResponse.SERVING
            self.looked.set()
            self._say("there" if self.there else "not serving")
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._more.wait()
            return
        bundle, node = self._waiting[0], self._node()
        try:
            receipt = await witnesses.Pass(bundle, timeout=CALL_SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                self._drop(bundle)
            raise
        self._drop(bundle)
        self.there = True
        node.passed(bundle, receipt)
        self._learnt()

    def _say(self, news: str) -> None:
        """Log how it stands with the peer, when it is otherwise than before."""
        if news != self._news:
            self._news = news
            LOG.info("peer %s: %s", self.target, news)

    def _drop(self, bundle: gossip_pb2.WitnessBundle) -> None:
        """It is delivered, or never will be; unless it had to make room meanwhile."""
        if self._waiting and self._waiting[0] is bundle:
            self._waiting.popleft()
