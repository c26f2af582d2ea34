"""A real Prometheus scrapes a real local world, and answers every query of every dashboard with data."""

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from alys.actors.loop import LoopDispatcher, wait
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.config.settings import Settings
from alys.monitoring import alerts, catalogue, configuration
from alys.monitoring.dashboards import DASHBOARDS
from alys.shells.metrics_server import serve_metrics
from alys.shells.metrics_source import MetricsSource
from alys.wire.jsonrpc import RpcError
from alys.worlds.local import LocalDriver, LocalWorld
from alys.worlds.network_world import TreeFailed
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.scorecard import NeverHappened
from tests.shells.test_metrics_source import Ping, Worker
from tests.shells.test_run_results import MINUTE, leave
from tools.generate_monitoring import CLUSTER

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus (a Debian package) is not installed"
)
QUERIES = sorted({panel.expr for board in DASHBOARDS for panel in board.panels})
ROOT = Path(__file__).parents[2]
DEAD = 'ALERTS{alertname="AlysActorTreeDead", alertstate="pending"}'
PATIENCE_SECONDS = 1200.0
"""Of node time: two minutes on the wall."""


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


class Prometheus:
    """A server of its own for one test, and its HTTP API."""

    def __init__(self, folder: Path, target: str) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir()
        told: Any = configuration.prometheus()
        told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        told["rule_files"] = [str(CLUSTER / configuration.RULES_FILE)]
        del told["alerting"]
        told["scrape_configs"] = [
            {
                "job_name": configuration.RUNNER_JOB,
                "static_configs": [{"targets": [target]}],
            }
        ]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(told))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Started, and ended whatever happens."""
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
            try:
                yield
            finally:
                process.terminate()
                process.wait(timeout=30)

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/-/ready") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, path: str, **parameters: str) -> Any:
        """The data of one API call."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", params=parameters) as answer,
        ):
            told = msgspec.json.decode(await answer.read())
            assert told["status"] == "success", told
            return told["data"]

    async def unanswered(self, queries: list[str]) -> list[str]:
        """Those that have no data yet."""
        return [query for query in queries if not await self.ask_for(query)]

    async def ask_for(self, query: str) -> Any:
        """The result of an instant query: a list of series."""
        return (await self.ask("query", query=query))["result"]


SERVICES = [one for one in catalogue.FAMILIES if one.source is catalogue.Source.SERVICES]
"""Exported by services that are processes; see tests/shells/test_bitcoin_mock.py."""


@contextlib.contextmanager
def exporting_world(folder: Path) -> Iterator[tuple[LocalDriver, LocalWorld]]:
    """A local world that will export its metrics, beside a folder in which one run has ended."""
    leave(folder / "results", "regression", MINUTE)
    plain = Settings()
    environment = msgspec.structs.replace(
        plain.test_environment, results_dir=str(folder / "results")
    )
    settings = msgspec.structs.replace(plain, test_environment=environment)
    driver = LocalDriver(settings, metrics_port=0)
    world = driver.world(ScenarioInfo(name="exporting", seed=1, scratch=folder / "scratch"))
    assert isinstance(world, LocalWorld)
    try:
        yield driver, world
    finally:
        driver.close()


