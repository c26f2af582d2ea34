"""Asyncio's dispatcher: time that runs faster than the wall, and replies that tasks can await."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from alys.actors.loop import LoopDispatcher, wait
from alys.actors.reply import Reply
from tests.actors.stage import Boom, Stage, on_a_loop


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def dispatcher_at(scale: float, epoch: float | None = 1000.0) -> LoopDispatcher:
    return LoopDispatcher(asyncio.get_running_loop(), time_scale=scale, epoch=epoch)


def test_node_time_runs_faster_than_the_wall_by_the_scale() -> None:
    async def main() -> None:
        dispatcher, fired = dispatcher_at(1000.0), asyncio.Event()
        start = asyncio.get_running_loop().time()
        dispatcher.call_after(50.0, fired.set)
        await asyncio.wait_for(fired.wait(), 20)
        wall, node = asyncio.get_running_loop().time() - start, dispatcher.now() - 1000.0
        assert wall >= 0.049
        assert 50.0 <= node <= (wall + 1.0) * 1000.0

    run(main())


def test_wall_deadlines_are_not_scaled() -> None:
    async def main() -> None:
        dispatcher, fired = dispatcher_at(1000.0), asyncio.Event()
        dispatcher.call_after_wall(0.02, fired.set)
        await asyncio.wait_for(fired.wait(), 20)
        assert dispatcher.now() - 1000.0 >= 19.0

    run(main())


def test_without_an_epoch_node_time_begins_now() -> None:
    async def main() -> float:
        return dispatcher_at(1.0, None).now()

    before = time.time()  # noqa: TID251  # what the dispatcher is compared with
    assert abs(run(main()) - before) < 5.0


def test_a_task_awaits_a_reply_or_its_failure() -> None:
    async def main() -> None:
        dispatcher = dispatcher_at(1.0)
        good: Reply[int] = Reply(dispatcher)
        bad: Reply[int] = Reply(dispatcher)
        dispatcher.call_soon(good.complete, 1)
        assert await wait(good) == 1
        assert await wait(good) == 1
        bad.fail(Boom())
        with pytest.raises(Boom):
            await wait(bad)

    run(main())


def test_a_cancelled_task_frees_its_slot_and_the_reply_counts_as_late() -> None:
    async def main() -> None:
        reply: Reply[int] = Reply(dispatcher_at(1.0), 60.0)
        task = asyncio.ensure_future(wait(reply))  # noqa: TID251  # a task to be cancelled
        await asyncio.sleep(0)  # noqa: TID251  # one turn, so that it waits
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not reply.complete(1)

    run(main())


def test_a_task_may_ask_actors_from_outside() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def task() -> Any:
            return await wait(stage.do(a, lambda p, ctx: "answer"))

        slot: Reply[Any] = Reply(stage.system.dispatcher)
        running = asyncio.ensure_future(task())  # noqa: TID251  # like a gateway's
        running.add_done_callback(lambda done: slot.complete(done.result()))
        assert await slot == "answer"

    on_a_loop(scenario)
