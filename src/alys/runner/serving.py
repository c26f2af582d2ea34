"""``alys serve`` from its start to its end: one loop with an environment, the child that carries out a run, and HTTP.

What it is asked to end with (SIGTERM, Ctrl-C) ends everything at once and together: the child is interrupted and writes its
results, the environment closes with a last audit, uploads under way are over or refused. All of that fits the 30 seconds that a
cluster gives.
"""

import contextlib
import logging
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

import alys
from alys.base import errors
from alys.base.jobs import FinishJobs, JobRun
from alys.base.turns import Turns
from alys.config import secrets
from alys.config import settings as settings_module
from alys.monitoring.samples import Sample
from alys.runner import keeper, orders
from alys.shells import metrics_server, run_results, runner_server
from alys.shells.background import Background
from alys.shells.run_desk import RunDesk
from alys.shells.run_store import RunStore
from alys.shells.runs_api import RunsApi
from alys.worlds import network_world, protocol

LOG = logging.getLogger("alys.serve")

HOUSEKEEPING_SECONDS = 30.0
"""Between two looks at what to throw away, and two words to the cluster about Jobs."""
END_SECONDS = 24.0
"""For the child and the environment together; the child's own limit is below it."""
CALL_SECONDS = 60.0
"""That the cluster may take to hear about Jobs."""
LIFE_SECONDS = 10 * 365 * 24 * 3600.0
"""The driver wants to know when a scenario is too late; this one never is."""
NOT_FOR_CHILDREN = ("RESULTS_URL", "UPLOAD_TOKEN", "JOB_NAME", "ALYS_RESULTS_DIR", "ALYS_SEED")
"""Their results lie here already, and a seed is drawn for each."""


class ServeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve, and the doors to the rest of the world."""

    settings: settings_module.Settings
    config: Path | None
    """The file that the settings came from: children read it too."""
    environment: Mapping[str, str]
    token: secrets.Secret | None
    wall_clock: Callable[[], float]
    monotonic: Callable[[], float]
    say: Callable[[str], None]
    """A line for whoever watches."""
    turns: Turns | None = None
    finish_jobs: FinishJobs | None = None


def serve(request: ServeRequest, open_driver: protocol.DriverFactory) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises EnvironmentFailure for a taken port or a folder that cannot be used."""
    settings = request.settings
    if settings.world.kind == "sim":
        raise errors.UsageError(
            "serve keeps a world alive in real time: choose --world local or remote"
        )
    store = RunStore(Path(settings.test_environment.results_dir))
    try:
        store.prepare()
    except OSError as error:
        raise errors.EnvironmentFailure(
            f"cannot use the results folder {store.root}: {error.strerror}; choose another with --results-dir"
        ) from error
    driver = open_driver(settings)
    with contextlib.closing(driver), tempfile.TemporaryDirectory(prefix="alys-serve-") as scratch:
        service = _Service(request, driver, store, Path(scratch))
        first = driver.world(_info(settings, Path(scratch), 0))  # only says what the loop is for
        driver.wait(driver.start(first, service.live(), LIFE_SECONDS))


def _info(
    settings: settings_module.Settings, scratch: Path, generation: int
) -> protocol.ScenarioInfo:
    name = f"environment-{generation}"
    return protocol.ScenarioInfo(name=name, seed=settings.world.seed, scratch=scratch / name)


