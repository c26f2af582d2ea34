"""A browser uses the page of ``alys serve``: it sees the truth, starts a run, watches it, cancels it, and runs nothing foreign."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from alys.runner import orders
from alys.runner.environment import Failure, Look, Report, Stream
from alys.shells.background import Background
from alys.shells.run_desk import RunDesk
from alys.shells.run_store import RunStore
from alys.shells.runner_server import serve_runner
from alys.shells.runs_api import RunsApi
from tests.shells import stored
from tests.shells.waiting import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = "<img src=x onerror=alert(1)>"
CHILD = "import signal, sys; print('<b>PASS</b>  one', file=sys.stderr, flush=True); signal.pause()"

REPORT = Report(
    phase="running",
    ready=True,
    text="ready",
    world="local",
    time_scale=1.0,
    generation=2,
    age_s=61.0,
    holder="",
    look=Look(
        height=41,
        finalised=40,
        chain="active",
        streams=(Stream(endpoint="0", state="ready"), Stream(endpoint="1", state=EVIL)),
        operations={"pegin minted": 7},
    ),
    health_score=1.0,
    deposits=7,
    payouts=6,
    doing="pausing",
    failures=(Failure(at=1.0, generation=1, cause=f"{EVIL} broke"),),
)


class Browser:
    """One tab, over the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def say(self, method: str, **params: object) -> Any:
        """The result of one command; events in between are passed over."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            told = await self._socket.receive_json(timeout=30)
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]

    async def evaluate(self, script: str) -> Any:
        """The value of an expression on the page."""
        told = await self.say("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def shows(self, words: str) -> None:
        """Wait until a reader sees these words."""
        text = json.dumps(words)
        await until(lambda: self.evaluate(f"document.body?.innerText.includes({text})"), 30)


@asynccontextmanager
async def browser(url: str, profile: Path, size: str) -> AsyncIterator[Browser]:
    """A browser that has opened this page."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *(f"--user-data-dir={profile}", f"--window-size={size}", "--remote-debugging-port=0", url),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stderr is not None
        port = ""
        while not port:
            line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
            assert line, "the browser ended"
            port = "".join(re.findall(r"DevTools listening on ws://[^:]+:(\d+)/", line))
        async with aiohttp.ClientSession() as session:

            async def tab() -> Any:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    listed = await answer.json()
                return next((one for one in listed if one["url"].startswith(url)), None)

            found = await until(tab, 30)
            async with session.ws_connect(found["webSocketDebuggerUrl"]) as socket:
                yield Browser(socket)
    finally:
        process.kill()
        await process.wait()


def with_page(
    folder: Path,
    life: Callable[[Browser, RunDesk], Awaitable[None]],
    *,
    report: Report = REPORT,
    size: str = "1200,1000",
) -> None:
    """Let a browser open the page of a service whose environment is made up and whose runs are real children."""

    async def state() -> object:
        shown = {"uptime_s": 3700.0, "memory_bytes": 100 * 2**20, "environment": report}
        return {**shown, "suites": orders.suites(), "worlds": ["sim", "local"]}

    async def whole() -> None:
        background, store = Background(), RunStore(folder / "results")
        store.prepare()
        stored.leave(store.root, suite=EVIL.replace("/", ""), verdict="fail")
        desk = RunDesk([sys.executable, "-c", CHILD], {}, background, wall_clock=lambda: 1.0)
        runs = RunsApi(desk, store, orders.read, background)
        server = await serve_runner(
            health=background.health, ready=lambda: (True, ""), state=state, runs=runs
        )
        background.start("desk", desk.work())
        try:
            async with (
                asyncio.timeout(100),
                browser(f"{server.url}/", folder / "profile", size) as page,
            ):
                await life(page, desk)
        finally:
            background.end()
            assert await background.finish(20) == []
            await server.close()

    asyncio.run(whole())


chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.mark.slow
@chromium
def test_a_reader_starts_a_run_watches_and_cancels_it(tmp_path: Path) -> None:
    async def life(page: Browser, desk: RunDesk) -> None:
        for words in ("READY", "41", "40", "1 of 2", "pegin minted", "62 min", "100 MiB", "FAIL"):
            await page.shows(words)
        await page.evaluate(
            "const form = document.getElementById('form'); form.elements.suite.value = 'supervision';"
            "form.elements.seed.value = '7'; form.querySelector('button').click()"
        )
        await page.shows("RUNNING")
        await page.shows("<b>PASS</b>  one")
        (entry,) = desk.entries()
        assert (entry.order.suite, entry.order.seed, entry.order.world) == ("supervision", 7, None)
        await page.evaluate("document.querySelector('#runs button').click()")
        await page.shows("INTERRUPTED")
        await page.evaluate(
            "form.elements.seed.removeAttribute('pattern'); form.elements.seed.value = '-1';"
            "form.querySelector('button').click()"
        )
        await page.shows("world.seed = -1 cannot stand")
        assert len(desk.entries()) == 1

    with_page(tmp_path, life)


@pytest.mark.slow
@chromium
@pytest.mark.parametrize("size", ["1200,1000", "500,900"])
def test_what_others_wrote_is_text_and_nothing_is_fetched_or_spilt(
    tmp_path: Path, size: str
) -> None:
    async def life(page: Browser, _: RunDesk) -> None:
        await page.shows(f"{EVIL.replace('/', '')}")
        await page.evaluate("document.querySelector('details').open = true")
        await page.shows(f"{EVIL} broke")
        assert await page.evaluate("document.images.length") == 0
        fetched = await page.evaluate(
            "performance.getEntriesByType('resource').map(one => new URL(one.name).origin)"
        )
        assert set(fetched) == {await page.evaluate("location.origin")}
        assert (
            await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            == 0
        )
        inline = "Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'})"
        await page.evaluate(f"document.body.append({inline})")
        assert await page.evaluate("window.ran") is None, "the policy holds"

    with_page(tmp_path, life, size=size)


@pytest.mark.slow
@chromium
@pytest.mark.parametrize(
    ("changes", "badge"),
    [
        (
            {"phase": "parked", "text": "parked: run 42 has the chains", "holder": "run 42"},
            "PARKED",
        ),
        ({"ready": False, "phase": "broken", "text": "no new block for 16 s"}, "NOT READY"),
    ],
    ids=["parked", "broken"],
)
def test_an_environment_that_is_away_is_shown_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], badge: str
) -> None:
    report = msgspec.structs.replace(REPORT, look=None, age_s=None, health_score=None, **changes)

    async def life(page: Browser, _: RunDesk) -> None:
        await page.shows(badge)
        await page.shows(changes["text"])
        assert await page.evaluate("document.getElementById('ready').textContent") == badge

    with_page(tmp_path, life, report=report)
