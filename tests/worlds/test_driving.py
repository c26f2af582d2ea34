"""How runs of worlds on asyncio are interrupted; what they do otherwise is in the tests of these worlds."""

import asyncio
import signal
from collections.abc import Callable, Iterator

import pytest

from alys.cli import words
from alys.worlds.attached import AttachedWorld
from alys.worlds.driving import LoopDriver
from alys.worlds.protocol import ScenarioInfo


def no_world(_: ScenarioInfo) -> AttachedWorld:
    raise AssertionError("nobody asks for a world here")


@pytest.fixture
def driver() -> Iterator[LoopDriver]:
    driver = LoopDriver("nothing", no_world, 1, 1.0)
    yield driver
    driver.close()


class Dying:
    """Sends a signal when it is thrown away: an exception that comes up there reaches nobody."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


async def forever(number: signal.Signals) -> None:
    Dying(number)
    await asyncio.Event().wait()


async def to_its_end(number: signal.Signals) -> None:
    signal.raise_signal(number)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", [forever, to_its_end])
def test_no_signal_is_lost_wherever_it_comes(
    driver: LoopDriver, number: signal.Signals, work: Callable[[signal.Signals], object]
) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with words.terminated_like_interrupted(), pytest.raises(KeyboardInterrupt):
        driver.run(work(number))  # type: ignore[arg-type]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_termination_that_nobody_handles_stays_one(driver: LoopDriver) -> None:
    async def look() -> None:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    driver.run(look())
