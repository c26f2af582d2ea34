"""What actors do, as log records: the target is the actor's path with dots, so ``alys.node=debug`` is about the node.

The trace of a run holds all of it in any case; this is for whoever watches, or reads the logs of a pod. Starts and ends are
``debug``, single messages ``trace``; what goes wrong is told at the level of its weight. Records carry no ids of messages:
whoever needs those reads the trace.
"""

import logging
from typing import TYPE_CHECKING

from typing_extensions import override

from alys.actors import observe
from alys.actors.ref import Ref
from alys.config import loglevels, logs

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

logging.getLogger("alys").addHandler(logging.NullHandler())
"""Where nobody asked for a log there is none: the standard library would print warnings otherwise, a campaign's by the thousand."""


class Logbook(observe.Observer):
    """Logs the lives of actors."""

    @override
    def spawned(self, actor: Ref) -> None:
        logger_of(actor).debug("started")

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        extra = {"on": _kind(envelope), "error": f"{type(error).__name__}: {error}"}
        logger_of(actor).warning("failed", extra=extra)

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        extra = {"incarnation": incarnation, "cause": type(cause).__name__}
        logger_of(actor).warning("restarted", extra=extra)

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        logger_of(actor).error("escalated", extra={"error": f"{type(error).__name__}: {error}"})

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        logger_of(actor).debug("stopped", extra={"reason": reason})

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        extra = {"dropped": _kind(envelope), "reason": reason}
        logger_of(target).warning("no room for a message", extra=extra)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        extra = {"letter": _kind(envelope), "reason": reason}
        logger_of(target).debug("nobody handles a message", extra=extra)


class MessageLogbook(Logbook):
    """Logs every single message as well."""

    @override
    def handling(self, envelope: "Envelope", target: Ref) -> None:
        logger = logger_of(target)
        if logger.isEnabledFor(logs.TRACE):
            sender = envelope.sender.path if envelope.sender is not None else None
            extra = {"handles": _kind(envelope), "sender": sender}
            if envelope.correlation is not None:
                extra["correlation"] = envelope.correlation
            logger.log(logs.TRACE, "message", extra=extra)


def beside(recorder: observe.Observer, directives: str) -> observe.Observer:
    """The recorder and a logbook as one observer. Single messages are looked at only where a directive says trace."""
    traced = logs.TRACE in loglevels.parse(directives, "log level").values()
    return observe.together(recorder, MessageLogbook() if traced else Logbook())


def logger_of(actor: Ref) -> logging.Logger:
    """The logger of an actor; one of no registered path is below ``alys`` too."""
    name = actor.path.strip("/").replace("/", ".")
    return logging.getLogger(name if name.partition(".")[0] == "alys" else f"alys.{name}")


def _kind(envelope: "Envelope | None") -> str | None:
    return type(envelope.message).__name__ if envelope is not None else None
