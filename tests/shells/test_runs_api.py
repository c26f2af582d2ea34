"""Runs over HTTP: what is answered, with which status and headers, to friends and to others."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alys.config.secrets import Secret
from alys.runner import orders
from alys.shells.background import Background
from alys.shells.run_desk import RunDesk
from alys.shells.run_store import INCOMING, RunStore
from alys.shells.runner_server import serve_runner
from alys.shells.runs_api import RunsApi
from tests.shells import stored
from tests.shells.waiting import until

WAITS = "import signal, sys; print('waiting', file=sys.stderr, flush=True); signal.pause()"
TOKEN = Secret(b"open-sesame")
SHOWN = {"Authorization": "Bearer open-sesame"}


class Asking:
    """A client of a service that runs for one test."""

    def __init__(self, url: str, session: aiohttp.ClientSession, store: RunStore) -> None:
        self.url = url
        self.session = session
        self.store = store
        self.headers: dict[str, str] = {}

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and body; a dict is sent as JSON, the answer's headers are kept."""
        if isinstance(body, dict | list):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
        async with self.session.request(
            method, f"{self.url}{path}", data=body, headers=headers, allow_redirects=False
        ) as answer:
            self.headers = dict(answer.headers)
            text = await answer.text(errors="replace")
            return answer.status, json.loads(text) if "json" in answer.content_type else text


def at(
    folder: Path,
    life: Callable[[Asking], Awaitable[None]],
    *,
    token: Secret | None = None,
    bytes_max: int = 1_000_000,
    ending: bool = False,
) -> None:
    """Run against a service whose runs wait until they are interrupted."""

    async def state() -> object:
        return {}

    async def whole() -> None:
        background, store = Background(), RunStore(folder / "results")
        store.prepare()
        command = [sys.executable, "-c", WAITS]
        desk = RunDesk(command, {}, background, wall_clock=lambda: 1000.0, queued_max=1)
        runs = RunsApi(desk, store, orders.read, background, token, bytes_max)
        server = await serve_runner(
            health=background.health, ready=lambda: (True, "ready"), state=state, runs=runs
        )
        background.start("desk", desk.work())
        if ending:
            background.end()
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(30):
                await life(Asking(server.url, session, store))
        finally:
            background.end()
            assert await background.finish(20) == []
            await server.close()

    asyncio.run(whole())


async def in_state(ask: Asking, entry: str, state: str) -> Any:
    """The order, once it is there."""

    async def there() -> Any:
        told = (await ask("GET", f"/api/runs/{entry}"))[1]
        return told if told["state"] == state else None

    return await until(there)


