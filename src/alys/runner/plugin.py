"""The pytest plugin: collects scenarios, starts them in worlds, and keeps a record of each.

Theory of operation. pytest calls its items one after the other; scenarios of the local world mostly wait, so one at a time
would waste the machine. Where the driver allows it, every scenario that needs nothing but ``world`` is started
before pytest's loop begins (``pytest_runtestloop``), and the call phase of its item only waits for it. pytest sees
ordinary items with ordinary reports; what a case took is read from the scenario's own clock, not from pytest's.

Scenarios are ``async def test_*(world)``. The driver runs the coroutine; no other plugin knows about it.
"""

import inspect
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.report import record
from alys.runner import outcomes, running, unawaited
from alys.runner.results import EventLog
from alys.worlds import protocol

ALONE = "alone"
"""The mark of a scenario that measures: it begins when all before it have ended, and those after it wait for its end."""

NEEDS = "needs"
"""The mark of a scenario that needs another world than the settings say: ``needs(nodes=3, placement="split")``, either or both; or
``needs(plan=PLAN)``: the simulated world that a campaign ran this plan in."""

_RUNNING = pytest.StashKey[running.Running]()


class RunTimeout(errors.AlysError):
    """The run as a whole took longer than it may."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(
            f"the run took longer than {timeout_s:g} s, which test_environment.timeout_seconds allows"
        )


class ScenarioPlugin:
    """One per run.

    ``cases`` holds what ended, ``collect_causes`` why files could not be loaded, ``broken`` what broke pytest itself.
    """

    def __init__(
        self,
        driver: protocol.Driver,
        *,
        info: Callable[[str, Path], protocol.ScenarioInfo],
        clock: running.Clock,
        scenario_timeout_s: Callable[[Path], float],
        run_timeout_s: float,
        events: EventLog,
        progress: Callable[[record.CaseRecord], None],
        collected: Callable[[], None],
        only: frozenset[str] | None = None,
    ) -> None:
        self._only = only
        self.cases: list[record.CaseRecord] = []
        self.collect_causes: list[str] = []
        self.broken: BaseException | None = None
        self.unawaited = unawaited.Watch()
        self._names: dict[str, str] = {}
        self._seen: list[str] = []
        self._chosen: list[pytest.Item] = []
        self._driver = driver
        self._info = info
        self._clock = clock
        self._deadline = clock() + run_timeout_s
        self._run_timeout_s = run_timeout_s
        self._scenario_timeout_s = scenario_timeout_s
        self._events = events
        self._progress = progress
        self._collected = collected
        self._first: dict[str, outcomes.Judgement] = {}

    # -- collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """The terminal reporter is off, and with it the option that pytest's tracebacks ask for."""
        config.option.verbose = 0
        config.addinivalue_line("markers", f"{ALONE}: runs while no other scenario does")
        config.addinivalue_line(
            "markers", f"{NEEDS}(nodes, placement, plan): what its world must be"
        )

    def pytest_exception_interact(
        self,
        node: pytest.Item | pytest.Collector,
        call: pytest.CallInfo[object],
        report: pytest.CollectReport | pytest.TestReport,
    ) -> None:
        """Keep why a file could not be loaded."""
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            self.collect_causes.append(outcomes.unloadable(call.excinfo.value, node.path))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Keep what broke pytest; True tells it that nothing needs to be printed."""
        self.broken = excinfo.value
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Remember what there was before a ``-k`` takes some away, give each scenario its name, and keep those that are asked for by it."""
        names = running.display_names([(item.path, item.name) for item in items])
        self._names = {item.nodeid: name for item, name in zip(items, names, strict=True)}
        self._seen = names
        if self._only is not None:
            items[:] = [item for item in items if self._names[item.nodeid] in self._only]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What was chosen."""
        self._chosen = list(session.items)

    @property
    def seen(self) -> list[str]:
        """Names of all scenarios in the files, chosen or not."""
        return self._seen

    # -- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start ahead what can be; returns None, so that pytest's own loop follows.

        A world that cannot be made is left to its item, where the error has a name and a report.
        """
        self._collected()
        if session.testsfailed or not self._driver.concurrent:
            return
        for item in session.items:
            if item.get_closest_marker(ALONE):
                return
            if isinstance(item, pytest.Function) and _needs_world_alone(item):
                try:
                    under_way = self._make(item)
                except (
                    Exception,
                    pytest.skip.Exception,
                ):  # it fails again, and is told, in its own turn
                    continue
                self._start(item, under_way, {**_parameters(item), "world": under_way.world})

    @pytest.fixture
    def world(self, request: pytest.FixtureRequest) -> protocol.World:
        """The world of this scenario; it is open while the scenario runs, and closed after it."""
        item = request.node
        return item.stash[_RUNNING].world if _RUNNING in item.stash else self._make(item).world

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Let the driver run an async scenario; True tells pytest that the call was made."""
        __tracebackhide__ = True
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            if "world" in pyfuncitem.fixturenames:
                raise errors.UsageError(f"{pyfuncitem.name} takes a world: write `async def`")
            return None
        under_way = pyfuncitem.stash.get(_RUNNING, None)
        if under_way is None:
            raise errors.UsageError(f"{pyfuncitem.name} is async: it must take the fixture `world`")
        if self._clock() > self._deadline and not (under_way.handle and under_way.handle.done()):
            raise RunTimeout(self._run_timeout_s)
        names = inspect.signature(pyfuncitem.obj).parameters
        handle = under_way.handle or self._start(
            pyfuncitem, under_way, {name: pyfuncitem.funcargs[name] for name in names}
        )
        self._driver.wait(handle)
        return True

    def _make(self, item: pytest.Item) -> running.Running:
        name = self._names[item.nodeid]
        info, mark = self._info(name, item.path), item.get_closest_marker(NEEDS)
        if mark is not None and "plan" in mark.kwargs:
            world = _planned(self._driver, info, mark)
        else:
            world = self._driver.world(as_needed(info, mark))
        under_way = running.Running(name, world)
        item.stash[_RUNNING] = under_way
        return under_way

    def _start(
        self, item: pytest.Function, under_way: running.Running, arguments: dict[str, object]
    ) -> protocol.Handle:
        life = under_way.live(item.obj, arguments, self._clock)
        under_way.handle = self._driver.start(under_way.world, life, self._timeout_s(item.path))
        return under_way.handle

    def _timeout_s(self, file: Path) -> float:
        """Simulated budgets must not depend on how fast this machine was so far."""
        own = self._scenario_timeout_s(file)
        if self._driver.deterministic:
            return own
        return max(0.001, min(own, self._deadline - self._clock()))

    # -- recording

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge each phase; the first that went wrong decides, and after teardown the case is written down."""
        report = yield
        if call.excinfo is not None and item.nodeid not in self._first:
            self._first[item.nodeid] = outcomes.judge(
                call.excinfo.value, report.longreprtext, item.path
            )
        if call.when == "teardown":
            self._finish(item)
        return report

    def _finish(self, item: pytest.Item) -> None:
        under_way = item.stash.get(_RUNNING, None)
        samples = under_way.world.samples if under_way else 0
        fallback = outcomes.PASSED if samples else outcomes.NOTHING_CHECKED
        judgement = self._first.get(item.nodeid, fallback)
        forgotten = self.unawaited.take(lambda file, function: _is_of(item, file, function))
        if forgotten and judgement in (outcomes.PASSED, outcomes.NOTHING_CHECKED):
            judgement = outcomes.forgotten(forgotten)
        self._progress(self._write_down(self._names[item.nodeid], under_way, judgement))
        if under_way is not None:
            del item.stash[_RUNNING]  # a world may be large; its figures are in the case

    def _write_down(
        self, name: str, under_way: running.Running | None, judgement: outcomes.Judgement
    ) -> record.CaseRecord:
        if under_way is None:
            case = running.case_record(name, judgement)
        else:
            case = under_way.record(judgement, self._clock())
        self.cases.append(case)
        if under_way is not None and under_way.began is not None:
            self._events.scenario(name, under_way.world.trace())
        return case

    def write_down_the_rest(self) -> None:
        """A case for each chosen scenario that the run did not get to the end of; after the driver was closed."""
        ended = {case.name for case in self.cases}
        for item in self._chosen:
            name, under_way = self._names[item.nodeid], item.stash.get(_RUNNING, None)
            if name not in ended:
                begun = under_way is not None and under_way.began is not None
                self._write_down(name, under_way, outcomes.CUT_OFF if begun else outcomes.NOT_RUN)


