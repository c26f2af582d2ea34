"""A client of a governance node's admin port: what it saw, and what it shall do wrong."""

from typing import Any

import aiohttp
import msgspec

from alys.base.errors import AlysError

TIMEOUT_SECONDS = 10.0


class AdminRefused(AlysError):
    """The node refused a change; its answer says why."""


class GovernanceAdmin:
    """Speaks to one admin port, ``http://host:port``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)

    async def state(self) -> Any:
        """``GET /state``."""
        async with (
            aiohttp.ClientSession(timeout=self._timeout) as session,
            session.get(f"{self._url}/state") as answer,
        ):
            return msgspec.json.decode(await answer.read())

    async def faults(self, **switches: bool) -> Any:
        """``POST /faults``; raises AdminRefused for a fault that there is none of."""
        async with (
            aiohttp.ClientSession(timeout=self._timeout) as session,
            session.post(f"{self._url}/faults", data=msgspec.json.encode(switches)) as answer,
        ):
            told = msgspec.json.decode(await answer.read())
            if answer.status != 200:
                raise AdminRefused(str(told))
            return told
