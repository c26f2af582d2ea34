"""A Python module as a process of its own: told what to do in one line, heard in lines, and never left behind.

The parent writes one line to the child's standard input and keeps it open: its end is the child's order to end, and comes by
itself when the parent dies, however it dies. The child's first line on standard output says that it is ready; later ones
are for whoever listens. Its standard error is passed on line by line, and its last words are kept for the error message.

A child is in a session of its own, so that Ctrl-C reaches the parent alone, which then ends the child in good order.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable

from alys.base.errors import AlysError, EnvironmentFailure

READY_SECONDS = 60.0
END_SECONDS = 20.0
"""Wall time that a child has to end in good order; then it is killed."""
LAST_WORDS_LINES = 12
LINE_BYTES_MAX = 8 * 1024 * 1024


class ChildDied(AlysError):
    """A process that should run has ended; nothing that was asked of it since can be trusted."""

    def __init__(self, what: str, exit_code: int, last_words: str) -> None:
        self.exit_code_of_child = exit_code
        super().__init__(f"{what} died with {exit_in_words(exit_code)}{_quoted(last_words)}")


def exit_in_words(code: int) -> str:
    """The exit code as the shell's user knows it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"exit code {code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"exit code {code}"


class ChildProcess:
    """One child; made by ``start``."""

    def __init__(
        self, what: str, process: asyncio.subprocess.Process, tell: Callable[[str], None]
    ) -> None:
        self.what = what
        self.pid = process.pid
        self._process = process
        self._tell = tell
        self._last: deque[str] = deque(maxlen=LAST_WORDS_LINES)
        self._ending = False
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[bytes] = loop.create_future()
        self.heard: list[bytes] = []
        """Lines after the first, in order."""
        self._readers = [
            loop.create_task(self._read_out(process.stdout)),
            loop.create_task(self._read_err(process.stderr)),
        ]

    @classmethod
    async def start(
        cls,
        module: str,
        order: bytes,
        *,
        what: str,
        tell: Callable[[str], None],
        ready_seconds: float = READY_SECONDS,
    ) -> tuple["ChildProcess", bytes]:
        """The running child and its first line. Raises EnvironmentFailure with its last words when it does not get ready."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_BYTES_MAX,
            start_new_session=True,
        )
        child = cls(what, process, tell)
        try:
            await child._say(order)
            first = await asyncio.wait_for(asyncio.shield(child._ready), ready_seconds)
        except TimeoutError as error:
            await child.kill()
            raise EnvironmentFailure(
                f"{what} was not ready within {ready_seconds:g} s{_quoted(child.last_words)}"
            ) from error
        except BaseException:
            await child.kill()
            raise
        if not first:
            code = await child._gone()
            raise EnvironmentFailure(
                f"{what} did not start: {exit_in_words(code)}{_quoted(child.last_words)}"
            )
        return child, first

    async def tell(self, line: bytes) -> None:
        """A later line for the child; lost where it has ended."""
        await self._say(line)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    @property
    def ended_by_order(self) -> bool:
        """Whether it has ended because it was told to, or was killed from here."""
        return self._ending and self.exit_code is not None

    @property
    def last_words(self) -> str:
        """The end of what it said on standard error."""
        return "\n".join(self._last)

    def require(self) -> None:
        """Raise ChildDied if it has ended and nobody told it to."""
        code = self.exit_code
        if code is not None and not self._ending:
            raise ChildDied(self.what, code, self.last_words)

    async def require_soon(self, seconds: float = 1.0) -> None:
        """The same, for somebody who just lost the connection: its end is noticed a moment later than that of its sockets."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
            await asyncio.wait(self._readers, timeout=seconds)
        self.require()

    async def end(self) -> None:
        """Let it end in good order; raises ChildDied when it had ended before, or does not end well."""
        died_before = self.exit_code is not None
        self._ending = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        except TimeoutError:
            await self.kill()
        code = await self._gone()
        if died_before or code != 0:
            raise ChildDied(self.what, code, self.last_words)

    async def kill(self) -> None:
        """At once."""
        self._ending = True
        if self.exit_code is None:
            self._process.kill()
        await self._gone()

    async def _gone(self) -> int:
        code = await self._process.wait()
        await asyncio.wait(self._readers, timeout=END_SECONDS)
        return code

    async def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None, "it was asked for a pipe"
        try:
            self._process.stdin.write(line + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            return  # it has ended already, and its last words say why

    async def _read_out(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None, "it was asked for a pipe"
        while line := await stream.readline():
            if self._ready.done():
                self.heard.append(line.rstrip(b"\n"))
            else:
                self._ready.set_result(line.rstrip(b"\n"))
        if not self._ready.done():
            self._ready.set_result(b"")

    async def _read_err(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None, "it was asked for a pipe"
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip("\n")
            self._last.append(text)
            self._tell(text)


def read_order() -> bytes:
    """In the child: the line that says what to do; empty when the parent is gone already."""
    with open(0, "rb", buffering=0, closefd=False) as orders:
        return orders.readline().rstrip(b"\n")


def when_parent_ends(
    call: Callable[[], None],
    grace_seconds: float,
    hear: Callable[[bytes], None] | None = None,
) -> None:
    """In the child: ``call`` from a thread once standard input ends; whoever still runs ``grace_seconds`` later is ended hard.

    ``hear`` is called, from that thread too, with every line that the parent tells before.

    A thread, because a child whose event loop is stuck must not outlive its parent either.
    """

    def watch() -> None:
        line = b""
        while data := os.read(0, 4096):
            *whole, line = (line + data).split(b"\n")
            if hear is not None:
                for one in whole:
                    hear(one)
        call()
        threading.Event().wait(grace_seconds)
        os._exit(70)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def _quoted(last_words: str) -> str:
    lines = [line.strip() for line in last_words.splitlines() if line.strip()]
    return f"; it said last: {' | '.join(lines[-3:])}" if lines else ""
