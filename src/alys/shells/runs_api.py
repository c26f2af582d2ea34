"""Runs over HTTP: order one, cancel it, list all, read their files, and take in the results of runs that took place elsewhere.

Orders are JSON only, which a page of another origin cannot send without being allowed to, and nobody is. Files of runs are
served so that a report can show itself and do nothing else.
"""

import asyncio
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
from aiohttp import hdrs, web

from alys.base.errors import UsageError
from alys.config.secrets import Secret
from alys.shells import run_upload, run_views
from alys.shells.background import Background
from alys.shells.run_desk import Closing, Order, QueueFull, RunDesk
from alys.shells.run_store import INCOMING, RunStore

BODY_BYTES_MAX = 64 * 1024
"""Of an order."""
CHUNK_BYTES = 256 * 1024

_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".xml": "application/xml",
    ".toml": "text/plain",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_TEXTS = ("text/", "application/json", "application/x-ndjson", "application/xml")
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox"
"""A report styles itself; it runs no script and sends no form."""

ReadOrder = Callable[[object], Order]
"""Judges the JSON of an order; raises UsageError that names the key and the nearest name."""


class RunsApi:
    """The routes; ``add_to`` an application."""

    def __init__(
        self,
        desk: RunDesk,
        store: RunStore,
        read_order: ReadOrder,
        background: Background,
        token: Secret | None = None,
        archive_bytes_max: int = run_upload.ARCHIVE_BYTES_MAX,
    ) -> None:
        self._desk = desk
        self._store = store
        self._read_order = read_order
        self._background = background
        self._token = token
        self._archive_bytes_max = archive_bytes_max
        self._uploads = 0

    def add_to(self, app: web.Application) -> None:
        """Register all routes."""
        app.router.add_get("/api/runs", self._list)
        app.router.add_post("/api/runs", self._order)
        app.router.add_get("/api/runs/{run}", self._one)
        app.router.add_delete("/api/runs/{run}", self._cancel)
        app.router.add_put("/api/runs/{run}", self._upload)
        app.router.add_get("/runs/{run}", self._to_report)
        app.router.add_get("/runs/{run}/", self._to_report)
        app.router.add_get("/runs/{run}/{file:.+}", self._file)

    # Looking

    async def _list(self, _: web.Request) -> web.Response:
        return answer({"runs": run_views.listed(self._desk, self._store)})

    async def _one(self, request: web.Request) -> web.Response:
        name = request.match_info["run"]
        entry = self._desk.find(name)
        if entry is not None:
            told = run_views.of_entry(entry) | {"lines": list(entry.lines)}
            if entry.run_id is not None:
                told |= {"files": self._store.files(entry.run_id)}
            return answer(told)
        run = self._store.run(name) if name in self._store.names() else None
        if run is None:
            raise _error(404, f"no run {name!r}")
        return answer(run_views.of_run(run) | {"files": self._store.files(name)})

    async def _to_report(self, request: web.Request) -> NoReturn:
        name = request.match_info["run"]
        if self._store.file(name, "report.html") is None:
            raise _error(404, "no report of such a run")
        raise web.HTTPFound(f"/runs/{name}/report.html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._store.file(request.match_info["run"], request.match_info["file"])
        if path is None:
            raise _error(404, "no such file of such a run")
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        charset = "; charset=utf-8" if kind.startswith(_TEXTS) else ""
        headers = {
            hdrs.CONTENT_TYPE: kind + charset,
            "Content-Security-Policy": _FILE_POLICY,
            hdrs.CACHE_CONTROL: "no-cache",
        }
        if kind == "application/octet-stream":
            headers[hdrs.CONTENT_DISPOSITION] = "attachment"
        return web.FileResponse(path, headers=headers)

    # Ordering

    async def _order(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise _error(415, "an order is JSON: send Content-Type: application/json")
        try:
            told = msgspec.json.decode(await _body(request))
        except msgspec.MsgspecError as error:
            raise _error(400, f"not JSON: {error}") from error
        try:
            entry = self._desk.order(self._read_order(told))
        except UsageError as error:
            raise _error(400, str(error)) from error
        except QueueFull as error:
            raise _error(429, str(error), {hdrs.RETRY_AFTER: "30"}) from error
        except Closing as error:
            raise _error(503, str(error)) from error
        return answer(run_views.of_entry(entry), 202, {hdrs.LOCATION: f"/api/runs/{entry.id}"})

    async def _cancel(self, request: web.Request) -> web.Response:
        name = request.match_info["run"]
        entry = self._desk.find(name)
        if entry is None:
            raise _error(404, f"no run {name!r} waits or runs here")
        if not self._desk.cancel(entry):
            raise _error(409, f"the run {name!r} is over")
        return answer(run_views.of_entry(entry), 202)

    # Storing

    async def _upload(self, request: web.Request) -> web.Response:
        self._require_token(request)
        if self._background.ending:
            raise _error(503, "the service ends and takes no results")
        self._uploads += 1
        token = f"{self._uploads}"
        archive = self._store.root / INCOMING / f"archive-{token}"
        try:
            await self._receive(request, archive)
            run_id = request.match_info["run"]
            # Unpacking goes on when the sender has gone: it either ends in place or leaves nothing.
            work = asyncio.to_thread(run_upload.place, self._store, run_id, archive, token)
            new = await asyncio.shield(work)
        except run_upload.Conflict as error:
            raise _error(409, str(error)) from error
        except run_upload.Refused as error:
            raise _error(400, str(error)) from error
        except OSError as error:
            raise _error(507, f"cannot store the results: {error.strerror or error}") from error
        finally:
            archive.unlink(missing_ok=True)
        return answer({"run_id": run_id, "new": new}, 201 if new else 200)

    def _require_token(self, request: web.Request) -> None:
        if self._token is None:
            return
        wanted = b"Bearer " + self._token.reveal()
        shown = request.headers.get(hdrs.AUTHORIZATION, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(wanted, shown):
            told: dict[str, str] = {hdrs.WWW_AUTHENTICATE: "Bearer"}
            raise _error(401, "wrong or no upload token: set UPLOAD_TOKEN on both sides", told)

    async def _receive(self, request: web.Request, archive: Path) -> None:
        """Write the body to a file, up to the limit."""
        size = 0
        with archive.open("wb") as target:
            async for chunk in request.content.iter_chunked(CHUNK_BYTES):
                size += len(chunk)
                if size > self._archive_bytes_max:
                    raise _error(413, f"more than {self._archive_bytes_max} bytes")
                target.write(chunk)


async def _body(request: web.Request) -> bytes:
    body = b""
    async for chunk in request.content.iter_chunked(BODY_BYTES_MAX):
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise _error(413, f"an order has at most {BODY_BYTES_MAX} bytes")
    return body


def answer(told: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON that nobody keeps."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(told),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store", **(headers or {})},
    )


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        409: web.HTTPConflict,
        415: web.HTTPUnsupportedMediaType,
        429: web.HTTPTooManyRequests,
        503: web.HTTPServiceUnavailable,
        507: web.HTTPInsufficientStorage,
    }
    text = json.dumps({"error": message}) + "\n"
    if status == 413:
        return web.HTTPRequestEntityTooLarge(
            0, 0, text=text, content_type="application/json", headers=headers
        )
    return kinds[status](text=text, content_type="application/json", headers=headers)
