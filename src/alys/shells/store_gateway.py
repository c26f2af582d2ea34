"""The port actor in front of the durable store: one LMDB environment, one write transaction per batch."""

from pathlib import Path

import lmdb
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.base.errors import EnvironmentFailure
from alys.node import ports

MAP_BYTES = 1 << 30
"""Upper bound of the file, reserved as address space only."""


class StoreGateway(Actor):
    """Reads and writes the store in ``path`` (a folder, made when absent). A write is on disk when its ask returns."""

    def __init__(self, path: Path, *, map_bytes: int = MAP_BYTES) -> None:
        self._path = path
        self._map_bytes = map_bytes
        self._store: lmdb.Environment | None = None

    @override
    def on_start(self, ctx: Context) -> None:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._store = lmdb.open(str(self._path), map_size=self._map_bytes)
        except (OSError, lmdb.Error) as error:
            raise EnvironmentFailure(
                f"cannot open the store in {self._path}: {error}; give a folder that can be written"
            ) from error

    @property
    def _open(self) -> lmdb.Environment:
        assert self._store is not None, "the start hook opens it"
        return self._store

    def on_get(self, message: ports.StoreGet, ctx: Context) -> bytes | None:
        """The value, None when there is none."""
        with self._open.begin() as transaction:
            value = transaction.get(message.key)
        return None if value is None else bytes(value)

    def on_scan(self, message: ports.StoreScan, ctx: Context) -> tuple[tuple[bytes, bytes], ...]:
        """Pairs under a prefix, in the order of the keys."""
        found = []
        with self._open.begin() as transaction, transaction.cursor() as cursor:
            if cursor.set_range(message.prefix):
                for key, value in cursor:
                    if not bytes(key).startswith(message.prefix):
                        break
                    found.append((bytes(key), bytes(value)))
        return tuple(found)

    def on_write(self, message: ports.StoreWrite, ctx: Context) -> None:
        """One transaction, synced."""
        with self._open.begin(write=True) as transaction:
            for key, value in message.puts:
                transaction.put(key, value)
            for key in message.deletes:
                transaction.delete(key)

    @override
    def post_stop(self, ctx: Context) -> None:
        self._close()

    @override
    def pre_restart(self, error: BaseException, message: object, ctx: Context) -> None:
        self._close()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
