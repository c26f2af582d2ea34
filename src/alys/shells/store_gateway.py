"""The port actor in front of the durable store: one LMDB environment, one write transaction per batch.

A write that LMDB or the disk refuses (no room in the map or on the disk, an error of the device) fails as a whole. After an error of
the disk the environment is closed and opened again at the next request: LMDB trusts nothing that it had in hand then.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import lmdb
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.promise import Promise
from alys.base.errors import EnvironmentFailure, UsageError
from alys.node import ports
from alys.node.errors import CorruptRecord, StoreFailed
from alys.shells import store_files
from alys.shells.store_files import snapshots_of

MAP_BYTES = 1 << 30
"""Upper bound of the file, reserved as address space only."""

DAMAGE = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
)
"""What LMDB says of a file that is none of its own, or no longer whole."""

T = TypeVar("T")


class StoreGateway(Actor):
    """Reads and writes the store in ``path`` (a folder, made when absent). A write is on disk when its ask returns.

    Snapshots are folders beside it, ``<path>-snapshots/<name>``, each a store that can be opened as it is.
    """

    def __init__(self, path: Path, *, map_bytes: int = MAP_BYTES) -> None:
        self._path = path
        self._map_bytes = map_bytes
        self._store: lmdb.Environment | None = None
        self._copier: ThreadPoolExecutor | None = None

    @override
    def on_start(self, ctx: Context) -> None:
        try:
            self._open()
        except DAMAGE as error:
            raise CorruptRecord(str(self._path), str(error)) from error
        except (OSError, lmdb.Error) as error:
            raise EnvironmentFailure(
                f"cannot open the store in {self._path}: {error}; give a folder that can be written"
            ) from error

    def _open(self) -> lmdb.Environment:
        if self._store is None:
            self._path.mkdir(parents=True, exist_ok=True)
            self._store = lmdb.open(str(self._path), map_size=self._map_bytes)
        return self._store

    def on_get(self, message: ports.StoreGet, ctx: Context) -> bytes | None:
        """The value, None when there is none."""
        return self._do(lambda store: _get(store, message.key), ctx)

    def on_scan(
        self, message: ports.StoreScan, ctx: Context
    ) -> tuple[tuple[bytes, bytes], ...] | None:
        """Pairs under a prefix, in the order of the keys."""
        return self._do(lambda store: _scan(store, message.prefix), ctx)

    def on_write(self, message: ports.StoreWrite, ctx: Context) -> None:
        """One transaction, synced."""
        self._do(lambda store: _write(store, message), ctx)

    def _do(self, work: Callable[[lmdb.Environment], T], ctx: Context) -> T | None:
        """Work on the store; what it refuses is an answer."""
        try:
            return work(self._open())
        except lmdb.MapFullError:
            ctx.refuse(StoreFailed(f"{self._path} is full: its map has {self._map_bytes} bytes"))
        except DAMAGE as error:
            ctx.refuse(CorruptRecord(str(self._path), str(error)))
        except (OSError, lmdb.Error) as error:
            self._close()
            ctx.refuse(StoreFailed(f"{self._path}: {error}"))
        return None

    # Snapshots

    def on_snapshot(self, message: ports.StoreSnapshot, ctx: Context) -> None:
        """A compacted copy, made in a thread: LMDB copies what was there when it began, and writes go on."""
        promise, loop = ctx.defer(), asyncio.get_running_loop()
        if self._copier is None:
            self._copier = ThreadPoolExecutor(1)
        copying = self._copier.submit(self._copy, self._open(), message)
        copying.add_done_callback(lambda done: loop.call_soon_threadsafe(_answer, promise, done))

    def _copy(self, store: lmdb.Environment, message: ports.StoreSnapshot) -> ports.Snapshot:
        folder = snapshots_of(self._path)
        final = folder / message.name
        try:
            store_files.copy(lambda to: store.copy(str(to), compact=True), final)
            store_files.keep_newest(folder, message.keep)
            size = store_files.size_of(final)
        except (OSError, lmdb.Error) as error:
            raise StoreFailed(f"{final}: {error}") from error
        return ports.Snapshot(name=message.name, place=str(final), size_bytes=size)

    # End

    @override
    def post_stop(self, ctx: Context) -> None:
        self._close()

    @override
    def pre_restart(self, error: BaseException, message: object, ctx: Context) -> None:
        self._close()

    def _close(self) -> None:
        """Waits for a copy that is under way: LMDB must not be closed below it."""
        if self._copier is not None:
            self._copier.shutdown()
            self._copier = None
        if self._store is not None:
            self._store.close()
            self._store = None


def _answer(promise: Promise, done: "Future[ports.Snapshot]") -> None:
    error = done.exception()
    if isinstance(error, Exception):
        promise.fail(error)
    else:
        promise.complete(done.result())


def _get(store: lmdb.Environment, key: bytes) -> bytes | None:
    with store.begin() as transaction:
        value = transaction.get(key)
    return None if value is None else bytes(value)


def _scan(store: lmdb.Environment, prefix: bytes) -> tuple[tuple[bytes, bytes], ...]:
    found = []
    with store.begin() as transaction, transaction.cursor() as cursor:
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not bytes(key).startswith(prefix):
                    break
                found.append((bytes(key), bytes(value)))
    return tuple(found)


def _write(store: lmdb.Environment, batch: ports.StoreWrite) -> None:
    with store.begin(write=True) as transaction:
        for key, value in batch.puts:
            transaction.put(key, value)
        for key in batch.deletes:
            transaction.delete(key)


def read_all(path: Path) -> dict[bytes, bytes]:
    """All pairs of the store in a folder, which no process should have open. Raises UsageError when there is none, CorruptRecord when
    LMDB itself cannot read it.
    """
    if not (path / store_files.DATA).is_file():
        raise UsageError(f"{path} has no store: there is no {store_files.DATA} in it")
    try:
        with lmdb.open(str(path), readonly=True, lock=False) as store:
            return dict(_scan(store, b""))
    except lmdb.Error as error:
        raise CorruptRecord(str(path), str(error)) from error
