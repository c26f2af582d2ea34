"""What onlookers find is not lost, and what cannot be read yet is not judged."""

from pathlib import Path
from typing import Any, cast

import pytest
from typing_extensions import override

from alys.base.errors import AlysError
from alys.config.settings import Settings
from alys.worlds.audit import Auditor
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld


def world() -> SimWorld:
    """Not open."""
    made = SimDriver(Settings()).world(ScenarioInfo(name="x", seed=1, scratch=Path("x")))
    assert isinstance(made, SimWorld)
    return made


def test_what_an_onlooker_found_is_raised_again_when_somebody_passed_it_over() -> None:
    """Whoever waits for something first gets it, and may go on in spite of it; the scenario must hear of it all the same."""
    seen, found = world(), AlysError("minted twice")
    seen.stumble(found)
    with pytest.raises(AlysError, match="minted twice"):
        seen.require_sound()
    seen.require_sound()
    seen.passed_over(AlysError("somebody was away"))
    seen.require_sound()
    seen.passed_over(found)
    with pytest.raises(AlysError, match="minted twice"):
        seen.require_sound()


class Astray(Auditor):
    """Its execution client is on a branch of its own."""

    def __init__(self) -> None:
        self.looks = 0
        self.judged = 0
        self.statement = None
        self._executed, self._fed, self._fresh = [], {}, 0
        self.ledger = cast(Any, self)

    def check(self) -> Any:
        self.judged += 1
        return "the last statement"

    @override
    async def _bitcoin_height(self) -> int:
        return 100

    @override
    async def _read_evm(self) -> None:
        return None

    @override
    async def _feed_bitcoin(self, height: int) -> None:
        raise AssertionError("a payout may stand on a block that cannot be read yet")


def test_bitcoin_is_not_judged_before_the_blocks_that_it_may_stand_on() -> None:
    """The look counts, over what was there before."""
    auditor = Astray()
    look = auditor.look()
    with pytest.raises(StopIteration) as told:
        look.send(None)
    assert told.value.value == "the last statement"
    assert (auditor.looks, auditor.judged) == (1, 1)
