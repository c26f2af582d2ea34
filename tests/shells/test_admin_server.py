"""The admin port: the token first, then the form of a request, then the verb; and what a refusal looks like."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from alys.base.errors import EnvironmentFailure, UsageError
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import SeededRandom
from alys.shells.admin_server import Verbs, serve_admin
from alys.shells.session import (
    BitcoinSession,
    Listening,
    ListeningSession,
    Session,
)

TOKEN = "open-sesame"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


class Thing:
    """A service that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        scope = Scope(service="bitcoin", calls=frozenset({"getblock", "getblockcount"}))
        self.faults = Misbehaviour(lambda: 0.0, SeededRandom(1), scope)

    def switch(self, wanted: Mapping[str, object]) -> Mapping[str, object]:
        if "bad" in wanted:
            raise UsageError("no fault bad")
        self.told.append(wanted)
        return {"done": True}

    def session(self, wanted: Session) -> BitcoinSession:
        self.told.append(wanted)
        return BitcoinSession(name=wanted.name, network="regtest", height=0, hash="00")

    async def listen(self, wanted: Listening) -> ListeningSession:
        if wanted.grpc:
            raise EnvironmentFailure("the port is in use")
        return ListeningSession(name="", grpc=False)

    @property
    def verbs(self) -> Verbs:
        return Verbs(
            state=lambda: {"told": len(self.told)},
            faults=lambda: self.faults,
            switches=self.switch,
            name=lambda: "run 7",
            session=self.session,
            listening=self.listen,
        )


def asked(
    thing: Thing, verb: str, path: str, body: str = "", headers: Mapping[str, str] = KNOWN
) -> tuple[int, Any]:
    async def life() -> tuple[int, Any]:
        server = await serve_admin(thing.verbs, "127.0.0.1", 0, TOKEN)
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.request(verb, server.url + path, data=body, headers=headers) as answer,
            ):
                return answer.status, await answer.json(content_type=None)
        finally:
            await server.close()

    return asyncio.run(life())


@pytest.mark.parametrize(
    "header", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer other", f"Bearer {TOKEN}x"]
)
@pytest.mark.parametrize(("verb", "path"), [("GET", "/state"), ("POST", "/faults"), ("GET", "/x")])
def test_without_the_token_nothing_is_told_or_done(
    verb: str, path: str, header: str | None
) -> None:
    thing = Thing()
    headers = {} if header is None else {"Authorization": header}
    status, told = asked(thing, verb, path, '{"a": true}', headers)
    assert status == 401
    assert "Bearer" in told["error"]
    assert TOKEN not in str(told)
    assert thing.told == []


def test_with_the_token_the_verbs_answer() -> None:
    thing = Thing()
    assert asked(thing, "POST", "/faults", '{"a": true}') == (
        200,
        {"name": "run 7", "service": "bitcoin", "done": True, "faults": []},
    )
    status, told = asked(thing, "POST", "/session", '{"name": "run 1", "time_scale": 10}')
    assert (status, told["name"]) == (200, "run 1")
    assert thing.told == [{"a": True}, Session(name="run 1", time_scale=10)]
    assert asked(thing, "GET", "/state") == (200, {"told": 2})


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/faults", '{"kind": "latncy"}', 400, "did you mean 'latency'"),
        ("/faults", '[{"kind": "hang"}, {"kind": "hang", "ms": 3}]', 400, "unknown field `ms`"),
        ("/faults", '[{"kind": "hang"}, {"kind": "unhealthy"}]', 400, "governance has it"),
        ("/faults", '{"kind": "hang", "calls": ["getblok"]}', 400, "no call 'getblok'"),
        ("/faults", "[]", 400, "no fault was given"),
        ("/faults", "3", 400, "a fault is an object"),
        ("/faults", '[{"refuse_signing": true}]', 400, "without a kind"),
        ("/session", "{", 400, "truncated"),
        ("/session", '{"name": "a", "speed": 2}', 400, "speed"),
        ("/faults", '{"bad": true}', 400, "no fault bad"),
        ("/listening", '{"grpc": true}', 503, "in use"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(
    path: str, body: str, status: int, reason: str
) -> None:
    thing = Thing()
    found, told = asked(thing, "POST", path, body)
    assert found == status
    assert reason in told["error"]
    assert thing.told == []
    assert thing.faults.idle


def test_a_verb_that_a_service_lacks_has_no_path() -> None:
    async def life() -> int:
        verbs = Verbs(state=dict, faults=lambda: Thing().faults)
        server = await serve_admin(verbs, "127.0.0.1", 0, TOKEN)
        try:
            async with (
                aiohttp.ClientSession(headers=KNOWN) as client,
                client.post(server.url + "/session", data="{}") as answer,
            ):
                return answer.status
        finally:
            await server.close()

    assert asyncio.run(life()) == 404


def test_faults_are_ordered_shown_and_taken_back() -> None:
    thing = Thing()
    body = '[{"kind": "latency", "ms": 500, "calls": ["getblock"], "times": 3}, {"kind": "hang"}]'
    status, told = asked(thing, "POST", "/faults", body)
    assert (status, told["name"], told["ids"]) == (200, "run 7", [1, 2])
    thing.faults.treat("getblock")
    status, told = asked(thing, "GET", "/faults")
    assert status == 200
    assert told["faults"][0] == {
        "id": 1,
        "fault": {"kind": "latency", "calls": ["getblock"], "times": 3, "ms": 500.0},
        "touched": 1,
        "left": 2,
        "ended": "",
    }
    status, told = asked(thing, "DELETE", "/faults/2")
    assert (status, told["faults"][0]["ended"]) == (200, "removed")
    assert asked(thing, "DELETE", "/faults/9")[0] == 404
    status, told = asked(thing, "DELETE", "/faults")
    assert [(one["touched"], one["ended"]) for one in told["faults"]] == [(1, "removed")] * 2
    assert asked(thing, "GET", "/faults") == (
        200,
        {"name": "run 7", "service": "bitcoin", "faults": []},
    )


def test_a_service_without_switches_wants_a_kind() -> None:
    thing = Thing()

    async def life() -> int:
        verbs = Verbs(state=dict, faults=lambda: thing.faults)
        server = await serve_admin(verbs, "127.0.0.1", 0, TOKEN)
        try:
            async with (
                aiohttp.ClientSession(headers=KNOWN) as client,
                client.post(server.url + "/faults", data='{"refuse_signing": true}') as answer,
            ):
                return answer.status
        finally:
            await server.close()

    assert asyncio.run(life()) == 400
