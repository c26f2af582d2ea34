"""Runs on request: a queue of orders, and one child process at a time that carries them out.

A child is ``alys test ... -o json`` in a process group of its own. What it says on standard error is kept by the line and shown
while it runs; the one object on its standard output is the verdict. Interrupting it sends SIGINT, upon which it writes its
results and ends with 130; what does not end then is killed with all its group.
"""

import asyncio
import contextlib
import itertools
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from alys.base.errors import AlysError
from alys.shells.background import Background

QUEUED_MAX = 8
ENDED_MAX = 50
"""Orders that ended and are remembered; their results lie in their folders."""
LINES_MAX = 200
"""Of a child's progress."""
LINE_CHARACTERS_MAX = 500
STDOUT_BYTES_MAX = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
INTERRUPT_SECONDS = 15.0
"""Wall time that an interrupted child has to close its world and to write its results."""

PIPE_SECONDS = 5.0
"""That an escaped grandchild may keep the pipes open."""


class QueueFull(AlysError):
    """So many orders wait that one more would only wait for long."""


class Closing(AlysError):
    """The service ends and takes no orders."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for; ``words`` are the arguments of ``alys test``."""

    suite: str
    words: tuple[str, ...]
    world: str | None = None
    seed: int | None = None
    keyword: str | None = None


class Entry(msgspec.Struct, kw_only=True):
    """An order and what became of it; times in seconds since the Unix epoch."""

    id: str
    order: Order
    state: str = "queued"
    """``queued``, ``running`` or ``ended``."""
    ordered_at: float
    started_at: float | None = None
    ended_at: float | None = None
    verdict: str = ""
    exit_code: int | None = None
    cause: str = ""
    run_id: str | None = None
    """The results folder's name, once there is one."""
    cancelled: bool = False
    lines: deque[str] = msgspec.field(default_factory=lambda: deque(maxlen=LINES_MAX))


class _Verdict(msgspec.Struct, frozen=True):
    """What is read of the child's one object."""

    verdict: str
    exit_code: int
    cause: str
    results_dir: str | None = None


class RunDesk:
    """Takes orders; ``work`` carries them out until the background ends."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        background: Background,
        *,
        wall_clock: Callable[[], float],
        queued_max: int = QUEUED_MAX,
    ) -> None:
        """``command`` is what the words of an order are appended to; ``environment`` all that children see."""
        self._command = list(command)
        self._environment = dict(environment)
        self._background = background
        self._wall_clock = wall_clock
        self._queued_max = queued_max
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._interrupted = asyncio.Event()
        self._wake = asyncio.Event()

    def entries(self) -> list[Entry]:
        """All that is remembered, newest first."""
        return list(reversed(self._entries))

    def find(self, entry_id: str) -> Entry | None:
        """An order by its id, or by the id of the run that came of it."""
        return next((one for one in self._entries if entry_id in (one.id, one.run_id)), None)

    def order(self, order: Order) -> Entry:
        """Put an order at the end of the queue; raises QueueFull or Closing."""
        if self._background.ending:
            raise Closing("the service ends and takes no orders")
        waiting = sum(one.state == "queued" for one in self._entries)
        if waiting >= self._queued_max:
            raise QueueFull(f"{waiting} runs wait already, at most {self._queued_max} may")
        now = self._wall_clock()
        entry = Entry(id=f"order-{int(now)}-{next(self._numbers)}", order=order, ordered_at=now)
        self._entries.append(entry)
        while (
            len(self._entries) > ENDED_MAX + self._queued_max and self._entries[0].state == "ended"
        ):
            self._entries.popleft()
        self._wake.set()
        return entry

    def cancel(self, entry: Entry) -> bool:
        """Take an order back, or interrupt its child; False when it is over already."""
        if entry.state == "queued":
            self._end(entry, verdict="cancelled", cause="taken back before it began")
            return True
        if entry.state == "running" and self._process is not None:
            entry.cancelled = True
            self._interrupted.set()
            return True
        return False

    async def work(self) -> None:
        """Carry out orders, one at a time; ends with the background, and then no child is left."""
        while not self._background.ending:
            entry = next((one for one in self._entries if one.state == "queued"), None)
            if entry is not None:
                await self._carry_out(entry)
                continue
            self._wake.clear()
            await self._woken()
        for entry in self._entries:
            if entry.state == "queued":
                self._end(entry, verdict="cancelled", cause="the service ended before it began")

    async def _woken(self) -> None:
        loop = asyncio.get_running_loop()
        either = [loop.create_task(self._wake.wait()), loop.create_task(self._background.ended())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in either:
                task.cancel()

    async def _carry_out(self, entry: Entry) -> None:
        entry.state, entry.started_at = "running", self._wall_clock()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *entry.order.words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            self._end(entry, verdict="environment", exit_code=3, cause=f"cannot start: {error}")
            return
        self._process = process
        self._interrupted.clear()
        loop = asyncio.get_running_loop()
        out = loop.create_task(_all_of(process.stdout))
        err = loop.create_task(_lines_of(process.stderr, entry.lines))
        try:
            await self._until_over(process, entry)
        finally:
            self._process = None
            _kill_group(process)  # it, or what it started and left behind
            await asyncio.wait({out, err}, timeout=PIPE_SECONDS)
            code = await process.wait()
            said = out.result() if out.done() else b""
            err.cancel()
            out.cancel()
        self._judge(entry, code, said)

    async def _until_over(self, process: asyncio.subprocess.Process, entry: Entry) -> None:
        """Until the child is over; interrupted, it has a limited time for that."""
        loop = asyncio.get_running_loop()
        over = loop.create_task(process.wait())
        stops = [
            loop.create_task(self._background.ended()),
            loop.create_task(self._interrupted.wait()),
        ]
        try:
            await asyncio.wait({over, *stops}, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                entry.cancelled = True
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)
                await asyncio.wait({over}, timeout=INTERRUPT_SECONDS)
        finally:
            for task in (over, *stops):
                task.cancel()

    def _judge(self, entry: Entry, code: int, out: bytes) -> None:
        try:
            told = msgspec.json.decode(out, type=_Verdict)
        except msgspec.MsgspecError:
            last = entry.lines[-1] if entry.lines else "it said nothing"
            verdict = "interrupted" if entry.cancelled else "environment"
            self._end(
                entry, verdict=verdict, exit_code=code, cause=f"ended without a result: {last}"
            )
            return
        if told.results_dir:
            entry.run_id = Path(told.results_dir).name
        self._end(entry, verdict=told.verdict, exit_code=told.exit_code, cause=told.cause)

    def _end(self, entry: Entry, *, verdict: str, cause: str, exit_code: int | None = None) -> None:
        entry.state, entry.ended_at = "ended", self._wall_clock()
        entry.verdict, entry.cause, entry.exit_code = verdict, cause, exit_code


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    """All that is said, up to a limit; what is above it is read and dropped, so that the child never waits."""
    assert stream is not None, "the child was started with pipes"
    parts, size = [], 0
    while chunk := await stream.read(CHUNK_BYTES):
        size += len(chunk)
        if size <= STDOUT_BYTES_MAX:
            parts.append(chunk)
    return b"".join(parts)


async def _lines_of(stream: asyncio.StreamReader | None, lines: deque[str]) -> None:
    """Line by line; an endless one is cut."""
    assert stream is not None, "the child was started with pipes"
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        lines.extend(_shown(line) for line in whole)
        rest = rest[: 4 * LINE_CHARACTERS_MAX]
    if rest:
        lines.append(_shown(rest))


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")[:LINE_CHARACTERS_MAX]


def _kill_group(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