class _Service:
    """The parts and how they hang together; made before there is a loop, alive on it."""

    def __init__(
        self, request: ServeRequest, driver: protocol.Driver, store: RunStore, scratch: Path
    ) -> None:
        self._request = request
        self._driver = driver
        self._store = store
        self._scratch = scratch
        self._began = request.monotonic()
        self._background: Background
        self._keeper: keeper.Keeper
        self._desk: RunDesk

    async def live(self) -> None:
        """Start everything, wait for the end, end everything."""
        self._background = Background()
        self._keeper = self._make_keeper()
        self._desk = self._make_desk()
        with _signals(self._background.end):
            async with contextlib.AsyncExitStack() as servers:
                await self._listen(servers)
                self._background.start("environment", self._keeper.run())
                self._background.start("runs on request", self._desk.work())
                self._background.start("housekeeping", self._keep_house())
                if self._request.turns is not None:
                    self._background.start("turn on the chains", self._keeper.hold_turn())
                await self._background.ended()
                self._request.say("alys: ending: the run under way is interrupted")
                for failed in await self._background.finish(END_SECONDS):
                    self._request.say(f"alys: {failed}")

    def _make_keeper(self) -> keeper.Keeper:
        settings = self._request.settings
        return keeper.Keeper(
            self._make_world,
            self._background,
            keeper.Limits(
                blocks=settings.service.renew_after_blocks,
                hours=settings.service.renew_after_hours,
                interval_s=settings.service.traffic_interval,
            ),
            monotonic=self._request.monotonic,
            wall_clock=self._request.wall_clock,
            turns=self._request.turns,
        )

    def _make_world(self, generation: int) -> network_world.NetworkWorld:
        world = self._driver.world(_info(self._request.settings, self._scratch, generation))
        assert isinstance(world, network_world.NetworkWorld), "both real worlds are"
        return world

    def _make_desk(self) -> RunDesk:
        hidden = set(NOT_FOR_CHILDREN)
        seen = {
            name: value for name, value in self._request.environment.items() if name not in hidden
        }
        return RunDesk(
            [sys.executable, "-m", "alys", "test"],
            seen,
            self._background,
            wall_clock=self._request.wall_clock,
            queued_max=self._request.settings.service.queued_runs,
        )

    async def _listen(self, servers: contextlib.AsyncExitStack) -> None:
        settings = self._request.settings
        common = ["--results-dir", str(self._store.root)]
        common += ["--config", str(self._request.config)] if self._request.config else []
        common += ["--world", settings.world.kind]  # an order's own comes after it
        runs = RunsApi(
            self._desk,
            self._store,
            lambda told: orders.read(told, common),
            self._background,
            self._request.token,
            settings.service.upload_megabytes_max * 1024 * 1024,
        )
        served = await runner_server.serve_runner(
            health=self._background.health,
            ready=self._keeper.ready,
            state=self._state,
            runs=runs,
            host=settings.service.host,
            port=settings.service.port,
        )
        servers.push_async_callback(served.close)
        told = f"alys: serving on {served.url}, results in {self._store.root}"
        if settings.prometheus.enabled:
            metrics = await metrics_server.serve_metrics(
                self._scrape,
                settings.service.host,
                settings.prometheus.metrics_port,
                health=self._background.health,
                ready=self._unready,
            )
            servers.push_async_callback(metrics.close)
            told += f", metrics on {metrics.url}/metrics"
        self._request.say(told)

    async def _scrape(self) -> list[Sample]:
        return [*await self._keeper.scrape(), *run_results.last_runs(self._store.root)]

    def _unready(self) -> str:
        good, words = self._keeper.ready()
        return "" if good else words

    async def _state(self) -> dict[str, object]:
        return {
            "version": alys.__version__,
            "uptime_s": round(self._request.monotonic() - self._began, 1),
            "memory_bytes": _resident_bytes(),
            "environment": await self._keeper.report(),
            "suites": orders.suites(),
            "worlds": ["sim", self._request.settings.world.kind],
        }

    async def _keep_house(self) -> None:
        """Throw old results away, and tell the cluster which Jobs are done with."""
        while not self._background.ending:
            await self._clean()
            if self._request.finish_jobs is not None:
                await self._tell_jobs(self._request.finish_jobs)
            await self._background.pause(HOUSEKEEPING_SECONDS)

    async def _clean(self) -> None:
        limits = self._request.settings.service
        try:
            gone = self._store.clean(
                keep_passed=limits.keep_passed_runs, keep_failed=limits.keep_failed_runs
            )
        except OSError as error:
            LOG.warning("cannot throw old results away", extra={"error": str(error)})
            return
        if gone:
            LOG.info("threw old results away", extra={"runs": len(gone)})

    async def _tell_jobs(self, finish_jobs: FinishJobs) -> None:
        jobs = [
            JobRun(job=run.job, run_id=run.run_id, suite=run.suite, verdict=run.verdict)
            for run in self._store.runs()
            if run.job
        ]
        if not jobs:
            return
        try:
            await self._background.blocking(lambda: finish_jobs(jobs))
        except Exception as error:
            LOG.warning("the cluster was not told of finished Jobs", extra={"error": str(error)})


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """While inside, SIGTERM and Ctrl-C ask for the end."""
    import asyncio

    loop = asyncio.get_running_loop()
    taken = (signal.SIGTERM, signal.SIGINT)
    for number in taken:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


def _resident_bytes() -> int:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
