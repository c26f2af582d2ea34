"""What happens to several children in a row: a list that starts, a group that is restarted."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import Ignore, SiblingFailed, StartFailed
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, ChildSpec, Directive, Intensity, Restart, Strategy
from alys.actors.supervisor import (
    ChildInfo,
    Supervisor,
    TerminateChild,
    WhichChildren,
)
from tests.actors.stage import (
    LENIENT,
    Boom,
    Do,
    Puppet,
    Run,
    Stage,
    in_simulation,
)

ALL, REST = Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


class Slow(Puppet):
    """Takes a second to start."""

    @override
    async def on_start(self, ctx: Context) -> None:
        super().on_start(ctx)
        await self.stage.system.sleep(1.0)
        self.note("started")


class SlowToEnd(Puppet):
    """Takes a second for the hook before a restart."""

    @override
    async def pre_restart(
        self, error: BaseException, message: Message | None, ctx: Context
    ) -> None:
        await self.stage.system.sleep(1.0)
        self.note("pre_restart")


class Hasty(Puppet):
    """Ends by itself as soon as it runs, the first time."""

    @override
    def on_start(self, ctx: Context) -> None:
        super().on_start(ctx)
        if self.stage.notes(self.name).count("start") == 1:
            ctx.stop()


def group(
    stage: Stage, strategy: Strategy, *specs: ChildSpec, intensity: Intensity = LENIENT
) -> Ref:
    return stage.spawn("boss", lambda: Supervisor(specs, intensity, strategy))


def names(stage: Stage, letters: str, **more: Any) -> list[ChildSpec]:
    return [stage.spec(name, register=name, **more) for name in letters]


async def listed(stage: Stage, boss: Ref) -> list[ChildInfo]:
    return list(await stage.system.ask(boss, WhichChildren()))


async def states(stage: Stage, boss: Ref) -> dict[str, str]:
    return {child.name: child.status for child in await listed(stage, boss)}


def crash(stage: Stage, name: str) -> None:
    stage.crash(stage.system.whereis(name))


def unreliable(stage: Stage, fails: set[int], error: type[Exception] = Boom) -> Any:
    """A factory that fails at these of its calls, counted from 1."""
    calls: list[int] = []

    def make() -> Actor:
        calls.append(1)
        if len(calls) in fails:
            raise error
        return Puppet(stage)

    return make


# A list that starts


@in_simulation
def test_each_child_starts_when_the_one_before_it_runs(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = group(stage, ALL, *(stage.spec(n, lambda: Slow(stage)) for n in "ab"))
        await listed(stage, boss)
        assert stage.journal == [("a", "start"), ("a", "started"), ("b", "start"), ("b", "started")]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("taken", [False, True])
def test_when_one_does_not_start_those_before_it_are_gone_and_the_supervisor_did_not_start(
    run: Run, taken: bool
) -> None:
    """It fails, or its registered name is somebody else's."""

    async def scenario(stage: Stage) -> None:
        stage.spawn("other", register="taken")
        third = (
            stage.spec("c", register="taken")
            if taken
            else stage.spec("c", unreliable(stage, {*range(9)}))
        )
        specs = (stage.spec("a"), stage.spec("b"), third, stage.spec("d"))
        stage.spawn("boss", lambda: Supervisor(specs), restart=Restart.TEMPORARY)
        await stage.settle()
        ends = [who for who, _ in stage.log.stops]
        assert ends == [*([] if taken else ["c"]), "b", "a", "boss"]
        [error] = [error for who, error in stage.log.failures if who == "boss"]
        assert isinstance(error, StartFailed)
        assert error.child == "c"
        assert stage.notes("d") == []

    run(scenario)


