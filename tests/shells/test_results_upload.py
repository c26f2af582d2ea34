"""Results reach the service whole, also one that is away for a while; else it is said where they still are."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from alys.base.errors import ExitCode
from alys.config.secrets import Secret
from alys.shells import results_upload, run_upload
from alys.shells.jsonrpc_server import serve_app
from alys.shells.results_upload import NotStored, send
from alys.shells.run_store import RunStore
from tests.shells import stored

Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that tests need not wait for."""
    monkeypatch.setattr(results_upload, "RETRY_SECONDS", (0.01, 0.02))


def sent(folder: Path, handler: Handler, seconds: float = 20.0, token: Secret | None = None) -> str:
    """Send a run to a service that answers like this; its id."""
    run = stored.leave(folder / "away")

    async def life() -> None:
        app = web.Application(client_max_size=10**9)
        app.router.add_put("/api/runs/{run}", handler)
        server = await serve_app(app, "127.0.0.1", 0, "a service")
        try:
            await send(folder / "away" / run, f"{server.url}/", token, seconds)
        finally:
            await server.close()

    asyncio.run(life())
    return run


def test_what_is_sent_can_be_put_in_place(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "store")
    store.prepare()
    shown: list[str] = []

    async def take(request: web.Request) -> web.Response:
        shown.append(request.headers["Authorization"])
        archive = tmp_path / "archive"
        archive.write_bytes(await request.read())
        run_upload.place(store, request.match_info["run"], archive, "1")
        return web.Response(status=201)

    run = sent(tmp_path, take, token=Secret(b"open-sesame"))
    assert shown == ["Bearer open-sesame"]
    assert store.files(run) == ["events.jsonl", "report.html", "report.json"]
    for name in store.files(run):
        there, here = store.root / run / name, tmp_path / "away" / run / name
        assert there.read_bytes() == here.read_bytes()


def test_it_tries_again_while_the_service_is_away(tmp_path: Path) -> None:
    statuses = [503, 500, 429, 507, 200]

    async def answer(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        await request.read()
        return web.Response(status=statuses.pop(0))

    sent(tmp_path, answer)
    assert statuses == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413])
def test_a_refusal_is_final_and_names_reason_and_place(tmp_path: Path, status: int) -> None:
    asked = []

    async def refuse(_: web.Request) -> web.Response:
        asked.append(1)
        return web.Response(status=status, text='{"error":\n "no"}')

    with pytest.raises(NotStored) as caught:
        sent(tmp_path, refuse)
    told = str(caught.value)
    assert told.startswith("the results were not stored at http://127.0.0.1:")
    assert f'HTTP {status}: {{"error": "no"}}; they are still in {tmp_path / "away"}' in told
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert asked == [1]


def test_a_service_that_stays_away_is_given_up_in_time(tmp_path: Path) -> None:
    run = stored.leave(tmp_path)
    with pytest.raises(NotStored, match="Connect"):
        asyncio.run(send(tmp_path / run, "http://127.0.0.1:9", None, 0.1))


def test_a_folder_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("disk on fire")

    monkeypatch.setattr(results_upload, "_pack", refuse)
    with pytest.raises(NotStored, match="cannot pack them: disk on fire"):
        asyncio.run(send(tmp_path, "http://127.0.0.1:9", None, 5))
