"""The lease of one machine: a lock file, held by the operating system for as long as its holder lives.

Who waits stands in a queue of small files beside the lock, each locked by its waiter, so that the dead drop out of it. Only
the first of the queue may take the lock; whoever holds it reads there who wants it.

    <path>           locked by the holder, whose name is in it
    <path>.queue/    <arrival, ns>-<process>-<n>, each locked by its waiter, whose name is in it
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.base.turns import TurnLost, Turns

POLL_SECONDS = 0.1
TELL_SECONDS = 1.0
"""How often a waiter is told who holds the lease."""

_numbers = itertools.count(1)


def path_of(chains: str) -> Path:
    """Where the lock of these chains (their URL) is, for every process of this machine and user alike."""
    name = hashlib.blake2b(chains.encode(), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"alys-{os.getuid()}" / f"chains-{name}.lock"


class FileTurns(Turns):
    """See ``base.turns.Turns``; the lease is the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue = path.with_name(path.name + ".queue")
        self._held: int | None = None

    @override
    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        assert self._held is None, "a lease is taken once"
        self._queue.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names sort by arrival; the clock of one machine serves all its processes.
        place = self._queue / f"{time.time_ns():020}-{os.getpid()}-{next(_numbers)}"
        made = place.with_name(f".{place.name}")
        ours = _locked(made, holder)
        assert ours is not None, "the name is nobody else's"
        made.rename(place)  # seen only now: without its lock it would be taken for a dead one's
        try:
            told = -TELL_SECONDS
            while not self._take(place, holder):
                if time.monotonic() - told >= TELL_SECONDS:
                    told = time.monotonic()
                    waiting(_read(self._path) or "somebody")
                time.sleep(POLL_SECONDS)
        finally:
            place.unlink(missing_ok=True)
            os.close(ours)

    def _take(self, place: Path, holder: str) -> bool:
        first = next(iter(self._waiters()), place)
        if first != place:
            return False
        self._held = _locked(self._path, holder)
        return self._held is not None

    @override
    def renew(self) -> None:
        """The lock lasts as long as this process; it is lost only when somebody removed or replaced its file."""
        if self._held is None:
            raise TurnLost("the lease of the chains is not held")
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._held), self._path.stat()):
                return
        self.release()
        raise TurnLost(
            f"the lock file {self._path} was removed: the chains may have a second driver"
        )

    @override
    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.ftruncate(held, 0)
            os.close(held)

    @override
    def wanted(self) -> str:
        for place in self._waiters():
            return _read(place) or "somebody"
        return ""

    def _waiters(self) -> list[Path]:
        """The living ones, first come first; what the dead left behind is removed."""
        living = []
        for place in sorted(self._queue.glob("[0-9]*")):
            if _is_locked(place):
                living.append(place)
            else:
                place.unlink(missing_ok=True)
        return living


class EveryTurn(Turns):
    """Several leases as one: whoever has it has all of them. Each is taken in the order of their names, so nobody waits in a circle."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._each = [FileTurns(path) for path in sorted(set(paths))]

    @override
    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        try:
            for one in self._each:
                one.acquire(holder, waiting)
        except BaseException:
            self.release()
            raise

    @override
    def renew(self) -> None:
        for one in self._each:
            one.renew()

    @override
    def release(self) -> None:
        for one in reversed(self._each):
            one.release()

    @override
    def wanted(self) -> str:
        return next(filter(None, (one.wanted() for one in self._each)), "")


def _locked(path: Path, holder: str) -> int | None:
    """The file's descriptor with the lock and the name in it, or None where another process (or object) has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode(), 0)
    return descriptor


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


@contextlib.contextmanager
def sole_user(folder: Path) -> Iterator[None]:
    """The only process that uses the folder, as long as it lives; raises EnvironmentFailure where there is another."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EnvironmentFailure(
                f"another process uses {folder}: end it, or give each node a folder of its own"
            ) from error
        yield
