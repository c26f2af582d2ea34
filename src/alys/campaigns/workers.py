"""Work that is done seed by seed, each in a process of its own, several at a time.

Each piece is done in a fork of this process: imports and whatever else was made beforehand are paid once, and no seed finds anything
that another one left behind. So a run in a campaign is the same as one alone. A fork that dies, or has no end, is an answer that
names its seed; the others go on.

Only a process with one thread may be forked in this way; the command ``alys sim`` is one.
"""

import contextlib
import faulthandler
import gc
import os
import selectors
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import IO, NoReturn

import msgspec

Work = Callable[[int], bytes]
Clock = Callable[[], float]

GRACE_SECONDS = 5.0
"""A fork ends itself when its time is up and says where it was; one that cannot even do that is killed so much later."""

SAID_CHARACTERS_MAX = 2_000
"""Of what a fork that was lost said last."""

_CHUNK = 1 << 16
_READY = b"."
_STACK = "Stack (most recent call first)"
"""How faulthandler begins, where one thread speaks."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work that is over."""

    seed: int
    told: bytes = b""
    """What the work returned; nothing when it was lost."""
    lost: str = ""
    """Why there is no result, in words: how the process ended and what it said last."""


class _Fork:
    """A process at work. What it returns comes through a pipe, what it says goes into a file without a name."""

    def __init__(self, seed: int, pid: int, pipe: int, said: IO[bytes], until: float) -> None:
        self.seed = seed
        self.pid = pid
        self.pipe = pipe
        self.said = said
        self.until = until
        self.told = bytearray()
        self.killed = False

    def read(self) -> bool:
        """Take what is there; whether that was all."""
        chunk = os.read(self.pipe, _CHUNK)
        self.told += chunk
        return not chunk

    def kill(self) -> None:
        """At once."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.pid, signal.SIGKILL)

    def bury(self, limit_s: float) -> Ended:
        """Wait for its end, which is there or near."""
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        with self.said:
            if status == 0 and self.told[:1] == _READY:
                return Ended(seed=self.seed, told=bytes(self.told[1:]))
            return Ended(seed=self.seed, lost=self._epitaph(status, limit_s))

    def _epitaph(self, status: int, limit_s: float) -> str:
        code = os.waitstatus_to_exitcode(status)
        self.said.seek(0, os.SEEK_END)
        self.said.seek(max(0, self.said.tell() - _CHUNK))
        said = self.said.read().decode(errors="replace").strip()
        out_of_time = code == -signal.SIGALRM
        if out_of_time:  # the innermost call comes first
            said = said[said.rfind(_STACK) :][:SAID_CHARACTERS_MAX]
        else:
            said = said[-SAID_CHARACTERS_MAX:]
        if self.killed or out_of_time:
            how = f"no end within {limit_s:g} s of wall time"
        elif code < 0:
            how = f"its process was killed by {_signal(-code)}"
        else:
            how = f"its process ended with exit code {code}"
        return f"{how}; it said last: {said}" if said else how


class Crew:
    """A context that forks for ``work`` and ends what is left when it is left itself."""

    def __init__(self, work: Work, *, jobs: int, limit_s: float, clock: Clock) -> None:
        """``jobs`` processes at a time; each may take ``limit_s`` seconds of ``clock``, which is the wall's."""
        assert jobs >= 1, "somebody must do it"
        self._work = work
        self._jobs = jobs
        self._limit_s = limit_s
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._forks: dict[int, _Fork] = {}

    def __enter__(self) -> "Crew":
        gc.collect()
        gc.freeze()  # else the first collection of every fork copies all pages that it looks at
        return self

    def __exit__(self, *_: object) -> None:
        for fork in self._forks.values():
            fork.kill()
        for fork in self._forks.values():
            fork.bury(self._limit_s)
        self._forks.clear()
        self._selector.close()
        gc.unfreeze()

    @property
    def busy(self) -> int:
        """How many are at work."""
        return len(self._forks)

    @property
    def free(self) -> bool:
        """Whether one more may begin."""
        return self.busy < self._jobs

    def begin(self, seed: int) -> None:
        """Fork for this seed."""
        assert self.free, "everybody is at work"
        into, out_of = os.pipe()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - buried with its process
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _work(self._work, seed, out_of, said, self._limit_s)
        os.close(out_of)
        until = self._clock() + self._limit_s + GRACE_SECONDS
        fork = _Fork(seed, pid, into, said, until)
        self._forks[into] = fork
        self._selector.register(into, selectors.EVENT_READ, fork)

    def ended(self, wait_s: float) -> list[Ended]:
        """Those that ended, after waiting so long at most for the first."""
        if not self._forks:
            return []
        over = []
        for key, _ in self._selector.select(wait_s):
            fork: _Fork = key.data
            if fork.read():
                over.append(fork)
        now = self._clock()
        for fork in self._forks.values():
            if now >= fork.until and not fork.killed:
                fork.kill()
        return [self._over(fork) for fork in over]

    def _over(self, fork: _Fork) -> Ended:
        self._selector.unregister(fork.pipe)
        del self._forks[fork.pipe]
        return fork.bury(self._limit_s)


def _work(work: Work, seed: int, pipe: int, said: IO[bytes], limit_s: float) -> NoReturn:
    """In the fork: do it, say it, and be gone, without a step of what the process it came from would still do."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that began it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        with open(2, "w", closefd=False, encoding="utf-8", errors="replace") as spoken:
            sys.stdout = sys.stderr = spoken
            faulthandler.enable(spoken)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends it, when faulthandler has spoken
            faulthandler.register(signal.SIGALRM, spoken, all_threads=False, chain=True)
            signal.setitimer(signal.ITIMER_REAL, limit_s)
            try:
                told = _READY + work(seed)
            except BaseException:
                traceback.print_exc(file=spoken)
                raise
            signal.setitimer(signal.ITIMER_REAL, 0)
        with open(pipe, "wb") as whole:
            whole.write(told)
        code = 0
    finally:
        os._exit(code)


def _signal(number: int) -> str:
    with contextlib.suppress(ValueError):  # a number that this Python has no name for
        return signal.Signals(number).name
    return f"signal {number}"
