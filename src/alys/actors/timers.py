"""The timers of one incarnation of an actor.

A timer's message goes through the mailbox like any other. When it is taken out it is looked at once more: one that an older
incarnation armed, or whose timer was cancelled or replaced after it fired, goes to the dead letters instead of the
actor (Pekko's TimerScheduler). A periodic timer arms itself anew only when its tick has been taken out, so a slow
actor is never flooded with its own ticks; missed ones are not made up for. A tick that finds the mailbox full is lost, and comes
again after the timer's period, or after ``AGAIN_SECONDS`` where it has none: an actor that lives on its own ticks would stand still for ever.
"""

from collections.abc import Callable, Hashable
from typing import Any

from alys.actors import dispatch
from alys.actors.message import Message

AGAIN_SECONDS = 1.0
"""Node time after which a timer that ticks once tries again when its tick found no room."""


class Timer:
    """What ``Context.after`` and ``Context.every`` return."""

    __slots__ = ("_armed", "_owner", "about", "key", "message", "period")

    def __init__(
        self,
        owner: "Timers",
        message: Message,
        period: float | None,
        key: Hashable,
        about: str | None,
    ) -> None:
        self.message = message
        #: The operation that the message is about.
        self.about = about
        #: Seconds between ticks; None for a timer that ticks once.
        self.period = period
        self.key = key
        self._owner = owner
        self._armed: dispatch.Timer | None = None

    @property
    def active(self) -> bool:
        """Whether a tick of it may still arrive."""
        return self._owner.holds(self)

    def cancel(self) -> None:
        """No tick arrives any more, not even one that is queued; harmless when it is over."""
        self._owner.forget(self)
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def arm(
        self, dispatcher: dispatch.Dispatcher, seconds: float, fire: Callable[["Timer"], None]
    ) -> None:
        """Fire after so many node seconds."""
        self._armed = dispatcher.call_after(seconds, fire, self)


class Timers:
    """All timers of an incarnation, by their keys."""

    __slots__ = ("_dispatcher", "_fire", "_silence", "_timers")

    def __init__(self, dispatcher: dispatch.Dispatcher, fire: Callable[[Timer], None]) -> None:
        self._dispatcher = dispatcher
        self._fire = fire
        self._timers: dict[Any, Timer] = {}
        self._silence: dispatch.Timer | None = None

    @property
    def count(self) -> int:
        """Timers that may still tick."""
        return len(self._timers)

    def start(
        self,
        seconds: float,
        message: Message,
        period: float | None,
        key: Hashable | None,
        about: str | None,
    ) -> Timer:
        """A new timer; it replaces the one with the same key."""
        timer = Timer(self, message, period, key, about)
        if key is None:
            timer.key = timer
        elif key in self._timers:
            self._timers[key].cancel()
        self._timers[timer.key] = timer
        timer.arm(self._dispatcher, seconds, self._fire)
        return timer

    def holds(self, timer: Timer) -> bool:
        """Whether it is still wanted."""
        return self._timers.get(timer.key) is timer

    def forget(self, timer: Timer) -> None:
        """It is over."""
        if self.holds(timer):
            del self._timers[timer.key]

    def taken(self, timer: Timer) -> bool:
        """Its tick has come out of the mailbox: whether it is to be handled. Arms a periodic one anew."""
        if not self.holds(timer):
            return False
        if timer.period is None:
            self.forget(timer)
        else:
            timer.arm(self._dispatcher, timer.period, self._fire)
        return True

    def put_off(self, timer: Timer) -> None:
        """Its tick found no room: try again later."""
        if self.holds(timer):
            timer.arm(self._dispatcher, timer.period or AGAIN_SECONDS, self._fire)

    def silence(self, seconds: float | None, look: Callable[[], None]) -> None:
        """Look for a receive timeout after so many node seconds; None: not any more."""
        if self._silence is not None:
            self._silence.cancel()
        self._silence = None if seconds is None else self._dispatcher.call_after(seconds, look)

    def cancel_all(self) -> None:
        """The incarnation ends."""
        for timer in list(self._timers.values()):
            timer.cancel()
        self.silence(None, _nothing)


def _nothing() -> None:
    """Never called."""
