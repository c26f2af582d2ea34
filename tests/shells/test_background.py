"""What a long-running service needs of its loop: dead tasks are noticed, pauses and blocking calls end with it."""

import asyncio
import threading

import pytest

from alys.shells.background import Background, Ending
from tests.shells.waiting import turn, until


async def _forever(background: Background) -> None:
    await background.ended()


async def _broken() -> None:
    raise ValueError("a bug")


def test_a_task_that_dies_makes_the_process_sick_and_says_why() -> None:
    async def life() -> None:
        background = Background()
        background.start("good one", _forever(background))
        await turn()
        assert background.health() == ""
        background.start("bad one", _broken())
        await until(background.health)
        assert background.health() == "the bad one is no more: ValueError: a bug"
        background.end()
        assert await background.finish(5) == ["bad one: ValueError: a bug"]

    asyncio.run(life())


def test_a_task_that_merely_ends_is_missed_too() -> None:
    async def short() -> None:
        return

    async def life() -> str:
        background = Background()
        background.start("short one", short())
        await until(background.health)
        return background.health()

    assert asyncio.run(life()) == "the short one is no more: it ended"


def test_a_pause_ends_with_the_service() -> None:
    async def life() -> None:
        background = Background()
        pause = asyncio.get_running_loop().create_task(background.pause(3600))
        await turn()
        background.end()
        await asyncio.wait_for(pause, 5)
        assert background.ending

    asyncio.run(life())


def test_what_does_not_end_in_time_is_cancelled() -> None:
    async def stubborn(seen: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("closed")

    async def life() -> list[str]:
        background, seen = Background(), list[str]()
        background.start("stubborn one", stubborn(seen))
        await turn()
        background.end()
        assert await background.finish(0.01) == []
        return seen

    assert asyncio.run(life()) == ["closed"]


def test_a_blocking_call_answers_or_raises_and_the_loop_turns_meanwhile() -> None:
    async def life() -> None:
        background, gate = Background(), threading.Event()
        call = asyncio.get_running_loop().create_task(background.blocking(lambda: gate.wait(10)))
        await turn()  # the loop turns while the thread waits
        gate.set()
        assert await call is True
        with pytest.raises(ZeroDivisionError):
            await background.blocking(lambda: 1 // 0)

    asyncio.run(life())


def test_a_blocking_call_is_given_up_at_the_end_and_a_last_word_is_not() -> None:
    async def life() -> None:
        background, gate = Background(), threading.Event()
        call = asyncio.get_running_loop().create_task(background.blocking(lambda: gate.wait(10)))
        await turn()
        background.end()
        with pytest.raises(Ending):
            await call
        gate.set()
        assert await background.last_word(lambda: "said", 5) == "said"
        never = threading.Event()
        with pytest.raises(TimeoutError):
            await background.last_word(lambda: never.wait(10), 0.01)
        never.set()

    asyncio.run(life())
