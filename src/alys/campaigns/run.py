"""One run of a plan, from the first block to the last audit: ``run(plan)`` is a function of the plan and of the code.

The life of a run: the nodes come up and some users get coins; then the weather, while users work; then everything is healed, and from that
moment on all that was begun must come to its end. Beside it, Bitcoin blocks and merged-mined work come in, and the oracles look.
"""

import contextlib
import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from alys.actors.observe import Observer, together
from alys.base.prng import Random
from alys.campaigns import naming
from alys.campaigns.outcome import Outcome, Verdict
from alys.campaigns.plan import Plan
from alys.campaigns.probes import RareStates
from alys.campaigns.storm import Storm
from alys.campaigns.users import Users
from alys.campaigns.weather import Weather
from alys.config.settings import Profile, Settings, WorldSettings
from alys.oracles.broken import Broken
from alys.sim import schedules
from alys.sim.schedules import Recording, Schedule
from alys.worlds import network
from alys.worlds.durable import Deposits, DiskWitness, deposits_of
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld
from alys.worlds.witnesses import Witnesses

RUN_S = 5_000.0
"""Node time for a whole run: whoever waits for something gives up long before."""
MINING_MIN_S, MINING_MAX_S = 1.0, 6.0
"""Node time between two Bitcoin blocks."""
COLLECTED = (50_000, 20, 100)
"""Thresholds of the garbage collector's generations during a run."""
NAME = "campaign"
"""Of every run's world: the seed alone makes the difference."""
LATE_S = 60
"""How late a block may be for its slot where actors are paused and clocks are wrong; without faults not at all."""
WEATHER = "weather"
"""The kind of the trace's record of the moment from which times and messages count."""