def as_needed(info: protocol.ScenarioInfo, mark: pytest.Mark | None) -> protocol.ScenarioInfo:
    """What the world is told, with what the scenario's mark wants of it; raises UsageError for a mark that cannot be honoured."""
    if mark is None:
        return info
    wanted = mark.kwargs
    if mark.args or not wanted or not set(wanted) <= {"nodes", "placement"}:
        raise errors.UsageError(
            f"{info.name}: the mark {NEEDS} takes nodes= (1 to 3) and placement= (one or split)"
        )
    if wanted.get("nodes", 1) not in (1, 2, 3) or wanted.get("placement", "one") not in (
        "one",
        "split",
    ):
        raise errors.UsageError(
            f"{info.name}: {NEEDS}({', '.join(f'{k}={v!r}' for k, v in wanted.items())}) cannot stand; "
            "allowed: nodes 1 to 3, placement one or split"
        )
    return msgspec.structs.replace(info, **wanted)


def _planned(
    driver: protocol.Driver, info: protocol.ScenarioInfo, mark: pytest.Mark
) -> protocol.World:
    """The world of the mark's plan; where the driver does not simulate, the scenario is skipped. Raises UsageError."""
    from alys.campaigns import plan, scenario

    wanted = mark.kwargs["plan"]
    if len(mark.kwargs) > 1 or mark.args or not isinstance(wanted, plan.Plan):
        raise errors.UsageError(
            f"{info.name}: the mark {NEEDS} takes plan= with a plan of alys.campaigns.plan and nothing beside it"
        )
    if not driver.deterministic:
        pytest.skip("a campaign's plan is played in simulation: --world sim")
    return scenario.world_of(wanted, info)


def _is_of(item: pytest.Item, file: Path, function: str) -> bool:
    return file == item.path and function == getattr(item, "originalname", item.name)


def _parameters(item: pytest.Function) -> dict[str, object]:
    """What ``parametrize`` gives; nothing for a scenario that stands once."""
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _needs_world_alone(item: pytest.Function) -> bool:
    """Whether nothing else is to be set up first, nor may keep it from running (a skip is known in setup only)."""
    if any(item.get_closest_marker(name) for name in ("skip", "skipif", "usefixtures")):
        return False
    asked = {*item.fixturenames} - {*_parameters(item)} - {"request"}  # which the fixture asks for
    return asked == {"world"} and inspect.iscoroutinefunction(item.obj)
