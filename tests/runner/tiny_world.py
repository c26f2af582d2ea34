"""A world of nothing but a clock, and a driver that steps scenarios by hand: the least that the runner can run in.

A turn takes a second of node time and of timeout. What happened is kept in ``LOG``, which ``fresh`` empties. Its module has the
shape of a world's module, so that it can stand in ``worlds.registry.MODULES``.
"""

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from typing import TypeVar

from alys.base import errors
from alys.base.turns import Turns
from alys.config.keys import ServiceKeys
from alys.config.settings import Settings
from alys.worlds import protocol, scorecard, supervised
from alys.worlds.nodes import Untouched

T = TypeVar("T")


class Log:
    """What the tests look at afterwards, and what they ask of the next driver."""

    def __init__(self) -> None:
        self.events: list[str] = []
        """``open x``, ``close x``, ``driver closed``, in order."""
        self.most_at_once = 0
        self.scratch: list[str] = []
        self.refuse_to_open: Exception | None = None
        self.refuse_a_driver: Exception | None = None
        self.refuse_a_world: Exception | None = None
        self.fail_closing: Exception | None = None
        self.fail_closing_the_driver: BaseException | None = None
        self.interrupt_at_turn: int | None = None
        """Ctrl-C arrives while that turn runs, counted from 1."""


LOG = Log()


def fresh() -> Log:
    """An empty log, in use from now on."""
    LOG.__init__()  # type: ignore[misc]  # the same object: scenario files hold it too
    return LOG


class Called:
    """A service that answers every call with its method's name."""

    async def call(self, method: str, *params: object) -> object:
        """The name."""
        return method

    async def state(self, index: int) -> object:
        """The index."""
        return {"index": index}

    async def push(self, index: int, verb: str, **fields: object) -> object:
        """The verb."""
        return verb

    async def faults(self, index: int, **switches: bool) -> object:
        """What was asked for."""
        return {"index": index, **switches}

    async def health(self, index: int) -> object:
        """The index."""
        return {"index": index}

    async def capabilities(self, index: int) -> object:
        """The index."""
        return {"index": index}

    async def stop(self, index: int) -> None:
        """Nothing to stop."""

    async def start(self, index: int) -> None:
        """Nothing to start."""


class NoActors:
    """A world without actors: nobody is found, and what would need somebody is refused."""

    async def tree(self, under: str = "") -> tuple[supervised.ActorView, ...]:
        """Nobody."""
        return ()

    async def find(self, path: str) -> None:
        """Nobody."""

    async def orphans(self) -> tuple[str, ...]:
        """Nobody."""
        return ()

    async def happenings(self, under: str = "") -> tuple[supervised.Happening, ...]:
        """Nothing."""
        return ()

    async def counters(self, path: str) -> supervised.Counters:
        """Nothing."""
        return supervised.Counters()

    async def memory(self, path: str) -> int:
        """Nothing."""
        return 0

    async def children(self, path: str) -> None:
        """Nobody."""

    async def crash(self, path: str, drags: tuple[str, ...] = ()) -> supervised.Fault:
        """A fault that bites nobody."""
        return supervised.Fault(path=path, what="crash", drags=drags)

    async def bitten(self, fault: supervised.Fault, timeout_s: float = 30.0) -> None:
        """It did not."""
        fault.require()

    async def kill(self, path: str) -> supervised.Fault:
        """Nobody to kill."""
        fault = supervised.Fault(path=path, what="kill")
        fault.require()
        return fault

    async def suspend(self, path: str) -> None:
        """Nobody to suspend."""

    async def resume(self, path: str) -> None:
        """Nobody to resume."""

    async def spawn(self, plan: supervised.Branch) -> str:
        """A path with nobody at it."""
        return f"/{plan.name}"

    async def say(self, path: str, *notes: str) -> int:
        """Nobody hears it."""
        return 0

    async def relay(self, sender: str, to: str, *notes: str) -> None:
        """Nobody hears it."""

    async def hoard(self, path: str, size: int) -> None:
        """Nobody hears it."""

    async def recall(self, path: str, uid: int | None = None) -> None:
        """Nobody answers."""


class ThrownOut(BaseException):
    """What a driver throws into a scenario that it ends."""


@types.coroutine
def _turn() -> Generator[None, None, None]:
    yield


