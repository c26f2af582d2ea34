"""One actor's life: lanes, restarts, stopping, and what survives which."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorStopped, DeathPact
from alys.actors.message import Message
from alys.actors.supervision import Backoff, Restart
from tests.actors.stage import (
    Boom,
    Do,
    Mutter,
    Puppet,
    Say,
    Shout,
    Stage,
    everywhere,
    fail,
    in_simulation,
    pause,
    simulate,
    spawn,
)

Run = Any


# Turns


def test_higher_lanes_are_handled_first() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        for message in (Mutter(text="1"), Say(text="2"), Shout(text="3"), Say(text="4")):
            stage.tell(a, message)
        await stage.settle()
        assert stage.notes("a") == ["start", "3", "2", "4", "1"]

    simulate(scenario)


@everywhere
def test_a_hot_actor_does_not_starve_an_idle_one(run: Run) -> None:
    class Hot(Puppet):
        turns = 0

        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            self.turns += 1
            ctx.tell(ctx.self, message)

    async def scenario(stage: Stage) -> None:
        hot, idle = stage.spawn("hot", lambda: Hot(stage)), stage.spawn("idle")
        stage.say(hot, "again")
        before = await stage.do(hot, lambda p, ctx: p.turns)
        await stage.do(idle, lambda p, ctx: None)
        await stage.do(idle, lambda p, ctx: None)
        after = await stage.do(hot, lambda p, ctx: p.turns)
        stage.do(hot, lambda p, ctx: ctx.stop())
        assert after - before < 1000

    run(scenario)


@everywhere
def test_two_actors_with_room_for_one_message_play_on_without_end(run: Run) -> None:
    class Player(Puppet):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            left = int(message.text)
            if left and ctx.sender is not None:
                ctx.tell(ctx.sender, Say(text=str(left - 1)))
            else:
                self.note("over")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Player(stage), mailbox_messages_max=1)
        b = stage.spawn("b", lambda: Player(stage), mailbox_messages_max=1)
        await stage.do(a, lambda p, ctx: ctx.tell(b, Say(text="1001")))
        while ("a", "over") not in stage.journal:
            await stage.system.sleep(1.0)

    run(scenario)


# Failure and restart


@everywhere
def test_the_mailbox_survives_a_restart_and_the_state_does_not(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.say(a, "1", "2")
        stage.crash(a)
        stage.say(a, "4", "5")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["4", "5"]
        assert stage.notes("a") == ["start", "1", "2", "pre_restart", "start", "4", "5"]

    run(scenario)


@everywhere
def test_the_message_on_which_an_actor_fails_is_a_dead_letter_once_and_is_not_repeated(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a, done = stage.spawn(), []

        def fail_once(puppet: Puppet, ctx: Context) -> None:
            done.append(1)
            raise Boom

        stage.tell(a, Do(act=fail_once))
        await stage.do(a, lambda p, ctx: None)
        assert (done, stage.log.dead) == ([1], [("a", "Do", "failed")])

    run(scenario)


@in_simulation
def test_the_order_of_the_hooks_of_a_restart(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        for child in ("one", "two"):
            await stage.do(a, spawn(stage.spec(child)))
        stage.crash(a)
        await stage.settle()
        assert stage.journal[-4:] == [
            ("a", "pre_restart"),
            ("two", "post_stop"),
            ("one", "post_stop"),
            ("a", "start"),
        ]
        assert await stage.do(a, lambda p, ctx: ctx.children()) == []

    run(scenario)


def test_a_failure_before_the_restart_is_reported_and_the_restart_goes_on() -> None:
    class Clumsy(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
            raise KeyError("clumsy")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Clumsy(stage))
        stage.crash(a)
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        assert [type(error) for _, error in stage.log.failures] == [Boom, KeyError]

    simulate(scenario)


@in_simulation
def test_a_factory_that_fails_is_tried_again_and_counted(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        tries: list[float] = []

        def make() -> Actor:
            tries.append(stage.now())
            if 1 < len(tries) < 4:
                raise Boom
            return Puppet(stage)

        a = stage.spawn(factory=make, backoff=Backoff(min_seconds=1.0, max_seconds=60.0))
        stage.crash(a)
        stage.say(a, "kept")
        await stage.settle(20.0)
        assert [round(t, 6) for t in tries] == [0, 1, 3, 7]
        assert len(stage.log.failures) == 3
        assert stage.notes("a") == ["start", "pre_restart", "start", "kept"]

    run(scenario)


@in_simulation
def test_an_old_incarnations_timer_reaches_no_later_one_even_if_its_tick_is_queued(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def arm(puppet: Puppet, ctx: Context) -> None:
            ctx.after(1.0, Say(text="old tick"))
            ctx.after(9.0, Say(text="old tock"))

        async def be_busy_then_fail(puppet: Puppet, ctx: Context) -> None:
            await pause(puppet, ctx, 2.0)
            raise Boom

        await stage.do(a, arm)
        stage.tell(a, Do(act=be_busy_then_fail))
        await stage.settle(20.0)
        assert stage.notes("a") == ["start", "waited", "pre_restart", "start"]
        assert ("a", "old tick", "old timer") in stage.log.dead

    run(scenario)


def test_a_new_incarnations_timer_arrives() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.crash(a)
        await stage.do(a, lambda p, ctx: ctx.after(1.0, Say(text="tick")))
        await stage.settle(2.0)
        assert stage.notes("a")[-1] == "tick"

    simulate(scenario)


@in_simulation
def test_promises_of_an_incarnation_that_fails_are_broken_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        promised = stage.do(a, lambda p, ctx: ctx.defer(), timeout=1e6)
        stage.crash(a)
        with pytest.raises(ActorStopped):
            await promised
        assert stage.now() < 1.0

    run(scenario)


@in_simulation
def test_a_restart_forgets_watches_so_that_a_childs_stop_is_no_news(run: Run) -> None:
    class Parent(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            ctx.watch(ctx.spawn(self.stage.spec("child")))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Parent(stage))
        stage.crash(a)
        await stage.settle()
        assert [type(error) for _, error in stage.log.failures] == [Boom]
        [child] = await stage.do(a, lambda p, ctx: ctx.children())
        await stage.system.stop(child)
        await stage.settle()
        assert [type(error) for _, error in stage.log.failures] == [Boom, DeathPact]

    run(scenario)


# Death watch


@everywhere
def test_a_death_that_nobody_handles_is_the_watchers_failure(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        await stage.system.stop(b)
        await stage.do(a, lambda p, ctx: None)
        [(who, error)] = stage.log.failures
        assert (who, type(error)) == ("a", DeathPact)
        assert "watched /alys/b, which died" in str(error)
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


# Stopping


@in_simulation
def test_stopping_overtakes_queued_messages_but_not_the_one_under_way(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=3)

        async def work(puppet: Puppet, ctx: Context) -> str:
            await pause(puppet, ctx)
            return "finished"

        reply = stage.do(a, work)
        await stage.settle()
        stage.say(a, *"xyz")
        stopped = stage.system.stop(a)
        assert await reply == "finished"
        await stopped
        assert stage.notes("a") == ["start", "waited", "post_stop"]
        assert stage.log.dead == [("a", text, "stopped") for text in "xyz"]
        assert ("a", "shutdown: system") in stage.log.stops

    run(scenario)


@in_simulation
def test_a_tree_stops_leaves_first_each_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        top = ref = stage.spawn("1")
        for name in ("2", "3"):
            ref = await stage.do(ref, spawn(stage.spec(name)))
        await stage.system.stop(top)
        stops = [who for who, what in stage.journal if what == "post_stop"]
        assert stops == ["3", "2", "1"]

    run(scenario)


@in_simulation
def test_nothing_is_spawned_by_an_actor_that_stops(run: Run) -> None:
    class Late(Puppet):
        @override
        def post_stop(self, ctx: Context) -> None:
            with pytest.raises(ActorStopped):
                ctx.spawn(self.stage.spec("late"))
            self.note("refused")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Late(stage))
        await stage.settle()
        await stage.system.stop(a)
        assert stage.notes("a") == ["start", "refused"]

    run(scenario)


def test_with_no_time_to_stop_there_is_no_wait_at_all() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=0.0)
        stage.tell(a, Do(act=pause))
        await stage.settle()
        start = stage.now()
        assert await stage.system.stop(a) == "killed: system"
        assert (stage.now() - start, stage.notes("a")) == (0.0, ["start"])

    simulate(scenario)


def test_when_a_parent_is_killed_its_children_are_too() -> None:
    class Stubborn(Puppet):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await self.stage.system.sleep(3600.0)
            self.note("too late")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)
        child = stage.spec("child", lambda: Stubborn(stage), shutdown_seconds=60.0)
        await stage.do(a, lambda p, ctx: ctx.spawn(child))
        await stage.settle()
        await stage.system.stop(a)
        assert stage.now() == pytest.approx(1.001)
        assert stage.log.stops == [("child", "killed: parent"), ("a", "killed: system")]
        await stage.settle(4000.0)
        assert stage.notes("child") == ["start"]

    simulate(scenario)


def test_a_failure_in_the_last_hook_is_reported_and_the_actor_is_gone() -> None:
    class Clumsy(Puppet):
        @override
        def post_stop(self, ctx: Context) -> None:
            raise Boom

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Clumsy(stage))
        await stage.settle()
        await stage.system.stop(a)
        assert [who for who, _ in stage.log.failures] == ["a"]

    simulate(scenario)


@in_simulation
def test_an_actor_that_waits_out_its_backoff_can_be_stopped(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(backoff=Backoff(min_seconds=60.0, max_seconds=60.0))
        stage.crash(a)
        stage.say(a, "never")
        await stage.settle()
        start = stage.now()
        await stage.system.stop(a)
        assert stage.now() == start
        await stage.settle(100.0)
        assert stage.notes("a") == ["start", "pre_restart"]  # that incarnation was over already

    run(scenario)


@in_simulation
def test_a_message_told_while_the_actor_stops_is_a_dead_letter(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.tell(a, Do(act=pause))
        await stage.settle()
        stopped = stage.system.stop(a)
        await stage.settle()
        stage.say(a, "too late")
        assert stage.log.dead == [("a", "too late", "stopped")]
        await stopped

    run(scenario)


@in_simulation
def test_a_temporary_actor_that_fails_is_gone(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(restart=Restart.TEMPORARY)
        stage.tell(a, Do(act=fail))
        stage.say(a, "unheard")
        await stage.settle()
        assert stage.log.stops == [("a", "failed: Boom")]
        assert ("a", "unheard", "stopped") in stage.log.dead

    run(scenario)
