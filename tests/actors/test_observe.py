"""What the runtime reports is complete: every message ends somewhere, every actor too, whatever happens to it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from alys.actors.context import Context, Promise
from alys.actors.envelope import Envelope
from alys.actors.errors import ActorError
from alys.actors.mailbox import Overflow
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, ChildSpec, Restart
from alys.base.prng import Random, SeededRandom
from tests.actors.stage import Boom, Do, Mourner, Say, Stage, everywhere, on_a_loop, simulate

Run = Any

SOAK_SEEDS = 60

#: What a soak must have met: reasons of dead letters and of stops, failures.
EVERYTHING = {
    *("stopped", "mailbox full", "failed", "old timer", "not watched", "late reply", "aborted"),
    *("stop: stopped", "stop: parent", "stop: failed", "stop: killed", "restart"),
    *("Boom", "AskTimeout", "ActorStopped", "AskFailed", "AskCycle", "MailboxFull"),
    "IntensityExceeded",
}


def test_the_observer_itself_ignores_everything() -> None:
    observer, ref = Observer(), Ref("/a", 1)
    envelope = Envelope(Say(text="x"), ref, 1)
    observer.spawned(ref)
    observer.sent(envelope, ref)
    observer.handling(envelope, ref)
    observer.handled(envelope, ref)
    observer.replied(envelope, ref, None)
    observer.failed(ref, Boom(), envelope)
    observer.restarted(ref, 1, Boom())
    observer.escalated(ref, Boom())
    observer.stopped(ref, "stopped")
    observer.dead_letter(envelope, ref, "stopped")


@everywhere
def test_events_of_one_ask_come_in_order(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        events: list[str] = []

        class Written(Observer):
            pass

        for name in ("sent", "handling", "handled", "replied"):
            setattr(Written, name, lambda self, *_, name=name: events.append(name))
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: None)
        stage.system.observer, before = Written(), stage.system.observer
        await stage.do(a, lambda p, ctx: None)
        stage.system.observer = before
        assert events == ["sent", "handling", "handled", "replied"]

    run(scenario)


@pytest.mark.parametrize("run", [simulate, on_a_loop])
def test_an_actor_that_rests_between_messages_is_observed_at_each(run: Run) -> None:
    """An idle actor may be handed bare messages, which nobody sees; one in an observed system is never idle in that sense."""

    async def scenario(stage: Stage) -> None:
        heard = stage.spawn()
        for number in range(5):
            stage.say(heard, f"{number}")
            await stage.system.sleep(0.01)
        seen = [one.message for one in stage.log.ended.values()]
        assert seen == [Say(text=f"{number}") for number in range(5)]

    run(scenario)


class Wild(Mourner):
    """Does at random what actors do: talk, ask, wait, fail, stop, watch, spawn."""

    def __init__(self, stage: Stage, others: list[Ref]) -> None:
        super().__init__(stage)
        self.others = others
        self.promises: list[Promise] = []

    def on_wild(self, message: "Go", ctx: Context) -> Any:
        other = ctx.random.choice(self.others)
        return ctx.random.choice(WHATEVER)(self, ctx, other)

    def fail(self, ctx: Context, other: Ref) -> None:
        raise Boom

    def bear(self, ctx: Context, other: Ref) -> None:
        if len(self.others) < 30:
            name = f"c{len(self.others)}"
            self.others.append(ctx.spawn(wild_spec(self.stage, self.others, ctx.random, name)))

    def keep_promises(self, ctx: Context, other: Ref) -> None:
        for promise in self.promises:
            promise.complete(None)

    async def ask_around(self, ctx: Context, other: Ref) -> None:
        """Ask, twice; half of the failures become the asker's own."""
        for _ in range(2):
            try:
                await ctx.ask(other, Go(), timeout=ctx.random.random())
            except (ActorError, Boom):
                if ctx.random.below(2):
                    raise


WHATEVER: list[Callable[[Wild, Context, Ref], Any]] = [
    *[Wild.fail] * 2,
    lambda wild, ctx, other: ctx.stop(),
    *[lambda wild, ctx, other: ctx.watch(other)] * 2,
    lambda wild, ctx, other: ctx.unwatch(other),
    *[lambda wild, ctx, other: ctx.after(ctx.random.random(), Go())] * 4,
    Wild.bear,
    lambda wild, ctx, other: wild.promises.append(ctx.defer()),
    lambda wild, ctx, other: ctx.refuse(Boom()),
    Wild.keep_promises,
    *[lambda wild, ctx, other: wild.ask_around(ctx, other)] * 6,
    *[lambda wild, ctx, other: ctx.tell(other, Go())] * 10,
]


class Go(Do, frozen=True, kw_only=True):
    """Do something."""

    act: Any = None


def wild_spec(stage: Stage, others: list[Ref], random: Random, name: str) -> ChildSpec:
    return stage.spec(
        name,
        lambda: Wild(stage, others),
        restart=random.choice([*Restart, Restart.PERMANENT, Restart.PERMANENT]),
        overflow=random.choice([Overflow.DROP_NEW, Overflow.DROP_OLD]),
        mailbox_messages_max=1 + random.below(5),
        shutdown_seconds=random.random() / 4,
        backoff=Backoff(min_seconds=0.1, max_seconds=1.0) if random.below(2) else None,
    )


def soak(seed: int) -> Counter[str]:
    """What happened in a run; ``simulate`` checks at its end that nothing is lost or left."""

    async def scenario(stage: Stage) -> Counter[str]:
        random = SeededRandom(seed)
        refs: list[Ref] = []
        for n in range(6):
            refs.append(stage.system.spawn(wild_spec(stage, refs, random, f"w{n}")))
        for _ in range(60):
            await stage.settle(0.05)
            for ref in refs:
                stage.system.ask(ref, Go())
        log = stage.log
        happened = Counter(reason for _, _, reason in log.dead)
        happened.update(f"stop: {reason}" for _, reason in log.stops)
        happened.update(type(error).__name__ for _, error in log.failures)
        happened["restart"] += len(log.restarts)
        return happened

    return simulate(scenario, seed)


def test_whatever_happens_each_message_is_handled_or_dead_exactly_once_and_nobody_is_left() -> None:
    happened: Counter[str] = sum((soak(seed) for seed in range(SOAK_SEEDS)), Counter())
    never = EVERYTHING - set(happened)
    assert not never, "the soak is too tame to prove anything"
