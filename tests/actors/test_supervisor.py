"""Supervisors: restart types, the window, escalation up to the end of the system, administration, and the dynamic kind."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.errors import (
    BadSpec,
    ChildEscalated,
    IntensityExceeded,
)
from alys.actors.ref import Ref
from alys.actors.supervision import (
    AutoShutdown,
    ChildSpec,
    Directive,
    Intensity,
    Restart,
)
from alys.actors.supervisor import (
    DynamicSupervisor,
    Supervisor,
    TerminateChild,
    WhichChildren,
)
from tests.actors.stage import Boom, Do, Puppet, Stage, everywhere, fail, in_simulation, simulate

Run = Any

TWO_IN_TEN = Intensity(restarts=2, period_seconds=10.0)


def supervise(stage: Stage, *children: ChildSpec, intensity: Intensity | None = None) -> Ref:
    return stage.spawn("boss", lambda: Supervisor(children, intensity))


async def children_of(stage: Stage, boss: Ref) -> dict[str, Ref]:
    """The living ones, by name."""
    listed = await stage.system.ask(boss, WhichChildren())
    return {child.name: child.ref for child in listed if child.ref is not None}


@everywhere
def test_children_start_in_the_order_of_the_list(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, *(stage.spec(name) for name in "cab"))
        assert list(await children_of(stage, boss)) == ["c", "a", "b"]

    run(scenario)


@in_simulation
def test_children_stop_in_reverse(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, *(stage.spec(name) for name in "cab"))
        await stage.settle()
        await stage.system.stop(boss)
        stops = [who for who, what in stage.journal if what == "post_stop"]
        assert stops == ["b", "a", "c"]

    run(scenario)


@everywhere
def test_one_childs_failure_leaves_its_sibling_as_it_is(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a"), stage.spec("b"))
        before = await children_of(stage, boss)
        for name in "ab":
            stage.say(before[name], "remember")
        stage.crash(before["a"])
        assert await stage.do(before["a"], lambda p, ctx: p.heard) == []
        assert await stage.do(before["b"], lambda p, ctx: p.heard) == ["remember"]
        assert await children_of(stage, boss) == before
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@in_simulation
@pytest.mark.parametrize(
    ("restart", "end", "living"),
    [
        (Restart.PERMANENT, "stop", True),
        (Restart.PERMANENT, "fail", True),
        (Restart.TRANSIENT, "stop", False),
        (Restart.TRANSIENT, "fail", True),
        (Restart.TEMPORARY, "stop", False),
        (Restart.TEMPORARY, "fail", False),
    ],
)
def test_the_restart_type_says_who_comes_back(
    run: Run, restart: Restart, end: str, living: bool
) -> None:
    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a", restart=restart, register="a"))
        await stage.settle()
        act = fail if end == "fail" else lambda p, ctx: ctx.stop()
        stage.tell(stage.system.whereis("a"), Do(act=act))
        await stage.settle()
        assert ("a" in await children_of(stage, boss)) == living
        assert stage.notes("a").count("start") == 1 + living
        if living:
            assert await stage.do(stage.system.whereis("a"), lambda p, ctx: 1) == 1

    run(scenario)


@in_simulation
def test_the_third_failure_in_the_window_stops_all_children_and_escalates(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = supervise(
            stage, stage.spec("a", register="a"), stage.spec("b"), intensity=TWO_IN_TEN
        )
        for _ in range(3):
            await stage.settle(1.0)
            stage.crash(stage.system.whereis("a"))
        await stage.settle(0.5)
        assert stage.log.escalations == ["boss"]
        [error] = [e for who, e in stage.log.failures if who == "boss"]
        assert isinstance(error, IntensityExceeded)
        assert (error.intensity, error.period_seconds) == (2, 10.0)
        assert isinstance(error.__cause__, Boom)
        assert stage.log.stops == [("b", "shutdown: parent"), ("a", "shutdown: parent")]
        assert stage.log.restarts == [("a", 1), ("a", 2), ("boss", 1)]
        assert list(await children_of(stage, boss)) == ["a", "b"]
        assert stage.system.failure is None

    run(scenario)


@in_simulation
def test_failures_that_are_far_enough_apart_never_escalate(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        supervise(stage, stage.spec("a", register="a"), intensity=TWO_IN_TEN)
        for _ in range(20):
            await stage.settle(5.1)
            stage.crash(stage.system.whereis("a"))
        await stage.settle()
        assert (len(stage.log.restarts), stage.log.escalations) == (20, [])

    run(scenario)


@in_simulation
def test_a_permanent_child_that_stops_all_the_time_is_too_much_as_well(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        supervise(stage, stage.spec("a", register="a"), intensity=TWO_IN_TEN)
        for _ in range(3):
            await stage.settle(1.0)
            stage.tell(stage.system.whereis("a"), Do(act=lambda p, ctx: ctx.stop()))
        await stage.settle()
        assert stage.log.escalations == ["boss"]

    run(scenario)


def test_escalation_climbs_to_the_root_and_ends_the_system() -> None:
    async def scenario(stage: Stage) -> str:
        never = Intensity(restarts=0, period_seconds=1.0)
        inner = stage.spec("a", register="a")
        middle = stage.spec("middle", lambda: Supervisor([inner], never))
        supervise(stage, middle, intensity=never)
        await stage.settle()
        stage.crash(stage.system.whereis("a"))
        reason = await stage.system.terminated
        assert stage.log.escalations == ["middle", "boss", "alys"]
        causes, error = [], stage.system.failure
        while error is not None:
            causes.append(type(error).__name__)
            error = error.__cause__
        assert causes == ["IntensityExceeded"] * 3 + ["Boom"]
        return reason

    never = Intensity(restarts=0, period_seconds=1.0)
    assert simulate(scenario, intensity=never) == "failed: IntensityExceeded"


@in_simulation
def test_a_supervisor_that_gave_up_is_restarted_with_all_children_anew(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        never = Intensity(restarts=0, period_seconds=1.0)
        boss = supervise(stage, stage.spec("a", register="a"), stage.spec("b"), intensity=never)
        await stage.settle()
        before = await children_of(stage, boss)
        stage.crash(before["a"])
        await stage.settle()
        after = await children_of(stage, boss)
        assert list(after) == ["a", "b"]
        assert not set(after.values()) & set(before.values())
        stage.say(after["a"], "hello")
        assert await stage.do(after["a"], lambda p, ctx: p.heard) == ["hello"]

    run(scenario)


def test_listed_failures_go_up_without_a_restart_of_the_child() -> None:
    async def scenario(stage: Stage) -> None:
        supervise(stage, stage.spec("a", register="a", directives=((Boom, Directive.ESCALATE),)))
        await stage.settle()
        stage.crash(stage.system.whereis("a"))
        await stage.settle()
        [error] = [e for who, e in stage.log.failures if who == "boss"]
        assert isinstance(error, ChildEscalated)
        assert stage.log.restarts == [("boss", 1)]

    simulate(scenario)


@in_simulation
def test_the_window_of_a_restarted_supervisor_is_empty(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        supervise(stage, stage.spec("a", register="a"))
        for _ in range(3):
            stage.crash(await living(stage, "a"))
            await stage.settle()
        assert stage.log.restarts == [("a", 1), ("boss", 1), ("a", 1)]

    async def living(stage: Stage, name: str) -> Ref:
        await stage.settle()
        return stage.system.whereis(name)

    run(scenario)


@in_simulation
def test_children_that_fail_while_the_supervisor_stops_are_not_restarted(run: Run) -> None:
    class Fragile(Puppet):
        @override
        def post_stop(self, ctx: Any) -> None:
            raise Boom

    async def scenario(stage: Stage) -> None:
        specs = [stage.spec(name, lambda: Fragile(stage), register=name) for name in "abc"]
        boss = supervise(stage, *specs)
        await stage.settle()
        for name in "ab":
            stage.crash(stage.system.whereis(name))
        stage.tell(stage.system.whereis("c"), Do(act=lambda p, ctx: ctx.stop()))
        await stage.system.stop(boss)
        starts = len([what for _, what in stage.journal if what == "start"])
        await stage.settle(10.0)
        assert len([what for _, what in stage.journal if what == "start"]) == starts
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)


def test_a_supervisor_with_a_wrong_spec_starts_nobody() -> None:
    good = ChildSpec(name="a", factory=Actor)
    for children, intensity, named in (
        ([good, good], None, "two children are named 'a'"),
        ([good, ChildSpec(name="", factory=Actor)], None, "child needs a name"),
        ([good], Intensity(restarts=-1), "intensity.restarts"),
    ):
        with pytest.raises(BadSpec, match=named):
            Supervisor(children, intensity)


def test_what_a_supervisor_cannot_be_is_refused_when_it_is_made() -> None:
    no_strategy: Any = "one_for_all"
    significant = ChildSpec(name="a", factory=Actor, significant=True, restart=Restart.TRANSIENT)
    with pytest.raises(BadSpec, match="strategy must be a Strategy, not 'one_for_all'"):
        Supervisor([], strategy=no_strategy)
    with pytest.raises(BadSpec, match="significant child needs auto_shutdown"):
        Supervisor([significant])
    for template in (ChildSpec(name="a", factory=Actor), ChildSpec(register="a", factory=Actor)):
        with pytest.raises(BadSpec, match="template has no name and registers none"):
            DynamicSupervisor(template)
    with pytest.raises(BadSpec, match=r"intensity\.restarts"):
        DynamicSupervisor(ChildSpec(factory=Actor), Intensity(restarts=-1))


# Significant children


@in_simulation
@pytest.mark.parametrize(
    ("auto", "ends", "gone"),
    [
        (AutoShutdown.ANY, "a", True),
        (AutoShutdown.ALL, "a", False),
        (AutoShutdown.ALL, "ab", True),
        (AutoShutdown.ANY, "c", False),
        (AutoShutdown.ALL, "c", False),
    ],
)
def test_a_supervisor_ends_with_its_significant_children(
    run: Run, auto: AutoShutdown, ends: str, gone: bool
) -> None:
    async def scenario(stage: Stage) -> None:
        mine = [
            stage.spec(n, register=n, restart=Restart.TRANSIENT, significant=n != "c")
            for n in "abc"
        ]
        boss = stage.spawn(
            "boss", lambda: Supervisor(mine, auto_shutdown=auto), restart=Restart.TRANSIENT
        )
        await stage.settle()
        for name in ends:
            stage.tell(stage.system.whereis(name), Do(act=lambda p, ctx: ctx.stop()))
        await stage.settle()
        assert (("boss", "shutdown: significant child ended") in stage.log.stops) == gone
        assert boss.cell.is_stopped == gone

    run(scenario)


@in_simulation
@pytest.mark.parametrize("how", ["told", "failed"])
def test_a_significant_child_that_is_told_to_stop_ends_nobody_but_one_that_failed_does(
    run: Run, how: str
) -> None:
    async def scenario(stage: Stage) -> None:
        spec = stage.spec("a", register="a", restart=Restart.TEMPORARY, significant=True)
        boss = stage.spawn(
            "boss",
            lambda: Supervisor([spec], auto_shutdown=AutoShutdown.ANY),
            restart=Restart.TEMPORARY,
        )
        await stage.settle()
        if how == "told":
            await stage.system.ask(boss, TerminateChild(name="a"))
        else:
            stage.crash(stage.system.whereis("a"))
        await stage.settle()
        assert boss.cell.is_stopped == (how == "failed")

    run(scenario)
