"""How an actor ends, in OTP's words: normal, shutdown, a failure, killed; and noproc for who was never there."""

import enum

import msgspec
from typing_extensions import override


class Kind(enum.Enum):
    """The sort of an end."""

    NORMAL = "normal"
    """It was done."""
    SHUTDOWN = "shutdown"
    """It was told to stop, or it could not keep its children alive. For a transient child that is no failure."""
    FAILED = "failed"
    """It raised, and nobody started it again."""
    KILLED = "killed"
    """It did not stop in the time that it had."""
    NOPROC = "noproc"
    """It was gone before anybody asked, or never there."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """One end. ``str(exit)`` is what watchers read: the kind, and the detail or the error where there is one."""

    kind: Kind = Kind.NORMAL
    detail: str = ""
    error: BaseException | None = None

    @property
    def is_normal(self) -> bool:
        """Whether a transient child that ends so is left alone (OTP: normal, shutdown, {shutdown, Term})."""
        return self.kind is Kind.NORMAL or self.kind is Kind.SHUTDOWN

    @override
    def __str__(self) -> str:
        why = self.detail or (type(self.error).__name__ if self.error is not None else "")
        return f"{self.kind.value}: {why}" if why else self.kind.value


NORMAL = Exit()
SHUTDOWN = Exit(kind=Kind.SHUTDOWN)
BY_PARENT = Exit(kind=Kind.SHUTDOWN, detail="parent")
NOPROC = Exit(kind=Kind.NOPROC)
