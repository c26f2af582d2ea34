"""A server that answers as Prometheus does, or as ``alys serve`` does, with what a test gives it."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from alys.shells.jsonrpc_server import serve_app


def target(job: str, health: str = "up", last_error: str = "") -> dict[str, object]:
    """One active target, in the form of /api/v1/targets."""
    return {
        "labels": {"job": job, "instance": "pod-1"},
        "discoveredLabels": {},
        "scrapePool": job,
        "scrapeUrl": f"http://10.0.0.1:9100/{job}",
        "lastError": last_error,
        "health": health,
    }


def answer_of(*targets: dict[str, object]) -> dict[str, object]:
    return {"status": "success", "data": {"activeTargets": targets, "droppedTargets": []}}


@contextlib.asynccontextmanager
async def serving(answers: Mapping[str, tuple[int, object]]) -> AsyncIterator[str]:
    """Status and body by path: a text as text, anything else as JSON."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        status, body = answers[request.path]
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    for path in answers:
        app.router.add_get(path, answer)
    server = await serve_app(app, "127.0.0.1", 0, "a stand-in")
    try:
        yield server.url
    finally:
        await server.close()
