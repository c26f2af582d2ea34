"""Checks 63 and 64 of the runtime's contract: how a tree stops, and what becomes of a handler that still waits."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import ActorStopped, Cancelled
from alys.actors.ref import Ref
from tests.actors.conformance.paths import PATIENT, Gate, anywhere, in_virtual_time, until
from tests.actors.stage import Boom, Do, Mourner, Puppet, Run, Say, Stage, spawn

# 63


class Last(Puppet):
    """Tries to have a child while it stops; its last hook takes a second."""

    @override
    async def post_stop(self, ctx: Context) -> None:
        """Take a second, and try."""
        await self.stage.system.sleep(1.0)
        with pytest.raises(ActorStopped):
            ctx.spawn(self.stage.spec("late"))
        self.note("post_stop")


async def plant(stage: Stage, kind: Any = Last) -> dict[str, Ref]:
    """Three levels: 1 with 11 and 12, each with two below."""
    refs = {"1": stage.spawn("1", lambda: kind(stage), shutdown_seconds=PATIENT)}
    for name in ("11", "111", "112", "12", "121", "122"):
        spec = stage.spec(name, lambda: kind(stage), shutdown_seconds=PATIENT)
        refs[name] = await stage.do(refs[name[:-1]], spawn(spec))
    for ref in refs.values():
        await stage.do(ref, lambda p, ctx: None)
    return refs


def watch(ref: Ref) -> Any:
    return lambda puppet, ctx: ctx.watch(ref)


@anywhere
def test_63_stop_tree_leaves_first_in_reverse_each_once_watchers_last(run: Run) -> None:
    """Leaves stop before their parents, the last started first, with one post_stop each; then the watchers hear of it."""

    async def scenario(stage: Stage) -> None:
        watcher = stage.spawn("watcher", lambda: Mourner(stage))
        refs = await plant(stage)
        for ref in refs.values():
            await stage.do(watcher, watch(ref))
        stage.journal.clear()
        await stage.system.stop(refs["1"])
        await stage.do(watcher, lambda p, ctx: None)
        order = ["122", "121", "12", "112", "111", "11", "1"]
        assert [who for who, what in stage.journal if what == "post_stop"] == order
        reasons = dict.fromkeys(order, "shutdown: parent") | {"1": "shutdown: system"}
        gone = [f"{name} is gone: {reasons[name]}" for name in order]
        assert stage.notes("watcher") == gone
        for name in order:
            news = ("watcher", f"{name} is gone: {reasons[name]}")
            assert stage.journal.index((name, "post_stop")) < stage.journal.index(news)
        assert [who for who, _ in stage.log.stops] == order

    run(scenario)


@in_virtual_time
def test_63_stop_tree_takes_the_sum_of_its_hooks(run: Run) -> None:
    """Each is awaited before the next is told to stop: seven hooks of a second take seven seconds, exactly."""

    async def scenario(stage: Stage) -> None:
        refs = await plant(stage)
        begun = stage.now()
        await stage.system.stop(refs["1"])
        assert stage.now() - begun == 7.0

    run(scenario)


@anywhere
def test_63_stop_tree_refuses_to_start_anybody_while_it_stops(run: Run) -> None:
    """From the moment when it is told to stop an actor starts nobody, not even from a handler that still runs."""

    async def scenario(stage: Stage) -> None:
        a, gate = stage.spawn("a", lambda: Last(stage), shutdown_seconds=PATIENT), Gate(stage)

        async def work(puppet: Puppet, ctx: Context) -> str:
            await gate.wait()
            with pytest.raises(ActorStopped):
                ctx.spawn(stage.spec("late"))
            return "refused"

        answer = stage.do(a, work, timeout=1e6)
        await until(stage, lambda: gate.waiting == 1)
        stopped = stage.system.stop(a)
        await until(stage, lambda: a.cell.is_stopped)
        gate.open = True
        assert await answer == "refused"
        await stopped
        with pytest.raises(ActorStopped):
            a.cell.family.spawn(stage.spec("late"))
        assert stage.notes("late") == []
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)


@anywhere
def test_63_stop_tree_finishes_the_message_under_way_and_loses_the_rest(run: Run) -> None:
    """The handler that runs is finished and its asker answered; what is queued, from whomever, is dead, each once."""

    async def scenario(stage: Stage) -> None:
        a, b, gate = stage.spawn("a", shutdown_seconds=PATIENT), stage.spawn("b"), Gate(stage)

        async def work(puppet: Puppet, ctx: Context) -> None:
            await gate.wait()
            puppet.note("finished")

        def talk(puppet: Puppet, ctx: Context) -> None:
            ctx.tell(a, Do(act=work))
            for text in "123":
                ctx.tell(a, Say(text=text))

        await stage.do(b, talk)
        await until(stage, lambda: gate.waiting == 1)
        stage.say(a, "4")
        stopped = stage.system.stop(a)
        await until(stage, lambda: a.cell.is_stopped)
        gate.open = True
        await stopped
        stage.say(a, "5")
        assert stage.notes("a") == ["start", "finished", "post_stop"]
        assert stage.log.dead == [("a", text, "stopped") for text in "12345"]
        assert stage.log.stops == [("a", "shutdown: system")]

    run(scenario)


@anywhere
def test_63_stop_tree_goes_on_when_a_last_hook_fails(run: Run) -> None:
    """A failure in post_stop is reported; the actor is gone all the same, and so is its parent."""

    class Clumsy(Puppet):
        @override
        def post_stop(self, ctx: Context) -> None:
            raise Boom

    async def scenario(stage: Stage) -> None:
        refs = await plant(stage, Clumsy)
        await stage.system.stop(refs["1"])
        assert [who for who, _ in stage.log.failures] == [who for who, _ in stage.log.stops]
        assert len(stage.log.stops) == 7

    run(scenario)


@anywhere
def test_63_stop_tree_twice_is_stopping_once(run: Run) -> None:
    """However often and by whomever it is told to stop, post_stop runs once and all who wait are told."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Last(stage), shutdown_seconds=PATIENT)
        await stage.do(a, lambda p, ctx: None)
        first, second = stage.system.stop(a), stage.system.stop(a)
        stage.tell(stage.spawn("b"), Do(act=lambda p, ctx: ctx.stop(a)))
        assert await first == await second == "shutdown: system"
        assert await stage.system.stop(a) == "shutdown: system"
        assert stage.notes("a") == ["start", "post_stop"]

    run(scenario)


