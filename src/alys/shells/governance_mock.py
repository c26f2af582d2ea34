"""``alys mock governance``: one governance node, with a key and a federation of its own for each session.

Before any session it is one of the three nodes of the development federation, whose keys are 1, 2 and 3. A session gives it a
fresh key, which it tells; until it is told the whole federation it is one of itself alone.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence

import grpc
from typing_extensions import override

from alys.base.prng import SeededRandom
from alys.chain import spec
from alys.config.services import GovernanceService
from alys.models.governance.faults import Faults
from alys.models.governance.node import GovernanceNode
from alys.shells import governance_questions, mock_service, session
from alys.shells.admin_server import Verbs
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.wire import bitcoin

KEY_BYTES = 32


class GovernanceMock(mock_service.Service):
    """See the module's docstring."""

    def __init__(self, settings: GovernanceService) -> None:
        super().__init__()
        self._settings = settings
        self._port = settings.grpc_port
        self._server: RunningGovernance | None = None
        self._moving = asyncio.Lock()
        self._secret = spec.DEV_SECRETS[settings.number - 1]
        self._clock = session.clock(self.session, time.time, time.monotonic)
        development = spec.dev_federation()
        self._node = self._made(development.keys, development.threshold)

    @override
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        self.closers.append(self._leave)
        target = await self._join()
        return {"grpc": target}

    @override
    async def ready(self) -> str:
        server = self._server
        if server is None:
            return "Health: taken off the network by the admin port"
        target = mock_service.callable_from_here(f"//{server.url}").removeprefix("//")
        try:
            told = await governance_questions.health(target, mock_service.READY_SECONDS)
        except grpc.aio.AioRpcError as error:
            return f"Health: {error.code().name}"
        status = told["status"]
        serving = ("HEALTH_STATUS_HEALTHY", "HEALTH_STATUS_DEGRADED")
        return "" if status in serving else f"Health: {status}"

    @property
    @override
    def verbs(self) -> Verbs:
        return Verbs(
            state=self._state,
            faults=lambda: self._node.misbehaviour,
            switches=lambda wanted: self._node.faults.change(wanted),
            name=lambda: self.session.name,
            session=self._begin,
            federation=self._federate,
            listening=self._listen,
            push=self._push,
        )

    def _begin(self, wanted: session.Session) -> session.GovernanceSession:
        self._node.misbehaviour.clear()
        self._secret = _fresh_secret()
        self._clock = session.clock(wanted, time.time, time.monotonic)
        key = bitcoin.xonly_of(self._secret)
        self._replace(self._made([key], 1))
        self.session = wanted
        return session.GovernanceSession(name=wanted.name, public_key=key.hex())

    def _federate(self, wanted: session.Federation) -> session.FederationSession:
        """The node forgets what it was told of deposits: they were another federation's."""
        keys = [bytes.fromhex(key) for key in wanted.keys]
        node = self._made(keys, wanted.threshold, self._node.faults)
        self._replace(node)
        return session.FederationSession(
            name=self.session.name,
            public_key=node.signer.public_key.hex(),
            address=node.federation.address(node.network) or "",
        )

    async def _listen(self, wanted: session.Listening) -> session.ListeningSession:
        async with self._moving:
            if wanted.grpc:
                await self._join()
            else:
                await self._leave()
        return session.ListeningSession(name=self.session.name, grpc=wanted.grpc)

    def _made(
        self, federation: Sequence[bytes], threshold: int, faults: Faults | None = None
    ) -> GovernanceNode:
        return GovernanceNode(
            self._settings.node_id,
            self._secret,
            federation,
            threshold,
            self._clock,
            SeededRandom(int.from_bytes(secrets.token_bytes(8), "big")),
            bearer_token=self._settings.token.reveal().decode(),
            api_key=self._settings.api_key.reveal().decode() or None,
            peers=self._settings.peers,
            faults=faults,
        )

    def _replace(self, node: GovernanceNode) -> None:
        self._node = node
        if self._server is not None:
            self._server.replace(node)

    async def _join(self) -> str:
        """Listen, on the port that was bound the first time."""
        if self._server is None:
            delay = self._settings.delay_ms / 1000
            self._server = await serve_governance(
                self._node, self._settings.host, self._port, delay, self._settings.peers
            )
            self._server.replace(self._node)  # a session may have begun meanwhile
            self._port = self._server.port
        return self._server.url

    async def _leave(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.close()

    def _state(self) -> dict[str, object]:
        """What the node says of itself, and whether it is on the network."""
        return {
            "name": self.session.name,
            "listening": {"grpc": self._server is not None},
            **self._node.state(),
        }

    def _push(self, wanted: Mapping[str, object]) -> dict[str, object]:
        return {"name": self.session.name, **self._node.push(wanted)}


def _fresh_secret() -> bytes:
    """A key that nobody can guess; the few numbers that are none are drawn again."""
    while True:
        drawn = secrets.token_bytes(KEY_BYTES)
        try:
            bitcoin.xonly_of(drawn)
        except ValueError:
            continue
        return drawn
