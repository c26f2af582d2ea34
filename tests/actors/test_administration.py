"""What an administrator may do to the children of a supervisor, and the dynamic supervisor, whose children all come so."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.errors import (
    BadSpec,
    ChildPresent,
    ChildRestarting,
    ChildRunning,
    IntensityExceeded,
    NoSuchChild,
    StartFailed,
)
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, ChildSpec, Intensity
from alys.actors.supervisor import (
    ChildCounts,
    CountChildren,
    DeleteChild,
    DynamicSupervisor,
    RestartChild,
    StartChild,
    Supervisor,
    TerminateChild,
    WhichChildren,
)
from tests.actors.stage import Boom, Puppet, Run, Stage, everywhere, in_simulation


def supervise(stage: Stage, *children: ChildSpec, intensity: Intensity | None = None) -> Ref:
    return stage.spawn("boss", lambda: Supervisor(children, intensity))


async def info(stage: Stage, boss: Ref) -> list[tuple[str, str, bool]]:
    listed = await stage.system.ask(boss, WhichChildren())
    return [(child.name, child.status, child.ref is not None) for child in listed]


@in_simulation
def test_the_list_and_the_counts_say_who_runs_who_is_stopped_and_who_is_being_restarted(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        late = Backoff(min_seconds=60.0, max_seconds=60.0)
        boss = supervise(
            stage,
            stage.spec("runs"),
            stage.spec("stopped"),
            stage.spec("restarting", backoff=late, register="r"),
            stage.spec("below", lambda: Supervisor([]), supervisor=True),
        )
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="stopped"))
        stage.crash(stage.system.whereis("r"))
        await stage.settle()
        assert await info(stage, boss) == [
            ("runs", "running", True),
            ("stopped", "stopped", False),
            ("restarting", "restarting", True),
            ("below", "running", True),
        ]
        counts = await stage.system.ask(boss, CountChildren())
        assert counts == ChildCounts(specs=4, active=2, supervisors=1, workers=3)

    run(scenario)


@everywhere
def test_a_child_may_be_started_stopped_started_again_and_deleted(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, ask = supervise(stage, stage.spec("a")), stage.system.ask
        started = await ask(boss, StartChild(spec=stage.spec("b")))
        assert await stage.do(started, lambda p, ctx: "alive") == "alive"
        await ask(boss, TerminateChild(name="a"))
        await ask(boss, TerminateChild(name="a"))
        assert await info(stage, boss) == [("a", "stopped", False), ("b", "running", True)]
        again = await ask(boss, RestartChild(name="a"))
        assert await stage.do(again, lambda p, ctx: "alive") == "alive"
        assert [name for name, *_ in await info(stage, boss)] == ["a", "b"]
        await ask(boss, TerminateChild(name="b"))
        await ask(boss, DeleteChild(name="b"))
        assert await info(stage, boss) == [("a", "running", True)]

    run(scenario)


@in_simulation
def test_an_administrator_is_told_what_cannot_be_done_now(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        late = Backoff(min_seconds=60.0, max_seconds=60.0)
        boss = supervise(
            stage,
            stage.spec("runs"),
            stage.spec("stopped"),
            stage.spec("restarting", backoff=late, register="r"),
        )
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="stopped"))
        stage.crash(stage.system.whereis("r"))
        await stage.settle()
        for request, error in (
            (TerminateChild(name="nobody"), NoSuchChild),
            (RestartChild(name="nobody"), NoSuchChild),
            (DeleteChild(name="nobody"), NoSuchChild),
            (RestartChild(name="runs"), ChildRunning),
            (DeleteChild(name="runs"), ChildRunning),
            (RestartChild(name="restarting"), ChildRestarting),
            (DeleteChild(name="restarting"), ChildRestarting),
            (StartChild(spec=stage.spec("runs")), ChildRunning),
            (StartChild(spec=stage.spec("stopped")), ChildPresent),
            (StartChild(spec=stage.spec("")), BadSpec),
            (StartChild(arguments=("for a template",)), BadSpec),
            (StartChild(spec=stage.spec("a/b")), BadSpec),
        ):
            with pytest.raises(error):
                await stage.system.ask(boss, request)
        assert [name for name, *_ in await info(stage, boss)] == ["runs", "stopped", "restarting"]
        assert [who for who, _ in stage.log.failures] == ["restarting"]

    run(scenario)


@in_simulation
def test_a_child_that_is_built_anew_counts_as_restarting_until_it_runs(run: Run) -> None:
    class SlowAgain(Puppet):
        @override
        async def post_restart(self, error: BaseException, ctx: Any) -> None:
            await self.stage.system.sleep(5.0)

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a", lambda: SlowAgain(stage), register="a"))
        await stage.settle()
        stage.crash(stage.system.whereis("a"))
        await stage.settle(1.0)
        assert await info(stage, boss) == [("a", "restarting", True)]
        assert (await stage.system.ask(boss, CountChildren())).active == 0
        with pytest.raises(ChildRestarting):
            await stage.system.ask(boss, DeleteChild(name="a"))
        await stage.settle(6.0)
        assert (await stage.system.ask(boss, CountChildren())).active == 1

    run(scenario)


@in_simulation
def test_a_child_that_does_not_start_for_an_administrator_is_not_kept_and_the_others_live(
    run: Run,
) -> None:
    def make() -> Actor:
        raise Boom

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage, stage.spec("a"))
        with pytest.raises(StartFailed, match="b did not start: Boom"):
            await stage.system.ask(boss, StartChild(spec=stage.spec("b", make)))
        await stage.settle()
        assert await info(stage, boss) == [("a", "running", True)]
        assert stage.log.restarts == []

    run(scenario)


@in_simulation
def test_a_child_that_does_not_start_again_stays_on_the_list(run: Run) -> None:
    calls: list[int] = []

    async def scenario(stage: Stage) -> None:
        calls.clear()

        def make() -> Actor:
            calls.append(1)
            if len(calls) == 2:
                raise Boom
            return Puppet(stage)

        boss = supervise(stage, stage.spec("a", make))
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="a"))
        with pytest.raises(StartFailed):
            await stage.system.ask(boss, RestartChild(name="a"))
        await stage.settle()
        assert await info(stage, boss) == [("a", "stopped", False)]
        again = await stage.system.ask(boss, RestartChild(name="a"))
        assert await stage.do(again, lambda p, ctx: "alive") == "alive"

    run(scenario)


@in_simulation
def test_a_child_that_is_stopped_before_it_runs_did_not_start(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def on_start(self, ctx: Any) -> None:
            await self.stage.system.sleep(5.0)

    async def scenario(stage: Stage) -> None:
        boss = supervise(stage)
        spec = stage.spec("a", lambda: Slow(stage))
        started = stage.system.ask(boss, StartChild(spec=spec))
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="a"))
        with pytest.raises(StartFailed, match="it ended: shutdown: parent"):
            await started
        assert await info(stage, boss) == []

    run(scenario)


@in_simulation
def test_nobody_is_started_by_a_supervisor_that_is_giving_up(run: Run) -> None:
    class SlowToStop(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await self.stage.system.sleep(2.0)

    async def scenario(stage: Stage) -> None:
        specs = (stage.spec("a", register="a"), stage.spec("slow", lambda: SlowToStop(stage)))
        boss = supervise(stage, *specs, intensity=Intensity(restarts=0))
        await stage.settle()
        stage.crash(stage.system.whereis("a"))
        await stage.settle(1.0)
        await stage.system.ask(boss, StartChild(spec=stage.spec("b")))
        assert [name for name, *_ in await info(stage, boss)] == ["a", "slow", "b"]
        assert [type(error) for who, error in stage.log.failures if who == "boss"] == [
            IntensityExceeded
        ]

    run(scenario)


# Children that share a spec


def dynamic(stage: Stage, **more: Any) -> Ref:
    template = ChildSpec(factory=lambda *names: Puppet(stage, *names), **more)
    return stage.spawn("boss", lambda: DynamicSupervisor(template))


@everywhere
def test_a_dynamic_supervisor_starts_as_many_of_one_kind_as_it_is_asked_for(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, ask = dynamic(stage), stage.system.ask
        plain = await ask(boss, StartChild())
        named = await ask(boss, StartChild(arguments=("ada",), name="a"))
        assert await stage.do(plain, lambda p, ctx: p.name) == f"${plain.uid}"
        assert await stage.do(named, lambda p, ctx: (p.name, ctx.self.name)) == ("ada", "a")
        assert await info(stage, boss) == [("", "running", True), ("a", "running", True)]
        await ask(boss, TerminateChild(name=plain.uid))
        assert await info(stage, boss) == [("a", "running", True)]
        assert await stage.system.ask(boss, CountChildren()) == ChildCounts(
            specs=1, active=1, supervisors=0, workers=1
        )

    run(scenario)


@in_simulation
def test_a_dynamic_supervisor_takes_no_spec_and_no_name_twice(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, ask = dynamic(stage), stage.system.ask
        with pytest.raises(BadSpec, match="has its template"):
            await ask(boss, StartChild(spec=stage.spec("a")))
        await ask(boss, StartChild(name="a"))
        with pytest.raises(BadSpec, match="a child named 'a' already"):
            await ask(boss, StartChild(name="a"))
        assert stage.log.failures == []

    run(scenario)


@in_simulation
def test_a_child_of_a_dynamic_supervisor_is_restarted_with_its_arguments(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = dynamic(stage)
        child = await stage.system.ask(boss, StartChild(arguments=("ada",)))
        stage.crash(child)
        assert await stage.do(child, lambda p, ctx: p.name) == "ada"
        assert stage.notes("ada").count("start") == 2

    run(scenario)


@in_simulation
def test_the_children_of_a_dynamic_supervisor_stop_all_at_once(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await self.stage.system.sleep(1.0)

    async def scenario(stage: Stage) -> None:
        template = ChildSpec(factory=lambda: Slow(stage))
        boss = stage.spawn("boss", lambda: DynamicSupervisor(template))
        for _ in range(50):
            await stage.system.ask(boss, StartChild())
        before = stage.now()
        await stage.system.stop(boss)
        assert stage.now() - before == pytest.approx(1.0)

    run(scenario)
