"""``alys mock bitcoin``: a regtest node whose chain begins anew with each session, and outlives the process where it is told to."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from alys.base.errors import AlysError, EnvironmentFailure
from alys.base.misbehaviour import Misbehaviour
from alys.config.services import BitcoinService
from alys.models.bitcoin.genesis import REGTEST_TIME
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.waits import Wait
from alys.shells import mock_service, session
from alys.shells.admin_server import Verbs
from alys.shells.bitcoin_peers import PeerPort
from alys.shells.bitcoin_server import forget_cookie, serve_bitcoin, write_cookie
from alys.shells.bitcoin_store import NETWORK, BitcoinStore
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.wire.jsonrpc import Params

LOG = logging.getLogger("alys.mock.bitcoin")


class BitcoinMock(mock_service.Service):
    """See the module's docstring. A session without a time of its own is on the real regtest chain, from its genesis block on."""

    def __init__(self, settings: BitcoinService) -> None:
        super().__init__()
        self._settings = settings
        self._user = settings.rpc_user.reveal().decode()
        self._password = settings.rpc_password.reveal().decode()
        self._url = ""
        self._end: Callable[[], None] = lambda: None
        self.last.append(self.close)
        self._store: BitcoinStore | None = None
        self._writing: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: Callable[[], float] = time.time
        self._node = (
            self._found(settings.data_dir) if settings.data_dir else self._begun(self.session)
        )
        self._port = PeerPort(self._node.peers, settings.connect)

    @override
    async def open(self, end: Callable[[], None]) -> dict[str, str]:
        self._end = end
        self._loop = asyncio.get_running_loop()
        settings = self._settings
        cookie = ""
        place = settings.cookie_file
        if settings.data_dir and not place:
            place = str(Path(settings.data_dir) / NETWORK / ".cookie")  # where bitcoin-cli looks
        if place:
            path = Path(place)
            cookie = write_cookie(path)
            self.closers.append(forget_cookie(path))
        server = await serve_bitcoin(
            self,
            settings.host,
            settings.rpc_port,
            self._user,
            self._password,
            cookie=cookie,
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

    def waits(self, method: str, params: Params) -> Wait | None:
        """What a call waits for."""
        return self._node.waits(method, params)

    def handle(self, method: str, params: Params, wallet: str | None = None) -> Any:
        """A call by a client; raises RpcError. After ``stop`` the process ends, as bitcoind does."""
        try:
            return self._node.handle(method, params, wallet)
        finally:
            self._write()
            if self._node.stop_requested:
                self._end()

    def _begun(self, wanted: session.Session, at: float | None = None) -> BitcoinNode:
        """A fresh node for a session, whose clock shows ``at`` where the session goes on."""
        running = wanted if at is None else msgspec.structs.replace(wanted, now=at)
        self._clock = session.clock(running, time.time, time.monotonic)
        begin = REGTEST_TIME if wanted.now is None else int(wanted.now)
        return BitcoinNode(self._clock, begin, mock_service.chance())

    def _found(self, folder: str) -> BitcoinNode:
        """The node of a data directory, in the session that it was in. Raises EnvironmentFailure."""
        self._store = BitcoinStore(Path(folder))
        memory = self._store.memory
        if memory.session:
            self.session = msgspec.json.decode(memory.session, type=session.Session, strict=True)
        node = self._begun(self.session, None if self.session.now is None else memory.clock)
        self._store.restore(node)
        self._follow(node, self.session)
        return node

    def _follow(self, node: BitcoinNode, of: session.Session) -> None:
        """From now on the data directory, where there is one, has this node. Raises EnvironmentFailure."""
        if self._store is not None:
            label = (
                msgspec.json.encode(of) if of.name else b""
            )  # before any session there is nothing to keep
            self._store.follow(node, label, self._clock, self._changed)

    def _changed(self) -> None:
        """Something happened, perhaps by a peer: write it once what is under way is over."""
        if self._writing is None and self._loop is not None:
            self._writing = self._loop.call_soon(self._write)

    def _write(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        if self._store is None:
            return
        try:
            self._store.write()
        except EnvironmentFailure as error:
            LOG.error("the service ends: %s", error)
            self._end()

    def close(self) -> None:
        """Let go of the data directory."""
        self._loop = None
        if self._store is not None:
            self._store.close()

    def _misbehaviour(self) -> Misbehaviour:
        return self._node.misbehaviour

    def _begin(self, wanted: session.Session) -> session.BitcoinSession:
        before = self._clock
        node = self._begun(wanted)
        try:
            self._follow(node, wanted)
        except EnvironmentFailure:
            self._clock = before
            raise
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
