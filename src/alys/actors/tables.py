"""What to call for an entry of a mailbox, by its class: one look-up says it for messages and for wrapped ones alike.

Everything in a table is called as ``(instance, entry, context)``. For a message that is the actor's own handler. For a tuple
or an envelope it is a function of this module, which notes who sent it and calls the handler in turn.

An actor with a handler for ``Message`` itself has a table that grows: what no other handler takes goes to that one.
"""

from typing import Any

from alys.actors.actor import Actor, handlers_of
from alys.actors.envelope import NOTICE, Envelope
from alys.actors.errors import ActorDefinitionError
from alys.actors.message import Message, PoisonPill

_tables: dict[type, dict[type, Any]] = {}


class _CatchAll(dict[type, Any]):
    """Learns every type that it is asked for."""

    __slots__ = ()

    def __missing__(self, kind: type) -> Any:
        handler = self[kind] = self[Message]
        return handler


def table_of(actor: type[Actor]) -> dict[type, Any]:
    """The table of an actor's class, made once. Raises ActorDefinitionError naming the method that is wrong."""
    table = _tables.get(actor)
    if table is None:
        if not (isinstance(actor, type) and issubclass(actor, Actor)):
            raise ActorDefinitionError(f"a factory makes an Actor, not {actor!r}")
        table = {
            PoisonPill: _swallow,
            **handlers_of(actor),
            tuple: _take_plain,
            Envelope: _take_envelope,
        }
        if Message in table:
            table = _CatchAll(table)
        _tables[actor] = table
    return table


def _swallow(instance: Any, message: PoisonPill, context: Any) -> None:
    context.stop()


def _take_plain(instance: Any, entry: Any, context: Any) -> Any:
    cell = context._cell
    message, mark, reply = entry
    cell.origin = mark
    if context.about is not mark[1]:
        context.take_over(mark[1])
    handler = cell.table[message.__class__]
    if reply is None:
        return handler(instance, message, context)
    return cell.take_wrapped(handler, instance, message, entry)


def _take_envelope(instance: Any, envelope: Envelope, context: Any) -> Any:
    cell = context._cell
    usual = envelope.timer is None and envelope.sequence != NOTICE
    if not usual and not cell.is_wanted(envelope):
        return None
    about = envelope.correlation
    cell.origin = (envelope.sender, about)
    if context.about is not about:
        context.take_over(about)
    handler = cell.table[envelope.message.__class__]
    return cell.take_wrapped(handler, instance, envelope.message, envelope)