@in_simulation
def test_a_child_that_is_not_wanted_now_is_kept_without_a_process(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        unwanted = unreliable(stage, {1}, Ignore)
        boss = group(stage, ALL, *names(stage, "a"), stage.spec("b", unwanted), stage.spec("c"))
        assert await states(stage, boss) == {"a": "running", "b": "stopped", "c": "running"}
        assert stage.log.failures == []

    run(scenario)


@in_simulation
@pytest.mark.parametrize("strategy", [*Strategy])
def test_a_child_that_ends_by_itself_while_the_others_start_does_not_hold_them_up(
    run: Run, strategy: Strategy
) -> None:
    async def scenario(stage: Stage) -> None:
        hasty = stage.spec("a", lambda: Hasty(stage))
        boss = group(stage, strategy, hasty, stage.spec("b", lambda: Slow(stage)))
        await stage.settle(5.0)
        assert await states(stage, boss) == {"a": "running", "b": "running"}

    run(scenario)


@in_simulation
def test_a_child_that_fails_in_a_list_that_starts_anew_can_still_end_its_supervisor(
    run: Run,
) -> None:
    """The list is started by the second incarnation of the supervisor, in its restart."""

    class OnceMore(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            if self.stage.notes("a").count("start") == 2:
                ctx.tell(ctx.self, Do(act=lambda p, c: crash_(p)))

    def crash_(puppet: Puppet) -> None:
        raise Boom

    async def scenario(stage: Stage) -> None:
        rules = ((Boom, Directive.ESCALATE),)
        a = stage.spec("a", lambda: OnceMore(stage), directives=rules, register="a")
        boss = group(stage, ALL, a, stage.spec("b", lambda: Slow(stage)))
        await stage.settle(2.0)
        crash(stage, "a")
        await stage.settle(10.0)
        assert await states(stage, boss) == {"a": "running", "b": "running"}
        assert stage.log.restarts == [("boss", 1), ("boss", 2)]

    run(scenario)


# A group that is restarted


@in_simulation
@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        (ALL, ["d down", "c down", "b down", "a down", "a", "b", "c", "d"]),
        (REST, ["d down", "c down", "b down", "b", "c", "d"]),
        (Strategy.ONE_FOR_ONE, ["b down", "b"]),
    ],
)
def test_who_is_restarted_with_a_child_is_torn_down_in_reverse_and_started_in_order(
    run: Run, strategy: Strategy, order: list[str]
) -> None:
    async def scenario(stage: Stage) -> None:
        boss = group(stage, strategy, *names(stage, "abcd"))
        before = await listed(stage, boss)
        crash(stage, "b")
        await stage.settle()
        happened = [who if what == "start" else f"{who} down" for who, what in stage.journal[4:]]
        assert happened == order
        assert await listed(stage, boss) == before, "refs live through it"

    run(scenario)


