"""Keeps one environment alive: opens it, lets traffic run, looks at it every half second, and builds it anew.

Anew, because it broke (after a pause that doubles with each failure in a row), because it grew old (chains and books are kept in
memory and grow with every block), or because somebody else had the chains: a run that asks for them gets them, and this
environment is parked meanwhile. A failure is whatever a scenario would fail for: a crash that nobody ordered, a node that gave
up, a ledger that does not balance, traffic that does not arrive.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import msgspec

from alys.base import errors
from alys.base.turns import TurnLost, Turns
from alys.monitoring import catalogue
from alys.monitoring.samples import Sample
from alys.runner import environment
from alys.runner.environment import Failure, Look, Phase, Report
from alys.shells.background import Background, Ending
from alys.shells.metrics_source import MetricsSource, process_alone
from alys.worlds import network
from alys.worlds.network_world import NetworkWorld
from alys.worlds.traffic import PATIENCE_SECONDS, Traffic

LOG = logging.getLogger("alys.serve")

TICK_SECONDS = 0.5
TRACE_LINES_MAX = 2_000
"""Kept of an environment's trace: enough to see what led to a failure."""
FAILURES_MAX = 20
BACKOFF_SECONDS = (1.0, 60.0)
"""The pause after the first failure, and the longest."""
SOUND_SECONDS = 300.0
"""An environment that lived so long begins a new row of failures."""
STALL_SLOTS = 15
"""Slots without a block after which blocks have stopped coming."""
STALL_SECONDS_MIN = 15.0
"""Wall time that a busy machine may need for a block, however fast node time runs."""
PATIENCE_WALL_SECONDS = 30.0
RENEW_SECONDS = 2.0
RELEASE_SECONDS = 5.0
HOLDER = "alys serve"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When an environment is old, and how often something happens in it."""

    blocks: int
    hours: float
    interval_s: float
    """Node time between two rounds of traffic."""


class Parked(Exception):
    """Somebody wants the chains."""


class Keeper:
    """See the module's docstring. ``run`` it beside others on one loop and ask ``report`` and ``ready`` at any time."""

    def __init__(
        self,
        make: Callable[[int], NetworkWorld],
        background: Background,
        limits: Limits,
        *,
        monotonic: Callable[[], float],
        wall_clock: Callable[[], float],
        turns: Turns | None = None,
    ) -> None:
        """``make`` gives a world that is not open yet, by generation; without ``turns`` the chains are nobody else's."""
        self._make = make
        self._background = background
        self._limits = limits
        self._monotonic = monotonic
        self._wall_clock = wall_clock
        self._turns = turns
        self._phase = Phase.STARTING
        self._holder = ""
        self._held = False
        self._one_at_a_time = asyncio.Lock()  # turns are used from one thread at a time
        #: What the chains' other users want of us, and what became of our own turn.
        self._wanted_by = ""
        self._lost = ""
        self._generation = 0
        self._world: NetworkWorld | None = None
        self._source: MetricsSource | None = None
        self._traffic: Traffic | None = None
        self._look: Look | None = None
        self._opened_at: float | None = None
        self._grew_at = 0.0
        self._deposits = 0
        self._payouts = 0
        self._failures: deque[Failure] = deque(maxlen=FAILURES_MAX)
        self._failed_in_a_row = 0
        self._settings_shown = ("", 1.0)

    # Life

    async def run(self) -> None:
        """Until the background is asked to end. Only a bug of ours ends it earlier."""
        while not self._background.ending:
            try:
                await self._take_turn()
                await self._generation_of()
            except (Parked, Ending):
                pass
            except Exception as error:
                self._broke(error)
            await self._give_turn_back()
            if self._phase is Phase.BROKEN:
                await self._background.pause(self._backoff())
        self._phase = Phase.ENDED

    async def _generation_of(self) -> None:
        """One environment from its opening to its end."""
        self._phase = Phase.STARTING
        self._generation += 1
        world = self._make(self._generation)
        source = MetricsSource(tree=network.NODE_TREE)
        world.bound_trace(TRACE_LINES_MAX)
        world.observers.append(source.observer)
        self._settings_shown = (world.name, world.settings.world.time_scale)
        try:
            await world.open()
            source.attach(world.system)
            self._world, self._source = world, source
            await self._live(world)
        except BaseException as first:
            self._forget()
            try:
                await world.close()
            except Exception as second:
                first.add_note(f"closing failed too: {type(second).__name__}: {second}")
            raise
        self._forget()
        await world.close()

    async def _live(self, world: NetworkWorld) -> None:
        self._opened_at = self._grew_at = self._monotonic()
        world.keep_mining()
        patience = max(PATIENCE_SECONDS, PATIENCE_WALL_SECONDS * world.settings.world.time_scale)
        traffic = Traffic(world, interval_s=self._limits.interval_s, patience_s=patience)
        self._traffic = traffic
        steps = traffic.steps()
        self._phase = Phase.RUNNING
        try:
            while not self._background.ending:
                world.require_sound()
                await self._look_at(world)
                await anext(steps)
                self._heed_others()
                if self._old():
                    self._phase = Phase.RENEWING
                    return
                await self._background.pause(TICK_SECONDS)
        finally:
            self._deposits += traffic.deposits
            self._payouts += traffic.payouts
            self._traffic = None
            await steps.aclose()

    async def _look_at(self, world: NetworkWorld) -> None:
        before = -1 if self._look is None else self._look.height
        self._look = await environment.look_at(world)
        if self._look.height > before:
            self._grew_at = self._monotonic()

    def _old(self) -> bool:
        height = 0 if self._look is None else self._look.height
        hours = (self._age() or 0.0) / 3600
        return height >= self._limits.blocks or hours >= self._limits.hours

    def _age(self) -> float | None:
        """Wall seconds since the environment that there is was opened."""
        return None if self._opened_at is None else self._monotonic() - self._opened_at

    def _forget(self) -> None:
        self._world = self._source = self._look = None

    def _broke(self, error: Exception) -> None:
        lived = self._age() or 0.0
        self._failed_in_a_row = 1 if lived > SOUND_SECONDS else self._failed_in_a_row + 1
        self._opened_at = None
        self._phase = Phase.BROKEN
        said = str(error) if isinstance(error, errors.AlysError) else ""
        cause = said or f"{type(error).__name__}: {error}".removesuffix(": ")
        failure = Failure(at=self._wall_clock(), generation=self._generation, cause=cause)
        self._failures.appendleft(failure)
        LOG.error("the environment broke", extra={"cause": cause, "generation": self._generation})

    def _backoff(self) -> float:
        first, most = BACKOFF_SECONDS
        return min(most, first * float(2 ** min(self._failed_in_a_row - 1, 16)))

    # Turns

    async def _take_turn(self) -> None:
        """Wait for the chains, and say who has them."""
        if self._turns is None:
            return
        turns = self._turns
        await self._background.blocking(lambda: turns.acquire(HOLDER, self._waiting))
        self._held, self._holder = True, HOLDER
        self._wanted_by = self._lost = ""

    def _waiting(self, holder: str) -> None:
        """Called from the thread that waits."""
        if self._background.ending:
            raise Ending("the service ends")
        self._holder, self._phase = holder, Phase.PARKED

    async def hold_turn(self) -> None:
        """Beside ``run``: keep the turn while we have it, also while an environment opens, and hear who wants it."""
        while self._turns is not None and not self._background.ending:
            await self._background.pause(RENEW_SECONDS)
            async with self._one_at_a_time:
                if self._held:
                    await self._renew(self._turns)

    async def _renew(self, turns: Turns) -> None:
        try:
            await self._background.blocking(turns.renew)
            self._wanted_by = await self._background.blocking(turns.wanted)
        except Ending:
            return
        except Exception as error:
            self._lost = str(error) or type(error).__name__

    def _heed_others(self) -> None:
        """End this environment when somebody else wants the chains, or has them."""
        if self._lost:
            raise TurnLost(self._lost)
        if self._wanted_by:
            self._phase, self._holder = Phase.PARKED, self._wanted_by
            raise Parked

    async def _give_turn_back(self) -> None:
        if self._turns is None or not self._held:
            return
        async with self._one_at_a_time:
            self._held = False
            try:
                await self._background.last_word(self._turns.release, RELEASE_SECONDS)
            except Exception as error:
                LOG.warning("the turn was not given back", extra={"error": str(error)})

    # Words

    def ready(self) -> tuple[bool, str]:
        """The answer of ``/ready``."""
        match self._phase:
            case Phase.PARKED:
                return True, f"parked: {self._holder or 'somebody else'} has the chains"
            case Phase.RUNNING:
                reason = self._unready()
                return not reason, reason or "ready"
            case Phase.BROKEN:
                cause = self._failures[0].cause
                return False, f"the environment broke and will be built anew: {cause}"
            case Phase.STARTING if self._failed_in_a_row:
                return False, f"the environment is being built anew: {self._failures[0].cause}"
            case Phase.STARTING:
                return False, "the environment is starting"
            case Phase.RENEWING:
                return False, "the environment is being renewed"
            case Phase.ENDED:
                return False, "the service ends"

    def _unready(self) -> str:
        look, world = self._look, self._world
        if look is None or world is None or look.height < 1:
            return "the node has not made a block yet"
        spec = world.network.spec
        slots_s = STALL_SLOTS * spec.slot_duration_ms / 1000 / world.settings.world.time_scale
        silent = self._monotonic() - self._grew_at
        if silent > max(slots_s, STALL_SECONDS_MIN):
            return f"no new block for {silent:.0f} s; the chain is {look.chain}"
        missing = [one for one in look.streams if one.state != "ready"]
        if missing or not look.streams:
            told = ", ".join(f"{one.endpoint} {one.state}" for one in missing) or "none"
            return f"{look.registered} of {len(look.streams)} governance streams are registered: {told}"
        return ""

    async def report(self) -> Report:
        """For the page."""
        ready, text = self.ready()
        traffic, world = self._traffic, self._world
        age = None if world is None else round(self._age() or 0.0, 1)
        name, scale = self._settings_shown
        return Report(
            phase=self._phase.value,
            ready=ready,
            text=text,
            world=name,
            time_scale=scale,
            generation=self._generation,
            age_s=age,
            holder=self._holder,
            look=self._look,
            health_score=_score(await self.scrape()) if world is not None else None,
            deposits=self._deposits + (traffic.deposits if traffic else 0),
            payouts=self._payouts + (traffic.payouts if traffic else 0),
            doing=traffic.doing if traffic else "",
            failures=tuple(self._failures),
        )

    async def scrape(self) -> list[Sample]:
        """For ``/metrics``: the environment there is, else the process alone."""
        return await process_alone() if self._source is None else await self._source.scrape()


def _score(found: list[Sample]) -> float | None:
    scores = [one.value for one in found if one.family is catalogue.HEALTH_SCORE]
    return round(scores[0], 4) if scores else None
