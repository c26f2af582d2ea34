"""A mailbox holds no more than its owner's spec says.

The bound counts all lanes together. Above the ordinary priority a message may use a reserve behind the bound. News of deaths are
not held against it, nor are messages that were taken out once and put aside. While an actor is being restarted only so many
messages are let in as its spec says.

The counting is this oracle's own, of what comes in and what goes out. Only when a mailbox seems to be full somebody looks into it:
a message that was lost on the way out must not be taken for one too many.
"""

from collections.abc import Callable

from alys.oracles.broken import Broken

ORACLE = "mailbox"


class Bounds:
    """Feed it as things happen; it raises Broken. ``samples`` counts the messages that came into a mailbox with a known bound."""

    def __init__(self, look: Callable[[int], int | None] | None = None) -> None:
        """``look`` counts, by the receiver's uid, what is really there of what is held against the bound; None: nobody knows."""
        self.samples = 0
        #: How often a mailbox was full to its bound or beyond.
        self.full = 0
        self._look = look
        #: By receiver: messages in it, its bound, its bound with the reserve.
        self._boxes: dict[int, list[int]] = {}
        #: By receiver that is being restarted: messages let in meanwhile, and how many may be.
        self._held: dict[int, list[int]] = {}

    def opened(self, receiver: int, bound: int, reserve: int) -> None:
        """An actor and what its mailbox holds."""
        self._boxes[receiver] = [0, bound, bound + reserve]

    def closed(self, receiver: int) -> None:
        """It is gone, and what was in its mailbox has been lost."""
        self._boxes.pop(receiver, None)
        self._held.pop(receiver, None)

    def entered(self, receiver: int, urgent: bool) -> None:
        """A message came in. Raises Broken when there was no room for it."""
        box = self._boxes.get(receiver)
        if box is None:
            return
        self.samples += 1
        box[0] = count = box[0] + 1
        if count >= box[1]:
            self._is_full(receiver, box, urgent)

    def left(self, receiver: int) -> None:
        """One was taken out, or was lost."""
        box = self._boxes.get(receiver)
        if box is not None:
            box[0] -= 1

    def _is_full(self, receiver: int, box: list[int], urgent: bool) -> None:
        seen = self._look(receiver) if self._look is not None else None
        if seen is not None:
            box[0] = seen
        count, bound, with_reserve = box
        self.full += count >= bound
        if count > (with_reserve if urgent else bound):
            raise Broken(
                ORACLE,
                "a mailbox holds more than its bound",
                receiver=receiver,
                count=count,
                bound=bound,
                reserve=with_reserve - bound,
                urgent=urgent,
            )

    # Restarts

    def restarting(self, receiver: int, messages_max: int) -> None:
        """A message came in while the receiver was being restarted. Raises Broken when these are more than may be."""
        held = self._held.setdefault(receiver, [0, messages_max])
        held[0] += 1
        if held[0] > messages_max:
            raise Broken(
                ORACLE,
                "more messages were let in during a restart than the spec allows",
                receiver=receiver,
                count=held[0],
                allowed=messages_max,
            )

    def restarted(self, receiver: int) -> None:
        """The restart is over."""
        self._held.pop(receiver, None)
