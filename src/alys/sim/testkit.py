"""A kit to test actors with: a system in virtual time, probes that stand in for others, a list of what happened.

A test is plain code. Nothing happens between two of its lines: actors run only while the kit is asked to wait for something
(``Probe.expect``, ``ActorKit.advance``, ``ActorKit.ask``, ...), and an hour of waiting takes no time. One seed is one
order of events; another seed is another. ::

    with ActorKit(seed=1) as kit:
        database = kit.probe("database")
        cache = kit.spawn(lambda: Cache(database.ref), "cache")
        answer = kit.begin_ask(cache, Get(key="a"))
        database.expect(Query)
        database.reply("found")
        assert kit.result_of(answer) == "found"

When the kit is closed it stops the system and looks for what a test easily misses: an actor that crashed on the way, one
that cannot be stopped, a message that got lost. With pytest there is a fixture for all this: ``alys.runner.actor_kit``.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, NoReturn, TypeVar

from alys.actors.actor import Actor
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity, Restart
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import OutOfTime, SimDispatcher, SimulationError, Stuck
from alys.sim.effects import Effects
from alys.sim.probe import WITHIN_SECONDS, Probe, Puppet, Received, armed
from alys.sim.trap import Trap
from alys.sim.waiting import describe, reporter, run_to_end

R = TypeVar("R")

START_TIME = 1_767_225_600.0
"""When virtual time begins: the first second of 2026."""
LIMIT_SECONDS = 24 * 3600.0
"""Virtual time after which a coroutine or a stop counts as one that never ends."""

UNLIMITED = Intensity(restarts=None)


class ActorKit:
    """One system under test. A context manager: it is closed at the end, without checks if the test failed anyway."""

    def __init__(
        self,
        seed: int = 0,
        *,
        intensity: Intensity = UNLIMITED,
        start_time: float = START_TIME,
        trap: bool = True,
    ) -> None:
        """``intensity`` is that of the root, by default without a limit; ``trap`` refuses ambient time and chance."""
        random = SeededRandom(seed)
        self.seed = seed
        self.dispatcher = SimDispatcher(
            random.fork("schedule"), start_time, trap=Trap() if trap else None
        )
        #: What happened so far.
        self.effects = Effects(lambda: self.dispatcher.simulated_seconds)
        self.system = System(
            self.dispatcher,
            random.fork("actors"),
            name="test",
            observer=self.effects,
            intensity=intensity,
        )
        self.dispatcher.report = reporter(self.system)
        self._closed = False
        self._allowed: tuple[type[BaseException], ...] = ()

    # Actors

    def spawn(self, what: ChildSpec | Callable[[], Actor], name: str = "") -> Ref:
        """Start an actor below the root: by its spec, or by what makes it and a name."""
        spec = what if isinstance(what, ChildSpec) else ChildSpec(factory=what, name=name)
        return self.system.spawn(spec)

    def probe(self, name: str = "probe") -> Probe:
        """An actor that the test plays itself."""
        inbox: deque[Received] = deque()
        spec = ChildSpec(factory=lambda: Puppet(inbox), name=name, restart=Restart.TEMPORARY)
        return Probe(self, self.system.spawn(spec), inbox)

    def tell(self, ref: Ref, message: Message, about: str | None = None) -> None:
        """Send from outside the tree. Nothing runs yet."""
        self.system.tell(ref, message, about)

    def ask(self, ref: Ref, request: Request[R], *, timeout: float | None = None) -> R:
        """Ask from outside and run until the answer is there; raises what the ask raises."""
        return self.result_of(self.begin_ask(ref, request, timeout=timeout))

    def begin_ask(self, ref: Ref, request: Request[R], *, timeout: float | None = None) -> Reply[R]:
        """Ask from outside without waiting; hand the reply to ``result_of`` later. Its deadline runs from now on."""
        return armed(self.system.ask(ref, request, timeout=timeout))

    def stop(self, ref: Ref) -> str:
        """Stop an actor and run until it is gone; how it ended, as text."""
        return self.result_of(self.system.stop(ref))

    # Time

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.dispatcher.simulated_seconds

    def settle(self) -> None:
        """Run all that can run now, without moving time."""
        self.dispatcher.run_until_idle()

    def advance(self, seconds: float) -> None:
        """Let so much time pass, with all that happens in it; it ends exactly there."""
        self.dispatcher.run_for(seconds)

    def result_of(self, reply: Reply[R]) -> R:
        """Run until the reply is there; its value, or raise what it failed with."""
        return self.dispatcher.result_of(reply, LIMIT_SECONDS)

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine that awaits replies only (``kit.system.ask``, ``kit.system.sleep``) to its end."""
        return run_to_end(self.dispatcher, self.system, coroutine, LIMIT_SECONDS)

    def reaches(self, predicate: Callable[[], object], within_seconds: float) -> bool:
        """Run until the predicate holds; False, with all that time gone, when it does not within so many seconds."""
        end = self.now + within_seconds
        with contextlib.suppress(Stuck, OutOfTime):
            self.dispatcher.run_until(lambda: bool(predicate()), within_seconds)
            return True
        self.advance(end - self.now)
        return False

    def wait_until(
        self,
        predicate: Callable[[], object],
        what: str,
        within_seconds: float = WITHIN_SECONDS,
    ) -> None:
        """Like ``reaches``, and fail the test with ``what`` when it does not hold in time."""
        __tracebackhide__ = True
        if not self.reaches(predicate, within_seconds):
            self.fail(f"expected within {within_seconds:g} s: {what}")

    # The end

    def allow_failures(self, *kinds: type[BaseException]) -> None:
        """Let actors of this test raise such errors; without a type all but AssertionError, which is a test's own."""
        self._allowed += kinds or (Exception,)

    def close(self) -> None:
        """Stop everything; AssertionError when an actor had crashed, cannot be stopped, or lost a message.

        What can still run without time passing runs first. Closing twice is closing once.
        """
        __tracebackhide__ = True
        if self._closed:
            return
        self._closed = True
        problems = []
        try:
            self.settle()
            self._shut_down()
        except SimulationError as error:
            problems.append(f"the system does not come to its end: {error}")
        else:
            problems += [f"still alive: {ref.path}" for ref in self.effects.living]
            problems += [f"never handled: {line}" for line in self.effects.open_messages]
        crashes = [effect for effect in self.effects.of("failed") if not self._allows(effect.error)]
        problems += [f"an actor failed: {effect}" for effect in crashes]
        if problems:
            text = "\n".join(problems)
            if crashes:
                text += "\n(kit.allow_failures() says that a test means its actors to fail)"
            raise AssertionError(f"{text}\nseed {self.seed}") from (
                crashes[0].error if crashes else None
            )

    def abandon(self) -> None:
        """Stop what can be stopped and look at nothing: the test has failed already."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(Exception):
                self._shut_down()

    def fail(self, what: str) -> NoReturn:
        """Fail the test, with the actors that failed so far and the state of the rest."""
        __tracebackhide__ = True
        failed = "".join(f"\nan actor failed: {effect}" for effect in self.effects.of("failed"))
        state = _indented(describe(self.system))
        raise AssertionError(f"{what}{failed}\nat {self.now:g} s, seed {self.seed}:\n{state}")

    def __enter__(self) -> "ActorKit":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            self.close()
        else:
            self.abandon()

    def _shut_down(self) -> None:
        stopped = self.system.shutdown()
        self.dispatcher.run_until(lambda: stopped.done, LIMIT_SECONDS)
        self.settle()

    def _allows(self, error: BaseException | None) -> bool:
        if isinstance(error, AssertionError):
            return any(issubclass(kind, AssertionError) for kind in self._allowed)
        return isinstance(error, self._allowed)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
