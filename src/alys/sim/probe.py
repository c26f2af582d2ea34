"""A probe: an actor that the test plays itself. ``ActorKit.probe`` makes one."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.envelope import reply_of
from alys.actors.message import Message, Request
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.reply import Reply

if TYPE_CHECKING:
    from alys.sim.testkit import ActorKit

M = TypeVar("M", bound=Message)
R = TypeVar("R")

WITHIN_SECONDS = 3.0
"""How long an expectation waits where it is not told otherwise."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a probe got."""

    message: Message
    sender: Ref | None
    about: str | None
    """The operation (correlation id)."""
    promise: Promise | None
    """The answer that is owed, when it was asked."""


class Puppet(Actor):
    """Puts everything into the inbox of its probe."""

    def __init__(self, inbox: deque[Received]) -> None:
        self._inbox = inbox

    def on_message(self, message: Message, ctx: Context) -> None:
        """Keep it, and owe the answer if somebody waits for one."""
        asked = reply_of(ctx.self.cell.current) is not None
        self._inbox.append(
            Received(
                message=message,
                sender=ctx.sender,
                about=ctx.correlation,
                promise=ctx.defer() if asked else None,
            )
        )
        ctx.forget_mark()  # what the test sends later is about what the test says


class Probe:
    """An actor that the test plays: hand ``ref`` to the actors under test, then say what it expects and answer.

    Messages wait until the test takes them, in the order in which they came. What ``expect`` and its like take last is
    ``last``; ``reply`` answers the ask that was taken last.
    """

    def __init__(self, kit: "ActorKit", ref: Ref, inbox: deque[Received]) -> None:
        self.ref = ref
        self._kit = kit
        self._inbox = inbox
        self._context: Context = ref.cell.door()
        self._last: Received | None = None
        #: Asks that were taken and not answered.
        self._asks: list[Received] = []

    # What it gets

    def expect(self, kind: type[M], within_seconds: float = WITHIN_SECONDS) -> M:
        """The next message, which must be of this type."""
        __tracebackhide__ = True
        expected = kind.__name__
        message = self._take(expected, within_seconds).message
        if not isinstance(message, kind):
            self._fail(expected, within_seconds, f"{message!r} came instead")
        return message

    def expect_message(self, message: M, within_seconds: float = WITHIN_SECONDS) -> M:
        """The next message, which must equal this one."""
        __tracebackhide__ = True
        got = self._take(repr(message), within_seconds).message
        if type(got) is not type(message) or got != message:
            self._fail(repr(message), within_seconds, f"{got!r} came instead")
        return got

    def fish_for(
        self,
        predicate: Callable[[Message], object],
        within_seconds: float = WITHIN_SECONDS,
    ) -> Message:
        """The next message for which the predicate holds; those before it are thrown away."""
        __tracebackhide__ = True
        end = self._kit.now + within_seconds
        others: list[Message] = []
        while self._kit.reaches(lambda: self._inbox, end - self._kit.now):
            message = self._pop().message
            if predicate(message):
                return message
            others.append(message)
        came = f"only {_listed(others)} came" if others else "nothing came"
        return self._fail("a message that fits the predicate", within_seconds, came)

    def expect_nothing(self, seconds: float = 0.0) -> None:
        """No message waits, and none comes for so many seconds, the end included."""
        __tracebackhide__ = True
        if self._kit.reaches(lambda: self._inbox, seconds):
            message = self._inbox[0].message
            self._fail("nothing", seconds, f"{message!r} came at {self._kit.now:g} s")

    def expect_terminated(self, ref: Ref, within_seconds: float = WITHIN_SECONDS) -> Terminated:
        """The next message, which must be the news of this actor's death; ``watch`` it first."""
        __tracebackhide__ = True
        expected = f"Terminated of {ref.path}"
        watched = ref in self.ref.cell.more.watching
        if not watched and not self._inbox:
            self._fail(expected, within_seconds, "this probe does not watch it")
        message = self._take(expected, within_seconds).message
        if not isinstance(message, Terminated) or message.ref != ref:
            self._fail(expected, within_seconds, f"{message!r} came instead")
        return message

    @property
    def last(self) -> Received:
        """The message that was taken last, with its sender and what it is about."""
        if self._last is None:
            raise AssertionError(f"probe {self.ref.name!r} has taken no message yet")
        return self._last

    # What it says

    def reply(self, value: object, to: Message | None = None) -> None:
        """Answer the ask that was taken last, or the one given by ``to`` (the message that ``expect`` returned)."""
        self._owed(to).complete(value)

    def refuse(self, error: Exception, to: Message | None = None) -> None:
        """Let the ask fail with this error."""
        self._owed(to).fail(error)

    def tell(self, ref: Ref, message: Message, about: str | None = None) -> None:
        """Send as this probe. Nothing runs yet."""
        self._context.tell(ref, message, about)

    def ask(self, ref: Ref, request: Request[R], *, timeout: float | None = None) -> R:
        """Ask as this probe and run until the answer is there; raises what the ask raises."""
        return self._kit.result_of(self.begin_ask(ref, request, timeout=timeout))

    def begin_ask(self, ref: Ref, request: Request[R], *, timeout: float | None = None) -> Reply[R]:
        """Ask as this probe without waiting; hand the reply to ``ActorKit.result_of`` later."""
        return armed(self._context.ask(ref, request, timeout=timeout))

    def watch(self, ref: Ref) -> None:
        """Get Terminated when it dies; see ``expect_terminated``."""
        self._context.watch(ref)

    def unwatch(self, ref: Ref) -> None:
        """No news of its death any more."""
        self._context.unwatch(ref)

    # Details

    def _take(self, expected: str, seconds: float) -> Received:
        __tracebackhide__ = True
        if not self._kit.reaches(lambda: self._inbox, seconds):
            self._fail(expected, seconds, "nothing came")
        return self._pop()

    def _pop(self) -> Received:
        received = self._last = self._inbox.popleft()
        if received.promise is not None:
            self._asks.append(received)
        return received

    def _owed(self, to: Message | None) -> Promise:
        __tracebackhide__ = True
        for index in reversed(range(len(self._asks))):
            if to is None or self._asks[index].message is to:
                promise = self._asks.pop(index).promise
                assert promise is not None, "only asks are in the list"
                return promise
        what = "no ask that is still open" if to is None else f"no open ask {to!r}"
        raise AssertionError(f"probe {self.ref.name!r} has taken {what}; expect it first")

    def _fail(self, expected: str, seconds: float, came: str) -> NoReturn:
        __tracebackhide__ = True
        waiting = _listed([received.message for received in self._inbox])
        rest = f"\nuntaken: {waiting}" if waiting else ""
        self._kit.fail(
            f"probe {self.ref.name!r} expected {expected} within {seconds:g} s; {came}{rest}"
        )


def armed(reply: Reply[R]) -> Reply[R]:
    """Let its deadline run, though nobody waits yet."""
    reply.subscribe(_nothing)
    return reply


def _nothing() -> None:
    """Whoever waits looks at the reply itself."""


def _listed(messages: list[Message]) -> str:
    return ", ".join(repr(message) for message in messages)
