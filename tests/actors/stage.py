"""What the tests of the runtime share: an actor that does what a test tells it, and ways to run a scenario.

Every scenario ends with the shutdown of its system and the law of conservation: what was sent was handled or became a
dead letter, once, and nobody lives on.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.envelope import Envelope
from alys.actors.errors import AskTimeout
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.message import Message, Priority, Request
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from alys.sim.trap import Trap
from alys.sim.waiting import reporter, run_to_end

T = TypeVar("T")

EPOCH = 1_767_225_600.0
LIMIT_SECONDS = 100_000.0
LOOP_TIME_SCALE = 50.0
"""On asyncio: fast, and slow enough that a pause of the machine is not taken for the end of a deadline."""
LENIENT = Intensity(restarts=1_000, period_seconds=1.0)
"""For tests in which the number of restarts is not the point."""


class Boom(Exception):
    """What actors of these tests fail with."""


class Say(Message, frozen=True, kw_only=True):
    """Heard and written down."""

    text: str


class Shout(Say, frozen=True, kw_only=True):
    """The same in a higher lane."""

    priority = Priority.HIGH


class Mutter(Say, frozen=True, kw_only=True):
    """The same in the lowest lane."""

    priority = Priority.BACKGROUND


class Do(Request[Any], frozen=True, kw_only=True):
    """Do as the test says; the result is the reply. ``act`` may be a coroutine function."""

    act: Callable[["Puppet", Context], Any]


class Puppet(Actor):
    """Writes what happens to it into the stage's journal, as (name, what)."""

    def __init__(self, stage: "Stage", name: str = "") -> None:
        self.stage = stage
        self.name = name
        self.heard: list[str] = []
        self.context: Context | None = None

    def note(self, what: str) -> None:
        """Write into the journal."""
        self.stage.journal.append((self.name, what))

    @override
    def on_start(self, ctx: Context) -> Any:
        """Learn one's name and note it."""
        self.context = ctx
        self.name = self.name or ctx.self.name
        self.note("start")

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> Any:
        """Note it."""
        self.note("pre_restart")

    @override
    def post_stop(self, ctx: Context) -> Any:
        """Note it."""
        self.note("post_stop")

    def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
        """Note it."""
        self.heard.append(message.text)
        self.note(message.text)

    def on_do(self, message: Do, ctx: Context) -> Any:
        """Do it."""
        return message.act(self, ctx)


class Mourner(Puppet):
    """A puppet that takes the news of a death."""

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """Note who and why."""
        self.note(f"{message.ref.name} is gone: {message.reason}")


class Log(Observer):
    """Counts what the runtime reports."""

    def __init__(self) -> None:
        self.open: dict[int, Envelope] = {}
        #: What has ended, as handled, dead or dropped; and what has ended more than once.
        self.ended: dict[int, Envelope] = {}
        self.twice: list[Envelope] = []
        self.dead: list[tuple[str, str, str]] = []
        self.drops: list[tuple[str, str, str]] = []
        self.failures: list[tuple[str, BaseException]] = []
        self.restarts: list[tuple[str, int]] = []
        self.resumes: list[tuple[str, BaseException]] = []
        self.escalations: list[str] = []
        self.stops: list[tuple[str, str]] = []
        self.living: dict[Ref, bool] = {}

    @override
    def spawned(self, actor: Ref) -> None:
        self.living[actor] = True

    @override
    def sent(self, envelope: Envelope, target: Ref) -> None:
        self.open[id(envelope)] = envelope

    @override
    def handled(self, envelope: Envelope, target: Ref) -> None:
        self._end(envelope)

    @override
    def dropped(self, envelope: Envelope, target: Ref, reason: str) -> None:
        """Note receiver, message and reason."""
        self._end(envelope)
        self.drops.append((target.name, text_of(envelope.message), reason))

    @override
    def dead_letter(self, envelope: Envelope, target: Ref, reason: str) -> None:
        """Note receiver, message and reason."""
        if reason != "late reply":
            self._end(envelope)
        self.dead.append((target.name, text_of(envelope.message), reason))

    def _end(self, envelope: Envelope) -> None:
        if id(envelope) in self.ended:
            self.twice.append(envelope)
        self.ended[id(envelope)] = envelope
        self.open.pop(id(envelope), None)

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: Envelope | None) -> None:
        self.failures.append((actor.name, error))

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self.restarts.append((actor.name, incarnation))

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        self.resumes.append((actor.name, error))

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        self.escalations.append(actor.name)

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        self.living.pop(actor, None)
        self.stops.append((actor.name, reason))


class PlainLog(Log):
    """Hears of no single message: then most of them travel bare, and an idle actor answers at once."""

    sent = Observer.sent
    handled = Observer.handled


def text_of(message: Message) -> str:
    """What a ``Say`` says; of others the type."""
    return message.text if isinstance(message, Say) else type(message).__name__