@in_simulation
def test_a_sibling_learns_whose_failure_it_was(run: Run) -> None:
    class Curious(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
            self.note(f"{type(error).__name__} {message is not None}")
            if isinstance(error, SiblingFailed):
                self.note(f"{error.sibling} {type(error.__cause__).__name__}")

    async def scenario(stage: Stage) -> None:
        group(stage, ALL, *names(stage, "ab", factory=lambda: Curious(stage)))
        await stage.settle()
        crash(stage, "b")
        await stage.settle()
        assert stage.notes("a") == ["start", "SiblingFailed False", "/alys/boss/b Boom", "start"]
        assert stage.notes("b") == ["start", "Boom True", "start"]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("strategy", [ALL, REST])
def test_a_permanent_child_that_ends_by_itself_takes_the_group_with_it_and_is_another_then(
    run: Run, strategy: Strategy
) -> None:
    async def scenario(stage: Stage) -> None:
        boss = group(stage, strategy, *names(stage, "abc"))
        before = await listed(stage, boss)
        stage.tell(stage.system.whereis("b"), Do(act=lambda p, ctx: ctx.stop()))
        await stage.settle()
        after = await listed(stage, boss)
        assert [(x.name, x.ref == y.ref) for x, y in zip(before, after, strict=True)] == [
            ("a", True), ("b", False), ("c", True),
        ]  # fmt: skip
        assert ("a", 1) in stage.log.restarts or strategy is REST
        assert ("c", 1) in stage.log.restarts

    run(scenario)


@in_simulation
def test_a_temporary_sibling_is_stopped_and_forgotten(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        temporary = stage.spec("t", restart=Restart.TEMPORARY)
        boss = group(stage, ALL, *names(stage, "a"), temporary, stage.spec("b"))
        await stage.settle()
        crash(stage, "a")
        await stage.settle()
        assert await states(stage, boss) == {"a": "running", "b": "running"}
        assert stage.log.stops == [("t", "shutdown: parent")]

    run(scenario)


@in_simulation
def test_a_stopped_child_whose_spec_is_kept_is_started_with_the_group(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss = group(stage, ALL, *names(stage, "abc"))
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="b"))
        crash(stage, "a")
        await stage.settle()
        assert await states(stage, boss) == {"a": "running", "b": "running", "c": "running"}
        assert list(await states(stage, boss)) == ["a", "b", "c"]

    run(scenario)


@in_simulation
def test_a_start_that_fails_in_a_restart_tears_down_what_had_started_and_counts(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        b = stage.spec("b", unreliable(stage, {2, 3}))
        three = Intensity(restarts=3, period_seconds=10.0)
        boss = group(stage, ALL, *names(stage, "a"), b, stage.spec("c"), intensity=three)
        await stage.settle()
        crash(stage, "a")
        await stage.settle()
        assert await states(stage, boss) == {"a": "running", "b": "running", "c": "running"}
        assert stage.notes("a") == ["start", *["pre_restart", "start"] * 3]
        assert stage.notes("c") == ["start", "pre_restart", "start"]
        crash(stage, "a")
        await stage.settle()
        assert stage.log.escalations == ["boss"], "one and two tries more were three"

    run(scenario)


@in_simulation
def test_when_the_starts_fail_too_often_the_supervisor_gives_up(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        b = stage.spec("b", unreliable(stage, {2, 3}))
        two = Intensity(restarts=2, period_seconds=10.0)
        boss = group(stage, ALL, *names(stage, "a"), b, intensity=two)
        await stage.settle()
        crash(stage, "a")
        await stage.settle()
        assert stage.log.escalations == ["boss"]
        assert stage.log.restarts[-1] == ("boss", 1)
        assert await states(stage, boss) == {"a": "running", "b": "running"}

    run(scenario)


@in_simulation
def test_without_any_limit_a_start_that_fails_in_a_restart_is_not_tried_for_ever(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        b = stage.spec("b", unreliable(stage, {2}))
        group(stage, ALL, *names(stage, "a"), b, intensity=Intensity(restarts=None))
        await stage.settle()
        crash(stage, "a")
        await stage.settle()
        assert stage.log.escalations == ["boss"]

    run(scenario)


@in_simulation
def test_the_back_off_of_whoever_was_to_blame_is_waited_for(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        times: list[float] = []

        class Timed(Puppet):
            @override
            def on_start(self, ctx: Context) -> None:
                times.append(round(stage.now()))

        backoff = Backoff(min_seconds=2.0, max_seconds=8.0)
        a = stage.spec("a", lambda: Timed(stage), register="a")
        b = stage.spec("b", unreliable(stage, {2}), register="b", backoff=backoff)
        group(stage, ALL, a, b, intensity=Intensity(restarts=None))
        await stage.settle()
        crash(stage, "a")
        await stage.settle(10.0)
        assert times == [0, 0, 2]
        crash(stage, "b")
        await stage.settle(10.0)
        assert times == [0, 0, 2, 12]

    run(scenario)


@in_simulation
def test_a_registered_name_that_is_taken_counts_as_a_start_that_failed(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        b = stage.spec("b", register="the one")
        once = Intensity(restarts=1, period_seconds=10.0)
        boss = group(stage, ALL, *names(stage, "a"), b, intensity=once)
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="b"))
        stage.spawn("other", register="the one")
        crash(stage, "a")
        await stage.settle()
        assert "boss" in stage.log.escalations

    run(scenario)


@in_simulation
def test_a_child_that_is_not_wanted_after_the_restart_is_no_failure(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        b = stage.spec("b", unreliable(stage, {2}, Ignore))
        boss = group(stage, ALL, *names(stage, "a"), b)
        await stage.settle()
        crash(stage, "a")
        await stage.settle()
        assert await states(stage, boss) == {"a": "running", "b": "stopped"}

    run(scenario)
