"""The children of one actor: order, names, and back-off in virtual time."""

import itertools
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import BadSpec, ChildEscalated, Ignore, IntensityExceeded
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import Backoff, ChildSpec, Directive, Intensity, Restart
from tests.actors.stage import (
    LENIENT,
    Boom,
    Do,
    Puppet,
    Stage,
    everywhere,
    in_simulation,
    simulate,
    spawn,
)

Run = Any


async def wait_forever(stage: Stage) -> None:
    await stage.system.sleep(1e5)


@everywhere
def test_a_second_child_of_a_name_is_refused_and_the_first_lives_on(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(BadSpec, match="/alys has a child named 'a' already"):
            stage.spawn()
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)


@everywhere
def test_a_name_is_free_again_once_its_actor_is_gone(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.system.stop(stage.spawn())
        assert await stage.do(stage.spawn(), lambda p, ctx: "alive") == "alive"

    run(scenario)


@in_simulation
def test_children_are_listed_in_the_order_of_their_start(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def spawn_some(puppet: Puppet, ctx: Any) -> list[str]:
            for name in "cab":
                ctx.spawn(stage.spec(name))
            return [ref.name for ref in ctx.children()]

        assert await stage.do(a, spawn_some) == ["c", "a", "b"]

    run(scenario)


@in_simulation
def test_children_stop_one_after_the_other_last_first(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await self.stage.system.sleep(1.0)
            self.note(f"stopped at {self.stage.now():g}")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def spawn_some(puppet: Puppet, ctx: Any) -> None:
            for name in "xyz":
                ctx.spawn(stage.spec(name, lambda: Slow(stage)))

        await stage.do(a, spawn_some)
        await stage.settle(1.0)
        await stage.system.stop(a)
        assert stage.journal[-4:] == [
            ("z", "stopped at 2"),
            ("y", "stopped at 3"),
            ("x", "stopped at 4"),
            ("a", "post_stop"),
        ]

    run(scenario)


def starts_of(stage: Stage, starts: list[float]) -> Any:
    def make() -> Puppet:
        starts.append(round(stage.now(), 6))
        return Puppet(stage)

    return make


def delays(times: list[float]) -> list[float]:
    return [round(b - a, 6) for a, b in itertools.pairwise(times)]


@in_simulation
def test_each_restart_in_a_row_waits_twice_as_long_up_to_the_maximum(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        starts: list[float] = []
        backoff = Backoff(min_seconds=1.0, max_seconds=8.0)
        a = stage.spawn(factory=starts_of(stage, starts), backoff=backoff)
        for _ in range(5):
            stage.crash(a)
        await stage.settle(100.0)
        assert delays(starts) == [1, 2, 4, 8, 8]

    run(scenario)


@in_simulation
def test_after_a_quiet_time_the_waits_begin_anew(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        starts: list[float] = []
        a = stage.spawn(
            factory=starts_of(stage, starts), backoff=Backoff(min_seconds=1.0, max_seconds=8.0)
        )
        stage.crash(a)
        stage.crash(a)
        await stage.settle(3.0)
        await stage.settle(4.4)  # the quiet time is 4.5 s after the restart at 3 s
        stage.crash(a)
        await stage.settle(4.0)
        await stage.settle(4.6)
        stage.crash(a)
        await stage.settle(50.0)
        assert [starts[0], *delays(starts)[:2]] == [0, 1, 2]
        assert round(starts[3] - 7.4, 3) == 4.0
        assert round(starts[4] - 16.0, 3) == 1.0

    run(scenario)


def test_jitter_is_the_seeds_and_stretches_by_at_most_its_share() -> None:
    async def scenario(stage: Stage) -> list[float]:
        starts: list[float] = []
        backoff = Backoff(min_seconds=1.0, max_seconds=4.0, jitter=0.5)
        a = stage.spawn(factory=starts_of(stage, starts), backoff=backoff)
        for _ in range(4):
            stage.crash(a)
        await stage.settle(100.0)
        return delays(starts)

    first, again, other = simulate(scenario, 1), simulate(scenario, 1), simulate(scenario, 2)
    assert first == again != other
    for delay, least in zip(first, [1, 2, 4, 4], strict=True):
        assert least <= delay < least * 1.5


@in_simulation
def test_a_permanent_child_that_is_killed_while_it_stops_by_itself_is_started_again(
    run: Run,
) -> None:
    class Stubborn(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await wait_forever(self.stage)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Stubborn(stage), restart=Restart.PERMANENT)
        await stage.do(a, lambda p, ctx: ctx.stop())
        await stage.settle(10.0)
        assert stage.notes("a") == ["start", "start"]
        assert stage.log.stops == [("a", "killed")]

    run(scenario)


# Ends of children, and what becomes of their places


def end(stage: Stage, ref: Ref) -> None:
    """Let it end by itself."""
    stage.tell(ref, Do(act=lambda p, ctx: ctx.stop()))


def parent_of(stage: Stage, *specs: ChildSpec, **more: Any) -> tuple[Ref, Reply[Any]]:
    """A puppet, lenient to its children, and them on their way."""

    def bear(puppet: Puppet, ctx: Context) -> list[Ref]:
        ctx.supervise(LENIENT)
        return [ctx.spawn(spec) for spec in specs]

    boss = stage.spawn("boss", **more)
    return boss, stage.do(boss, bear)


async def living(stage: Stage, boss: Ref) -> list[tuple[str, str]]:
    cells = await stage.do(boss, lambda p, ctx: ctx.children())
    return [(cell.name, cell.status.value) for cell in cells]


QUICK = Backoff(min_seconds=1.0, max_seconds=8.0)


@in_simulation
@pytest.mark.parametrize("name", ["a", ""])
def test_a_child_that_ends_by_itself_again_and_again_waits_longer_and_longer(
    run: Run, name: str
) -> None:
    async def scenario(stage: Stage) -> None:
        starts: list[float] = []
        spec = stage.spec(name, starts_of(stage, starts), backoff=QUICK, register="a")
        stage.system.spawn(spec)
        for seconds in (1, 2, 4, 8):
            await stage.settle()
            end(stage, stage.system.whereis("a"))
            await stage.settle(seconds)
        await stage.settle()
        assert [round(delay) for delay in delays(starts)] == [1, 2, 4, 8]

    run(scenario)


@in_simulation
def test_a_start_that_waits_for_its_time_is_called_off_when_the_parent_begins_anew(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(
            stage,
            stage.spec("a", backoff=QUICK),
            backoff=Backoff(min_seconds=3.0, max_seconds=3.0),
        )
        [a] = await born
        end(stage, a)
        await stage.settle(0.5)
        stage.crash(boss)
        await stage.settle(10.0)
        assert await living(stage, boss) == []
        assert stage.notes("a") == ["start", "post_stop"]

    run(scenario)


@in_simulation
def test_a_child_that_ended_while_its_parent_was_torn_down_is_not_started_under_nobody(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(
            stage, stage.spec("a"), backoff=Backoff(min_seconds=3.0, max_seconds=3.0)
        )
        [a] = await born
        end(stage, a)
        stage.crash(boss)
        await stage.settle(1.0)
        assert [path for path, *_ in stage.system.tree() if path.endswith("/a")] == []
        await stage.settle(10.0)
        assert await living(stage, boss) == []

    run(scenario)


@in_simulation
def test_a_child_whose_name_was_given_away_while_it_waited_does_not_come_back(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(stage, stage.spec("a", backoff=QUICK))
        [first] = await born
        end(stage, first)
        await stage.settle(0.5)
        second = await stage.do(boss, lambda p, ctx: ctx.spawn(stage.spec("a")))
        await stage.settle(10.0)
        assert await stage.do(boss, lambda p, ctx: ctx.children()) == [second]

    run(scenario)


@in_simulation
def test_a_child_whose_registered_name_was_taken_while_it_waited_is_its_parents_failure(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        _, born = parent_of(stage, stage.spec("a", backoff=QUICK, register="the one"))
        [first] = await born
        end(stage, first)
        await stage.settle(0.5)
        usurper = stage.spawn("b", register="the one")
        await stage.settle(10.0)
        [(who, error)] = stage.log.failures
        assert (who, type(error)) == ("boss", IntensityExceeded)
        assert isinstance(error.__cause__, BadSpec)
        assert stage.system.whereis("the one") == usurper
        assert stage.log.restarts == [("boss", 1)]

    run(scenario)


@in_simulation
def test_a_child_that_may_not_come_back_is_gone_and_its_siblings_are_not(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(
            stage, stage.spec("a", restart=Restart.TRANSIENT), stage.spec("b"), stage.spec("c")
        )
        a, b, _ = await born
        end(stage, a)
        await stage.do(boss, lambda p, ctx: ctx.stop(b))
        await stage.settle()
        assert await living(stage, boss) == [("c", "running")]

    run(scenario)


@in_simulation
def test_a_parent_that_gives_up_handles_nothing_more_and_ends_as_if_told(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await self.stage.system.sleep(2.0)

    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(
            stage,
            stage.spec("a"),
            stage.spec("slow", lambda: Slow(stage)),
            restart=Restart.TRANSIENT,
        )
        a, _ = await born
        await stage.do(boss, lambda p, ctx: ctx.supervise(Intensity(restarts=0)))
        stage.crash(a)
        await stage.settle(1.0)
        stage.tell(boss, Do(act=spawn(stage.spec("late"))))
        await stage.settle(5.0)
        assert ("boss", "shutdown: intensity") in stage.log.stops
        assert [type(e) for who, e in stage.log.failures if who == "boss"] == [IntensityExceeded]
        assert ("boss", "Do", "stopped") in stage.log.dead
        assert stage.notes("late") == []

    run(scenario)


# Directives


@in_simulation
def test_a_child_that_is_resumed_keeps_what_it_knew_and_not_the_message(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(directives=((Boom, Directive.RESUME),))
        stage.say(a, "1")
        stage.crash(a)
        stage.say(a, "2")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2"]
        assert stage.log.dead == [("a", "Do", "failed")]
        assert [who for who, _ in stage.log.resumes] == ["a"]
        assert stage.log.restarts == []

    run(scenario)


@in_simulation
def test_a_child_that_is_stopped_for_its_failure_is_gone_whatever_its_type(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(directives=((Boom, Directive.STOP),))
        stage.crash(a)
        await stage.settle()
        assert stage.log.stops == [("a", "failed: Boom")]

    run(scenario)


@in_simulation
def test_what_never_started_cannot_be_resumed_and_is_the_parents_failure(run: Run) -> None:
    def make() -> Puppet:
        raise Boom

    async def scenario(stage: Stage) -> None:
        _, born = parent_of(stage, stage.spec("a", make, directives=((Boom, Directive.RESUME),)))
        await born
        await stage.settle()
        assert [type(e) for who, e in stage.log.failures if who == "boss"] == [ChildEscalated]

    run(scenario)


@in_simulation
@pytest.mark.parametrize(
    ("mind", "restart", "becomes"),
    [
        ({"directives": ((ChildEscalated, Directive.RESUME),)}, Restart.PERMANENT, "resumed"),
        ({"keep_children": True}, Restart.PERMANENT, "restarted"),
        ({"keep_children": True}, Restart.TEMPORARY, ""),
        ({}, Restart.PERMANENT, ""),
    ],
)
def test_a_child_whose_failure_was_passed_on_does_not_stand_still_when_the_parent_goes_on(
    run: Run, mind: dict[str, Any], restart: Restart, becomes: str
) -> None:
    async def scenario(stage: Stage) -> None:
        rules = ((Boom, Directive.ESCALATE),)
        boss, born = parent_of(stage, stage.spec("a", directives=rules, restart=restart), **mind)
        [a] = await born
        stage.crash(a)
        await stage.settle()
        assert await living(stage, boss) == ([("a", "running")] if becomes else [])
        assert stage.log.restarts.count(("a", 1)) == (becomes == "restarted")
        assert len([who for who, _ in stage.log.resumes if who == "a"]) == (becomes == "resumed")

    run(scenario)


@in_simulation
def test_a_child_that_failed_and_was_stopped_before_the_parent_goes_on_stays_stopped(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        rules = ((Boom, Directive.ESCALATE),)
        boss, born = parent_of(
            stage,
            stage.spec("a", directives=rules),
            keep_children=True,
            backoff=Backoff(min_seconds=5.0, max_seconds=5.0),
        )
        [a] = await born
        stage.crash(a)
        await stage.settle(1.0)
        await stage.system.stop(a)
        await stage.settle(10.0)
        assert await living(stage, boss) == []
        assert stage.log.restarts == [("boss", 1)]

    run(scenario)


# Starts that fail


def failing_from(stage: Stage, number: int, error: type[Exception] = Boom) -> Any:
    """A factory that works so many times and then never again."""
    made: list[int] = []

    def make() -> Puppet:
        made.append(1)
        if len(made) > number:
            raise error
        return Puppet(stage)

    return make


@in_simulation
def test_without_any_limit_a_restart_that_fails_to_start_ends_the_child(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(stage, stage.spec("a", failing_from(stage, 1)))
        [a] = await born
        await stage.do(boss, lambda p, ctx: ctx.supervise(Intensity(restarts=None)))
        stage.crash(a)
        await stage.settle()
        assert stage.log.stops == [("a", "failed: Boom")]
        assert await living(stage, boss) == []

    run(scenario)


@in_simulation
def test_a_child_that_is_not_wanted_now_is_gone_without_a_failure(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        boss, born = parent_of(stage, stage.spec("a", failing_from(stage, 0, Ignore)))
        await born
        await stage.settle()
        assert await living(stage, boss) == []
        assert (stage.log.failures, stage.log.stops) == ([], [("a", "normal: ignored")])

    run(scenario)
