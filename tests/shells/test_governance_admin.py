"""The admin client against nobody: an address without a server is an error at once, not a hang."""

import asyncio

import aiohttp
import pytest

from alys.shells.governance_admin import GovernanceAdmin


def test_an_admin_port_without_a_server_is_an_error() -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(GovernanceAdmin("http://127.0.0.1:1").state())
