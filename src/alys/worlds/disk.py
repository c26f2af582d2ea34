"""The durable store in memory: a disk that outlives the node, and the port in front of it, with what LMDB promises and refuses."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.node import ports
from alys.node.errors import StoreFailed
from alys.worlds.gate import OPEN, Gate


class Disk:
    """What a store in memory is written on; it outlives its port, and can be told to fail as disks do."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}
        self.snapshots: dict[str, dict[bytes, bytes]] = {}
        self._before: dict[bytes, bytes | None] = {}
        #: While this is set every batch is refused for this reason.
        self.refusal = ""
        self._refusal: str | None = None
        self._torn = False

    def fail_next(self, reason: str) -> None:
        """The next batch is refused (no room, an error of the disk)."""
        self._refusal = reason

    def tear_next(self) -> None:
        """Of the next batch only the first half is written, and it is said to be written: no store should do that."""
        self._torn = True

    def lose_last(self) -> None:
        """The last batch was not on the disk yet when the power went."""
        for key, value in self._before.items():
            self._put(key, value)
        self._before = {}

    def write(self, batch: ports.StoreWrite) -> None:
        """Raises StoreFailed, and then nothing changed."""
        if self.refusal:
            raise StoreFailed(self.refusal)
        if self._refusal is not None:
            reason, self._refusal = self._refusal, None
            raise StoreFailed(reason)
        changes: list[tuple[bytes, bytes | None]] = [
            *batch.puts,
            *((k, None) for k in batch.deletes),
        ]
        if self._torn:
            self._torn = False
            changes = changes[: len(changes) // 2]
        self._before = {key: self.pairs.get(key) for key, _ in changes}
        for key, value in changes:
            self._put(key, value)

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.pairs.pop(key, None)
        else:
            self.pairs[key] = value

    def snapshot(self, name: str, keep: int) -> ports.Snapshot:
        """A copy, and no more of them than that."""
        self.snapshots.pop(name, None)
        self.snapshots[name] = dict(self.pairs)
        while len(self.snapshots) > keep:
            del self.snapshots[next(iter(self.snapshots))]
        size = sum(len(key) + len(value) for key, value in self.pairs.items())
        return ports.Snapshot(name=name, place=f"memory:{name}", size_bytes=size)


class StorePort(Actor):
    """The store on a disk in memory."""

    def __init__(self, disk: Disk, gate: Gate = OPEN) -> None:
        self._disk = disk
        self._gate = gate

    def on_get(self, message: ports.StoreGet, ctx: Context) -> bytes | None:
        """The value, None when there is none."""
        if not self._gate.passes(message):
            ctx.defer()
        return self._disk.pairs.get(message.key)

    def on_scan(self, message: ports.StoreScan, ctx: Context) -> tuple[tuple[bytes, bytes], ...]:
        """Pairs under a prefix, in the order of the keys."""
        if not self._gate.passes(message):
            ctx.defer()
        found = (pair for pair in self._disk.pairs.items() if pair[0].startswith(message.prefix))
        return tuple(sorted(found))

    def on_write(self, message: ports.StoreWrite, ctx: Context) -> None:
        """One batch."""
        if not self._gate.passes(message):
            ctx.defer()
            return
        try:
            self._disk.write(message)
        except StoreFailed as error:
            ctx.refuse(error)
        else:
            if not self._gate.acknowledges():
                ctx.defer()

    def on_snapshot(self, message: ports.StoreSnapshot, ctx: Context) -> ports.Snapshot:
        """A copy beside it."""
        return self._disk.snapshot(message.name, message.keep)
