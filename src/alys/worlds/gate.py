"""Where what a node does to the world outside can be stopped: before it is done, and before the node hears that it was.

Every port in memory that acts for a node asks its gate. Nothing else of a node reaches the outside, so a node whose gate
is shut is dead as far as anybody can tell, at exactly that point; stopping its actors may then take its time.
"""

from alys.actors.message import Message


class Gate:
    """Lets everything through."""

    def passes(self, act: Message) -> bool:
        """Whether the port may do what it was asked for (a message of ``node.ports``, reads included). Asked once, just before."""
        return True

    def acknowledges(self) -> bool:
        """Whether the node may hear of what has just been done. Asked for what has an answer, right after it was done."""
        return True


OPEN = Gate()
