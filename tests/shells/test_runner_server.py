"""The service's probes and page: they follow what they are told, and let nobody else's page use them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alys.base.errors import EnvironmentFailure
from alys.runner import orders
from alys.shells import runner_server
from alys.shells.background import Background
from alys.shells.run_desk import RunDesk
from alys.shells.run_store import RunStore
from alys.shells.runner_server import serve_runner
from alys.shells.runs_api import RunsApi


class Truth:
    """What the probes are to follow."""

    def __init__(self) -> None:
        self.sick = ""
        self.readiness = (True, "ready")

    def health(self) -> str:
        """Why not."""
        return self.sick

    def ready(self) -> tuple[bool, str]:
        """Whether, and words."""
        return self.readiness

    async def state(self) -> object:
        """Something with a name in it."""
        return {"environment": "<b>"}


def at(folder: Path, life: Callable[[Truth, str, aiohttp.ClientSession], Awaitable[None]]) -> None:
    """Run against a service without runs."""

    async def whole() -> None:
        truth, background = Truth(), Background()
        desk = RunDesk(["true"], {}, background, wall_clock=lambda: 0.0)
        runs = RunsApi(desk, RunStore(folder), orders.read, background)
        server = await serve_runner(
            health=truth.health, ready=truth.ready, state=truth.state, runs=runs
        )
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(20):
                await life(truth, server.url, session)
                with pytest.raises(EnvironmentFailure, match="for the runner's service"):
                    await serve_runner(
                        health=truth.health,
                        ready=truth.ready,
                        state=truth.state,
                        runs=runs,
                        port=server.port,
                    )
        finally:
            await server.close()

    asyncio.run(whole())


async def got(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Status and text."""
    async with session.get(url) as answer:
        return answer.status, await answer.text()


def test_probes_follow_the_truth_and_say_why(tmp_path: Path) -> None:
    async def life(truth: Truth, url: str, session: aiohttp.ClientSession) -> None:
        assert await got(session, f"{url}/health") == (200, "healthy\n")
        assert await got(session, f"{url}/ready") == (200, "ready\n")
        truth.readiness = (True, "parked: run 42 has the chains")
        assert await got(session, f"{url}/ready") == (200, "parked: run 42 has the chains\n")
        truth.readiness = (False, "no new block for 16 s")
        assert await got(session, f"{url}/ready") == (503, "no new block for 16 s\n")
        assert (await got(session, f"{url}/health"))[0] == 200, "a restart would mend nothing"
        truth.readiness, truth.sick = (True, "ready"), "the environment is no more: it ended"
        for probe in ("health", "ready"):
            assert await got(session, f"{url}/{probe}") == (503, truth.sick + "\n")

    at(tmp_path, life)


def test_a_loop_that_is_stuck_answers_no_probe(tmp_path: Path) -> None:
    """Nobody else would answer in its place: the probe runs into its own timeout, as a stuck process deserves."""
    import http.client
    import threading

    async def life(_: Truth, url: str, session: aiohttp.ClientSession) -> None:
        assert (await got(session, f"{url}/health"))[0] == 200
        host = url.removeprefix("http://")
        told: list[Any] = []

        def probe() -> None:
            connection = http.client.HTTPConnection(host, timeout=0.3)
            try:
                connection.request("GET", "/health")
                told.append(connection.getresponse().status)
            except TimeoutError:
                told.append("no answer")
            finally:
                connection.close()

        thread = threading.Thread(target=probe)
        thread.start()
        thread.join()  # holds the loop up until the probe has given up
        assert told == ["no answer"]

    at(tmp_path, life)


def test_the_page_needs_nothing_from_elsewhere_and_runs_no_foreign_script(tmp_path: Path) -> None:
    async def life(_: Truth, url: str, session: aiohttp.ClientSession) -> None:
        for path, kind in (
            ("/", "text/html"),
            ("/page.css", "text/css"),
            ("/page.js", "text/javascript"),
        ):
            async with session.get(f"{url}{path}") as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                text = await answer.text()
                headers = answer.headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert re.findall(r"https?://", text) == []
        status, text = await got(session, f"{url}/api/state")
        assert (status, text) == (200, '{"environment":"<b>"}')
        async with session.get(f"{url}/none") as answer:
            assert (answer.status, answer.headers["X-Content-Type-Options"]) == (404, "nosniff")

    at(tmp_path, life)


def test_the_page_puts_everything_in_as_text() -> None:
    script = resources.files("alys.shells").joinpath(runner_server.PAGE, "page.js").read_text()
    page = resources.files("alys.shells").joinpath(runner_server.PAGE, "index.html").read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in script
    assert re.findall(r"<script(?! src)|<style| on\w+=", page) == []
