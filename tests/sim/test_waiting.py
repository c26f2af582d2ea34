"""A coroutine runs to its end in virtual time, or it is said why it cannot."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskTimeout
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.sim.dispatch import OutOfTime, Stuck
from tests.sim.little_world import EPOCH, World


class Ask(Request[str], frozen=True, kw_only=True):
    """To be answered."""


class Deaf(Actor):
    """Promises an answer and never gives it."""

    def on_ask(self, message: Ask, ctx: Context) -> None:
        """Promise."""
        ctx.defer()


class PatientlyBetween(Actor):
    """Asks on, without a deadline."""

    def __init__(self, deaf: Ref) -> None:
        self.deaf = deaf

    async def on_ask(self, message: Ask, ctx: Context) -> Any:
        """Ask on."""
        return await never(ctx.ask(self.deaf, Ask()))


def never(reply: Reply[Any]) -> Reply[Any]:
    """The reply without its deadline: the runtime itself always sets one."""
    reply.seconds = None
    return reply


def test_its_result_is_returned_and_hours_cost_nothing() -> None:
    world = World(1)

    async def scenario() -> float:
        await world.system.sleep(24 * 3600.0)
        return world.dispatcher.now()

    assert world.run(scenario(), 1e6) == EPOCH + 24 * 3600.0


def test_what_it_raises_comes_out() -> None:
    world = World(1)

    async def scenario() -> None:
        await world.system.sleep(1.0)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        world.run(scenario())


def test_two_scenarios_may_run_side_by_side() -> None:
    world, seen = World(1), list[str]()

    async def one(name: str, seconds: float) -> None:
        for _ in range(3):
            await world.system.sleep(seconds)
            seen.append(name)

    async def scenario() -> None:
        other = world.system.drive(one("slow", 1.0))
        await world.system.drive(one("fast", 0.4))
        await other

    world.run(scenario())
    assert seen == ["fast", "fast", "slow", "fast", "slow", "slow"]


def test_an_ask_runs_into_its_own_deadline_and_not_into_the_worlds() -> None:
    world = World(1)
    deaf = world.spawn("deaf", Deaf)

    async def scenario() -> float:
        with pytest.raises(AskTimeout):
            await world.system.ask(deaf, Ask())
        return world.dispatcher.simulated_seconds

    assert world.run(scenario()) == 10.0


def test_nothing_left_to_happen_is_a_deadlock_with_who_waits_for_whom() -> None:
    world = World(1)
    deaf = world.spawn("deaf", Deaf)
    between = world.spawn("between", lambda: PatientlyBetween(deaf))
    closed: list[str] = []

    async def scenario() -> None:
        try:
            await never(world.system.ask(between, Ask()))
        finally:
            closed.append("scenario")

    with pytest.raises(Stuck, match="deadlock") as caught:
        world.run(scenario())
    assert "/alys/between: waits for /alys/deaf" in caught.value.report
    assert "/alys/deaf: owes 1 replies" in caught.value.report
    assert closed == ["scenario"]


def test_too_little_time_is_a_timeout_and_no_deadlock() -> None:
    world = World(1)

    class Busy(Actor):
        @override
        def on_start(self, ctx: Context) -> None:
            ctx.after(1.0, Ask())

        def on_ask(self, message: Ask, ctx: Context) -> None:
            ctx.after(1.0, Ask())

    world.spawn("busy", Busy)

    async def scenario() -> None:
        await never(world.system.ask(world.spawn("deaf", Deaf), Ask()))

    with pytest.raises(OutOfTime, match="timeout: 60 virtual seconds are over") as caught:
        world.run(scenario(), 60.0)
    assert caught.value.report == "/alys/deaf: owes 1 replies"
    assert world.dispatcher.simulated_seconds == 60.0


def test_the_report_shows_what_is_queued_and_who_is_not_running() -> None:
    world = World(1)

    class Broken(Actor):
        @override
        async def on_start(self, ctx: Context) -> None:
            await never(ctx.ask(deaf, Ask()))

    deaf = world.spawn("deaf", Deaf)
    broken = world.spawn("broken", Broken)
    world.system.tell(broken, Ask())

    async def scenario() -> None:
        await never(world.system.ask(broken, Ask()))

    with pytest.raises(Stuck) as caught:
        world.run(scenario())
    assert "/alys/broken: starting, 2 queued, waits for /alys/deaf" in caught.value.report


def test_a_world_at_rest_says_so() -> None:
    world = World(1)
    world.spawn("deaf", Deaf)
    world.dispatcher.run_until_idle()
    with pytest.raises(Stuck, match="all actors are at rest"):
        world.dispatcher.run_until(lambda: False, 1.0)
