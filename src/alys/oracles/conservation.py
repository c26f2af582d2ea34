"""No message is lost without a word, and none is there twice.

Each message that came into a mailbox comes to one end: it is handled, its handler fails, it gives way, or it becomes a dead letter
(each with a reason); until then it waits: in the mailbox, put aside, or in the middle of its handler. Each message that was sent
came into a mailbox or was refused there and then.

What stands for a message is any hashable value that is the same whenever that message is spoken of.
"""

from collections.abc import Callable, Collection, Hashable

from alys.oracles.broken import Broken

ORACLE = "conservation"

EXAMPLES_MAX = 3
"""Messages that a finding names."""


class Conservation:
    """Feed it as things happen; it raises Broken. ``samples`` counts the messages that came to an end."""

    def __init__(self, name: Callable[[Hashable], str] = str) -> None:
        """``name`` says a message in words, for findings."""
        self.samples = 0
        self.refusals = 0
        self.entered = 0
        #: The receiver's uid, by message that has not come to its end.
        self.waiting: dict[Hashable, int] = {}
        self._name = name

    def sent(self, message: Hashable, receiver: int) -> None:
        """It came into a mailbox. Raises Broken when it is in one already."""
        if message in self.waiting:
            raise Broken(ORACLE, "a message came into a mailbox twice", message=self._name(message))
        self.waiting[message] = receiver
        self.entered += 1

    def begun(self, message: Hashable) -> None:
        """A handler begins with it. Raises Broken when it has come to an end, or was never in a mailbox."""
        if message not in self.waiting:
            raise Broken(
                ORACLE,
                "a message was handled that had come to its end before, or was never sent",
                message=self._name(message),
            )

    def ended(self, message: Hashable) -> None:
        """It was handled. Raises Broken when that is not its first end."""
        if self.waiting.pop(message, None) is None:
            raise Broken(
                ORACLE, "a message came to an end for the second time", message=self._name(message)
            )
        self.samples += 1

    def lost(self, message: Hashable) -> bool:
        """It became a dead letter or gave way: whether it had been in a mailbox. If not, it was refused at once."""
        if self.waiting.pop(message, None) is None:
            self.refusals += 1
            return False
        self.samples += 1
        return True

    def close(self, held: Collection[Hashable], numbers: int | None = None) -> None:
        """The end. ``held``: what actors really hold, in mailboxes, aside or in their hands; ``numbers``: how many messages all
        senders have counted, where everyone that is counted is either let in or refused. Raises Broken for what is nowhere."""
        gone = [message for message in self.waiting if message not in held]
        if gone:
            raise Broken(
                ORACLE,
                "messages were sent and are neither handled nor lost nor waiting",
                count=len(gone),
                such_as="; ".join(map(self._name, gone[:EXAMPLES_MAX])),
            )
        known = self.entered + self.refusals
        if numbers is not None and known != numbers:
            what = "sent and never came into a mailbox" if known < numbers else "refused twice"
            raise Broken(ORACLE, f"messages were {what}", counted=numbers, heard_of=known)
