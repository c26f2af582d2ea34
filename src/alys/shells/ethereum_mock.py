"""``alys mock ethereum``: an execution client (HTTP, WebSocket, Engine API) whose chain begins anew with each session."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from alys.base.errors import AlysError
from alys.base.misbehaviour import Misbehaviour
from alys.config.services import EthereumService
from alys.models.ethereum.node import EthereumNode
from alys.models.ethereum.subscriptions import Connection, Notify
from alys.shells import jsonrpc_websocket, mock_service, session
from alys.shells.admin_server import Verbs
from alys.shells.ethereum_files import read_files
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.shells.jsonrpc_websocket import RunningWebSocket
from alys.wire.jsonrpc import Params


class EthereumMock(mock_service.Service):
    """See the module's docstring. Without a genesis of its own it has the bridge contract, and ether for development accounts alone."""

    def __init__(self, settings: EthereumService) -> None:
        """Raises UsageError for a genesis or a file of blocks that cannot be read."""
        super().__init__()
        self._files = read_files(settings.genesis, settings.chain)
        self._settings = settings
        self._jwt = Jwt(secret=settings.engine_jwt_secret.reveal())
        self._doors: dict[str, str] = {}
        self._websocket: RunningWebSocket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._node = self._begun(self.session)

    @override
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        settings = self._settings
        host = settings.host
        self._doors["http"] = self.keep(
            await serve_ethereum(self, host, settings.http_rpc_port, faults=self._misbehaviour)
        )
        self._websocket = await jsonrpc_websocket.serve(
            self.connect, host, settings.ws_rpc_port, faults=self._misbehaviour
        )
        self._doors["websocket"] = self.keep(self._websocket)
        self._doors["engine"] = self.keep(
            await serve_engine(
                self,
                host,
                settings.engine_port,
                jwt_secret=self._jwt.secret,
                faults=self._misbehaviour,
            )
        )
        self.closers.append(self._stop_clock)
        return dict(self._doors)

    @override
    async def ready(self) -> str:
        seconds = mock_service.READY_SECONDS
        doors = {name: mock_service.callable_from_here(url) for name, url in self._doors.items()}
        asked = ""
        try:
            asked = "eth_chainId"
            async with JsonRpcClient(doors["http"], None, seconds, witness=True) as public:
                await public.call("eth_chainId")
            asked = "eth_chainId over WebSocket"
            await jsonrpc_websocket.ask(doors["websocket"], "eth_chainId", seconds)
            asked = "engine_exchangeCapabilities"
            async with JsonRpcClient(doors["engine"], self._jwt, seconds, witness=True) as engine:
                await engine.call("engine_exchangeCapabilities", [])
        except AlysError as error:
            return f"{asked}: {error}"
        return ""

    @property
    @override
    def verbs(self) -> Verbs:
        return Verbs(
            state=self._state,
            faults=self._misbehaviour,
            name=lambda: self.session.name,
            session=self._begin,
        )

    def handle(self, method: str, params: Params) -> Any:
        """A call on a public port; raises RpcError."""
        try:
            return self._node.handle(method, params)
        finally:
            self._set_clock()

    def connect(self, notify: Notify) -> Connection:
        """A connection to the public WebSocket; it is ended when a session begins."""
        return self._node.connect(notify, self.handle)

    def handle_engine(self, method: str, params: Params) -> Any:
        """A call on the Engine port; raises RpcError."""
        return self._node.handle_engine(method, params)

    def _begun(self, wanted: session.Session) -> EthereumNode:
        now = session.clock(wanted, time.time, time.monotonic)
        settings = self._settings
        return self._files.begin(
            now,
            mock_service.chance(),
            development=settings.dev_methods,
            accounts=settings.dev_accounts,
        )

    def _misbehaviour(self) -> Misbehaviour:
        return self._node.misbehaviour

    def _begin(self, wanted: session.Session) -> session.EthereumSession:
        node = self._begun(wanted)
        self._node.misbehaviour.clear()
        self._node = node
        self._set_clock()
        if self._websocket is not None:
            self._websocket.hang_up()
        self.session = wanted
        return session.EthereumSession(
            name=wanted.name,
            chain_id=node.client.chain_id,
            genesis_time=int(self._block("0x0")["timestamp"], 16),
            genesis_hash=self._block("0x0")["hash"],
        )

    def _set_clock(self) -> None:
        """Wake up when the next block of interval mining is due, and not otherwise."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        development = self._node.development
        if development.mining_interval is not None:
            wait = max(0.0, development.due()) / self.session.time_scale
            self._timer = asyncio.get_running_loop().call_later(wait, self._tick)

    def _tick(self) -> None:
        self._node.development.tick()
        self._set_clock()

    async def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _state(self) -> dict[str, object]:
        """The chain's head, its genesis, and the time on the session's clock."""
        head = self._block("latest")
        return {
            "name": self.session.name,
            "network": self._settings.network,
            "chain_id": self._node.client.chain_id,
            "height": int(head["number"], 16),
            "hash": head["hash"],
            "genesis_hash": self._block("0x0")["hash"],
            "now": self._node.misbehaviour.now(),
        }

    def _block(self, which: str) -> dict[str, str]:
        found: dict[str, str] = self._node.handle("eth_getBlockByNumber", [which, False])
        return found
