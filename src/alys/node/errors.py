"""Errors between the node and what it leans on; the class says whether trying again can help."""

from alys.actors.errors import ActorStopped, AskFailed, AskTimeout
from alys.base.errors import AlysError

NO_ANSWER = (AskTimeout, ActorStopped, AskFailed)
"""What an ask of a gateway ends with that failed, or was restarted, under it; to who asked it is as if the service were away."""


class PortDown(AlysError):
    """The service behind a port cannot be reached now; temporary."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(f"{port} cannot be reached: {reason}")
        self.port = port
        self.reason = reason


class EngineRefused(AlysError):
    """The execution client did not do what consensus asked (no payload id, not VALID)."""

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"{call}: {reason}")
        self.call = call
        self.reason = reason

    @property
    def lost(self) -> bool:
        """Whether it said that it lacks what the call is about, or what is before it."""
        return self.reason.startswith("SYNCING")


class StoreFailed(AlysError):
    """No room, or an error of the disk. Nothing of the batch was written, and the node may not act on what it could not keep."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store failed, nothing of the batch is in it: {reason}")
        self.reason = reason


RESTORE = "stop the node and bring back a snapshot (alys store restore), or remove the store's folder and let it sync anew"


class CorruptRecord(AlysError):
    """A stored record cannot be read: another version, or damage. Trying again does not help."""

    def __init__(self, key: str, reason: str, remedy: str = RESTORE) -> None:
        super().__init__(f"stored record {key}: {reason}; {remedy}")
        self.key = key
        self.reason = reason
