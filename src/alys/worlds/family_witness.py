"""Hears what befalls the actors of a system, and says it to the oracle of supervision, as plain values.

Specs and set-ups are read at the runtime's own objects: they are data, what was wished for. What was done about it is what is heard.
"""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from alys.actors.cell import Cell
from alys.actors.envelope import Envelope
from alys.actors.errors import ChildEscalated, IntensityExceeded
from alys.actors.exits import Exit
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.state import Status
from alys.actors.supervision import Restart
from alys.oracles.broken import Broken
from alys.oracles.supervision import Rule, Supervision, Team


class FamilyWitness(Observer):
    """See the module's docstring. ``found`` is told what the oracle finds; nothing is raised here."""

    def __init__(self, now: Callable[[], float], found: Callable[[Broken], None]) -> None:
        self.supervision = Supervision()
        self._now = now
        self._found = found

    def close(self) -> dict[str, int]:
        """The end: samples by oracle. Raises Broken."""
        self.supervision.close(self._now())
        return {"supervision": self.supervision.samples}

    def _say(
        self, feed: Callable[..., object], actor: Ref, *values: object, **more: object
    ) -> None:
        try:
            feed(actor.uid, *values, **more)
        except Broken as broken:
            facts = {**broken.facts, "path": actor.path}
            self._found(Broken(broken.oracle, broken.sentence, **facts))

    @override
    def spawned(self, actor: Ref) -> None:
        cell: Any = actor
        parent: Cell = cell.parent
        unasked = parent.current is None and parent.activity is None
        self._say(
            self.supervision.spawned,
            actor,
            parent.uid,
            rule_of(cell),
            self._now(),
            unasked=unasked,
        )

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        self._say(self.supervision.failed, actor, self._now())

    @override
    def judging(self, actor: Ref, end: Exit, again: bool) -> None:
        cell: Any = actor
        parent: Cell = cell.parent
        family = parent.family
        intensity = family.intensity
        team = Team(
            strategy=family.strategy.value,
            restarts=intensity.restarts,
            period_s=intensity.period_seconds,
        )
        self._say(
            self.supervision.judged,
            actor,
            team,
            end.kind.value,
            end.error,
            self._now(),
            again=again,
            standing=cell.status is not Status.STOPPED,
            resumable=cell.instance is not None,
            may_escalate=parent.status is Status.RUNNING,
        )

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        self._say(self.supervision.resumed, actor, self._now())

    @override
    def torn_down(self, actor: Ref) -> None:
        self._say(self.supervision.torn_down, actor, self._now())

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        cell: Any = actor
        keeps = cell.spec.keep_children
        self._say(self.supervision.restarted, actor, self._now(), keeps_children=keeps)

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        why = {IntensityExceeded: "intensity", ChildEscalated: "child"}.get(type(error), "")
        if why:
            self._say(self.supervision.escalated, actor, why, self._now())

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        cell: Any = actor
        parent: Cell | None = cell.parent
        closing = False
        if parent is not None:
            family = parent.family
            # Who is no supervisor keeps no places: whoever comes in time takes that of the one before.
            closing = family.keeps and (family.closed or parent.is_stopped)
            closing = closing and not any(_told_to_stop(other) for other in family.living())
        self._say(self.supervision.stopped, actor, reason, self._now(), closing=closing)


def _told_to_stop(cell: Cell) -> bool:
    """Whether it stops, or there is word from the runtime that it has not taken up."""
    return cell.status is Status.STOPPING or bool(cell.control)


def rule_of(cell: Any) -> Rule:
    """What an actor's spec says, as plain values."""
    spec = cell.spec
    backoff = spec.backoff
    return Rule(
        key=cell.key,
        restart=spec.restart.value,
        directives=tuple((kind, directive.value) for kind, directive in spec.directives),
        backoff=None
        if backoff is None
        else (backoff.min_seconds, backoff.max_seconds, backoff.factor),
        kept=cell.parent.family.keeps and spec.restart is not Restart.TEMPORARY,
    )
