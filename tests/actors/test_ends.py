"""Several may wait for one end: who gives up does not take the news from the others."""

from typing_extensions import override

from alys.actors.context import Context
from alys.actors.reply import Shared
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import Do, Puppet, Stage, simulate


def test_a_shared_slot_is_not_taken_from_others_by_one_who_gives_up() -> None:
    slot: Shared[int] = Shared(SimDispatcher(SeededRandom(0), 0.0))
    calls: list[str] = []
    slot.subscribe(lambda: calls.append("one"))
    slot.subscribe(lambda: calls.append("other"))
    slot.abandon()
    assert slot.complete(1)
    assert (slot.result(), calls) == (1, ["one", "other"])


def test_a_handler_that_is_killed_while_it_waits_for_an_end_does_not_take_it_from_others() -> None:
    class Slow(Puppet):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await self.stage.system.sleep(2.0)

    async def scenario(stage: Stage) -> None:
        slow, waiter = stage.spawn("slow", lambda: Slow(stage)), stage.spawn("waiter")

        async def wait(puppet: Puppet, ctx: Context) -> None:
            await stage.system.stop(slow)

        await stage.settle()
        stage.tell(waiter, Do(act=wait))
        await stage.settle()
        assert await stage.system.stop(waiter, seconds=0.0) == "killed: system"
        assert await stage.system.stop(slow) == "shutdown: system"

    simulate(scenario)
