"""Malformed requests at the sockets of ``alys mock ethereum``, a process of its own: HTTP, the Engine port, WebSocket."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alys.base.prng import SeededRandom
from alys.wire.engine import jwt_token
from alys.wire.jsonrpc import Dialect
from tests.cli.test_mock import SECRETS, started
from tests.fuzz import doors, ethereum_crafted, ethereum_good, odd_http, odd_websocket
from tests.fuzz.bodies import Bodies

ROUNDS = 5
PUBLIC, ENGINE, MESSAGES = 1_000, 600, 600
"""Calls in a round, by door."""
ATTEMPTS, ENGINE_ATTEMPTS, SOCKETS = 300, 300, 200
"""Connections in a round that speak badly, by door."""

HEAD = b"Content-Type: application/json"
CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
GOOD = [CHAIN_ID, b"[%s,%s]" % (CHAIN_ID, CHAIN_ID), b"{}"]


def engine_head() -> bytes:
    """A token holds for a minute, so each round has one of its own."""
    token = jwt_token(bytes.fromhex(SECRETS["ENGINE_JWT_SECRET"]), int(time.time()))  # noqa: TID251
    return b"Authorization: Bearer " + token.encode()


async def one_round(
    mock_doors: dict[str, str], bodies: Bodies, random: SeededRandom
) -> dict[str, int]:
    """Every door once."""
    public, engine, socket = (mock_doors[name] for name in ("http", "engine", "websocket"))
    head = engine_head()
    good = [odd_http.request(body, HEAD) for body in GOOD]
    attempts = odd_http.attempts(good, HEAD, random, ATTEMPTS)
    trusted = [odd_http.request(body, head) for body in GOOD]
    engine_attempts = odd_http.attempts(trusted, head, random, ENGINE_ATTEMPTS)
    sockets = odd_websocket.attempts(GOOD, random, SOCKETS)
    dialect = Dialect.ETHEREUM
    return {
        "public": await doors.ask_all(public, HEAD, bodies.take(PUBLIC), dialect),
        "engine": await doors.ask_all(engine, head, bodies.take(ENGINE), dialect),
        "messages": await doors.message_all(socket, bodies.take(MESSAGES)),
        "attempts": await doors.attempt_all(public, attempts, doors.http_judge),
        "engine attempts": await doors.attempt_all(engine, engine_attempts, doors.http_judge),
        "sockets": await doors.attempt_all(socket, sockets, odd_websocket.judge),
    }


@pytest.mark.slow
def test_no_bytes_at_the_sockets_break_the_service(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    node = ethereum_good.node_with_history()
    bodies = Bodies(ethereum_good.good_calls(node), ethereum_crafted.crafted(node), seed=21)

    async def rows(mock_doors: dict[str, str], watched: doors.Watched) -> dict[str, int | str]:
        random = SeededRandom(22)
        total: dict[str, int] = {}
        for number in range(ROUNDS):
            if number == ROUNDS // 2:
                watched.warm()
            done = await one_round(mock_doors, bodies, random)
            total = {name: total.get(name, 0) + count for name, count in done.items()}
        left = await watched.judge()
        connection = doors.Connection(mock_doors["engine"], engine_head())
        status, told = await connection.ask(CHAIN_ID)
        assert (status, b'"result":"0x' in told) == (200, True)
        await connection.close()
        return {**total, "left": left}

    with started("ethereum", tmp_path / "log", RUST_LOG="warn") as mock:
        total = asyncio.run(rows(mock.doors, doors.Watched(mock)))
        assert mock.ends() == 0
    record_property("requests", total)
    counts = [count for count in total.values() if isinstance(count, int)]
    assert sum(counts) == ROUNDS * (
        PUBLIC + ENGINE + MESSAGES + ATTEMPTS + ENGINE_ATTEMPTS + SOCKETS
    )
