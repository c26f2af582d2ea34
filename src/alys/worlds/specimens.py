"""Test actors, and trees of them made from a plan: what the supervision suite breaks where the node would be too precious."""

import enum
from collections.abc import Callable
from typing import TypeVar

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity, Restart, Strategy
from alys.actors.supervisor import Supervisor
from alys.base.errors import UsageError
from alys.config.errors import nearest_name
from alys.worlds.supervised import Branch, Leaf, Recollection

E = TypeVar("E", bound=enum.Enum)

Diary = Callable[[str, Ref], None]
"""Writes down that a test actor ``started`` or ``ended``."""


class Say(Message, frozen=True, kw_only=True):
    """Something to note."""

    note: str


class Relay(Message, frozen=True, kw_only=True):
    """Something to send on."""

    to: Ref
    note: str


class Hoard(Message, frozen=True, kw_only=True):
    """Hold so many bytes more."""

    size: int


class Recall(Request[Recollection], frozen=True, kw_only=True):
    """Ask what was noted."""


class Specimen(Actor):
    """Notes what it is told, and tells the diary of its hooks."""

    def __init__(self, instance: int, diary: Diary) -> None:
        self._instance = instance
        self._diary = diary
        self._notes: list[str] = []
        self._hoard: list[bytes] = []

    @override
    def on_start(self, ctx: Context) -> None:
        """Also after a restart."""
        self._diary("started", ctx.self)

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        """This instance is given up."""
        self._diary("ended", ctx.self)

    @override
    def post_stop(self, ctx: Context) -> None:
        """This actor is given up."""
        self._diary("ended", ctx.self)

    def on_say(self, message: Say, ctx: Context) -> None:
        """Note it."""
        self._notes.append(message.note)

    async def on_relay(self, message: Relay, ctx: Context) -> None:
        """Send it on when there is room."""
        await ctx.send(message.to, Say(note=message.note))

    def on_hoard(self, message: Hoard, ctx: Context) -> None:
        """Grow."""
        self._hoard.append(bytes(message.size))

    def on_recall(self, message: Recall, ctx: Context) -> Recollection:
        """Tell all."""
        return Recollection(instance=self._instance, notes=tuple(self._notes))


def spec_of(plan: Branch | Leaf, make: Callable[[], Actor]) -> ChildSpec:
    """The plan as a spec for a supervisor; ``make`` makes an instance of a leaf. Raises UsageError, BadSpec."""
    if isinstance(plan, Leaf):
        return ChildSpec(
            name=plan.name,
            factory=make,
            mailbox_messages_max=plan.mailbox,
            overflow=_named(Overflow, plan.overflow, "overflow"),
        )
    children = tuple(spec_of(child, make) for child in plan.children)
    intensity = Intensity(restarts=plan.restarts, period_seconds=plan.period_s)
    strategy = _named(Strategy, plan.strategy, "strategy")
    return ChildSpec(
        name=plan.name,
        factory=lambda: Supervisor(children, intensity, strategy),
        restart=_named(Restart, plan.restart, "restart"),
        supervisor=True,
    )


def _named(kind: type[E], word: str, field: str) -> E:
    words = {str(member.value): member for member in kind}
    if word not in words:
        near = nearest_name(word, words)
        hint = f"; did you mean {near!r}?" if near else ""
        raise UsageError(f"{field} {word!r} is none of {', '.join(words)}{hint}")
    return words[word]
