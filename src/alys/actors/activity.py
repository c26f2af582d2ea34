"""A handler or hook of one actor that waits for something; at most one per actor.

What is synchronous never gets here: it ends within ``perform``. A coroutine that waits becomes an ``Activity``; each time it
waits, it waits for a ``Reply``, and the dispatcher is asked for a turn once that is full. Whoever closed an activity
hears nothing more of it: the wake-up of a closed coroutine finds another one, or none, in its place.
"""

from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any

from alys.actors.errors import FATAL, AskCycle, Cancelled, ForeignAwait
from alys.actors.reply import Reply
from alys.actors.state import CellState

Done = Callable[[Any], None]
Failed = Callable[[Exception], None]


def perform(cell: CellState, call: Callable[[], Any], done: Done, failed: Failed) -> None:
    """Call, wait for the coroutine if that gave one, and report the outcome.

    What is no failure of the actor (KeyboardInterrupt, MemoryError) passes through to whoever runs the turns.
    """
    try:
        result = call()
    except MemoryError:
        raise
    except Exception as raised:
        failed(raised)
        return
    if result.__class__ is CoroutineType:
        Activity(cell, result, done, failed).step()
    else:
        done(result)


class Activity:
    """See the module's docstring. ``done`` or ``failed`` is called once, unless it is closed."""

    __slots__ = ("_cell", "_coroutine", "_failed", "done", "entry", "waiting")

    def __init__(
        self,
        cell: CellState,
        coroutine: Coroutine[Any, Any, Any],
        done: Done,
        failed: Failed,
        entry: Any = None,
    ) -> None:
        #: The reply that it waits for; the search for ask cycles follows it.
        self.waiting: Reply[Any] | None = None
        #: What is being handled; None in a hook.
        self.entry = entry
        self._cell = cell
        self._coroutine = coroutine
        #: What is called when it is over; it tells one hook from another.
        self.done = done
        self._failed = failed
        cell.activity = self
        cell.interrupt = True

    def step(self, error: BaseException | None = None) -> None:
        """Go on until it waits or ends."""
        coroutine = self._coroutine
        try:
            waited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            self._cell.activity = None
            self.done(stop.value)
        except FATAL:
            self._cell.activity = None
            self._cell.break_off()
            raise
        except Exception as raised:
            self._cell.activity = None
            self._failed(raised)
        except Cancelled as raised:  # caught and raised again after close() was done with it
            self._cell.activity = None
            self._failed(RuntimeError(f"{self._cell.path} raised {raised!r} of its own accord"))
        else:
            self.wait(waited)

    def wait(self, waited: object) -> None:
        """It yielded this: go on when it is there. Raises into the coroutine what makes waiting hopeless."""
        if not isinstance(waited, Reply):
            self.step(ForeignAwait(self._cell.path, waited))
            return
        chain = ask_cycle(self._cell, waited.target)
        if (
            chain is not None and self._cell.admit()
        ):  # nobody of them stands in the asker's line now
            chain = ask_cycle(self._cell, waited.target)
        if chain is not None:
            waited.abandon()
            self.step(AskCycle(chain))
            return
        self.waiting = waited
        waited.subscribe(self._wake)

    def close(self) -> Exception | None:
        """End it now: its ``finally`` blocks run, its reply counts as late. Returns what a ``finally`` block raised.

        ``Cancelled`` is what it sees. One that goes on waiting in spite of it is not asked again.
        """
        self._cell.activity = None
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.abandon()
        try:
            self._coroutine.throw(Cancelled(self._cell.path))
        except (Cancelled, StopIteration):
            return None
        except Exception as raised:
            return raised
        try:
            self._coroutine.close()
        except Exception as raised:
            return raised
        return None

    @property
    def cell(self) -> CellState:
        """Whose it is."""
        return self._cell

    def _wake(self) -> None:
        self._cell.system.dispatcher.call_soon(self._resume)

    def _resume(self) -> None:
        if self._cell.activity is self:
            self.waiting = None
            self.step()


def ask_cycle(asker: CellState, target: Any) -> tuple[str, ...] | None:
    """The chain of asks from the asker through the target back to the asker; None when there is none."""
    chain = [asker.path]
    cell = target.cell if target is not None else None
    while cell is not None:
        chain.append(cell.path)
        if cell is asker:
            return tuple(chain)
        activity = cell.activity
        waiting = activity.waiting if activity is not None else None
        if waiting is None or waiting.done or waiting.target is None:
            return None  # a full slot holds nobody up: its coroutine is about to be woken
        cell = waiting.target.cell
    return None
