"""What every actor of the node can be asked: whether it handles messages (``health``)."""

from typing import ClassVar

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Priority, Request


class CheckHealth(Request[bool], frozen=True, kw_only=True):
    """Answer, if you can."""

    priority: ClassVar[Priority] = Priority.HIGH


class Checked(Actor):
    """An actor that can be asked."""

    def on_check_health(self, message: CheckHealth, ctx: Context) -> bool:
        """It handles messages."""
        return True
