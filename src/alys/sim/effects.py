"""What happened in a system, as a list to look at: the test kit's observer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from alys.actors.message import Message
from alys.actors.observe import Observer
from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``str(effect)`` is a line about it."""

    seconds: float
    """Virtual time since the start."""
    kind: str
    """spawned, sent, failed, resumed, restarted, escalated, stopped, dropped or dead_letter."""
    actor: Ref
    """Whom it happened to; for a message, its receiver."""
    detail: str = ""
    """Why it stopped, or why the message was not handled."""
    error: BaseException | None = None
    message: Message | None = None
    sender: Ref | None = None

    @override
    def __str__(self) -> str:
        said = [f"{self.seconds:g} s: {self.actor.path} {self.kind}"]
        if self.message is not None:
            said.append(f"{self.message!r}")
        if self.sender is not None:
            said.append(f"from {self.sender.path}")
        if self.detail:
            said.append(f"({self.detail})")
        if self.error is not None:
            said.append(f"[{type(self.error).__name__}: {self.error}]")
        return " ".join(said)


class Effects(Observer):
    """Writes down what the runtime reports; ``now`` gives the seconds since the start.

    Every method that asks takes ``actor``, the ref of the one that is meant; without it all are.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        #: Everything, in the order in which it happened.
        self.all: list[Effect] = []
        self._now = now
        self._living: dict[Ref, bool] = {}
        #: Messages in mailboxes or hands, by the identity of their envelopes.
        self._open: dict[int, tuple[Envelope, Ref]] = {}

    # To ask

    def of(self, kind: str, actor: Ref | None = None) -> list[Effect]:
        """All of one kind; see ``Effect.kind``."""
        return [
            effect
            for effect in self.all
            if effect.kind == kind and (actor is None or effect.actor == actor)
        ]

    def spawns(self) -> list[Ref]:
        """Who was started, in order."""
        return [effect.actor for effect in self.of("spawned")]

    def failures(self, actor: Ref | None = None) -> list[BaseException]:
        """What handlers and hooks raised."""
        return [effect.error for effect in self.of("failed", actor) if effect.error is not None]

    def restarts(self, actor: Ref | None = None) -> int:
        """How often a new instance took over."""
        return len(self.of("restarted", actor))

    def stop_reason(self, actor: Ref) -> str | None:
        """How it ended (the exit as text); None while it lives."""
        stopped = self.of("stopped", actor)
        return stopped[-1].detail if stopped else None

    def messages(self, actor: Ref | None = None) -> list[Message]:
        """What was sent to it, in the order of arrival."""
        return [effect.message for effect in self.of("sent", actor) if effect.message is not None]

    def dead_letters(self, actor: Ref | None = None) -> list[Effect]:
        """Messages to it that nobody handled; ``detail`` says why."""
        return self.of("dead_letter", actor)

    def drops(self, actor: Ref | None = None) -> list[Effect]:
        """Messages to it for which there was no room, as its policy says."""
        return self.of("dropped", actor)

    @property
    def living(self) -> list[Ref]:
        """Who was started and is not gone."""
        return list(self._living)

    @property
    def open_messages(self) -> list[str]:
        """What was sent and neither handled nor given up, one line each."""
        return [
            f"{envelope.message!r} from {envelope.sender.path} to {target.path}"
            for envelope, target in self._open.values()
        ]

    # To be told

    @override
    def spawned(self, actor: Ref) -> None:
        self._living[actor] = True
        self._note("spawned", actor)

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        self._open[id(envelope)] = (envelope, target)
        self._mail("sent", envelope, target)

    @override
    def handled(self, envelope: "Envelope", target: Ref) -> None:
        self._open.pop(id(envelope), None)

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        message = envelope.message if envelope is not None else None
        self._note("failed", actor, error=error, message=message)

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        self._note("resumed", actor, error=error)

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self._note("restarted", actor, detail=f"incarnation {incarnation}", error=cause)

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        self._note("escalated", actor, error=error)

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        self._living.pop(actor, None)
        self._note("stopped", actor, detail=reason)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._open.pop(id(envelope), None)
        self._mail("dropped", envelope, target, reason)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._open.pop(id(envelope), None)
        self._mail("dead_letter", envelope, target, reason)

    def _mail(self, kind: str, envelope: "Envelope", target: Ref, reason: str = "") -> None:
        self._note(kind, target, detail=reason, message=envelope.message, sender=envelope.sender)

    def _note(
        self,
        kind: str,
        actor: Ref,
        detail: str = "",
        error: BaseException | None = None,
        message: Message | None = None,
        sender: Ref | None = None,
    ) -> None:
        self.all.append(
            Effect(
                seconds=self._now(),
                kind=kind,
                actor=actor,
                detail=detail,
                error=error,
                message=message,
                sender=sender,
            )
        )
