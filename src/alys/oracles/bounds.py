"""A mailbox holds no more than its owner's spec says.

The bound counts all lanes together. Above the ordinary priority a message may use a reserve behind the bound. News of deaths are
not held against it, nor are messages that were taken out once and put aside. While an actor is being restarted only so many
messages are let in as its spec says.
"""

from alys.oracles.broken import Broken

ORACLE = "mailbox"


class Bounds:
    """Feed it when a message has come in; it raises Broken. ``samples`` counts what it was told, ``full`` the mailboxes found full."""

    def __init__(self) -> None:
        self.samples = 0
        self.full = 0
        #: By receiver that is being restarted: messages let in meanwhile.
        self._held: dict[int, int] = {}

    def entered(self, receiver: int, count: int, bound: int, reserve: int, urgent: bool) -> None:
        """A message came in, and so many are there now that are held against the bound. Raises Broken when there was no room."""
        self.samples += 1
        self.full += count >= bound
        if count > (bound + reserve if urgent else bound):
            raise Broken(
                ORACLE,
                "a mailbox holds more than its bound",
                receiver=receiver,
                count=count,
                bound=bound,
                reserve=reserve,
                urgent=urgent,
            )

    def restarting(self, receiver: int, messages_max: int) -> None:
        """A message came in while the receiver was being restarted. Raises Broken when these are more than may be."""
        held = self._held[receiver] = self._held.get(receiver, 0) + 1
        if held > messages_max:
            raise Broken(
                ORACLE,
                "more messages were let in during a restart than the spec allows",
                receiver=receiver,
                count=held,
                allowed=messages_max,
            )

    def restarted(self, receiver: int) -> None:
        """The restart is over."""
        self._held.pop(receiver, None)