class Stage:
    """A system, what it reported, and what its puppets noted."""

    def __init__(self, system: System, log: Log) -> None:
        self.system = system
        self.log = log
        self.journal: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """1, 2, 3 and so on; for names."""
        return next(self._numbers)

    def spec(
        self, name: str = "a", factory: Callable[[], Actor] | None = None, **more: Any
    ) -> ChildSpec:
        """The spec of a puppet, or of what the factory makes."""
        return ChildSpec(name=name, factory=factory or (lambda: Puppet(self)), **more)

    def spawn(
        self, name: str = "a", factory: Callable[[], Actor] | None = None, **more: Any
    ) -> Ref:
        """Start one below the root."""
        return self.system.spawn(self.spec(name, factory, **more))

    def tell(self, ref: Ref, message: Message) -> None:
        """Send from outside."""
        self.system.tell(ref, message)

    def say(self, ref: Ref, *texts: str) -> None:
        """Send some ``Say``."""
        for text in texts:
            self.system.tell(ref, Say(text=text))

    def do(self, ref: Ref, act: Callable[[Any, Context], Any], **more: Any) -> Reply[Any]:
        """Ask it to do something."""
        return self.system.ask(ref, Do(act=act), **more)

    def crash(self, ref: Ref) -> None:
        """Let it fail on a message that was told."""
        self.system.tell(ref, Do(act=fail))

    def settle(self, seconds: float = 0.001) -> Reply[None]:
        """Virtual time in which all that is under way happens; only for the simulation."""
        return self.system.sleep(seconds)

    def notes(self, name: str) -> list[str]:
        """What the puppet of this name noted."""
        return [what for who, what in self.journal if who == name]

    def now(self) -> float:
        """Seconds since the start."""
        return self.system.dispatcher.now() - EPOCH


def fail(puppet: Puppet, ctx: Context) -> None:
    """To be done by a puppet."""
    raise Boom("as the test says")


async def pause(puppet: Puppet, ctx: Context, seconds: float = 1.0) -> None:
    """To be done by a puppet: wait for a reply that never comes."""
    deaf = ctx.spawn(puppet.stage.spec(f"deaf{len(ctx.children())}"))
    try:
        await ctx.ask(deaf, Do(act=lambda p, c: c.defer()), timeout=seconds)
    except AskTimeout:
        puppet.note("waited")


def spawn(spec: ChildSpec) -> Callable[[Puppet, Context], Ref]:
    """To be done by a puppet: start a child."""
    return lambda puppet, ctx: ctx.spawn(spec)


Scenario = Callable[[Stage], Coroutine[Any, Any, T]]
Run = Callable[[Scenario[Any]], Any]


def simulate(
    scenario: Scenario[T],
    seed: int = 0,
    intensity: Intensity = LENIENT,
    kind: Callable[[], Log] = Log,
) -> T:
    """Run it in virtual time, then shut down and check that nothing is lost or left."""
    random = SeededRandom(seed)
    dispatcher = SimDispatcher(random.fork("schedule"), EPOCH, trap=Trap())
    log = kind()
    system = System(dispatcher, random.fork("actors"), observer=log, intensity=intensity)
    dispatcher.report = reporter(system)
    result = run_to_end(dispatcher, system, scenario(Stage(system, log)), LIMIT_SECONDS)
    dispatcher.result_of(system.shutdown(), LIMIT_SECONDS)
    dispatcher.run_until_idle()
    nothing_is_left(system, log)
    return result


def on_a_loop(scenario: Scenario[T], kind: Callable[[], Log] = Log) -> T:
    """Run it on asyncio, in node time that runs faster than the wall."""

    async def main() -> T:
        dispatcher = LoopDispatcher(asyncio.get_running_loop(), time_scale=LOOP_TIME_SCALE, epoch=EPOCH)
        log = kind()
        system = System(dispatcher, SeededRandom(0), observer=log, intensity=LENIENT)
        driven = system.drive(scenario(Stage(system, log)))
        result = await asyncio.wait_for(wait(driven), 20)
        await asyncio.wait_for(wait(system.shutdown()), 20)
        nothing_is_left(system, log)
        return result

    return asyncio.run(main())


def nothing_is_left(system: System, log: Log) -> None:
    """The law of conservation: what was sent has ended, once, and nobody lives on."""
    assert (list(log.open.values()), log.twice) == ([], [])
    assert (list(log.living), system.tree()) == ([], [])


def _seeded(seed: int) -> Run:
    return lambda scenario: simulate(scenario, seed)


def simulate_plain(scenario: Scenario[T], seed: int = 0) -> T:
    """The same with messages that travel bare."""
    return simulate(scenario, seed, kind=PlainLog)


def on_a_plain_loop(scenario: Scenario[T]) -> T:
    """The same with messages that travel bare, and asks that are answered at once."""
    return on_a_loop(scenario, PlainLog)


SEEDS = 5

_simulated = {**{f"seed{seed}": _seeded(seed) for seed in range(SEEDS)}, "plain": simulate_plain}
_everywhere = {**_simulated, "loop": on_a_loop, "loop-plain": on_a_plain_loop}

in_simulation = pytest.mark.parametrize("run", _simulated.values(), ids=_simulated)
everywhere = pytest.mark.parametrize("run", _everywhere.values(), ids=_everywhere)
