"""The address of an actor. It has no verbs: sending goes through a context, so the sender is always known."""

from typing import Any

from typing_extensions import override

from alys.actors.mailbox import NOWHERE, Mailbox
from alys.base.errors import AlysBug


class Ref:
    """Names one actor for its whole life, restarts included; a later actor of the same path has another uid.

    A ref that is made by hand has nobody behind it: messages to it are dead letters, a watch of it ends at once. The
    refs that the runtime gives out are the actors' cells themselves (``state.CellState``); so what sending looks at
    stands here, and says "nobody".
    """

    __slots__ = ("_path", "uid")

    #: Where messages go.
    mailbox: Mailbox = NOWHERE
    #: Whether it does nothing, has nothing to do, and would take a message or an ask at once.
    idle: bool = False

    def __init__(self, path: str | None, uid: int) -> None:
        self._path = path
        self.uid = uid

    @property
    def path(self) -> str:
        """Where it stands in the tree: ``/system/parent/name``."""
        return self._path or ""

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def cell(self) -> Any:
        """The runtime's own handle; None for a ref that never had an actor behind it."""
        return None

    # For the runtime

    def accept(self, message: Any, mark: Any, reply: Any = None) -> None:
        """Take a message from the sender that the mark names. Nobody is here: it is a dead letter."""
        mark[0].system.return_to_sender(self, message, mark, reply)

    def accept_or_wait(self, message: Any, mark: Any) -> Any:
        """The same for a sender that can wait; what it has to wait for, or None."""
        self.accept(message, mark)

    def answer_now(self, request: Any, mark: Any, dispatcher: Any, timeout: float | None) -> Any:
        """Answer an ask in the asker's turn; only where ``idle`` is true."""
        raise AlysBug(f"{self!r} has nobody to answer")

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Ref) and other.uid == self.uid and other.path == self.path
        )

    @override
    def __hash__(self) -> int:
        return self.uid

    @override
    def __repr__(self) -> str:
        return f"<{self.path}#{self.uid}>"