async def read(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


@pytest.mark.slow
def test_a_local_world_exports_every_declared_family_and_nothing_undeclared(
    tmp_path: Path,
) -> None:
    async def scenario(world: LocalWorld) -> None:
        try:
            await world.open()
            status, text = await read(f"{world.metrics_url}/metrics")
            assert status == 200
            found = {
                metric.name + ("_total" if metric.type == "counter" else "")
                for metric in text_string_to_metric_families(text)
            }
            declared = {family for family in catalogue.FAMILIES if family not in SERVICES}
            assert found == {family.name for family in declared}
            assert (await read(f"{world.metrics_url}/health"))[0] == 200
            assert (await read(f"{world.metrics_url}/ready"))[0] == 200
        finally:
            await world.close()

    with exporting_world(tmp_path) as (driver, world):
        driver.wait(driver.start(world, scenario(world), 60))


@needs_prometheus
@pytest.mark.slow
def test_a_real_prometheus_answers_every_query_of_every_dashboard_with_data(
    tmp_path: Path,
) -> None:
    async def scenario(world: LocalWorld) -> None:
        try:
            await world.open()
            world.keep_mining()
            assert world.metrics_url is not None
            server = Prometheus(tmp_path / "prometheus", world.metrics_url.removeprefix("http://"))
            with server.running():
                await world.eventually(server.ready, "Prometheus is ready", PATIENCE_SECONDS)
                await judge(world, server)
        finally:
            await world.close()

    with exporting_world(tmp_path) as (driver, world):
        driver.wait(driver.start(world, scenario(world), 300))


async def judge(world: LocalWorld, server: Prometheus) -> None:
    """Every query has data, every rule is sound and was looked at, and none fires."""
    open_queries = list(QUERIES)

    async def all_answered() -> bool:
        open_queries[:] = await server.unanswered(open_queries)
        return not open_queries

    try:
        await world.eventually(all_answered, "every query has data", PATIENCE_SECONDS)
    except NeverHappened as error:
        raise AssertionError(f"without data: {open_queries}") from error

    async def looked_at() -> Any:
        groups = (await server.ask("rules"))["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] == "ok" for rule in rules) else None

    rules = await world.eventually(looked_at, "every rule was looked at", PATIENCE_SECONDS)
    assert len(rules) == len(alerts.alerts())
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []

    async def connected() -> Any:
        return await server.ask_for("min(alys_governance_connection_status) == 1")

    await world.eventually(connected, "every governance node is registered", PATIENCE_SECONDS)
    (active,) = await server.ask_for("sum(alys_active_actors)")
    assert float(active["value"][1]) > 20


@pytest.mark.slow
def test_the_probes_of_a_world_turn_red_when_its_tree_gives_up(tmp_path: Path) -> None:
    seen: dict[str, tuple[int, str]] = {}

    async def scenario(world: LocalWorld) -> None:
        try:
            await world.open()
            world.system.root_failed(RuntimeError("too many restarts"))
            await world.await_reply(world.system.terminated)
            for name in ("health", "ready", "metrics"):
                seen[name] = await read(f"{world.metrics_url}/{name}")
        finally:
            await world.close()

    # Whoever of the world notices first says so.
    with exporting_world(tmp_path) as (driver, world), pytest.raises((TreeFailed, RpcError)):
        driver.wait(driver.start(world, scenario(world), 60))
    why = (503, "the tree gave up: too many restarts\n")
    assert seen["health"] == seen["ready"] == why
    status, text = seen["metrics"]
    assert status == 200
    assert "\nalys_system_health_score 0.0\n" in text
    assert "\nalys_active_actors 0.0\n" in text
    assert "alys_chain_block_height" not in text


@pytest.mark.slow
def test_the_world_on_the_page_about_watching_exports_until_it_is_interrupted(
    tmp_path: Path,
) -> None:
    page = (ROOT / "docs" / "how-to" / "watch.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    script = tmp_path / "watched.py"
    script.write_text(code.replace("metrics_port=9090", "metrics_port=0"), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-u", str(script)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        status, text = asyncio.run(read(f"{url}/metrics"))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
    assert status == 200
    assert "\nalys_chain_active 1.0\n" in text


@needs_prometheus
@pytest.mark.slow
def test_a_real_prometheus_sees_a_tree_die_and_the_alert_wake(tmp_path: Path) -> None:
    async def life() -> None:
        source = MetricsSource()
        dispatcher = LoopDispatcher(asyncio.get_running_loop())
        system = System(dispatcher, SeededRandom(1), observer=source.observer)
        source.attach(system)
        worker = system.spawn(ChildSpec(name="worker", factory=Worker))
        await system.ask(worker, Ping())
        exporter = await serve_metrics(source.scrape)
        server = Prometheus(tmp_path / "prometheus", exporter.url.removeprefix("http://"))

        async def until(query: str) -> None:
            for _ in range(1200):  # of a tenth of a second each, and the calls between them
                if await server.ready() and await server.ask_for(query):
                    return
                await wait(system.sleep(0.1))
            raise AssertionError(f"never: {query}")

        try:
            with server.running():
                await until("alys_system_health_score == 1 and alys_active_actors == 2")
                await until(f"up unless on () {DEAD}")  # before the first scrape it was pending
                await wait(system.shutdown())
                await until("alys_system_health_score == 0 and alys_active_actors == 0")
                await until(DEAD)
        finally:
            await exporter.close()

    asyncio.run(life())
