"""``alys mock ethereum``: an execution client (HTTP, WebSocket, Engine API) whose chain begins anew with each session."""

import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from alys.base.errors import AlysError
from alys.base.misbehaviour import Misbehaviour
from alys.config.services import EthereumService
from alys.models.ethereum.node import EthereumNode
from alys.shells import jsonrpc_websocket, mock_service, session
from alys.shells.admin_server import Verbs
from alys.shells.ethereum_files import read_files
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.jsonrpc_client import JsonRpcClient, Jwt
from alys.wire.jsonrpc import Params


class EthereumMock(mock_service.Service):
    """See the module's docstring. Without a genesis of its own it has the bridge contract and gives nobody any ether."""

    def __init__(self, settings: EthereumService) -> None:
        """Raises UsageError for a genesis or a file of blocks that cannot be read."""
        super().__init__()
        self._files = read_files(settings.genesis, settings.chain)
        self._settings = settings
        self._jwt = Jwt(secret=settings.engine_jwt_secret.reveal())
        self._doors: dict[str, str] = {}
        self._node = self._begun(self.session)

    @override
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        settings = self._settings
        host = settings.host
        self._doors["http"] = self.keep(
            await serve_ethereum(self, host, settings.http_rpc_port, faults=self._misbehaviour)
        )
        self._doors["websocket"] = self.keep(
            await jsonrpc_websocket.serve(
                self.handle, host, settings.ws_rpc_port, faults=self._misbehaviour
            )
        )
        self._doors["engine"] = self.keep(
            await serve_engine(
                self,
                host,
                settings.engine_port,
                jwt_secret=self._jwt.secret,
                faults=self._misbehaviour,
            )
        )
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
        return self._node.handle(method, params)

    def handle_engine(self, method: str, params: Params) -> Any:
        """A call on the Engine port; raises RpcError."""
        return self._node.handle_engine(method, params)

    def _begun(self, wanted: session.Session) -> EthereumNode:
        now = session.clock(wanted, time.time, time.monotonic)
        return self._files.begin(now, mock_service.chance())

    def _misbehaviour(self) -> Misbehaviour:
        return self._node.misbehaviour

    def _begin(self, wanted: session.Session) -> session.EthereumSession:
        node = self._begun(wanted)
        self._node.misbehaviour.clear()
        self._node = node
        self.session = wanted
        return session.EthereumSession(
            name=wanted.name,
            chain_id=node.client.chain_id,
            genesis_time=int(self._block("0x0")["timestamp"], 16),
            genesis_hash=self._block("0x0")["hash"],
        )

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