# 64


async def wait_an_hour(puppet: Puppet, ctx: Context) -> None:
    try:
        await puppet.stage.system.sleep(3600.0)
    except Cancelled:
        puppet.note("cancelled")
        raise
    finally:
        puppet.note("finally")


@in_virtual_time
def test_64_cancel_async_after_the_grace_to_the_instant(run: Run) -> None:
    """A handler that would wait an hour is cancelled after the second that it has; its finally block runs; then it is gone."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)
        asked = stage.do(a, wait_an_hour, timeout=1e6)
        await stage.settle(0.5)
        begun = stage.now()
        assert await stage.system.stop(a) == "killed: system"
        assert stage.now() - begun == 1.0
        assert stage.notes("a") == ["start", "cancelled", "finally"]
        with pytest.raises(ActorStopped):
            await asked
        assert stage.log.dead == [("a", "Do", "aborted")]
        assert stage.log.stops == [("a", "killed: system")]

    run(scenario)


@anywhere
def test_64_cancel_async_for_a_message_that_was_told(run: Run) -> None:
    """The same for a told message, in a run of others from one sender: each is accounted for, once."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(shutdown_seconds=1.0), stage.spawn("b")

        def talk(puppet: Puppet, ctx: Context) -> None:
            for text in "12":
                ctx.tell(a, Say(text=text))
            ctx.tell(a, Do(act=wait_an_hour))
            for text in "34":
                ctx.tell(a, Say(text=text))

        await stage.do(b, talk)
        await until(stage, lambda: a.cell.activity is not None)
        assert await stage.system.stop(a) == "killed: system"
        assert stage.notes("a") == ["start", "1", "2", "cancelled", "finally"]
        assert stage.log.dead == [
            ("a", "Do", "aborted"), ("a", "3", "stopped"), ("a", "4", "stopped")
        ]  # fmt: skip

    run(scenario)


@in_virtual_time
@pytest.mark.parametrize("needs", [0.5, 1.5])
def test_64_cancel_async_not_before_the_grace_is_over(run: Run, needs: float) -> None:
    """Whoever is done within its time ends as if nothing were; a moment more, and it is killed."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)

        async def work(puppet: Puppet, ctx: Context) -> str:
            await stage.system.sleep(needs)
            return "done"

        answer = stage.do(a, work, timeout=1e6)
        await stage.settle(0.25)
        begun = stage.now()
        reason = await stage.system.stop(a)
        if needs < 1.0:
            assert (reason, await answer, stage.now()) == ("shutdown: system", "done", needs)
            assert stage.notes("a") == ["start", "post_stop"]
        else:
            assert (reason, stage.now() - begun) == ("killed: system", 1.0)
            assert stage.notes("a") == ["start"]

    run(scenario)


@anywhere
@pytest.mark.parametrize("stubborn", ["fails", "goes_on", "answers"])
def test_64_cancel_async_whatever_the_handler_makes_of_it(run: Run, stubborn: str) -> None:
    """A finally block that fails, waits on, or swallows the end does not keep the actor from ending."""

    async def act(puppet: Puppet, ctx: Context) -> Any:
        try:
            await puppet.stage.system.sleep(1e7)
        except Cancelled:
            puppet.note("cancelled")
            if stubborn == "fails":
                raise Boom from None
            if stubborn == "goes_on":
                await puppet.stage.system.sleep(1e7)
        return "too late"

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)
        answer = stage.do(a, act, timeout=1e7)
        await until(stage, lambda: a.cell.activity is not None)
        assert await stage.system.stop(a) == "killed: system"
        assert stage.notes("a") == ["start", "cancelled"]
        with pytest.raises(ActorStopped):
            await answer
        failures = [type(error) for _, error in stage.log.failures]
        assert failures == ([Boom] if stubborn == "fails" else [])
        assert (a.cell.activity, a.cell.status.value) == (None, "stopped")

    run(scenario)


@in_virtual_time
def test_64_cancel_async_a_last_hook_too(run: Run) -> None:
    """A post_stop that hangs is cancelled when the time is over; the time counts from the stop, not from the hook."""

    class Hanging(Puppet):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await wait_an_hour(self, ctx)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Hanging(stage), shutdown_seconds=2.0)

        async def work(puppet: Puppet, ctx: Context) -> None:
            await stage.system.sleep(1.5)

        stage.tell(a, Do(act=work))
        await stage.settle(0.25)
        begun = stage.now()
        assert await stage.system.stop(a) == "killed: system"
        assert stage.now() - begun == 2.0
        assert stage.notes("a") == ["start", "cancelled", "finally"]

    run(scenario)
