"""What a long-running service needs of its event loop: tasks whose death is noticed, pauses that end when it does, calls that block.

``health`` is the reason why a probe of the process must fail: a task that has to run for as long as the process and does
not. Whether the loop itself still turns needs no word: the probe is answered on it, or not at all.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from alys.base.errors import AlysError

T = TypeVar("T")


class Ending(AlysError):
    """The service is about to end; the call is given up."""


class Background:
    """The tasks of one service; made and used on its loop."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    @property
    def ending(self) -> bool:
        """Whether the service was asked to end."""
        return self._ending.is_set()

    def end(self) -> None:
        """Ask all that runs to end; whoever pauses wakes up."""
        self._ending.set()

    async def ended(self) -> None:
        """Wait until the service is asked to end."""
        await self._ending.wait()

    async def pause(self, seconds: float) -> None:
        """Let wall time pass, or less of it when the service is asked to end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    def start(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        """Run for as long as the service does."""
        self._tasks[name] = asyncio.get_running_loop().create_task(work, name=name)

    def health(self) -> str:
        """Why the process cannot do its work, "" while it can."""
        if self.ending:
            return ""
        return "; ".join(
            f"the {name} is no more: {_why(task)}"
            for name, task in self._tasks.items()
            if task.done()
        )

    async def finish(self, seconds: float) -> list[str]:
        """Wait so long for all tasks, cancel the rest and wait for those; what they raised, as sentences."""
        tasks = dict(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        return [f"{name}: {_why(task)}" for name, task in tasks.items() if _raised(task)]

    async def blocking(self, call: Callable[[], T]) -> T:
        """A call that blocks, in a thread of its own. Raises Ending when the service is asked to end before it is over."""
        answer = _in_thread(call)
        ending = asyncio.get_running_loop().create_task(self._ending.wait())
        try:
            either: set[asyncio.Future[Any]] = {answer, ending}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
        if not answer.done():
            answer.cancel()
            raise Ending("the service ends")
        return answer.result()

    async def last_word(self, call: Callable[[], T], seconds: float) -> T:
        """A call that is still made while the service ends. Raises TimeoutError when it takes longer."""
        return await asyncio.wait_for(_in_thread(call), seconds)


def _in_thread(call: Callable[[], T]) -> "asyncio.Future[T]":
    """Run it in a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(value)  # type: ignore[arg-type]
        else:
            answer.set_exception(error)

    def work() -> None:
        value, error = None, None
        try:
            value = call()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=work, name="alys-blocking", daemon=True).start()
    return answer


def _raised(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _why(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "it was cancelled"
    error = task.exception()
    return "it ended" if error is None else f"{type(error).__name__}: {error}"
