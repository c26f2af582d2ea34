"""``alys mock bitcoin``: a regtest node whose chain begins anew with each session."""

import time
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from alys.base.errors import AlysError
from alys.base.misbehaviour import Misbehaviour
from alys.config.services import BitcoinService
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.node import BitcoinNode
from alys.shells import mock_service, session
from alys.shells.admin_server import Verbs
from alys.shells.bitcoin_peers import PeerPort
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.wire.jsonrpc import Params


class BitcoinMock(mock_service.Service):
    """See the module's docstring. A session without a time of its own is on the real regtest chain, from its genesis block on."""

    def __init__(self, settings: BitcoinService) -> None:
        super().__init__()
        self._settings = settings
        self._user = settings.rpc_user.reveal().decode()
        self._password = settings.rpc_password.reveal().decode()
        self._url = ""
        self._end: Callable[[], None] = lambda: None
        self._node = self._begun(self.session)
        self._port = PeerPort(self._node.peers, settings.connect)

    @override
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        self._end = end
        settings = self._settings
        server = await serve_bitcoin(
            self,
            settings.host,
            settings.rpc_port,
            self._user,
            self._password,
            faults=self._misbehaviour,
        )
        self._url = self.keep(server)
        peers = await self._port.open(settings.host, settings.p2p_port)
        return {"rpc": self._url, "p2p": self.keep(peers)}

    @override
    async def ready(self) -> str:
        auth = Basic(user=self._user, password=self._password)
        url = mock_service.callable_from_here(self._url)
        try:
            async with JsonRpcClient(url, auth, mock_service.READY_SECONDS, witness=True) as client:
                await client.call("getblockchaininfo")
        except AlysError as error:
            return f"getblockchaininfo: {error}"
        return self._port.health

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
        """A call by a client; raises RpcError. After ``stop`` the process ends, as bitcoind does."""
        try:
            return self._node.handle(method, params)
        finally:
            if self._node.stop_requested:
                self._end()

    def _begun(self, wanted: session.Session) -> BitcoinNode:
        now = session.clock(wanted, time.time, time.monotonic)
        begin = REGTEST_TIME if wanted.now is None else int(wanted.now)
        return BitcoinNode(now, begin, mock_service.chance())

    def _misbehaviour(self) -> Misbehaviour:
        return self._node.misbehaviour

    def _begin(self, wanted: session.Session) -> session.BitcoinSession:
        node = self._begun(wanted)
        self._node.misbehaviour.clear()
        self._node = node
        self._port.begin(self._node.peers)
        self.session = wanted
        info = self._node.handle("getblockchaininfo", [])
        return session.BitcoinSession(
            name=wanted.name,
            network=self._settings.network,
            height=info["blocks"],
            hash=info["bestblockhash"],
        )

    def _state(self) -> dict[str, object]:
        """The chain's tip, what waits for it, and the time on the session's clock."""
        info = self._node.handle("getblockchaininfo", [])
        return {
            "name": self.session.name,
            "network": self._settings.network,
            "height": info["blocks"],
            "hash": info["bestblockhash"],
            "mempool": self._node.handle("getrawmempool", []),
            "now": self._node.now(),
        }
