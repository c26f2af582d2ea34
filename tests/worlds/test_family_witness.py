"""The oracle of supervision at the real runtime: silent while it is sound, and not when it is broken."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from alys.actors import family, groups
from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.lifecycle import Lifecycle
from alys.actors.message import Message
from alys.actors.supervision import (
    Backoff,
    ChildSpec,
    Decision,
    Directive,
    Intensity,
    Restart,
    Strategy,
)
from alys.actors.supervisor import Supervisor
from alys.oracles.broken import Broken
from alys.sim.testkit import ActorKit
from alys.worlds.witnesses import Witnesses

Lie = Callable[[pytest.MonkeyPatch], None]


class Fail(Message, frozen=True, kw_only=True):
    """With this."""

    error: Exception


class End(Message, frozen=True, kw_only=True):
    """By itself."""


class Worker(Actor):
    """Fails and ends as it is told."""

    def on_fail(self, message: Fail, ctx: Context) -> None:
        """Fail."""
        raise message.error

    def on_end(self, message: End, ctx: Context) -> None:
        """End."""
        ctx.stop()


DIRECTIVES = (
    (KeyError, Directive.STOP),
    (IndexError, Directive.RESUME),
    (ZeroDivisionError, Directive.ESCALATE),
)


def worker(name: str, restart: Restart = Restart.PERMANENT) -> ChildSpec:
    """A worker with all directives and a back-off."""
    return ChildSpec(
        name=name,
        factory=Worker,
        register=name,
        restart=restart,
        directives=DIRECTIVES,
        backoff=Backoff(min_seconds=1.0, max_seconds=4.0),
    )


def life(kit: ActorKit, strategy: Strategy) -> None:
    """Every decision there is, under one supervisor."""
    kit.allow_failures()
    children = (worker("a"), worker("b"), worker("c", Restart.TRANSIENT))
    boss = Supervisor(children, Intensity(restarts=3, period_seconds=30.0), strategy)
    kit.spawn(ChildSpec(name="boss", factory=lambda: boss, supervisor=True))
    kit.settle()

    def strike(name: str, message: Message) -> None:
        kit.tell(kit.system.whereis(name), message)
        kit.advance(10.0)

    strike("b", Fail(error=IndexError()))
    strike("a", Fail(error=ValueError()))
    strike("b", End())
    strike("c", End())
    strike("b", Fail(error=ZeroDivisionError()))
    kit.advance(60.0)
    for _ in range(6):
        strike("b", Fail(error=ValueError()))
        strike("a", Fail(error=ValueError()))
    strike("a", Fail(error=KeyError()))
    kit.close()


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("seed", range(3))
def test_a_sound_runtime_is_found_sound(strategy: Strategy, seed: int) -> None:
    kit = ActorKit(seed=seed)
    witnesses = Witnesses(kit)
    life(kit, strategy)
    assert witnesses.close()["supervision"] >= 15
    assert set(witnesses.family.supervision.decisions) >= {"resume", "restart", "give up"}


def deciding(change: Callable[[Any, Decision], Decision]) -> Lie:
    """Something else than what the rules say."""

    def break_it(patch: pytest.MonkeyPatch) -> None:
        true: Any = getattr(family, "decide")  # noqa: B009  # imported there, not exported

        def decide(spec: Any, intensity: Any, history: Any, end: Any, now: float) -> Any:
            decision, log = true(spec, intensity, history, end, now)
            return change(spec, decision), log

        patch.setattr(family, "decide", decide)

    return break_it


def never_gives_up(spec: Any, decision: Decision) -> Decision:
    return Decision.RESTART if decision is Decision.GIVE_UP else decision


def never_escalates(spec: Any, decision: Decision) -> Decision:
    return Decision.RESUME if decision is Decision.ESCALATE else decision


def restarts_for_ever(spec: Any, decision: Decision) -> Decision:
    return Decision.RESTART


def one_too_few(patch: pytest.MonkeyPatch) -> None:
    true: Any = getattr(family, "decide")  # noqa: B009  # imported there, not exported

    def decide(spec: Any, intensity: Any, history: Any, end: Any, now: float) -> Any:
        fewer = Intensity(restarts=2, period_seconds=intensity.period_seconds)
        return true(spec, fewer if intensity.restarts == 3 else intensity, history, end, now)

    patch.setattr(family, "decide", decide)


def no_backoff(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(family.Family, "backoff_delay", lambda self, child: 0.0)


def restarts_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(groups, "affected", lambda team, failed: list(team.cells))


def restarts_only_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(groups, "affected", lambda team, failed: [failed.key])


def starts_backwards(patch: pytest.MonkeyPatch) -> None:
    true: Any = groups._start_again

    async def start(team: Any, keys: Any, ours: Any, cause_for: Any) -> Any:
        return await true(team, list(reversed(keys)), ours, cause_for)

    patch.setattr(groups, "_start_again", start)


def escalation_is_swallowed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lifecycle, "escalate", lambda self, error: None)


def stops_forwards(patch: pytest.MonkeyPatch) -> None:
    true: Any = family.Family._stop_last

    def stop(self: Any) -> None:
        self.cells = dict(reversed(self.cells.items()))
        true(self)
        self.cells = dict(reversed(self.cells.items()))

    patch.setattr(family.Family, "_stop_last", stop)


@pytest.mark.parametrize(
    ("lie", "strategy"),
    [
        (deciding(never_gives_up), Strategy.ONE_FOR_ONE),
        (deciding(never_escalates), Strategy.ONE_FOR_ONE),
        (deciding(restarts_for_ever), Strategy.ONE_FOR_ONE),
        (one_too_few, Strategy.ONE_FOR_ONE),
        (no_backoff, Strategy.ONE_FOR_ONE),
        (no_backoff, Strategy.ONE_FOR_ALL),
        (restarts_all, Strategy.REST_FOR_ONE),
        (restarts_only_one, Strategy.ONE_FOR_ALL),
        (starts_backwards, Strategy.ONE_FOR_ALL),
        (escalation_is_swallowed, Strategy.ONE_FOR_ONE),
        (stops_forwards, Strategy.ONE_FOR_ONE),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_broken_runtime_is_found(
    lie: Lie, strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie(monkeypatch)
    kit = ActorKit(seed=1)
    witnesses = Witnesses(kit)
    with contextlib.suppress(Exception):  # whatever else comes of it
        life(kit, strategy)
    with pytest.raises(Broken) as found:
        witnesses.close()
    assert found.value.oracle == "supervision"
