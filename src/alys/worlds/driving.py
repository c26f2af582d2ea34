"""Drives worlds that run on asyncio: scenarios are tasks of one event loop, which progresses while one of them is waited for."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator

from typing_extensions import override

from alys.worlds.attached import AttachedWorld
from alys.worlds.protocol import Driver, Handle, ScenarioInfo, ScenarioTimeout, World
from alys.worlds.turn import Turn


class _Scenario:
    """A scenario under way."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task = task

    def done(self) -> bool:
        return self.task.done()


class LoopDriver(Driver):
    """Runs scenarios as tasks of one loop, a bounded number at once; a world is what ``make`` makes."""

    deterministic = False
    concurrent = True

    def __init__(
        self,
        name: str,
        make: Callable[[ScenarioInfo], AttachedWorld],
        concurrency: int,
        cleanup_s: float,
    ) -> None:
        """``cleanup_s``: wall time that thrown-out scenarios have for their ``finally`` blocks."""
        self._name = name
        self._make = make
        self._cleanup_s = cleanup_s
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Semaphore(concurrency)
        self._tasks: dict[asyncio.Task[None], Coroutine[object, object, None]] = {}

    @property
    @override
    def name(self) -> str:
        return self._name

    @override
    def world(self, info: ScenarioInfo) -> World:
        return self._make(info)

    @override
    def start(
        self, world: World, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> Handle:
        assert isinstance(world, AttachedWorld), "a driver runs its own worlds"
        task = self._loop.create_task(self._in_turn(world, scenario, timeout_s))
        self._tasks[task] = scenario
        return _Scenario(task)

    async def _in_turn(
        self, world: AttachedWorld, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> None:
        async with self._turn:
            limit = asyncio.timeout(timeout_s)
            try:
                async with limit:
                    await scenario
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise ScenarioTimeout(
                    name=world.info.name, timeout_s=timeout_s, waiting_for=world.waiting_for
                ) from error

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Something of the driver's own, outside any scenario; raises what it raises."""
        scenario = _Scenario(self._loop.create_task(work))
        self._tasks[scenario.task] = work
        self.wait(scenario)

    @override
    def wait(self, handle: Handle) -> None:
        assert isinstance(handle, _Scenario), "a driver knows its own handles"
        interrupted = self._loop.create_future()

        def interrupt() -> None:
            if not interrupted.done():
                interrupted.set_result(None)

        # An exception out of nowhere would cut an actor's step in two; between two steps it does no harm.
        with _interrupts_call(self._loop, interrupt):
            either = asyncio.wait({handle.task, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            self._loop.run_until_complete(either)
        if interrupted.done():
            raise KeyboardInterrupt
        interrupted.cancel()
        self._tasks.pop(handle.task, None)
        handle.task.result()

    @override
    def close(self) -> None:
        if self._loop.is_closed():
            return
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            self._loop.run_until_complete(asyncio.wait(self._tasks, timeout=self._cleanup_s))
        for coroutine in self._tasks.values():
            coroutine.close()  # one that never began; harmless for the others
        self._tasks.clear()
        self._loop.run_until_complete(_end_stragglers())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@contextlib.contextmanager
def _interrupts_call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C becomes a call between two turns of the loop, and so does SIGTERM where somebody handles it.

    Their exception could come up anywhere, in a finaliser too, which swallows it. In another thread they stay as they are.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGTERM] in (signal.SIG_DFL, signal.SIG_IGN, None):
        del before[signal.SIGTERM]
    try:
        for number in before:
            loop.add_signal_handler(number, call)
    except (ValueError, RuntimeError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _end_stragglers() -> None:
    """Tasks of gateways and libraries that were told to end and have not had their turn yet."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class TurnDriver(LoopDriver):
    """Drives worlds at chains that are not its own alone: in a turn that lasts as long as the driver."""

    _held: Turn | None = None

    def wait_for_turn(
        self,
        held: Turn | None,
        timeout_s: float,
        then: Callable[[], Coroutine[object, object, None]] | None = None,
    ) -> None:
        """Take the turn, if there are turns, then do what is left to be done; closes the driver when either fails."""
        self._held = held
        try:
            if held is not None:
                held.take(timeout_s)
            if then is not None:
                self.run(then())
        except BaseException:
            self.close()
            raise

    @override
    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._held is not None:
                self._held.close()
