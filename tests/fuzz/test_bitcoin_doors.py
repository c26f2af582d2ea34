"""Malformed requests at the sockets of ``alys mock bitcoin``, a process of its own: JSON-RPC over HTTP, and bad HTTP."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from alys.base.prng import SeededRandom
from alys.wire.jsonrpc import Dialect
from tests.cli.test_mock import SECRETS, started
from tests.fuzz import bitcoin_crafted, bitcoin_good, doors, odd_http
from tests.fuzz.bodies import Bodies

CALLS, ATTEMPTS = 10_000, 5_000
USER = f"{SECRETS['BITCOIN_RPC_USER']}:{SECRETS['BITCOIN_RPC_PASSWORD']}"
HEAD = b"Authorization: Basic " + base64.b64encode(USER.encode())
GOOD = [
    odd_http.request(body, HEAD)
    for body in (b'{"method":"getblockcount"}', b'[{"method":"help"},{"method":"uptime"}]', b"{}")
]


@pytest.mark.slow
def test_no_bytes_at_the_sockets_break_the_service(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    node = bitcoin_good.node_with_history()
    good = {
        name: given
        for name, given in bitcoin_good.good_calls(node).items()
        if name != "stop" and not name.startswith("waitfor")  # they end it, or wait as they should
    }
    bodies = Bodies(good, bitcoin_crafted.crafted(node), seed=11)

    async def rows(url: str, watched: doors.Watched) -> tuple[int, int, str]:
        random = SeededRandom(12)
        asked = attempted = 0
        for _ in range(2):
            watched.warm()
            asked += await doors.ask_all(url, HEAD, bodies.take(CALLS // 2), Dialect.BITCOIN)
            attempts = odd_http.attempts(GOOD, HEAD, random, ATTEMPTS // 2)
            attempted += await doors.attempt_all(url, attempts, doors.http_judge)
        left = await watched.judge()
        connection = doors.Connection(url, HEAD)
        status, told = await connection.ask(b'{"method":"getblockcount"}')
        assert (status, b'"error":null' in told) == (200, True)
        await connection.close()
        return asked, attempted, left

    with started("bitcoin", tmp_path / "log", RUST_LOG="warn") as mock:
        asked, attempted, left = asyncio.run(rows(mock.doors["rpc"], doors.Watched(mock)))
        assert mock.ends() == 0
    record_property("requests", {"calls": asked, "attempts": attempted, "left": left})
    assert (asked, attempted) == (CALLS, ATTEMPTS)
