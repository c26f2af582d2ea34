"""While a simulation runs, our code cannot ask the machine for time, chance, threads or sockets; libraries and idle time can."""

import asyncio
import json
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.base.errors import AlysBug
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from alys.sim.trap import Nondeterminism, Trap, is_ours
from tests.sim.little_world import World

# ruff: noqa: TID251  # what is banned is what is tested here

CALLS: dict[str, Callable[[], Any]] = {
    "time.time()": lambda: time.time(),
    "time.time_ns()": lambda: time.time_ns(),
    "time.monotonic()": lambda: time.monotonic(),
    "time.perf_counter()": lambda: time.perf_counter(),
    "time.sleep()": lambda: time.sleep(0),
    "random.random()": lambda: random.random(),
    "random.randint()": lambda: random.randint(1, 2),
    "random.choice()": lambda: random.choice([1]),
    "random.shuffle()": lambda: random.shuffle([]),
    "random.seed()": lambda: random.seed(1),
    "secrets.token_bytes()": lambda: secrets.token_bytes(4),
    "os.urandom()": lambda: os.urandom(4),
    "uuid.uuid4()": lambda: uuid.uuid4(),
    "threading.Thread.start()": lambda: threading.Thread(target=print).start(),
    "socket.socket()": lambda: socket.socket(),
    "time.gmtime()": lambda: time.gmtime(),
    "time.localtime()": lambda: time.localtime(None),
    "random.Random()": lambda: random.Random(),
    "os.getpid()": lambda: os.getpid(),
    "asyncio.new_event_loop()": lambda: asyncio.new_event_loop(),
    "subprocess.Popen()": lambda: subprocess.Popen([sys.executable, "-c", ""]),
}


def in_a_step(call: Callable[[], Any]) -> Any:
    dispatcher, results = SimDispatcher(SeededRandom(0), 0.0, trap=Trap()), list[Any]()
    dispatcher.call_soon(lambda: results.append(call()))
    dispatcher.run_until_idle()
    return results[0]


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_caught_by_name_and_place(name: str) -> None:
    with pytest.raises(Nondeterminism) as caught:
        in_a_step(CALLS[name])
    assert (caught.value.call, caught.value.module) == (name, __name__)
    assert caught.value.place.startswith("test_trap.py:")
    assert str(caught.value).startswith(f"{name} in a simulated step, called by ")
    assert isinstance(caught.value, AlysBug)


def test_what_says_its_moment_or_its_seed_is_no_matter_of_chance() -> None:
    assert in_a_step(lambda: time.gmtime(0)).tm_year == 1970
    assert in_a_step(lambda: random.Random(7).random()) == in_a_step(
        lambda: random.Random(x=7).random()
    )
    with pytest.raises(Nondeterminism, match=r"random\.Random\(\)"):
        in_a_step(lambda: random.SystemRandom(7))


def test_where_a_library_does_it_the_place_in_our_code_is_named() -> None:
    with pytest.raises(Nondeterminism) as caught:
        in_a_step(lambda: socket.create_connection(("127.0.0.1", 9)))
    assert (caught.value.call, caught.value.module) == ("socket.socket()", __name__)
    assert caught.value.place.startswith("test_trap.py:")


def test_a_loop_that_a_library_makes_is_caught_too() -> None:
    async def nothing() -> None:
        """Never begun."""

    work = nothing()
    with pytest.raises(Nondeterminism, match=r"asyncio\.new_event_loop\(\).*test_trap\.py:"):
        in_a_step(lambda: asyncio.run(work))
    work.close()


def test_a_function_that_was_replaced_in_between_is_called_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trap, library = Trap(), types.ModuleType("some_library")
    code = "import time\ndef stamp():\n    return time.time()\n"
    exec(compile(code, os.__file__.replace("os.py", "some_library.py"), "exec"), vars(library))
    with trap:
        assert library.stamp() > 5
    monkeypatch.setattr(time, "time", lambda: 5.0)
    with trap:
        assert library.stamp() == 5.0
    assert time.time() == 5.0


def originals() -> list[Any]:
    return [
        time.time, time.sleep, random.random, secrets.token_bytes, os.urandom, uuid.uuid4,
        threading.Thread.start, socket.socket.__init__, subprocess.Popen.__init__,
    ]  # fmt: skip


def test_after_the_step_everything_is_as_before_also_when_it_failed() -> None:
    before = originals()
    with pytest.raises(ZeroDivisionError):
        in_a_step(lambda: 1 // 0)
    with pytest.raises(Nondeterminism):
        in_a_step(lambda: time.time())
    assert originals() == before
    assert time.time() > 0


def test_a_trap_in_a_trap_stays_armed_until_the_outer_one_ends() -> None:
    trap, before = Trap(), originals()
    with trap:
        with trap:
            pass
        with pytest.raises(Nondeterminism):
            time.time()
    assert originals() == before


def test_what_a_library_does_with_the_clock_is_its_own_business() -> None:
    library = types.ModuleType("some_library")
    source = "import time, os\ndef stamp():\n    return time.time(), os.urandom(2)\n"
    exec(compile(source, os.__file__.replace("os.py", "some_library.py"), "exec"), vars(library))
    stamp, chance = in_a_step(library.stamp)
    assert stamp > 0
    assert len(chance) == 2


def test_libraries_start_no_threads_either() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool, pytest.raises(Nondeterminism, match=r"Thread\.start"):
        in_a_step(lambda: pool.submit(print))


def test_a_threads_own_time_is_no_part_of_the_step() -> None:
    seen: list[Any] = []
    go, done = threading.Event(), threading.Event()

    def other() -> None:
        go.wait(20)
        try:
            seen.append(time.time())
        except Nondeterminism as error:
            seen.append(error)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def let_it_look() -> bool:
        go.set()
        return done.wait(20)

    assert in_a_step(let_it_look)
    thread.join()
    assert isinstance(seen[0], float)


def test_code_is_ours_by_its_module_or_by_its_place() -> None:
    here = sys._getframe()
    assert is_ours(here)

    def frame_of(module: str, file: str) -> types.FrameType:
        space: dict[str, Any] = {"__name__": module}
        exec(compile("import sys\nframe = sys._getframe()", file, "exec"), space)
        frame: types.FrameType = space["frame"]
        return frame

    assert is_ours(frame_of("alys.node.chain", pytest.__file__))
    assert not is_ours(frame_of("alysson", pytest.__file__))
    assert not is_ours(frame_of("json", json.__file__))
    assert not is_ours(frame_of("importlib", "<frozen importlib._bootstrap>"))
    assert is_ours(frame_of("scenario", "somewhere/scenario.py"))


class Peek(Message, frozen=True, kw_only=True):
    """Look at the clock."""


class Peeker(Actor):
    """Looks at the clock and says nothing of what came of it."""

    def on_peek(self, message: Peek, ctx: Context) -> None:
        """Swallow the error."""
        try:
            time.time()
        except Exception:
            return


def test_a_violation_that_was_swallowed_still_ends_the_run() -> None:
    world = World(1, trap=Trap())
    peeker = world.spawn("peeker", Peeker)

    async def scenario() -> None:
        await world.system.sleep(1.0)
        world.system.tell(peeker, Peek())
        await world.system.sleep(1.0)

    with pytest.raises(Nondeterminism, match=r"time\.time\(\)"):
        world.run(scenario())


def test_without_a_violation_the_check_is_silent() -> None:
    trap = Trap()
    with trap:
        trap.check()
    trap.check()
