"""The admin port of a service: its state, its faults, and the sessions of ``session``, for whoever knows the token.

Which verbs a service has is its own affair: a path is served when there is a verb for it.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from alys.base.errors import EnvironmentFailure, UsageError
from alys.base.faults import BadFault, read
from alys.base.misbehaviour import Noted
from alys.shells.jsonrpc_server import RunningServer, serve_app
from alys.shells.misbehaving import Faults
from alys.shells.session import (
    BitcoinSession,
    EthereumSession,
    Federation,
    FederationSession,
    GovernanceSession,
    Listening,
    ListeningSession,
    Session,
)

BODY_BYTES_MAX = 64 * 1024  # the largest request, a federation, has a few kilobytes

LOG = logging.getLogger("alys.admin")

Opened = BitcoinSession | EthereumSession | GovernanceSession
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Verbs(msgspec.Struct, frozen=True, kw_only=True):
    """What a service lets its admin port do. A verb raises UsageError for what cannot be done; nothing has changed then."""

    state: Callable[[], Mapping[str, object]]
    faults: Faults
    switches: Callable[[Mapping[str, object]], Mapping[str, object]] | None = None
    """Faults that are switched on and off by name; tells all switches."""
    name: Callable[[], str] = str
    """Whose session it is."""
    session: Callable[[Session], Opened] | None = None
    federation: Callable[[Federation], FederationSession] | None = None
    listening: Callable[[Listening], Awaitable[ListeningSession]] | None = None
    push: Callable[[Mapping[str, object]], Mapping[str, object]] | None = None
    """Has something said that nobody asked for."""


async def serve_admin(verbs: Verbs, host: str, port: int, token: str) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[_keeper(token)])
    app.add_routes(_routes(verbs))
    return await serve_app(app, host, port, "the admin port")


def _keeper(token: str) -> Any:
    """Turns away whoever does not know the token, before anything else is looked at."""
    expected = token.encode()

    @web.middleware
    async def keep(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        known = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), expected)
        if scheme.lower() != "bearer" or not known:
            told = _json(
                {"error": "Authorization must be 'Bearer <the service's admin token>'"}, 401
            )
            told.headers["WWW-Authenticate"] = "Bearer"
            return told
        return await handler(request)

    return keep


def _routes(verbs: Verbs) -> list[web.RouteDef]:
    async def state(_: web.Request) -> web.Response:
        return _json(verbs.state())

    routes = [web.get("/state", state), *_fault_routes(verbs)]
    if verbs.session is not None:
        routes.append(web.post("/session", _told(Session, verbs.session)))
    if verbs.federation is not None:
        routes.append(web.post("/session/federation", _told(Federation, verbs.federation)))
    if verbs.listening is not None:
        routes.append(web.post("/listening", _told(Listening, verbs.listening)))
    if verbs.push is not None:
        routes.append(web.post("/push", _told(dict[str, Any], verbs.push)))
    return routes


def _fault_routes(verbs: Verbs) -> list[web.RouteDef]:
    """Every answer lists faults as they stand; a refusal has changed nothing."""

    def told(noted: Iterable[Noted], **more: object) -> dict[str, object]:
        service = verbs.faults().scope.service
        listed = [one.shown() for one in noted]
        return {"name": verbs.name(), "service": service, **more, "faults": listed}

    def order(wanted: Any) -> dict[str, object]:
        faults = verbs.faults()
        if isinstance(wanted, dict) and "kind" not in wanted and verbs.switches is not None:
            return told(faults.view(), **verbs.switches(wanted))
        listed = wanted if isinstance(wanted, list) else [wanted]
        if not listed:
            raise BadFault("no fault was given")
        ids = faults.add(*(read(one) for one in listed))
        return told(faults.view(), ids=ids)

    async def look(_: web.Request) -> web.Response:
        return _json(told(verbs.faults().view()))

    async def clear(_: web.Request) -> web.Response:
        return _json(told(verbs.faults().clear()))

    async def remove(request: web.Request) -> web.Response:
        try:
            return _json(told([verbs.faults().remove(int(request.match_info["id"]))]))
        except BadFault as error:
            return _json({"error": str(error)}, 404)

    return [
        web.get("/faults", look),
        web.post("/faults", _told(Any, order)),
        web.delete("/faults", clear),
        web.delete(r"/faults/{id:\d{1,18}}", remove),
    ]


def _told(
    form: Any, verb: Callable[[Any], Any]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Answers with what the verb makes of a request; 400 when it has another form or cannot be done, 503 for the machine's fault."""

    async def answer(request: web.Request) -> web.Response:
        try:
            told = verb(msgspec.json.decode(await request.read(), type=form))
            if isinstance(told, Awaitable):
                told = await told
        except (msgspec.DecodeError, UsageError) as error:
            return _json({"error": str(error)}, 400)
        except EnvironmentFailure as error:
            return _json({"error": str(error)}, 503)
        LOG.info("%s %s", request.path, getattr(told, "name", ""))
        return _json(told)

    return answer


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")
