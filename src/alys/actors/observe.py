"""Where the runtime reports what it does. Metrics and traces are observers; the core knows neither."""

from typing import TYPE_CHECKING

from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.mailbox import Envelope


class Observer:
    """Hears every event of the runtime; this one ignores them all. Override what is of interest.

    The calls come in the order of the events, on the dispatcher's thread, and must not raise.
    """

    def spawned(self, actor: Ref) -> None:
        """A new actor; its start hook has not run yet."""

    def sent(self, envelope: "Envelope", target: Ref) -> None:
        """A message entered a mailbox."""

    def handling(self, envelope: "Envelope", target: Ref) -> None:
        """A handler is about to run."""

    def handled(self, envelope: "Envelope", target: Ref) -> None:
        """A handler returned."""

    def replied(self, envelope: "Envelope", target: Ref, value: object) -> None:
        """An ask was answered by ``target``."""

    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        """A handler or a hook raised."""

    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        """A new instance stands behind the same ref."""

    def escalated(self, actor: Ref, error: BaseException) -> None:
        """A supervisor gave up and failed to its own parent."""

    def stopped(self, actor: Ref, reason: str) -> None:
        """An actor is gone."""

    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        """A message that nobody will handle: stopped, dropped, failed, late reply."""
