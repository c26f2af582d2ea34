"""An actor that takes anything, and can be made to say something as its own word."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from tests.node.bench import Bench


class Say(Message, frozen=True, kw_only=True):
    """To a listener: tell another actor."""

    to: str
    message: Message


class Listener(Actor):
    """Writes down what it is told."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_say(self, message: Say, ctx: Context) -> None:
        ctx.tell(ctx.whereis(message.to), message.message)

    def on_any(self, message: Message, ctx: Context) -> None:
        self._heard.append(message)


def listeners(bench: Bench, *names: str) -> dict[str, list[Message]]:
    """One behind each name, and what it heard."""
    heard: dict[str, list[Message]] = {}
    for name in names:
        told = heard[name] = []
        bench.start(name, lambda told=told: Listener(told))  # type: ignore[misc]
    return heard


def taken(heard: list[Message]) -> list[Message]:
    """What was heard since the last time."""
    found, heard[:] = list(heard), []
    return found
