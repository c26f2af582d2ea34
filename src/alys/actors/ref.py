"""The address of an actor. It has no verbs: who speaks is always known, because one speaks through a context."""

from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from alys.actors.cell import Cell


class Ref:
    """Names one actor for its whole life, restarts included; a later actor of the same path has another uid."""

    __slots__ = ("cell", "path", "uid")

    def __init__(self, path: str, uid: int, cell: "Cell | None" = None) -> None:
        self.path = path
        self.uid = uid
        #: The runtime's own handle; None for a ref that never had an actor behind it.
        self.cell: Any = cell

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rsplit("/", 1)[-1]

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and other.uid == self.uid and other.path == self.path

    @override
    def __hash__(self) -> int:
        return self.uid

    @override
    def __repr__(self) -> str:
        return f"<{self.path}#{self.uid}>"
