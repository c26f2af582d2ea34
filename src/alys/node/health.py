"""HealthActor: asks every actor of its node now and then whether it handles messages, and says what the node is fit for.

Each actor is asked as its row of the table says (``policies``). One that gives no answer in time counts as failed, unless it waits for
an answer itself: an execution client that hangs is no illness of who asked it, and that wait has a limit of its own. After so many
failures in a row it is ended, and its supervisor starts it again and counts that.

Nobody asks this actor but the outside, so no circle of waiting can close over it, though it may ask everybody. A check overtakes
ordinary messages: a long queue is load, which the metrics show, and no illness.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorError, AskTimeout
from alys.actors.exits import Exit, Kind
from alys.actors.message import Message, Request
from alys.config.policies import ActorPolicy
from alys.node import messages, stream, sync
from alys.node.checked import CheckHealth

T = TypeVar("T")

ENDED = Exit(kind=Kind.KILLED, detail="gives no sign of life")
QUESTION_SECONDS = 2.0
"""Wall time for an answer about the node's fitness."""


class Due(Message, frozen=True, kw_only=True):
    """To oneself: time to check an actor."""

    actor: str


class ActorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One actor, by its last check."""

    actor: str
    state: str
    """``healthy``, ``waiting`` (for an answer), ``silent``, or ``away`` (it is not there, or is being restarted)."""
    failures: int
    """Checks without an answer, in a row."""
    ended: int
    """How often it was ended for that."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the node is fit for; ``reasons`` say why not."""

    score: float
    """Healthy actors by all that there should be. Nobody answers for a dead node: that is 0."""
    can_produce: bool
    can_validate: bool
    federation_healthy: bool
    """As many streams to governance nodes as must sign are registered."""
    sync_status: str
    reasons: tuple[str, ...]
    actors: tuple[ActorHealth, ...]


class GetHealth(Request[Health], frozen=True, kw_only=True):
    """Ask for it."""


class HealthNames(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it checks, by the actor's name; ``stream`` is missing at a co-signer."""

    tree: str
    checks: Mapping[str, ActorPolicy]

    def of(self, actor: str) -> str:
        """The registered name."""
        return f"{self.tree}/{actor}"


class HealthActor(Actor):
    """See the module's docstring."""

    def __init__(self, names: HealthNames, *, signatures: int, produces: bool) -> None:
        """``signatures``: how many governance nodes must sign."""
        self._names = names
        self._signatures = signatures
        self._produces = produces
        self._states = {
            actor: ActorHealth(actor=actor, state="healthy", failures=0, ended=0)
            for actor in names.checks
        }

    @override
    def on_start(self, ctx: Context) -> None:
        """Begin to check."""
        for actor in self._names.checks:
            self._arm(actor, ctx)

    def _arm(self, actor: str, ctx: Context) -> None:
        interval = self._names.checks[actor].health_interval
        if interval > 0:
            ctx.after(interval, Due(actor=actor), key=actor)

    async def on_due(self, message: Due, ctx: Context) -> None:
        """Check one; end it when it has been silent too often."""
        actor, row = message.actor, self._names.checks[message.actor]
        ref = ctx.whereis(self._names.of(actor))
        before = self._states[actor]
        try:
            await ctx.ask(ref, CheckHealth(), timeout=row.health_timeout)
            state, failures = "healthy", 0
        except AskTimeout:
            waiting = ctx.is_waiting(ref)
            state, failures = ("waiting", 0) if waiting else ("silent", before.failures + 1)
        except ActorError:
            state, failures = "away", 0
        ended = before.ended
        if failures >= row.health_failures:
            ctx.stop(ref, ENDED)
            failures, ended = 0, ended + 1
        self._states[actor] = ActorHealth(actor=actor, state=state, failures=failures, ended=ended)
        self._arm(actor, ctx)

    async def on_get_health(self, message: GetHealth, ctx: Context) -> Health:
        """See Health."""
        reasons: list[str] = []
        chain = await self._asked(ctx, "chain", messages.GetStatus(), reasons)
        synced = await self._asked(ctx, "sync", sync.GetSyncStatus(), reasons)
        streams = (
            await self._asked(ctx, "stream", stream.GetStreamStatus(), reasons)
            if "stream" in self._names.checks
            else None
        )
        ready = sum(one.state == "ready" for one in streams or ())
        if streams is not None and ready < self._signatures:
            reasons.append(f"{ready} governance nodes are reached, {self._signatures} must sign")
        if chain is not None and chain.state != "active":
            reasons.append(f"chain is {chain.state}: {chain.reason}")
        if synced is not None and not synced.synced:
            reasons.append(f"at height {synced.own_height} of {synced.best_height}")
        ill = [one for one in self._states.values() if one.state in ("silent", "away")]
        reasons += [f"{one.actor} is {one.state}" for one in ill]
        active = chain is not None and chain.state == "active"
        validates = chain is not None and not {"engine", "storage"} & {one.actor for one in ill}
        follows = synced is not None and synced.synced
        return Health(
            score=1 - len(ill) / len(self._states),
            can_produce=self._produces and validates and follows and active,
            can_validate=validates,
            federation_healthy=streams is not None and ready >= self._signatures,
            sync_status="unknown" if synced is None else synced.phase,
            reasons=tuple(reasons),
            actors=tuple(self._states.values()),
        )

    async def _asked(
        self, ctx: Context, actor: str, request: Request[T], reasons: list[str]
    ) -> T | None:
        try:
            return await ctx.ask(
                ctx.whereis(self._names.of(actor)), request, timeout=QUESTION_SECONDS
            )
        except ActorError as error:
            reasons.append(f"{actor} did not answer: {type(error).__name__}")
            return None


def show(health: Health) -> dict[str, object]:
    """As the node's RPC has it."""
    return {
        "score": health.score,
        "canProduce": health.can_produce,
        "canValidate": health.can_validate,
        "federationHealthy": health.federation_healthy,
        "syncStatus": health.sync_status,
        "reasons": list(health.reasons),
        "actors": [msgspec.structs.asdict(one) for one in health.actors],
    }
