"""The base class of actors, and how their handlers are found.

A handler is a method whose name begins with ``on_`` and whose first parameter is annotated with a message type (or a union
of them): ``def on_get_head(self, message: GetHead, ctx: Context) -> Head``. It may be async; while it waits, the actor
handles nothing else. A handler for ``Message`` itself takes all that no other handler takes. Hooks may be async too.
"""

import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alys.actors.errors import ActorDefinitionError
from alys.actors.message import Message
from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.context import Context

Handler = Callable[[Any, Any, "Context"], Any]

HOOKS = frozenset({"on_start"})


class Terminated(Message, frozen=True, kw_only=True):
    """A watched actor is gone. Not sent on restarts. Unhandled it is a death pact: the watcher fails."""

    ref: Ref
    reason: str


class Actor:
    """State and handlers; touched by one handler or hook at a time."""

    def on_start(self, ctx: "Context") -> Any:
        """Runs before the first message; also after a restart unless ``post_restart`` is overridden."""

    def pre_restart(self, error: BaseException, message: Message | None, ctx: "Context") -> Any:
        """Runs on the old instance, before its children are stopped."""

    def post_restart(self, error: BaseException, ctx: "Context") -> Any:
        """Runs on the new instance; by default the start hook."""
        return self.on_start(ctx)

    def post_stop(self, ctx: "Context") -> Any:
        """Runs once, when the actor stops for good, after its children have stopped."""


def handlers_of(actor: type[Actor]) -> dict[type[Message], Handler]:
    """Message type to handler. Raises ActorDefinitionError naming the method that is wrong."""
    table: dict[type[Message], Handler] = {}
    for name in dir(actor):
        if not name.startswith("on_") or name in HOOKS:
            continue
        method = getattr(actor, name)
        for message_type in _message_types(actor, name, method):
            if message_type in table:
                raise ActorDefinitionError(
                    f"{actor.__name__}: {name} and {table[message_type].__name__} both handle "
                    f"{message_type.__name__}"
                )
            table[message_type] = method
    return table


def _message_types(actor: type[Actor], name: str, method: Handler) -> tuple[type[Message], ...]:
    hints = typing.get_type_hints(method, localns={"Context": Any})
    parameters = [key for key in hints if key != "return"]
    hint = hints[parameters[0]] if parameters else None
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for choice in choices:
        if not (isinstance(choice, type) and issubclass(choice, Message)):
            raise ActorDefinitionError(
                f"{actor.__name__}.{name}: annotate the first parameter with a Message type, not {hint!r}"
            )
    return choices