def test_an_order_is_taken_runs_is_listed_and_is_cancelled(tmp_path: Path) -> None:
    async def life(ask: Asking) -> None:
        status, told = await ask("POST", "/api/runs", {"suite": "integration", "seed": 7})
        assert (status, told["state"], told["suite"], told["seed"]) == (
            202,
            "queued",
            "integration",
            7,
        )
        assert ask.headers["Location"] == f"/api/runs/{told['id']}"
        running = await in_state(ask, told["id"], "running")
        while not running["lines"]:
            running = await in_state(ask, told["id"], "running")
        assert running["lines"] == ["waiting"]
        status, waiting = await ask("POST", "/api/runs", {"suite": "supervision"})
        assert status == 202
        status, refused = await ask("POST", "/api/runs", {"suite": "supervision"})
        assert (status, refused["error"]) == (429, "1 runs wait already, at most 1 may")
        assert "Retry-After" in ask.headers
        listed = (await ask("GET", "/api/runs"))[1]["runs"]
        assert [one["state"] for one in listed] == ["queued", "running"]
        assert (await ask("DELETE", f"/api/runs/{waiting['id']}"))[0] == 202
        assert (await ask("DELETE", f"/api/runs/{told['id']}"))[0] == 202
        ended = await in_state(ask, told["id"], "ended")
        assert ended["verdict"] == "interrupted"
        assert (await ask("DELETE", f"/api/runs/{told['id']}"))[0] == 409
        assert (await ask("DELETE", "/api/runs/none"))[0] == 404

    at(tmp_path, life)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"suite": "integratoin"}, 400, "did you mean 'integration'?"),
        ({"siute": "integration"}, 400, "unknown key 'siute'; did you mean 'suite'?"),
        ([1], 400, "an order is an object"),
        ("{", 400, "not JSON"),
        ("x" * 70_000, 413, "at most 65536 bytes"),
    ],
)
def test_a_wrong_order_is_named_and_not_taken(
    tmp_path: Path, body: Any, status: int, words: str
) -> None:
    async def life(ask: Asking) -> None:
        headers = {"Content-Type": "application/json"}
        found, told = await ask("POST", "/api/runs", body, **headers)
        assert (found, words in told["error"]) == (status, True), told
        assert (await ask("GET", "/api/runs"))[1] == {"runs": []}

    at(tmp_path, life)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_what_a_form_of_another_page_could_send_is_no_order(tmp_path: Path, kind: str) -> None:
    async def life(ask: Asking) -> None:
        body = json.dumps({"suite": "integration"})
        status, told = await ask("POST", "/api/runs", body, **{"Content-Type": kind})
        assert (status, "application/json" in told["error"]) == (415, True)
        assert "Access-Control-Allow-Origin" not in ask.headers

    at(tmp_path, life)


def test_stored_runs_are_listed_with_their_reports_and_unfinished_ones_named(
    tmp_path: Path,
) -> None:
    passed = stored.leave(tmp_path / "results", minute=1, job="nightly-1")
    lost = stored.leave(tmp_path / "results", suite="a-b", minute=2)
    (tmp_path / "results" / lost / "report.json").unlink()

    async def life(ask: Asking) -> None:
        first, second = (await ask("GET", "/api/runs"))[1]["runs"]
        assert (first["verdict"], first["suite"], first["started_at"], first["report"]) == (
            "unfinished",
            "a-b",
            "2026-01-01T02:02:00+00:00",
            None,
        )
        assert (second["verdict"], second["job"]) == ("pass", "nightly-1")
        assert second["report"] == f"/runs/{passed}/report.html"
        one = (await ask("GET", f"/api/runs/{passed}"))[1]
        assert one["files"] == ["events.jsonl", "report.html", "report.json"]
        assert (await ask("GET", "/api/runs/none"))[0] == 404

    at(tmp_path, life)


def test_files_have_their_type_and_a_policy_and_nothing_else_is_served(tmp_path: Path) -> None:
    run = stored.leave(tmp_path / "results")
    folder = tmp_path / "results" / run
    (folder / "odd.bin").write_bytes(b"<script>")
    (folder / "link.txt").symlink_to("/etc/passwd")
    (tmp_path / "results" / "secret.txt").write_text("secret")

    async def life(ask: Asking) -> None:
        status, text = await ask("GET", f"/runs/{run}/report.html")
        assert (status, "report" in text) == (200, True)
        assert ask.headers["Content-Type"] == "text/html; charset=utf-8"
        assert ask.headers["X-Content-Type-Options"] == "nosniff"
        policy = ask.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "script-src" not in policy
        await ask("GET", f"/runs/{run}/events.jsonl")
        assert ask.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
        await ask("GET", f"/runs/{run}/odd.bin")
        assert ask.headers["Content-Type"] == "application/octet-stream"
        assert ask.headers["Content-Disposition"] == "attachment"
        status, _ = await ask("GET", f"/runs/{run}/")
        assert (status, ask.headers["Location"]) == (302, f"/runs/{run}/report.html")
        for path in (
            f"/runs/{run}/link.txt",
            f"/runs/{run}/..%2fsecret.txt",
            f"/runs/{run}/%2e%2e/secret.txt",
            "/runs/..%2f..%2fetc/passwd",
            "/runs/%2e%2e/secret.txt",
            f"/runs/{run}%2f..%2fsecret.txt",
            f"/runs/{run}/none.html",
            "/runs/none/",
        ):
            status, text = await ask("GET", path)
            assert (status, "secret" in str(text).replace("secret.txt", "")) == (404, False), path
            assert ask.headers["X-Content-Type-Options"] == "nosniff"

    at(tmp_path, life)