class TinyWorld(scorecard.Scorecard):
    """Counts turns, records them as its trace."""

    def __init__(self, name: str, info: protocol.ScenarioInfo) -> None:
        super().__init__()
        self.name = name
        self.seed = info.seed
        self.info = info
        self.bitcoin = self.ethereum = self.governance = self.node = Called()
        self.nodes: protocol.NodesSide = Untouched([self.node], "nodes")
        self.actors = NoActors()
        self.time = 0.0
        self.waiting_for: str | None = None

    def now(self) -> float:
        """Seconds since the first turn."""
        return self.time

    async def turn(self) -> None:
        """Let a second pass."""
        await _turn()
        self.time += 1.0

    async def eventually(
        self, probe: Callable[[], Awaitable[T]], what: str, timeout_s: float = 60.0
    ) -> T:
        """Ask once per turn."""
        self.samples += 1
        self.waiting_for, until = what, self.time + timeout_s
        while not (answer := await probe()):
            if self.time >= until:
                raise scorecard.NeverHappened(what, timeout_s=timeout_s, last=answer)
            await self.turn()
        self.waiting_for = None
        return answer

    def trace(self) -> Iterable[str]:
        """One record per turn, and the seed's."""
        yield f'{{"kind":"seed","seed":{self.seed}}}'
        for number in range(int(self.time)):
            yield f'{{"kind":"turn","number":{number}}}'

    async def open(self) -> None:
        """Note it."""
        LOG.events.append(f"open {self.info.name}")
        LOG.scratch.append(str(self.info.scratch))
        if LOG.refuse_to_open is not None:
            raise LOG.refuse_to_open

    async def close(self) -> None:
        """Note it, a turn later: closing takes time in every world."""
        await _turn()
        LOG.events.append(f"close {self.info.name}")
        if LOG.fail_closing is not None:
            raise LOG.fail_closing


class TinyHandle:
    """A coroutine under way."""

    def __init__(
        self, world: TinyWorld, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> None:
        self.world = world
        self.scenario = scenario
        self.timeout_s = timeout_s
        self.began = False
        self.ended = False
        self.error: BaseException | None = None
        self.turns = 0

    def done(self) -> bool:
        """Whether it ended."""
        return self.ended

    def step(self, throw: BaseException | None = None) -> None:
        """One turn."""
        self.began = True
        try:
            if throw is None:
                self.scenario.send(None)
            else:
                self.scenario.throw(throw)
        except StopIteration:
            self.ended = True
        except KeyboardInterrupt:
            self.ended = True
            raise
        except BaseException as error:
            self.ended, self.error = True, self.error or error
        self.turns += 1
        if self.turns > self.timeout_s and not self.ended and throw is None:
            self.error = protocol.ScenarioTimeout(
                name=self.world.info.name,
                timeout_s=self.timeout_s,
                waiting_for=self.world.waiting_for,
            )
            self.throw_out()

    def throw_out(self) -> None:
        """End it now; its ``finally`` blocks run."""
        if self.ended:
            return
        if not self.began:
            self.scenario.close()
            self.ended = True
            return
        self.step(ThrownOut())
        while not self.ended:
            self.step()


class TinyDriver:
    """Runs what it was given: all together in the world called local, one by one in the one called sim."""

    def __init__(self, settings: Settings) -> None:
        if LOG.refuse_a_driver is not None:
            raise LOG.refuse_a_driver
        self.name = settings.world.kind
        self.concurrent = self.name == "local"
        self.deterministic = not self.concurrent
        self._limit = settings.concurrency
        self._handles: list[TinyHandle] = []
        self._turns = 0

    def world(self, info: protocol.ScenarioInfo) -> protocol.World:
        """A new one."""
        if LOG.refuse_a_world is not None:
            raise LOG.refuse_a_world
        return TinyWorld(self.name, info)

    def start(
        self, world: protocol.World, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> protocol.Handle:
        """Queue it."""
        if not isinstance(world, TinyWorld):
            raise errors.AlysBug("a world of another driver")
        handle = TinyHandle(world, scenario, timeout_s)
        self._handles.append(handle)
        return handle

    def wait(self, handle: protocol.Handle) -> None:
        """Step all that are under way until this one has ended."""
        while not handle.done():
            under_way = [one for one in self._handles if not one.ended][: self._limit]
            LOG.most_at_once = max(LOG.most_at_once, len(under_way))
            for one in under_way:
                self._turns += 1
                if self._turns == LOG.interrupt_at_turn:
                    raise KeyboardInterrupt
                one.step()
        if isinstance(handle, TinyHandle) and handle.error is not None:
            raise handle.error

    def close(self) -> None:
        """Throw out the rest."""
        for handle in self._handles:
            handle.throw_out()
        LOG.events.append("driver closed")
        if (error := LOG.fail_closing_the_driver) is not None:
            LOG.fail_closing_the_driver = None
            raise error


def open_driver(
    settings: Settings, keys: ServiceKeys | None = None, turns: Turns | None = None
) -> protocol.Driver:
    """The name that the registry looks for. There are no doors here that keys could open."""
    return TinyDriver(settings)
