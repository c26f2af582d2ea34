"""The durable store in memory: a disk that outlives the node, and the port in front of it, with what LMDB promises and refuses."""

from collections.abc import Callable

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.node import ports
from alys.node.errors import StoreFailed
from alys.worlds.gate import OPEN, Gate


class PowerCut(Exception):
    """The machine went dark in the middle of a batch: nobody hears of it."""


class Disk:
    """What a store in memory is written on; it outlives its port, and can be told to fail as disks do."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}
        self.snapshots: dict[str, dict[bytes, bytes]] = {}
        self._before: dict[bytes, bytes | None] = {}
        #: While this is set every batch is refused for this reason.
        self.refusal = ""
        #: Batches that were refused.
        self.refused = 0
        #: Whether there is power: without it nothing is answered any more.
        self.power = True
        #: What the last power cut left half-written, as it was before; to be put back by ``restore``.
        self.before_cut: dict[bytes, bytes] | None = None
        self._cut: tuple[bool, Callable[[], None]] | None = None
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

    def cut_power(self, *, torn: bool, then: Callable[[], None]) -> None:
        """The power goes in the middle of the next batch, of which nothing is on the disk, or half. ``then`` is called at once."""
        self._cut = (torn, then)

    def call_off(self) -> bool:
        """No power cut any more; whether one was to come."""
        called_off, self._cut = self._cut is not None, None
        return called_off

    def restore(self) -> None:
        """Bring back what was before a power cut tore a batch, as an operator does from a snapshot."""
        if self.before_cut is not None:
            self.pairs, self.before_cut = self.before_cut, None

    def write(self, batch: ports.StoreWrite) -> None:
        """Raises StoreFailed, and then nothing changed; or PowerCut."""
        if self.refusal:
            self.refused += 1
            raise StoreFailed(self.refusal)
        if self._refusal is not None:
            self.refused += 1
            reason, self._refusal = self._refusal, None
            raise StoreFailed(reason)
        changes: list[tuple[bytes, bytes | None]] = [
            *batch.puts,
            *((k, None) for k in batch.deletes),
        ]
        if self._cut is not None:
            (torn, then), self._cut = self._cut, None
            if torn:
                self.before_cut = dict(self.pairs)
                for key, value in changes[: len(changes) // 2]:
                    self._put(key, value)
            self.power = False
            then()
            raise PowerCut
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
        if not self._disk.power or not self._gate.passes(message):
            ctx.defer()
        return self._disk.pairs.get(message.key)

    def on_scan(self, message: ports.StoreScan, ctx: Context) -> tuple[tuple[bytes, bytes], ...]:
        """Pairs under a prefix, in the order of the keys."""
        if not self._disk.power or not self._gate.passes(message):
            ctx.defer()
        found = (pair for pair in self._disk.pairs.items() if pair[0].startswith(message.prefix))
        return tuple(sorted(found))

    def on_write(self, message: ports.StoreWrite, ctx: Context) -> None:
        """One batch."""
        if not self._disk.power or not self._gate.passes(message):
            ctx.defer()
            return
        try:
            self._disk.write(message)
        except StoreFailed as error:
            ctx.refuse(error)
        except PowerCut:
            ctx.defer()
        else:
            if not self._gate.acknowledges():
                ctx.defer()

    def on_snapshot(self, message: ports.StoreSnapshot, ctx: Context) -> ports.Snapshot:
        """A copy beside it."""
        return self._disk.snapshot(message.name, message.keep)
