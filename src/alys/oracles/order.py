"""In which order messages are handled: as they were sent, one at a time, the urgent ones first.

What must hold is OTP's signal order within a lane (a priority of the mailbox): of what one actor sends another in one lane, nothing
is handled after something that was sent later. News of a death follow everything that the dead actor had sent. Nothing is
promised between senders, nor between lanes of one sender, but that a higher lane is emptied before a lower one. Restarts and dead
letters do not change any of it: a message that is lost leaves a gap, and the order of the others stands.

A message that was put aside (a stash) has been taken out in its order already; when it comes again is its receiver's choice.

Fed with plain values: uids of actors, lanes as numbers (higher is more urgent), and for each message the count that its
sender gave it.
"""

from collections.abc import Iterable

from alys.oracles.broken import Broken

ORACLE = "order"

_FOR_EVER = 1 << 62
"""Above any count: nothing more is to come from this sender."""


class Order:
    """Feed it as handlers begin; it raises Broken. ``samples`` counts the messages whose order was looked at."""

    def __init__(self) -> None:
        self.samples = 0
        #: The count of the last message that was handled, by receiver, sender and lane.
        self._last: dict[tuple[int, int, int], list[int]] = {}
        #: Messages of lanes above the ordinary one that wait, by receiver and lane.
        self._urgent: dict[int, dict[int, int]] = {}

    def handled(self, sender: int, receiver: int, lane: int, number: int) -> None:
        """A handler begins with a message for the first time. Raises Broken when one that was sent later had been before it."""
        key = (receiver, sender, lane)
        last = self._last.get(key)
        if last is None:
            self._last[key] = [number]
        elif number > last[0]:
            last[0] = number
        else:
            raise _too_late(key, number, last[0])
        self.samples += 1
        if self._urgent and receiver in self._urgent:
            self._overtook(receiver, lane)

    def told_of_death(self, dead: int, receiver: int, lanes: Iterable[int], waiting: int) -> None:
        """News of a death are handled while so many messages of the dead actor wait for the same receiver; after it no more may
        come in any of the lanes."""
        self.samples += 1
        if waiting:
            raise Broken(
                ORACLE,
                "news of a death came before messages that the dead actor had sent",
                dead=dead,
                receiver=receiver,
                waiting=waiting,
            )
        for lane in lanes:
            self._last[(receiver, dead, lane)] = [_FOR_EVER]

    # The lanes above the ordinary one

    def urgent(self, receiver: int, lane: int) -> None:
        """A message came into a lane above the ordinary one."""
        lanes = self._urgent.setdefault(receiver, {})
        lanes[lane] = lanes.get(lane, 0) + 1

    def urgent_gone(self, receiver: int, lane: int) -> None:
        """It was taken out of there: to be handled, or because it was lost. Say so before ``handled``."""
        lanes = self._urgent.get(receiver, {})
        left = lanes.get(lane, 0) - 1
        if left > 0:
            lanes[lane] = left
            return
        lanes.pop(lane, None)
        if not lanes:
            self._urgent.pop(receiver, None)

    def _overtook(self, receiver: int, lane: int) -> None:
        above = max(self._urgent[receiver])
        if above > lane:
            raise Broken(
                ORACLE,
                "a message was handled while a more urgent one waited",
                receiver=receiver,
                lane=lane,
                waiting_in=above,
            )

    # One at a time

    def begins(self, receiver: int, status: str, busy: bool) -> None:
        """A handler begins in an actor of this status. Raises Broken when another one is under way, or the actor is not running."""
        if busy:
            raise Broken(
                ORACLE, "a handler began while another one was under way", receiver=receiver
            )
        if status != "running":
            raise Broken(
                ORACLE,
                "a message was handled by an actor that was not running",
                receiver=receiver,
                status=status,
            )


def _too_late(key: tuple[int, int, int], number: int, last: int) -> Broken:
    receiver, sender, lane = key
    dead = last == _FOR_EVER
    return Broken(
        ORACLE,
        "a message was handled after its sender's death was told of"
        if dead
        else "a message was handled after one that its sender had sent later",
        sender=sender,
        receiver=receiver,
        lane=lane,
        number=number,
        last="news of the death" if dead else last,
    )
