"""The runner's service on HTTP: probes, the page, its state as JSON, and the runs (``runs_api``).

Probes are answered on the loop that does the work: where it no longer turns, there is no answer, and that is the answer.
"""

from collections.abc import Awaitable, Callable
from importlib import resources

from aiohttp import hdrs, web

from alys.shells.jsonrpc_server import RunningServer, serve_app
from alys.shells.runs_api import RunsApi, answer

PAGE = "page"
"""The folder of package data beside this file."""
_PAGE_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Health = Callable[[], str]
""""" while the process can do its work, else why it cannot."""
Ready = Callable[[], tuple[bool, str]]
"""Whether, and the words."""
State = Callable[[], Awaitable[object]]
"""Everything that the page shows besides the runs; must encode as JSON."""


async def serve_runner(
    *,
    health: Health,
    ready: Ready,
    state: State,
    runs: RunsApi,
    host: str = "127.0.0.1",
    port: int = 0,
) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""

    async def is_healthy(_: web.Request) -> web.Response:
        reason = health()
        return _plain(503 if reason else 200, reason or "healthy")

    async def is_ready(_: web.Request) -> web.Response:
        reason = health()
        good, words = (False, reason) if reason else ready()
        return _plain(200 if good else 503, words)

    async def show_state(_: web.Request) -> web.Response:
        return answer(await state())

    app = web.Application(middlewares=[_with_headers])
    app.router.add_get("/health", is_healthy)
    app.router.add_get("/ready", is_ready)
    app.router.add_get("/api/state", show_state)
    for path in _PAGE_FILES:
        app.router.add_get(path, _page)
    runs.add_to(app)
    return await serve_app(app, host, port, "the runner's service")


@web.middleware
async def _with_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What every answer carries, errors included."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _protect(error)
        raise
    _protect(response)
    return response


def _protect(response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)


async def _page(request: web.Request) -> web.Response:
    name, kind = _PAGE_FILES[request.path]
    body = resources.files("alys.shells").joinpath(PAGE, name).read_bytes()
    headers = {hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


def _plain(status: int, words: str) -> web.Response:
    return web.Response(status=status, text=words + "\n", headers={hdrs.CACHE_CONTROL: "no-store"})
