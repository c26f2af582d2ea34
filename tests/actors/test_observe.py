"""What the runtime reports is complete: every message ends somewhere, every actor too, whatever happens to it."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from alys.actors.actor import Terminated
from alys.actors.context import Context
from alys.actors.envelope import Envelope
from alys.actors.errors import ActorError, DeathPact, MailboxFull
from alys.actors.mailbox import Overflow
from alys.actors.observe import Observer
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.state import Status
from alys.actors.supervision import Backoff, ChildSpec, Directive, Restart, Strategy
from alys.actors.supervisor import DeleteChild, RestartChild, Supervisor, TerminateChild
from alys.base.prng import Random, SeededRandom
from tests.actors.stage import LENIENT, Boom, Do, Log, Mourner, Say, Stage, on_a_loop, simulate

Run = Any

SOAK_SEEDS = 60

#: What a soak must have met: reasons of dead letters and of stops, failures.
EVERYTHING = {
    *("stopped", "mailbox full", "failed", "old timer", "not watched", "late reply", "aborted"),
    *("dropped: mailbox full", "dropped: restarting", "stop: normal", "stop: failed: Boom"),
    *(
        "stop: killed: parent",
        "stop: shutdown: parent",
        "stop: shutdown: intensity",
        "restart",
        "resumed",
    ),
    *("Boom", "AskTimeout", "ActorStopped", "AskFailed", "AskCycle", "MailboxFull"),
    *("IntensityExceeded", "DeathPact", "StashFull", "ChildEscalated"),
}


def test_the_observer_itself_ignores_everything() -> None:
    observer, ref = Observer(), Ref("/a", 1)
    envelope = Envelope(Say(text="x"), ref, 1)
    observer.spawned(ref)
    observer.entering(ref, "on_start")
    observer.sent(envelope, ref)
    observer.handling(envelope, ref)
    observer.handled(envelope, ref)
    observer.replied(envelope, ref, None)
    observer.turn(ref, 1, 0.1, 0)
    observer.failed(ref, Boom(), envelope)
    observer.resumed(ref, Boom())
    observer.restarted(ref, 1, Boom())
    observer.escalated(ref, Boom())
    observer.stopped(ref, "stopped")
    observer.dropped(envelope, ref, "mailbox full")
    observer.dead_letter(envelope, ref, "stopped")


@pytest.mark.parametrize("run", [simulate, on_a_loop])
@pytest.mark.parametrize("waits", [False, True])
def test_what_an_observer_raises_when_a_message_is_handled_is_the_actors_own_error(
    run: Run, waits: bool
) -> None:
    """Whether the handler waited or not: who asked hears of it, the actor is restarted, its message is not handled as well."""
    raised: list[str] = []

    class Saboteur(Log):
        """Fails what is about one operation."""

        @override
        def handled(self, envelope: Envelope, target: Ref) -> None:
            if envelope.correlation == "doomed" and isinstance(envelope.message, Do):
                raised.append(target.path)
                raise Boom
            super().handled(envelope, target)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def act(puppet: Any, ctx: Context) -> None:
            if waits:
                await ctx.ask(b, Do(act=lambda p, c: None), about="other")

        b = stage.spawn("b")
        with pytest.raises(ActorError):
            await stage.do(a, act, about="doomed")
        await stage.do(a, act)
        assert raised == [a.path]
        assert [reason for _, _, reason in stage.log.dead] == ["failed"]

    run(scenario, kind=Saboteur)


@pytest.mark.parametrize("run", [simulate, on_a_loop])
def test_events_of_one_ask_come_in_order(run: Run) -> None:
    events: list[str] = []

    class Written(Log):
        """Writes the events of messages down."""

    for name in ("sent", "handling", "handled", "replied"):
        setattr(Written, name, lambda self, *_, name=name: events.append(name))

    async def scenario(stage: Stage) -> None:
        await stage.do(stage.spawn(), lambda p, ctx: None)

    run(scenario, kind=Written)
    assert events == ["sent", "handling", "handled", "replied"]


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
    """Does at random what actors do: talk, ask, wait, fail, stop, watch, spawn, put aside."""

    def __init__(self, stage: Stage, others: list[Ref]) -> None:
        super().__init__(stage)
        self.others = others
        self.bosses: list[tuple[Ref, list[str]]] = []
        self.promises: list[Promise] = []

    @override
    def on_start(self, ctx: Context) -> None:
        """Take the place of whoever had the name before; be patient with children, or not."""
        if ctx.random.below(2):
            ctx.supervise(LENIENT)
        self.others[:] = [ctx.self, *(ref for ref in self.others if ref.name != ctx.self.name)]

    def on_wild(self, message: "Go", ctx: Context) -> Any:
        other = ctx.random.choice(self.others)
        return ctx.random.choice(WHATEVER)(self, ctx, other)

    @override
    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """Bear it, or not."""
        if ctx.random.below(4) == 0:
            raise DeathPact(ctx.self.path, message.ref.path)

    def fail(self, ctx: Context, other: Ref) -> None:
        raise Boom

    def bear(self, ctx: Context, other: Ref) -> None:
        if len(self.others) < 30:
            name = f"{self.stage.next_number()}" if ctx.random.below(4) else ""
            self.others.append(ctx.spawn(wild_spec(self.stage, self.others, ctx.random, name)))

    def bear_group(self, ctx: Context, other: Ref) -> None:
        random, specs = ctx.random, list[ChildSpec]()
        if len(self.others) < 30:
            for _ in range(4):
                name = f"g{self.stage.next_number()}"
                specs.append(wild_spec(self.stage, self.others, random, name))
            strategy = random.choice([*Strategy])
            boss = ctx.spawn(
                ChildSpec(factory=lambda: Supervisor(specs, LENIENT, strategy), supervisor=True)
            )
            self.bosses.append((boss, [spec.name for spec in specs]))

    def administer(self, ctx: Context, other: Ref) -> None:
        if self.bosses:
            boss, names = ctx.random.choice(self.bosses)
            verb = ctx.random.choice([TerminateChild, RestartChild, DeleteChild])
            ctx.tell(boss, verb(name=ctx.random.choice(names)))

    def keep_promises(self, ctx: Context, other: Ref) -> None:
        for promise in self.promises:
            promise.complete(None)

    def put_aside(self, ctx: Context, other: Ref) -> None:
        ctx.stash(Go())

    async def send_all(self, ctx: Context, other: Ref) -> None:
        for _ in range(3):
            await ctx.send(other, Go())

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
    *[lambda wild, ctx, other: ctx.after(ctx.random.random(), Go())] * 3,
    lambda wild, ctx, other: ctx.every(0.1 + ctx.random.random(), Go(), key="every"),
    lambda wild, ctx, other: ctx.receive_timeout(ctx.random.choice([None, 0.2])),
    *[Wild.put_aside] * 2,
    lambda wild, ctx, other: ctx.unstash(),
    lambda wild, ctx, other: ctx.suspend(other),
    *[lambda wild, ctx, other: ctx.resume(other)] * 3,
    *[Wild.send_all] * 2,
    Wild.bear,
    Wild.bear_group,
    *[Wild.administer] * 3,
    lambda wild, ctx, other: wild.promises.append(ctx.defer()),
    lambda wild, ctx, other: ctx.refuse(Boom()),
    Wild.keep_promises,
    *[lambda wild, ctx, other: wild.ask_around(ctx, other)] * 6,
    *[lambda wild, ctx, other: ctx.tell(other, Go())] * 10,
]


class Go(Do, frozen=True, kw_only=True):
    """Do something."""

    act: Any = None


DIRECTIVES: list[tuple[tuple[type[Exception], Directive], ...]] = [
    *[()] * 2,
    *[((LookupError, Directive.STOP), (Boom, directive)) for directive in Directive],
]


def wild_spec(stage: Stage, others: list[Ref], random: Random, name: str) -> ChildSpec:
    return stage.spec(
        name,
        lambda: Wild(stage, others),
        restart=random.choice([*Restart, Restart.PERMANENT, Restart.PERMANENT]),
        overflow=random.choice([*Overflow]),
        directives=random.choice(DIRECTIVES),
        mailbox_messages_max=1 + random.below(5),
        stash_messages_max=random.below(4),
        restart_messages_max=random.below(4),
        keep_children=random.below(4) == 0,
        shutdown_seconds=random.random() / 4,
        backoff=Backoff(min_seconds=0.1, max_seconds=1.0) if random.below(2) else None,
    )


def not_running(stage: Stage) -> set[tuple[int, str, int]]:
    return {
        (cell.uid, cell.status.value, cell.incarnation)
        for cell in stage.system.cells()
        if cell.status is not Status.RUNNING
    }


def soak(seed: int) -> Counter[str]:
    """What happened in a run; ``simulate`` checks at its end that nothing is lost or left."""

    async def scenario(stage: Stage) -> Counter[str]:
        random = SeededRandom(seed)
        refs: list[Ref] = []
        for _ in range(60):
            refs[:] = [ref for ref in refs if not ref.cell.is_stopped]
            while len(refs) < 6:
                name = f"w{stage.next_number()}"
                top = wild_spec(stage, refs, random, name)  # the root decides and gives up nothing
                refs.append(stage.system.spawn(msgspec.structs.replace(top, directives=())))
            await stage.settle(0.05)
            for ref in refs:
                with suppress(MailboxFull):
                    stage.system.ask(ref, Go())
        before = not_running(stage)
        await stage.settle(10.0)  # much longer than any back-off or hook
        assert not before & not_running(stage), "somebody will never run again"
        log = stage.log
        happened = Counter(reason for _, _, reason in log.dead)
        happened.update(f"dropped: {reason}" for _, _, reason in log.drops)
        happened.update(f"stop: {reason}" for _, reason in log.stops)
        happened.update(type(error).__name__ for _, error in log.failures)
        happened["restart"] += len(log.restarts)
        happened["resumed"] += len(log.resumes)
        return happened

    return simulate(scenario, seed)


def test_whatever_happens_each_message_is_handled_or_dead_exactly_once_and_nobody_is_left() -> None:
    happened: Counter[str] = sum((soak(seed) for seed in range(SOAK_SEEDS)), Counter())
    never = EVERYTHING - set(happened)
    assert not never, "the soak is too tame to prove anything"
