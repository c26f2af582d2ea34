"""Where the runtime reports what it does. Metrics and traces are observers; the core knows neither.

Whoever overrides one of ``sent``, ``handling``, ``handled`` and ``replied`` hears of every single message, and pays for it:
each then travels in an envelope of its own. Whoever does not (the metrics) costs nothing per message: actors count what
they handle themselves, and ``turn`` or a look at the tree gives the figures.
"""

from typing import TYPE_CHECKING, Any

from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope
    from alys.actors.exits import Exit


class Observer:
    """Hears every event of the runtime; this one ignores them all. Override what is of interest.

    The calls come in the order of the events, on the dispatcher's thread, and must not raise, but for three, in which a fault can be
    injected: ``entering``, ``handling`` and ``handled``. What is raised there counts as the actor's own error.
    """

    def spawned(self, actor: Ref) -> None:
        """A new actor; its start hook has not run yet."""

    def entering(self, actor: Ref, hook: str) -> None:
        """A hook is about to run (``on_start``, ``pre_restart``, ``post_restart``, ``post_stop``). The two that begin an instance are told
        of where it has none of its own, too. May raise: the hook's error.
        """

    def sent(self, envelope: "Envelope", target: Ref) -> None:
        """A message entered a mailbox."""

    def handling(self, envelope: "Envelope", target: Ref) -> None:
        """A handler is about to run. May raise: the handler's error, and it does not run."""

    def handled(self, envelope: "Envelope", target: Ref) -> None:
        """A handler returned. May raise: the handler's error, after all that it did."""

    def replied(self, envelope: "Envelope", target: Ref, value: object) -> None:
        """An ask was answered by ``target``."""

    def turn(self, actor: Ref, handled: int, seconds: float, queued: int) -> None:
        """A turn is over: messages handled in it, wall seconds that it took, messages still in the mailbox."""

    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        """A handler or a hook raised."""

    def judging(self, actor: Ref, end: "Exit", again: bool) -> None:
        """The parent of ``actor`` takes up how it ended, and decides now. ``again``: it did not start while it was to be restarted."""

    def resumed(self, actor: Ref, error: BaseException) -> None:
        """A failed actor goes on with the same instance."""

    def torn_down(self, actor: Ref) -> None:
        """An incarnation is over; the ref waits for another one, or for its end."""

    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        """A new instance stands behind the same ref."""

    def escalated(self, actor: Ref, error: BaseException) -> None:
        """A supervisor gave up and failed to its own parent."""

    def stopped(self, actor: Ref, reason: str) -> None:
        """An actor is gone; ``reason`` is its exit as text."""

    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        """A message was thrown away because there was no room for it, as the policy says."""

    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        """A message that nobody will handle: stopped, failed, unhandled, late reply."""


#: What makes every message travel in an envelope when it is overridden.
PER_MESSAGE = ("sent", "handling", "handled", "replied")


def overrides(observer: Any, names: tuple[str, ...]) -> bool:
    """Whether the observer listens to one of these events (an observer that forwards says so by overriding)."""
    return any(getattr(type(observer), name) is not getattr(Observer, name) for name in names)


def together(*observers: Observer) -> Observer:
    """Several observers as one. Single messages are only listened to if one of them does."""
    heard: dict[str, Any] = {}
    shortcuts: dict[str, Any] = {}
    every = [part for one in observers for part in getattr(one, "parts", (one,))]
    for name in EVENTS:
        told = [getattr(one, name) for one in every if overrides(one, (name,))]
        if told:
            heard[name] = _tell_all(told)
            shortcuts[name] = told[0] if len(told) == 1 else _one_after_the_other(name, told)
    joined: Any = type("Together", (Observer,), {**heard, "parts": tuple(every)})()
    vars(joined).update(shortcuts)  # a call less for every event
    result: Observer = joined
    return result


def _tell_all(told: list[Any]) -> Any:
    def tell(self: Observer, *event: Any) -> None:
        for one in told:
            one(*event)

    return tell


def _one_after_the_other(name: str, told: list[Any]) -> Any:
    """Without packing and unpacking where it is about a message: that is every message, three times."""
    every = tuple(told)
    if name in ("sent", "handling", "handled"):

        def tell_of_message(envelope: Any, target: Any) -> None:
            for one in every:
                one(envelope, target)

        return tell_of_message

    def tell(*event: Any) -> None:
        for one in every:
            one(*event)

    return tell


EVENTS = tuple(name for name in vars(Observer) if not name.startswith("_"))
