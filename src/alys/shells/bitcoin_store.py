"""The data directory of a Bitcoin node: a lock that keeps others out, and the journal that ``models.bitcoin.journal`` writes.

    DIR/lock       held by the process that uses the directory; its number is in it
    DIR/regtest/.cookie    a password for local clients, where they look for it; gone when the process has ended
    DIR/journal    grows with every call; written anew, beside the old one, at each start and with each session

What was answered is with the operating system and survives the death of the process. It is brought to the disk at the end
and with each new journal, so that the death of the machine may cost the latest steps, never the rest.
"""

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path

from alys.base.errors import EnvironmentFailure
from alys.models.bitcoin import journal
from alys.models.bitcoin.journal import Damaged, Journal, Memory
from alys.models.bitcoin.state import NodeState

LOCK, JOURNAL, NEW, NETWORK = "lock", "journal", "journal.new", "regtest"

LOG = logging.getLogger("alys.bitcoin.store")


class BitcoinStore:
    """A directory in use; ``memory`` is what it held. Raises EnvironmentFailure for one that cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / JOURNAL
        self._lock = _locked(folder)
        self._file: int | None = None
        self._journal: Journal | None = None
        try:
            self.memory = self._read()
        except EnvironmentFailure:
            os.close(self._lock)
            raise

    def restore(self, node: NodeState) -> None:
        """Put a fresh node where the memory ends. Raises EnvironmentFailure when that cannot be."""
        try:
            journal.restore(node, self.memory)
        except Damaged as error:
            self.close()
            raise self._damaged(error) from error

    def follow(
        self,
        node: NodeState,
        session: bytes,
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        """Write a journal of this node from now on, in place of the one before; ``changed`` is told what ``write`` would write."""
        self._journal = Journal(node, clock, changed)
        new = self._folder / NEW
        try:
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            _write(file, self._journal.whole(session))
            os.fsync(file)
            new.rename(self._path)
        except OSError as error:
            raise self._failed(error) from error
        if self._file is not None:
            os.close(self._file)
        self._file = file

    def write(self) -> None:
        """Bring what changed since the last time to the journal. Raises EnvironmentFailure when it cannot be written."""
        if self._journal is None or self._file is None:
            return
        data = self._journal.pending()
        if data:
            try:
                _write(self._file, data)
            except OSError as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Write, bring it to the disk, and let others in. Closing twice does nothing."""
        if self._lock < 0:
            return
        try:
            self.write()
            if self._file is not None:
                os.fsync(self._file)
                os.close(self._file)
        finally:
            self._file = self._journal = None
            os.close(self._lock)
            self._lock = -1

    def _read(self) -> Memory:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return Memory()
        except OSError as error:
            raise self._failed(error) from error
        try:
            records, end = journal.read(data)
            if end < len(data):
                told = "%s ends in a record that is not whole; its %d bytes are dropped"
                LOG.warning(told, self._path, len(data) - end)
            return journal.gathered(records)
        except Damaged as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Damaged) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"{self._path} is {error}; move it away to begin with a fresh chain, or give another --data-dir"
        )

    def _failed(self, error: OSError) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"cannot use {self._path}: {error.strerror or error}; free the space or the rights, or give another --data-dir"
        )


def _locked(folder: Path) -> int:
    """The lock of a directory, made where there is none; one with other things in it is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = sorted({path.name for path in folder.iterdir()} - {LOCK, JOURNAL, NEW, NETWORK})
        if foreign:
            raise EnvironmentFailure(
                f"{folder} holds {foreign[0]}, which is no part of a Bitcoin service's data directory; "
                "give an empty or a new one with --data-dir"
            )
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentFailure(
            f"cannot use the data directory {folder}: {error.strerror or error}; give another --data-dir"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
        os.close(lock)
        raise EnvironmentFailure(
            f"the data directory {folder} is in use by process {holder or '?'}; end it, or give another --data-dir"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
