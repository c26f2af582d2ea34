"""A child is told, heard and ended; it says why it died, and it never outlives its parent."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from alys.base.errors import EnvironmentFailure
from alys.shells.child_process import ChildDied, ChildProcess, exit_in_words

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
MODULE = "tests.shells.talking_child"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # where the child's module is found


def with_child(order: dict[str, Any], what: Callable[[ChildProcess, bytes], Awaitable[T]]) -> T:
    """Do something with a child, which is ended in any case."""
    told: list[str] = []

    async def life() -> T:
        child, first = await ChildProcess.start(
            MODULE, json.dumps(order).encode(), what="the child", tell=told.append
        )
        try:
            return await what(child, first)
        finally:
            if child.exit_code is None:
                await child.kill()

    return asyncio.run(life())


def test_it_says_that_it_is_ready_and_ends_when_told() -> None:
    async def look(child: ChildProcess, first: bytes) -> tuple[bytes, int]:
        child.require()
        await child.end()
        return first, child.pid

    first, pid = with_child({}, look)
    assert int(first) == pid
    assert gone(pid)


def test_lines_after_the_first_are_kept_for_whoever_listens() -> None:
    async def look(child: ChildProcess, first: bytes) -> tuple[bytes, list[bytes]]:
        await child.end()
        return first, child.heard

    assert with_child({"out": ["one", "two", "three"]}, look) == (b"one", [b"two", b"three"])


def test_its_standard_error_is_passed_on() -> None:
    told: list[str] = []

    async def life() -> str:
        order = json.dumps({"err": ["a", "b"]}).encode()
        child, _ = await ChildProcess.start(MODULE, order, what="the child", tell=told.append)
        await child.end()
        return child.last_words

    assert asyncio.run(life()) == "a\nb"
    assert told == ["a", "b"]


def test_one_that_does_not_start_is_the_environments_fault_and_its_last_words_say_why() -> None:
    async def look(child: ChildProcess, first: bytes) -> None:
        raise AssertionError("it never got ready")

    with pytest.raises(EnvironmentFailure) as raised:
        with_child({"err": ["first", "no port"], "exit": 3}, look)
    expected = "the child did not start: exit code 3; it said last: first | no port"
    assert str(raised.value) == expected


def test_one_that_says_nothing_is_not_waited_for_for_ever() -> None:
    async def life() -> None:
        order = json.dumps({"out": [], "err": ["thinking"]}).encode()
        await ChildProcess.start(
            MODULE, order, what="the child", tell=lambda _: None, ready_seconds=1.0
        )

    with pytest.raises(EnvironmentFailure, match="the child was not ready within 1 s"):
        asyncio.run(life())


def test_one_that_dies_is_noticed_with_its_exit_code() -> None:
    async def look(child: ChildProcess, first: bytes) -> None:
        os.kill(child.pid, signal.SIGKILL)
        await child.require_soon(20.0)

    with pytest.raises(ChildDied, match=r"the child died with exit code -9 \(SIGKILL\)"):
        with_child({}, look)


def test_one_that_had_died_before_its_end_does_not_end_well() -> None:
    async def look(child: ChildProcess, first: bytes) -> None:
        os.kill(child.pid, signal.SIGTERM)
        with pytest.raises(ChildDied):
            await child.require_soon(20.0)
        await child.end()

    with pytest.raises(ChildDied, match="SIGTERM"):
        with_child({}, look)


def test_an_end_that_goes_wrong_is_told_of() -> None:
    async def look(child: ChildProcess, first: bytes) -> None:
        await child.end()

    with pytest.raises(ChildDied, match="exit code 4"):
        with_child({"end": 4}, look)


@pytest.mark.parametrize("stuck", [False, True])
def test_it_dies_with_its_parent_even_if_it_is_stuck(stuck: bool) -> None:
    """The parent is killed, which leaves it no time to end anybody."""
    order = json.dumps({"stuck": stuck, "grace": 0.1})
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, order], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)
    parent.kill()
    parent.communicate(timeout=30)
    try:
        ended, _, _ = select.select([watched], [], [], 30)
    finally:
        os.close(watched)
    assert ended, "the child outlived its parent"


PARENT = """
import asyncio, sys
from alys.shells.child_process import ChildProcess

async def main():
    child, _ = await ChildProcess.start(
        "tests.shells.talking_child", sys.argv[1].encode(), what="it", tell=print)
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_exit_codes_have_the_names_of_signals() -> None:
    assert [exit_in_words(code) for code in (3, -9, -200)] == [
        "exit code 3",
        "exit code -9 (SIGKILL)",
        "exit code -200",
    ]