class Hearing:
    """What a caller wants of a run besides its outcome."""

    def __init__(
        self,
        observers: Sequence[Observer] = (),
        lines: Callable[[str], object] | None = None,
        opened: Callable[[SimWorld], object] | None = None,
        around: Callable[[Schedule], Schedule] = lambda schedule: schedule,
    ) -> None:
        """``observers`` hear all actors; ``lines`` is given the trace afterwards, line by line; ``opened`` the world before it opens; ``around`` may wrap the schedule."""
        self.observers = observers
        self.lines = lines
        self.opened = opened
        self.around = around


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was wrong."""

    oracle: str
    sentence: str
    at: float | None = None
    """Node seconds since the run began."""


class Life:
    """A plan in a world that is not open yet; ``live`` is the whole of it, and a scenario's body."""

    def __init__(self, world: SimWorld, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        self.weather: Weather | None = None
        self.users: Users | None = None
        self.storm = Storm(world, world.random.fork("storm"), world.stumble)
        self.samples: dict[str, int] = {}
        if plan.orders:
            world.timestamp_slack_s = LATE_S
        self._witnesses = Witnesses(world, world.stumble)
        self._disks = DiskWitness(world.disks, world.stumble, self._deposits_in)
        self._read: Deposits | None = None
        self._rare = RareStates()
        world.system.observer = together(world.system.observer, self._disks, self._rare)
        self._over = False

    async def live(self) -> None:
        """In an open world: everything up to the moment when all pegs have come to their end."""
        world = self.world
        world.look_closely()
        world.keep_mining()
        users = self.users = Users(world, self.plan.work)
        await users.fund()
        weather = self.weather = Weather(world, self.plan.orders)
        world.start_background(self._mine_bitcoin())
        begun = world.now()
        world.recorder.record(WEATHER, {})
        weather.begin()
        self.storm.begin()
        await users.work()
        if (left := begun + self.plan.weather_s - world.now()) > 0:
            await world.sleep(left)
        await weather.heal()
        await users.settle()
        await self.storm.settle()
        self._over = True

    def end(self) -> None:
        """Let what runs beside come to its end."""
        self._over = True

    async def _mine_bitcoin(self) -> None:
        chance = self.world.random.fork("bitcoin blocks")
        while not self._over:
            await self.world.confirm(1)
            span = MINING_MAX_S - MINING_MIN_S
            await self.world.sleep(MINING_MIN_S + span * chance.random())

    def _deposits_in(self, block_hash: str) -> tuple[str, ...]:
        """What pays the federation in a Bitcoin block."""
        if self._read is None:  # there is no Bitcoin node before the world opens
            net = self.world.network
            assert isinstance(net, network.Network), "a simulated world has the services in it"
            self._read = deposits_of(net.bitcoin.handle, net.spec.federation.script_pubkey)
        return self._read(block_hash)

    def question(self) -> None:
        """When the world is closed: hear what the witnesses saw. Raises Broken."""
        self.samples.update(self._witnesses.close())
        self._disks.judged.require()
        self.samples["durability"] = sum(self._disks.judged.samples.values())

    def probes(self) -> dict[str, int]:
        """See ``Outcome.probes``."""
        world = self.world
        statement = world.auditor.statement if hasattr(world, "auditor") else None
        watched = world.watch.found().samples if hasattr(world, "watch") else {}
        return self._rare.found(statement, watched.get("reorganisations", 0))

    def bitten(self) -> dict[int, int]:
        """See ``Outcome.bitten``."""
        return {} if self.weather is None else dict(self.weather.bitten)


def run(plan: Plan, hearing: Hearing | None = None) -> Outcome:
    """To its end; never raises for what goes wrong in the world, a KeyboardInterrupt passes."""
    begun = time.perf_counter()
    heard = hearing or Hearing()
    driver = SimDriver(settings_of(plan), lambda random: heard.around(schedule_of(plan, random)))
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        info = ScenarioInfo(name=NAME, seed=plan.seed, scratch=Path(folder), nodes=plan.nodes)
        world = driver.world(info)
        assert isinstance(world, SimWorld), "this driver makes no others"
        life = Life(world, plan)
        world.system.observer = together(world.system.observer, *heard.observers)
        if heard.opened is not None:
            heard.opened(world)
        if heard.lines is None:
            world.bound_trace(0)
        start = world.now()

        def found(error: Exception) -> None:
            name = naming.name_of(error)
            findings.append(Finding(oracle=name, sentence=str(error), at=world.now() - start))

        try:
            with _rarely_collected():
                driver.wait(driver.start(world, _whole(life, found), RUN_S))
        except Exception as error:
            found(error)
        finally:
            driver.close()
        try:
            life.question()
        except Broken as broken:
            found(broken)
    if heard.lines is not None:
        for line in world.trace():
            heard.lines(line)
    return outcome_of(life, findings, time.perf_counter() - begun)


@contextlib.contextmanager
def _rarely_collected() -> Iterator[None]:
    """Let the garbage collector look less often: a run makes much that is kept, and few circles."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _whole(life: Life, found: Callable[[Exception], None]) -> None:
    try:
        await life.world.open()
    except Exception as error:
        found(error)
        await _close(life, found)
    else:
        await through(life, found)


async def through(life: Life, found: Callable[[Exception], None]) -> None:
    """In an open world: the whole life, and the world's closing whatever happened. What was wrong is told, not raised."""
    try:
        try:
            await life.live()
        except Exception as error:
            found(error)
        try:
            life.storm.verify()
        except Broken as broken:
            found(broken)
    finally:
        life.end()
        await _close(life, found)


async def _close(life: Life, found: Callable[[Exception], None]) -> None:
    try:
        await life.world.close()
    except Exception as error:
        found(error)


def picks_of(plan: Plan) -> Sequence[int]:
    """What the plan's schedule chooses in a run, for a plan whose schedule is the replay of it."""
    recordings: list[Recording] = []

    def record(schedule: Schedule) -> Schedule:
        recordings.append(Recording(schedule))
        return recordings[0]

    run(plan, Hearing(around=record))
    return recordings[0].picks


def schedule_of(plan: Plan, random: Random) -> Schedule:
    """What chooses among what is ready."""
    chosen = plan.schedule
    return schedules.make(chosen.kind, random, depth=chosen.depth, picks=chosen.picks)


def settings_of(plan: Plan) -> Settings:
    """What a run's world goes by."""
    profile: Profile = "light" if plan.profile == "light" else "full"
    return Settings(world=WorldSettings(kind="sim", profile=profile, nodes=plan.nodes))


def outcome_of(life: Life, findings: list[Finding], seconds: float) -> Outcome:
    """What came of a life that is over."""
    world = life.world
    dispatcher = world.dispatcher
    samples = dict(life.samples)
    samples.update(life.storm.samples)
    if life.plan.work:
        samples["work"] = 0 if life.users is None else life.users.samples
    if hasattr(world, "watch") and world.nodes.count > 1:
        samples["agreement"] = sum(world.watch.found().samples.values())
    if hasattr(world, "auditor") and world.auditor.statement is not None:
        samples["ledger"] = sum(world.auditor.statement.samples.values())
    views = world.watch.views.values() if hasattr(world, "watch") else ()
    verdict, finding = _verdict(findings, samples)
    return Outcome(
        plan=life.plan,
        verdict=verdict,
        oracle="" if finding is None else finding.oracle,
        sentence="" if finding is None else finding.sentence,
        failed_at=None if finding is None else finding.at,
        trace_hash=world.recorder.trace_hash,
        steps=dispatcher.steps,
        simulated_seconds=dispatcher.simulated_seconds,
        real_seconds=seconds,
        height=max((view.height for view in views), default=0),
        finalised_height=max((view.finalised_height for view in views), default=0),
        bitten=life.bitten(),
        probes=life.probes(),
        samples=samples,
    )


def _verdict(findings: list[Finding], samples: dict[str, int]) -> tuple[Verdict, Finding | None]:
    if findings:
        chosen = findings[naming.worst([one.oracle for one in findings])]
        if chosen.oracle == naming.INCONCLUSIVE:
            return "inconclusive", chosen
        return "fail", chosen
    blind = sorted(name for name, count in samples.items() if not count)
    if blind:
        sentence = f"nothing was seen by: {', '.join(blind)}"
        return "inconclusive", Finding(oracle=naming.INCONCLUSIVE, sentence=sentence)
    return "pass", None
