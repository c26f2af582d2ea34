"""Services opened in this process, on free ports, with the secrets of a machine of one's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

from alys.config import services
from alys.shells import mock_service
from alys.shells.service_admin import ServiceAdmin

T = TypeVar("T", bound=services.Doors)

ADMIN_TOKEN = services.LOCAL_SECRETS["ADMIN_TOKEN"]


def settings(kind: type[T], **environment: str) -> T:
    """What a service is told when all its ports are free ones."""
    name = next(name for name, (known, _) in services.SERVICES.items() if known is kind)
    _, variables = services.SERVICES[name]
    free = {variable.name: "0" for variable in variables if variable.name.endswith("_PORT")}
    found = services.read(name, {**free, **environment}, {})
    assert isinstance(found, kind)
    return found


class Opened:
    """An open service: its addresses by name, and its admin port."""

    def __init__(self, doors: dict[str, str]) -> None:
        self.doors = doors
        self.admin = ServiceAdmin(doors["admin"], ADMIN_TOKEN)
        self.ended = asyncio.Event()

    async def probe(self, path: str) -> tuple[int, str]:
        """Status and text of ``/health``, ``/ready`` or ``/metrics``."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(self.doors["metrics"] + path) as answer,
        ):
            return answer.status, await answer.text()


def with_open(
    service: mock_service.Service,
    told: services.Doors,
    run: Callable[[Opened], Awaitable[Any]],
) -> Any:
    """What ``run`` returns while the service is open."""

    async def life() -> Any:
        ended = asyncio.Event()
        try:
            opened = Opened(await mock_service.open_doors(service, told, ended.set))
            opened.ended = ended
            return await run(opened)
        finally:
            await mock_service.close_doors(service)

    return asyncio.run(life())
