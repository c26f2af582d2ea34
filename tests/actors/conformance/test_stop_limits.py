"""Checks 34 to 38: how long a stop may take, who is killed, and supervisors that end with their significant children."""

import math
from functools import partial
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import Cancelled
from alys.actors.exits import NORMAL, Exit
from alys.actors.ref import Ref
from alys.actors.supervision import AutoShutdown, ChildSpec, Directive, Restart, Strategy
from alys.actors.supervisor import (
    DynamicSupervisor,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from tests.actors.conformance.ways import (
    ENDS,
    OFTEN,
    Run,
    Sluggish,
    children_of,
    clock,
    every_way,
    in_time,
    status_of,
    supervise,
    until,
)
from tests.actors.stage import Boom, Do, Mourner, Puppet, Stage, fail

HOUR = 3600.0


async def linger(puppet: Puppet, ctx: Context) -> None:
    """To be done by a puppet: wait for an hour, and note what ends that."""
    try:
        await puppet.stage.system.sleep(HOUR)
    except Cancelled:
        puppet.note("cancelled")
        raise
    finally:
        puppet.note("finally")


class Deaf(Puppet):
    """Never starts, never stops, never lets itself be restarted: as the test says."""

    def __init__(self, stage: Stage, where: str) -> None:
        super().__init__(stage)
        self.where = where

    async def wait_in(self, where: str) -> None:
        if self.where == where:
            await self.stage.system.sleep(HOUR)
        self.note(where)

    @override
    async def on_start(self, ctx: Context) -> None:
        self.name = ctx.self.name
        await self.wait_in("on_start")

    @override
    async def post_stop(self, ctx: Context) -> None:
        await self.wait_in("post_stop")

    @override
    async def pre_restart(self, error: BaseException, message: Any, ctx: Context) -> None:
        await self.wait_in("pre_restart")


@in_time
@pytest.mark.parametrize("where", ["on_start", "post_stop", "pre_restart", "a handler"])
def test_34_stop_timeout_kill(run: Run, where: str) -> None:
    """A child that does not stop is killed when its time is over, exactly then; that is reported, and the stop goes on."""

    async def scenario(stage: Stage) -> None:
        mother = stage.spawn("mother", shutdown_seconds=HOUR)
        mourner = stage.spawn("mourner", lambda: Mourner(stage))
        spec = stage.spec("a", lambda: Deaf(stage, where), shutdown_seconds=1.0)
        a = await stage.do(mother, lambda p, ctx: ctx.spawn(spec))
        await stage.do(mourner, lambda p, ctx: ctx.watch(a))
        if where == "a handler":
            stage.tell(a, Do(act=linger))
        if where == "pre_restart":
            stage.crash(a)
        await stage.system.sleep(0.5)
        assert await stage.system.stop(mother) == "shutdown: system"
        assert clock(stage) == 1.5
        assert stage.log.stops == [("a", "killed: parent"), ("mother", "shutdown: system")]
        await stage.settle()
        assert stage.notes("mourner")[1:] == ["a is gone: killed: parent"]
        assert ("a" in [who for who, what in stage.journal if what == "cancelled"]) == (
            where == "a handler"
        )

    run(scenario)


@in_time
def test_34_stop_timeout_kill_after_five_seconds_unless_it_is_a_supervisor(run: Run) -> None:
    """By default a worker has five seconds; a supervisor has as long as its children take."""

    async def scenario(stage: Stage) -> None:
        children = [stage.spec(str(n), lambda: Sluggish(stage, stop=4.0)) for n in range(3)]
        boss = supervise(stage, *children, stage.spec("deaf", lambda: Deaf(stage, "post_stop")))
        await children_of(stage, boss)
        assert await stage.system.stop(boss) == "shutdown: system"
        assert clock(stage) == 5.0 + 3 * 4.0
        assert [reason for _, reason in stage.log.stops] == [
            "killed: parent",
            *["shutdown: parent"] * 3,
            "shutdown: system",
        ]

    run(scenario)


@in_time
def test_34_stop_timeout_kill_takes_the_children_along(run: Run) -> None:
    """Who is killed while its children are still stopping does not leave them behind."""

    async def scenario(stage: Stage) -> None:
        mother = stage.spawn("mother", shutdown_seconds=1.0)
        patient = stage.spec("a", lambda: Deaf(stage, "post_stop"), shutdown_seconds=math.inf)
        await stage.do(mother, lambda p, ctx: ctx.spawn(patient))
        assert await stage.system.stop(mother) == "killed: system"
        assert (clock(stage), [path for path, _, _ in stage.system.tree()]) == (1.0, ["/alys"])
        assert stage.log.stops == [("a", "killed: parent"), ("mother", "killed: system")]

    run(scenario)


@in_time
@pytest.mark.parametrize("busy", [False, True])
def test_35_brutal_kill(run: Run, busy: bool) -> None:
    """A child without any time is ended in the same moment: no hook is waited for, or even begun."""

    async def scenario(stage: Stage) -> None:
        boss = supervise(
            stage, stage.spec("a"),
            stage.spec("b", lambda: Sluggish(stage, stop=1.0), shutdown_seconds=0.0), stage.spec("c"),
        )  # fmt: skip
        b = (await children_of(stage, boss))["b"].ref
        assert b is not None
        if busy:
            stage.tell(b, Do(act=linger))
        await stage.settle(1.0)
        stage.journal.clear()
        await stage.system.stop(boss)
        assert clock(stage) == 1.0
        handler = [("b", "cancelled"), ("b", "finally")] if busy else []
        assert stage.journal == [("c", "post_stop"), *handler, ("a", "post_stop")]
        assert ("b", "killed: parent") in stage.log.stops

    run(scenario)


@every_way
def test_36_stop_race(run: Run) -> None:
    """Children that end in all sorts of ways while their supervisor is told to stop: it stops, and nobody comes back."""

    async def scenario(stage: Stage) -> None:
        await stop_race(stage, supervise_all(stage))

    run(scenario)


@every_way
def test_36_stop_race_of_a_dynamic_supervisor(run: Run) -> None:
    """The same where all children are told to stop at once."""

    async def scenario(stage: Stage) -> None:
        template = ChildSpec(factory=lambda: Fragile(stage), restart=Restart.PERMANENT)
        boss = stage.spawn(
            "boss", lambda: DynamicSupervisor(template, OFTEN), restart=Restart.TEMPORARY
        )
        for _ in range(2 * len(ENDS)):
            await stage.system.ask(boss, StartChild())
        await stop_race(stage, boss)

    run(scenario)


class Fragile(Puppet):
    """Fails in its last hook too."""

    @override
    def post_stop(self, ctx: Context) -> None:
        super().post_stop(ctx)
        if ctx.random.below(2):
            raise Boom("at the end")


def supervise_all(stage: Stage) -> Ref:
    """A supervisor of any strategy with children of all restart types."""
    strategy = tuple(Strategy)[stage.system.random.below(3)]
    specs = [
        stage.spec(f"{n}{restart.value}", lambda: Fragile(stage), restart=restart)
        for n in range(4)
        for restart in Restart
    ]
    return supervise(stage, *specs, strategy=strategy, intensity=OFTEN)


def stop_as(end: Exit, puppet: Puppet, ctx: Context) -> None:
    """To be done by a puppet: end so."""
    ctx.stop(end=end)


async def stop_race(stage: Stage, boss: Ref) -> None:
    """Let the children end, some before and some after the word to stop."""
    refs = [info.ref for info in await stage.system.ask(boss, WhichChildren())]
    ends = list(ENDS.values())
    when = stage.system.random.below(len(refs))
    stopped = None
    for number, ref in enumerate(refs):
        if number == when:
            stopped = stage.system.stop(boss)
        end = ends[number % len(ends)]
        assert ref is not None
        act = fail if end is None else partial(stop_as, end)
        stage.tell(ref, Do(act=act))
    assert stopped is not None
    assert await stopped == "shutdown: system"
    starts = sum(what == "start" for _, what in stage.journal)
    await stage.system.sleep(10.0)
    assert sum(what == "start" for _, what in stage.journal) == starts
    assert [path for path, _, _ in stage.system.tree()] == ["/alys"]
    ended = sum(what == "post_stop" for _, what in stage.journal)
    restarts = sum(what == "pre_restart" for _, what in stage.journal)
    assert starts - restarts <= ended <= starts


@in_time
def test_37_dynamic_stop_parallel(run: Run) -> None:
    """A thousand children of a dynamic supervisor that take a second each to stop take a second together."""

    async def scenario(stage: Stage) -> None:
        template = ChildSpec(factory=lambda: Sluggish(stage, stop=1.0))
        boss = stage.spawn("boss", lambda: DynamicSupervisor(template), supervisor=True)
        for _ in range(1000):
            stage.system.ask(boss, StartChild())
        await stage.settle(1.0)
        assert len(stage.journal) == 1000
        assert await stage.system.stop(boss) == "shutdown: system"
        assert (clock(stage), len(stage.log.stops)) == (2.0, 1001)
        assert [what for _, what in stage.journal].count("post_stop") == 1000

    run(scenario)


@in_time
def test_37_dynamic_stop_parallel_kills_who_takes_too_long(run: Run) -> None:
    """Each of them has its own time: who is over it is killed then, without the others having to wait or to hurry."""

    async def scenario(stage: Stage) -> None:
        def make(seconds: float = 0.0) -> Sluggish:
            return Sluggish(stage, stop=seconds)

        template = ChildSpec(factory=make, shutdown_seconds=3.0)
        boss = stage.spawn("boss", lambda: DynamicSupervisor(template), supervisor=True)
        for seconds in (1.0, 2.0, HOUR):
            await stage.system.ask(boss, StartChild(arguments=(seconds,)))
        await stage.system.stop(boss)
        assert clock(stage) == 3.0
        assert [reason for _, reason in stage.log.stops[:3]] == [
            "shutdown: parent",
            "shutdown: parent",
            "killed: parent",
        ]

    run(scenario)


# 38


def significant(stage: Stage, auto: AutoShutdown, **more: Any) -> Ref:
    """A supervisor of two significant children and one that is not."""
    two = [
        stage.spec(name, significant=True, restart=Restart.TRANSIENT, **more)
        for name in ("s1", "s2")
    ]
    return supervise(
        stage, two[0], stage.spec("plain", restart=Restart.TRANSIENT), two[1],
        auto_shutdown=auto, intensity=OFTEN,
    )  # fmt: skip


async def end(stage: Stage, boss: Ref, name: str) -> None:
    """Let a child end by itself, normally, and see that through."""
    ref = (await children_of(stage, boss))[name].ref
    assert ref is not None
    stage.tell(ref, Do(act=lambda p, ctx: ctx.stop()))
    await ref.cell.when_stopped()
    await stage.system.sleep(0.1)


def is_alive(stage: Stage, ref: Ref) -> bool:
    return ref in stage.system.cells()


SHUTDOWN = "shutdown: significant child ended"


@every_way
@pytest.mark.parametrize(
    ("auto", "names"),
    [
        (AutoShutdown.ANY, ("plain", "s1")),
        (AutoShutdown.ANY, ("s2",)),
        (AutoShutdown.ALL, ("plain", "s2", "s1")),
        (AutoShutdown.ALL, ("s1", "plain", "s2")),
    ],
)
def test_38_significant_ends_the_supervisor(
    run: Run, auto: AutoShutdown, names: tuple[str, ...]
) -> None:
    """A supervisor ends when the first (ANY) or the last (ALL) significant child has ended by itself, and no sooner."""

    async def scenario(stage: Stage) -> None:
        boss = significant(stage, auto)
        for name in names[:-1]:
            await end(stage, boss, name)
            assert is_alive(stage, boss)
        await end(stage, boss, names[-1])
        assert await boss.cell.when_stopped() == SHUTDOWN
        assert stage.log.restarts == []
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)


