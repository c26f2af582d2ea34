"""The ways in which each promise is put to the test.

In simulation, under several seeds, with messages in envelopes and with bare ones; and on asyncio in envelopes, bare (asks
between actors are then answered at once), and bare with the scenario as a task of its own, which asks from outside.
What is said about time is checked in simulation only, where it is exact.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity
from tests.actors.stage import (
    PlainLog,
    Puppet,
    Run,
    Stage,
    on_a_loop,
    simulate,
)

SEEDS = 5
PATIENT = 1e6
"""Node seconds that stopping may take where a test must not depend on how busy the machine is."""
TRIES_MAX = 5_000


#: On asyncio, the scenario itself a task: it asks from outside, as gateways do.
as_a_task: Run = partial(on_a_loop, kind=PlainLog, driven=False)

_virtual: dict[str, Run] = {}
for _seed in range(SEEDS):
    _virtual[f"seed{_seed}"] = partial(simulate, seed=_seed)
    _virtual[f"seed{_seed}-plain"] = partial(simulate, seed=_seed, kind=PlainLog)
_anywhere: dict[str, Run] = {
    **_virtual,
    "loop": on_a_loop,
    "loop-plain": partial(on_a_loop, kind=PlainLog),
    "loop-task": as_a_task,
}

in_virtual_time = pytest.mark.parametrize("run", _virtual.values(), ids=_virtual)
anywhere = pytest.mark.parametrize("run", _anywhere.values(), ids=_anywhere)


async def until(stage: Stage, condition: Callable[[], bool]) -> None:
    """Let node time pass until it holds."""
    for _ in range(TRIES_MAX):
        if condition():
            return
        await stage.system.sleep(1.0)
    raise AssertionError(f"it never came true: {stage.journal[-20:]} {stage.system.tree()}")


class Gate:
    """What a handler waits at until the test opens it; no clock has a say in that."""

    def __init__(self, stage: Stage) -> None:
        self.open = False
        self.waiting = 0
        self._stage = stage

    async def wait(self) -> None:
        """Wait until it is open."""
        self.waiting += 1
        await until(self._stage, lambda: self.open)
        self.waiting -= 1


def supervise(intensity: Intensity) -> Callable[[Puppet, Context], None]:
    """To be done by a puppet: allow so many restarts of one's children."""
    return lambda puppet, ctx: ctx.supervise(intensity)


def incarnation(ref: Ref) -> int:
    """How often it was restarted."""
    count: int = ref.cell.incarnation
    return count


def tell_all(target: Ref, *messages: Any) -> Callable[[Puppet, Context], None]:
    """To be done by a puppet: send these, in a row."""

    def act(puppet: Puppet, ctx: Context) -> None:
        for message in messages:
            ctx.tell(target, message)

    return act
