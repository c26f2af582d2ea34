"""What is wrong with a request before any method sees it is answered as a real bitcoind answers it: status, shape, code and words."""

import base64
import contextlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from alys.wire.jsonrpc import Dialect, answer
from tests import foreign
from tests.fuzz.bodies import Bodies
from tests.fuzz.judge import INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, depth_of
from tests.models.bitcoin import builders

GOOD: dict[str, Any] = {"getblockcount": [[]], "getblockhash": [[0], {"height": 0}], "uptime": [[]]}
REQUESTS = 4_000
THE_SAME_MIN = 3_000
"""So many are compared; the others have in them what the two read differently, each named in ``read_differently``."""

PROTOCOL = (PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND)


def read_differently(body: bytes, ours: object) -> bool:
    """What the two do not read alike.

    Numbers that no float can hold, which UniValue keeps as text; a name that is twice in an object, of which UniValue takes the
    first; and versions, which Core checks and Knots does not.
    """
    versions = ("JSON-RPC version not supported", "jsonrpc field must be a string")
    too_large = (b"1e999", b"1" * 300)
    unlike = any(one in body for one in too_large) or any(one in str(ours) for one in versions)
    return unlike or _has_twins(body)


def _has_twins(body: bytes) -> bool:
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        found.extend(name for name in names if names.count(name) > 1)

    with contextlib.suppress(ValueError):
        json.loads(body.decode(), object_pairs_hook=look)
    return bool(found)


def brief(status: int, said: bytes) -> Any:
    """Everything about an answer but results, and what methods say themselves."""
    told = json.loads(said) if said else None
    if isinstance(told, list):
        return status, [_one(answered) for answered in told]
    return status, None if told is None else _one(told)


def _one(told: Any) -> tuple[object, ...]:
    error = told.get("error")
    code = error["code"] if error else None
    words = (code, error["message"]) if code in PROTOCOL else bool(error)
    return tuple(sorted(told)), told.get("id"), words


@pytest.mark.slow
def test_what_is_no_call_is_answered_as_bitcoind_does(tmp_path: Path) -> None:
    node = builders.make_node(0)
    bodies = Bodies(GOOD, [lambda random: ("getblockhash", [random.below(3)])], seed=51)
    same = 0
    with foreign.bitcoind(tmp_path / "bitcoind") as real:
        parts = urlsplit(real.url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        token = base64.b64encode(f"{real.user}:{real.password}".encode()).decode()
        for body in bodies.take(REQUESTS):
            ours = brief(*answer(body, node.handle, Dialect.BITCOIN))
            if len(body) > 100_000 or depth_of(body) > 400 or read_differently(body, ours):
                continue
            connection.request("POST", "/", body, {"Authorization": f"Basic {token}"})
            said = connection.getresponse()
            assert ours == brief(said.status, said.read()), body[:2_000]
            same += 1
        connection.close()
    assert same > THE_SAME_MIN