@every_way
@pytest.mark.parametrize("auto", AutoShutdown)
def test_38_significant_children_that_are_restarted_or_terminated(
    run: Run, auto: AutoShutdown
) -> None:
    """It does not end for one that is restarted, nor for one that an administrator terminates."""

    async def scenario(stage: Stage) -> None:
        if auto is AutoShutdown.NEVER:
            boss = supervise(stage, *[stage.spec(name) for name in ("s1", "s2")], intensity=OFTEN)
        else:
            boss = significant(stage, auto)
        ref = (await children_of(stage, boss))["s1"].ref
        assert ref is not None
        stage.crash(ref)
        await until(stage, lambda: ref.cell.incarnation == 1)
        for name in ("s1", "s2"):
            await stage.system.ask(boss, TerminateChild(name=name))
        await stage.system.sleep(0.1)
        assert is_alive(stage, boss)
        await stage.system.ask(boss, RestartChild(name="s1"))
        assert (await status_of(stage, boss))["s1"] == "running"

    run(scenario)


@every_way
@pytest.mark.parametrize("auto", [AutoShutdown.ANY, AutoShutdown.ALL])
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_38_significant_bystander(run: Run, auto: AutoShutdown, strategy: Strategy) -> None:
    """It does not end for a temporary one that the restart of its group has stopped."""

    async def scenario(stage: Stage) -> None:
        bystander = stage.spec("s", significant=True, restart=Restart.TEMPORARY)
        boss = supervise(
            stage, stage.spec("p"), bystander,
            strategy=strategy, auto_shutdown=auto, intensity=OFTEN,
        )  # fmt: skip
        ref = (await children_of(stage, boss))["p"].ref
        assert ref is not None
        stage.crash(ref)
        await until(stage, lambda: ref.cell.incarnation == 1)
        await stage.system.sleep(0.1)
        assert await status_of(stage, boss) == {"p": "running"}
        assert is_alive(stage, boss)

    run(scenario)


