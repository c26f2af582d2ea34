"""``alys mock ethereum`` on real ports, on a loop in a thread of its own, for clients that block."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import msgspec

from alys.config.services import EthereumService
from alys.shells import mock_service
from alys.shells.ethereum_mock import EthereumMock
from tests.shells.mocks import settings


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Where it listens."""

    http: str
    websocket: str
    """ws://..."""
    engine: str
    admin: str


@contextlib.contextmanager
def running(**environment: str) -> Iterator[Service]:
    """A development node with three funded accounts, unless the environment says otherwise."""
    told = settings(EthereumService, **{"DEV_ACCOUNTS": "3", **environment})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    mock = EthereumMock(told)
    try:
        doors = asyncio.run_coroutine_threadsafe(
            mock_service.open_doors(mock, told, lambda: None), loop
        ).result(20)
        yield Service(
            http=doors["http"],
            websocket=doors["websocket"].replace("http", "ws", 1),
            engine=doors["engine"],
            admin=doors["admin"],
        )
    finally:
        asyncio.run_coroutine_threadsafe(mock_service.close_doors(mock), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