def sent(folder: Path) -> tuple[str, bytes]:
    """A run that took place elsewhere, as it is uploaded."""
    run = stored.leave(folder / "away")
    return run, stored.archive(folder / "away" / run)


def test_an_upload_is_stored_once_and_shown(tmp_path: Path) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        assert await ask("PUT", f"/api/runs/{run}", whole, **SHOWN) == (
            201,
            {"run_id": run, "new": True},
        )
        assert await ask("PUT", f"/api/runs/{run}", whole, **SHOWN) == (
            200,
            {"run_id": run, "new": False},
        )
        assert [one["run_id"] for one in (await ask("GET", "/api/runs"))[1]["runs"]] == [run]
        assert list((ask.store.root / INCOMING).iterdir()) == []

    at(tmp_path, life, token=TOKEN)


@pytest.mark.parametrize(
    "shown", [{}, {"Authorization": "Bearer open"}, {"Authorization": "Basic open-sesame"}]
)
def test_without_the_token_nothing_is_stored(tmp_path: Path, shown: dict[str, str]) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        status, told = await ask("PUT", f"/api/runs/{run}", whole, **shown)
        assert (status, "UPLOAD_TOKEN" in told["error"]) == (401, True)
        assert ask.headers["WWW-Authenticate"] == "Bearer"
        assert ask.store.names() == []

    at(tmp_path, life, token=TOKEN)


def test_too_much_and_damaged_and_contradicting_uploads_leave_nothing(tmp_path: Path) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        status, told = await ask("PUT", f"/api/runs/{run}", bytes(5001))
        assert (status, told["error"]) == (413, "more than 5000 bytes")
        status, told = await ask("PUT", f"/api/runs/{run}", whole[:-20])
        assert (status, "not a whole tar.gz" in told["error"]) == (400, True)
        status, told = await ask("PUT", f"/api/runs/{run[:-6]}000000", whole)
        assert (status, f"is that of run {run!r}" in told["error"]) == (400, True)
        assert ask.store.names() == []
        assert list((ask.store.root / INCOMING).iterdir()) == []
        assert (await ask("PUT", f"/api/runs/{run}", whole))[0] == 201
        report = ask.store.root / run / "report.json"
        report.write_text(report.read_text() + "\n")
        assert (await ask("PUT", f"/api/runs/{run}", whole))[0] == 409

    at(tmp_path, life, bytes_max=5000)


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        host, port = ask.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"PUT /api/runs/{run} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(whole)}\r\n\r\n"
        writer.write(head.encode() + whole[: len(whole) // 2])
        await writer.drain()
        incoming = ask.store.root / INCOMING
        await until(lambda: list(incoming.iterdir()))
        writer.close()
        await until(lambda: not list(incoming.iterdir()))
        assert ask.store.names() == []

    at(tmp_path, life)


def test_a_service_that_ends_takes_neither_orders_nor_results(tmp_path: Path) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        assert (await ask("PUT", f"/api/runs/{run}", whole))[0] == 503
        assert (await ask("POST", "/api/runs", {"suite": "integration"}))[0] == 503
        assert ask.store.names() == []

    at(tmp_path, life, ending=True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    run, whole = sent(tmp_path)

    async def life(ask: Asking) -> None:
        (ask.store.root / INCOMING).rmdir()
        status, told = await ask("PUT", f"/api/runs/{run}", whole)
        assert (status, "cannot store the results" in told["error"]) == (507, True)

    at(tmp_path, life)
