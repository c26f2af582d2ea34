"""What one actor is doing: at most one handler or hook at a time, synchronous or waiting for a reply.

A synchronous activity ends within the call of ``begin``. A coroutine is kept until it ends; each time it waits, it waits for
a ``Reply``, and the dispatcher is asked for a turn once that is full. Whoever closed an activity hears nothing more of it:
the wake-up of a closed coroutine finds another one, or none, in its place.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from alys.actors.errors import AskCycle, ForeignAwait
from alys.actors.reply import Reply

if TYPE_CHECKING:
    from alys.actors.cell import Cell

Done = Callable[[Any], None]
Failed = Callable[[Exception], None]


class Activity:
    """See the module's docstring. ``rested`` is called after each outcome, unless that began something new."""

    def __init__(self, cell: "Cell", rested: Callable[[], None]) -> None:
        #: The reply that it waits for; the search for ask cycles follows it.
        self.waiting: Reply[Any] | None = None
        self._cell = cell
        self._rested = rested
        self._current: Coroutine[Any, Any, Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether a coroutine is under way."""
        return self._current is not None

    def begin(self, call: Callable[[], Any], done: Done, failed: Failed) -> None:
        """Call, wait for the coroutine if that gave one, and report the outcome.

        What is no failure of the actor (KeyboardInterrupt, MemoryError) passes through to whoever runs the turns.
        """
        try:
            result = call()
        except MemoryError:
            raise
        except Exception as raised:
            cause = raised
            self._end(lambda: failed(cause))
            return
        if inspect.iscoroutine(result):
            self._current = result
            self._step(result, done, failed)
        else:
            self._end(lambda: done(result))

    def close(self) -> Exception | None:
        """End it now: its ``finally`` blocks run, its reply counts as late. Returns what a ``finally`` block raised."""
        current, self._current = self._current, None
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.abandon()
        if current is not None:
            try:
                current.close()
            except Exception as raised:
                return raised
        return None

    def _step(
        self,
        coroutine: Coroutine[Any, Any, Any],
        done: Done,
        failed: Failed,
        error: Exception | None = None,
    ) -> None:
        try:
            waited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            value = stop.value
            self._end(lambda: done(value))
        except MemoryError:
            raise
        except Exception as raised:
            cause = raised
            self._end(lambda: failed(cause))
        else:
            self._wait(coroutine, done, failed, waited)

    def _wait(
        self, coroutine: Coroutine[Any, Any, Any], done: Done, failed: Failed, waited: object
    ) -> None:
        if not isinstance(waited, Reply):
            error = ForeignAwait(self._cell.ref.path, waited)
            self._step(coroutine, done, failed, error)
            return
        chain = ask_cycle(self._cell, waited.target_cell)
        if chain is not None:
            self._step(coroutine, done, failed, AskCycle(chain))
            return
        self.waiting = waited
        call_soon = self._cell.system.dispatcher.call_soon
        waited.subscribe(lambda: call_soon(self._resume, coroutine, done, failed))

    def _resume(self, coroutine: Coroutine[Any, Any, Any], done: Done, failed: Failed) -> None:
        if self._current is coroutine:
            self.waiting = None
            self._step(coroutine, done, failed)

    def _end(self, then: Callable[[], None]) -> None:
        self._current = None
        then()
        if self._current is None:
            self._rested()


def ask_cycle(asker: "Cell", target: "Cell | None") -> tuple[str, ...] | None:
    """The chain of asks from the asker through the target back to the asker; None when there is none."""
    chain = [asker.ref.path]
    cell = target
    while cell is not None:
        chain.append(cell.ref.path)
        if cell is asker:
            return tuple(chain)
        waiting = (
            cell.activity.waiting
        )  # stays until the coroutine is woken; a full slot holds nobody up
        cell = waiting.target_cell if waiting is not None and not waiting.done else None
    return None
