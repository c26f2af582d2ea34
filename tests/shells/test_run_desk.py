"""Orders are carried out by children, one at a time, in order; what becomes of each is known, also of the ones that break."""

import asyncio
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alys.shells import run_desk
from alys.shells.background import Background
from alys.shells.run_desk import Closing, Entry, Order, QueueFull, RunDesk
from tests.shells.waiting import until

CHILD = textwrap.dedent(
    """
    import json, os, signal, sys, time
    what = sys.argv[1]
    def end(verdict, code, results="results/20260101T000000Z-x-abcdef"):
        print(json.dumps({"verdict": verdict, "exit_code": code, "cause": what, "results_dir": results, "more": [1]}))
        sys.exit(code)
    def interrupted():
        print("closing", file=sys.stderr)
        end("interrupted", 130)
    if what == "pass":
        print("PASS  one", file=sys.stderr)
        end("pass", 0)
    if what == "environment":
        print(json.dumps({"verdict": "usage", "exit_code": 2, "cause": "no such thing", "results_dir": None}))
        sys.exit(2)
    if what == "break":
        print("Traceback: a bug", file=sys.stderr)
        sys.exit(1)
    if what == "seen":
        print(sorted(os.environ), file=sys.stderr)
        end("pass", 0)
    if what == "long":
        sys.stderr.write("x" * 2_000_000)
        end("pass", 0)
    if what == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if what == "family":
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        print("waiting", os.getpid(), file=sys.stderr, flush=True)
        while True:
            signal.pause()
    except KeyboardInterrupt:
        interrupted()
    """
)


def desk(background: Background, **more: Any) -> RunDesk:
    """A desk whose children are the little program above."""
    return RunDesk([sys.executable, "-c", CHILD], {}, background, wall_clock=lambda: 1000.0, **more)


def order(what: str) -> Order:
    return Order(suite=what, words=(what,))


def at(life: Callable[[RunDesk, Background], Awaitable[None]], **more: Any) -> None:
    """Run with a working desk; ends it, and nothing may be left."""

    async def whole() -> None:
        background = Background()
        made = desk(background, **more)
        background.start("desk", made.work())
        try:
            async with asyncio.timeout(30):
                await life(made, background)
        finally:
            background.end()
            assert await background.finish(30) == []

    asyncio.run(whole())


def over(entry: Entry) -> Callable[[], bool]:
    return lambda: entry.state == "ended"


def test_orders_are_carried_out_in_order_and_one_at_a_time() -> None:
    async def life(made: RunDesk, _: Background) -> None:
        entries = [made.order(order("pass")) for _ in range(3)]
        assert [one.state for one in entries] == ["queued"] * 3
        most = 0

        def done() -> bool:
            nonlocal most
            most = max(most, [one.state for one in entries].count("running"))
            return entries[2].state == "ended"

        await until(done)
        assert most == 1
        for one in entries:
            assert (one.state, one.verdict, one.exit_code) == ("ended", "pass", 0)
            assert one.run_id == "20260101T000000Z-x-abcdef"
            assert list(one.lines) == ["PASS  one"]
        assert made.entries() == entries[::-1]
        assert made.find(entries[0].id) is entries[0]

    at(life)


def test_a_run_without_results_and_a_child_that_breaks_are_told_apart() -> None:
    async def life(made: RunDesk, _: Background) -> None:
        usage, broken = made.order(order("environment")), made.order(order("break"))
        await until(over(broken))
        assert (usage.verdict, usage.exit_code, usage.cause) == ("usage", 2, "no such thing")
        assert (broken.verdict, broken.exit_code) == ("environment", 1)
        assert broken.cause == "ended without a result: Traceback: a bug"
        assert usage.run_id is broken.run_id is None

    at(life)


def test_a_command_that_cannot_start_is_the_machines_fault() -> None:
    async def life() -> Entry:
        background = Background()
        made = RunDesk(["/no/such/program"], {}, background, wall_clock=lambda: 0.0)
        background.start("desk", made.work())
        entry = made.order(order("pass"))
        await asyncio.wait_for(until(over(entry)), 10)
        background.end()
        await background.finish(10)
        return entry

    entry = asyncio.run(life())
    assert (entry.verdict, entry.exit_code) == ("environment", 3)
    assert entry.cause.startswith("cannot start: ")


def test_children_see_the_given_environment_and_no_other() -> None:
    async def life(made: RunDesk, _: Background) -> None:
        entry = made.order(order("seen"))
        await until(over(entry))
        assert "PATH" not in entry.lines[0]

    at(life)


def test_the_queue_is_bounded() -> None:
    async def life(made: RunDesk, _: Background) -> None:
        running = made.order(order("wait"))
        await until(lambda: running.state == "running")
        made.order(order("pass"))
        made.order(order("pass"))
        with pytest.raises(QueueFull, match="2 runs wait already"):
            made.order(order("pass"))

    at(life, queued_max=2)


def test_a_running_one_is_interrupted_and_a_waiting_one_taken_back() -> None:
    async def life(made: RunDesk, _: Background) -> None:
        running, waiting = made.order(order("wait")), made.order(order("pass"))
        await until(lambda: running.lines)
        assert made.cancel(waiting)
        assert made.cancel(running)
        await until(over(running))
        assert (running.verdict, running.exit_code) == ("interrupted", 130)
        assert list(running.lines)[1:] == ["closing"]
        assert (waiting.verdict, waiting.exit_code) == ("cancelled", None)
        assert not made.cancel(running)
        assert not made.cancel(waiting)
        after = made.order(order("pass"))
        await until(over(after))  # the desk goes on
        assert after.verdict == "pass"

    at(life)


def test_a_child_that_does_not_listen_is_killed_with_its_family(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_desk, "INTERRUPT_SECONDS", 0.1)

    async def life(made: RunDesk, _: Background) -> None:
        deaf = made.order(order("deaf"))
        await until(lambda: deaf.lines)
        made.cancel(deaf)
        await until(over(deaf))
        assert (deaf.verdict, deaf.exit_code) == ("interrupted", -9)
        family = made.order(order("family"))
        await until(lambda: len(family.lines) == 2)
        pids = [int(line.split()[1]) for line in family.lines]
        made.cancel(family)
        await until(over(family))
        await until(lambda: not any(_alive(pid) for pid in pids))

    at(life)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_end_of_the_service_interrupts_and_takes_back_and_refuses() -> None:
    async def life() -> None:
        background = Background()
        made = desk(background)
        background.start("desk", made.work())
        running, waiting = made.order(order("wait")), made.order(order("pass"))
        await asyncio.wait_for(until(lambda: running.lines), 10)
        background.end()
        with pytest.raises(Closing):
            made.order(order("pass"))
        assert await background.finish(20) == []
        assert (running.verdict, running.run_id) == ("interrupted", "20260101T000000Z-x-abcdef")
        assert waiting.cause == "the service ended before it began"

    asyncio.run(life())


def test_an_endless_line_is_cut_and_old_orders_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_desk, "ENDED_MAX", 2)

    async def life(made: RunDesk, _: Background) -> None:
        entry = made.order(order("long"))
        await until(over(entry))
        assert [len(line) for line in entry.lines] == [run_desk.LINE_CHARACTERS_MAX]
        for _again in range(4):
            last = made.order(order("pass"))
            await until(over(last))
        assert entry not in made.entries()
        assert made.find(entry.id) is None

    at(life, queued_max=1)