@every_way
@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
def test_38_significant_child_that_fails_for_good(run: Run, restart: Restart) -> None:
    """A failure after which it is not restarted is an end by itself too: of a temporary one, or by a directive."""

    async def scenario(stage: Stage) -> None:
        spec = stage.spec(
            "s", significant=True, restart=restart, directives=((Boom, Directive.STOP),)
        )
        boss = supervise(stage, spec, stage.spec("p"), auto_shutdown=AutoShutdown.ALL)
        stage.crash((await children_of(stage, boss))["s"].ref)  # type: ignore[arg-type]
        assert await boss.cell.when_stopped() == SHUTDOWN

    run(scenario)


@every_way
def test_38_significant_child_that_never_ran(run: Run) -> None:
    """It does not end for one that an administrator could not start."""

    def broken() -> Puppet:
        raise Boom

    async def scenario(stage: Stage) -> None:
        boss = significant(stage, AutoShutdown.ANY)
        spec = stage.spec("s3", broken, significant=True, restart=Restart.TRANSIENT)
        with pytest.raises(Exception, match="s3 did not start"):
            await stage.system.ask(boss, StartChild(spec=spec))
        await stage.system.sleep(0.1)
        assert is_alive(stage, boss)

    run(scenario)


@every_way
def test_38_significant_end_during_the_restart_of_a_group(run: Run) -> None:
    """One that ends by itself while the group is torn down is started again with it, and nobody ends for that."""

    async def scenario(stage: Stage) -> None:
        slow = stage.spec("slow", lambda: Slow(stage))
        spec = stage.spec("s", significant=True, restart=Restart.TRANSIENT)
        boss = supervise(
            stage, stage.spec("p"), spec, slow,
            strategy=Strategy.ONE_FOR_ALL, auto_shutdown=AutoShutdown.ANY, intensity=OFTEN,
        )  # fmt: skip
        refs = {name: info.ref for name, info in (await children_of(stage, boss)).items()}
        stage.crash(refs["p"])  # type: ignore[arg-type]
        await until(stage, lambda: "tearing down" in stage.notes("slow"))
        refs["s"].cell.begin_stop(NORMAL)  # type: ignore[union-attr]
        await until(stage, lambda: stage.notes("slow").count("start") == 2)
        await stage.system.sleep(10.0)
        assert await status_of(stage, boss) == {"p": "running", "s": "running", "slow": "running"}
        assert stage.log.restarts == [("p", 1), ("slow", 1)]

    class Slow(Puppet):
        @override
        async def pre_restart(self, error: BaseException, message: Any, ctx: Context) -> None:
            self.note("tearing down")
            await self.stage.system.sleep(1.0)

    run(scenario)
