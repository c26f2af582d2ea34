"""Checks 67 and 68 of the runtime's contract: a seed decides everything, and nothing else may."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alys.actors.context import Context
from alys.sim.trap import Nondeterminism
from tests.actors.conformance import soak
from tests.actors.stage import Do, Puppet, Stage, on_a_loop, simulate

# ruff: noqa: TID251  # what is banned is what is tested here

ROOT = Path(__file__).resolve().parents[3]
SEEDS = 12


# 67


def trace_of(seed: int) -> tuple[str, list[str]]:
    lines: list[str] = []
    return soak.trace(seed, lines.append), lines


def test_67_same_seed_same_trace_twice_in_a_row_and_another_for_another_seed() -> None:
    """Two runs of one seed leave the same lines and hash, whatever ran before; two seeds never do."""
    first = [trace_of(seed) for seed in range(SEEDS)]
    again = [trace_of(seed) for seed in reversed(range(SEEDS))]
    assert first == again[::-1]
    assert len({trace_hash for trace_hash, _ in first}) == SEEDS
    assert all(len(lines) > 200 for _, lines in first)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4])
def test_67_same_seed_same_trace_in_other_processes_with_other_hash_seeds(seed: int) -> None:
    """Neither the process nor the order of its hashes has a say in a run."""
    trace_hash, _ = trace_of(seed)
    for hash_seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.actors.conformance.soak", str(seed)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            },
        )
        assert done.stdout.splitlines()[0] == trace_hash


def test_67_same_seed_same_trace_but_not_the_same_schedule_for_all_seeds() -> None:
    """The seed really chooses: among few actors that are ready, every order comes up."""

    async def scenario(stage: Stage) -> str:
        for name in "abc":
            stage.tell(stage.spawn(name), Do(act=lambda p, ctx: p.note("here")))
        await stage.settle()
        return "".join(who for who, what in stage.journal if what == "here")

    assert {simulate(scenario, seed) for seed in range(60)} == {
        "abc", "acb", "bac", "bca", "cab", "cba"
    }  # fmt: skip


# 68

FORBIDDEN: dict[str, Callable[[], Any]] = {
    "time.time()": lambda: time.time(),
    "time.monotonic()": lambda: time.monotonic(),
    "time.sleep()": lambda: getattr(time, "sleep")(0.001),  # noqa: B009  # the rule sees no calls of it here
    "random.random()": lambda: random.random(),
    "os.urandom()": lambda: os.urandom(1),
    "threading.Thread.start()": lambda: threading.Thread(target=print).start(),
}
WHERE = ("told", "asked", "after_waiting", "on_start", "post_stop", "timer")


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", FORBIDDEN)
def test_68_nondeterminism_trap_ends_the_run_wherever_it_is_stepped_into(
    name: str, where: str
) -> None:
    """A handler or hook that asks the machine for time, chance, a thread or a nap ends the simulated run by name."""

    def act(puppet: Puppet, ctx: Context) -> None:
        FORBIDDEN[name]()

    async def act_late(puppet: Puppet, ctx: Context) -> None:
        await puppet.stage.system.sleep(1.0)
        FORBIDDEN[name]()

    class Curious(Puppet):
        pass

    if where in ("on_start", "post_stop"):
        setattr(Curious, where, act)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Curious(stage))
        if where == "timer":
            await stage.do(a, lambda p, ctx: ctx.after(1.0, Do(act=act)))
        elif where == "asked":
            await stage.do(a, act)
        else:
            stage.tell(a, Do(act=act_late if where == "after_waiting" else act))
        await stage.system.sleep(5.0)
        await stage.system.stop(a)

    with pytest.raises(Nondeterminism) as caught:
        simulate(scenario)
    assert caught.value.call == name
    assert caught.value.module == __name__


@pytest.mark.parametrize("name", [name for name in FORBIDDEN if "Thread" not in name])
def test_68_nondeterminism_trap_is_none_on_the_real_loop(name: str) -> None:
    """The same handler may do so where time is real, also right after a simulation."""

    async def scenario(stage: Stage) -> None:
        await stage.do(stage.spawn(), lambda p, ctx: FORBIDDEN[name]())
        assert stage.log.failures == []

    with pytest.raises(Nondeterminism):
        simulate(scenario)
    on_a_loop(scenario)
