"""The Bitcoin node behind its password. What curl sees of it: ``tests/interop/test_curl.py``."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from alys.base.errors import EnvironmentFailure
from alys.models.bitcoin.node import BitcoinNode
from alys.node.errors import PortDown
from alys.shells.bitcoin_server import COOKIE_USER, forget_cookie, serve_bitcoin, write_cookie
from alys.shells.jsonrpc_client import Basic, JsonRpcClient

START = 1_767_225_600


def ask(auth: Basic | None, method: str, path: str = "", cookie: str = "") -> Any:
    async def life() -> Any:
        node = BitcoinNode(lambda: START + 60.0, START)
        server = await serve_bitcoin(node, "127.0.0.1", 0, "user", "pass:word", cookie=cookie)
        try:
            async with JsonRpcClient(server.url + path, auth) as client:
                return await client.call(method)
        finally:
            await server.close()

    return asyncio.run(life())


def test_the_right_password_opens() -> None:
    assert ask(Basic(user="user", password="pass:word"), "getblockcount") == 0


@pytest.mark.parametrize(
    "auth", [None, Basic(user="user", password=""), Basic(user="pass", password="user")]
)
def test_anything_else_does_not(auth: Basic | None) -> None:
    with pytest.raises(PortDown, match="401"):
        ask(auth, "getblockcount")


def test_a_cookie_opens_too(tmp_path: Path) -> None:
    path = tmp_path / "regtest" / ".cookie"
    cookie = write_cookie(path)
    assert path.read_text() == f"{COOKIE_USER}:{cookie}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    auth = Basic(user=COOKIE_USER, password=cookie)
    assert ask(auth, "getblockcount", cookie=cookie) == 0
    with pytest.raises(PortDown, match="401"):
        ask(auth, "getblockcount")
    assert write_cookie(path) != cookie

    async def forget_twice() -> None:
        await forget_cookie(path)()
        await forget_cookie(path)()

    asyncio.run(forget_twice())
    assert not path.exists()


def test_without_a_cookie_its_user_has_no_empty_password() -> None:
    with pytest.raises(PortDown, match="401"):
        ask(Basic(user=COOKIE_USER, password=""), "getblockcount")


def test_a_cookie_that_cannot_be_written_is_said_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFailure, match=r"file/\.cookie"):
        write_cookie(tmp_path / "file" / ".cookie")


def test_calls_are_on_the_root_and_on_wallets_paths() -> None:
    auth = Basic(user="user", password="pass:word")
    for path in ("/", "/wallet/", "/wallet/a%20b"):
        assert ask(auth, "getblockcount", path) == 0
    with pytest.raises(PortDown, match="404"):
        ask(auth, "getblockcount", "/wallets")
